/*
 * The forms in which people name an account, and what of it may become a Unix
 * name.  Case is folded by Unicode's simple lower-casing, in the daemon only,
 * by a table of our own: the same in every role, whatever locale it can see.
 */
#ifndef AUTHSOD_SID_NAME_H
#define AUTHSOD_SID_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define NAME_MAX_BYTES 256 /* of a whole name, NUL not counted */

enum name_form {
    NAME_SHORT,   /* alice */
    NAME_NETBIOS, /* CORP\alice */
    NAME_UPN,     /* alice@corp.example.com, or a UPN with any other suffix */
};

struct name {
    enum name_form form;
    char whole[NAME_MAX_BYTES + 1];  /* lower case */
    char local[NAME_MAX_BYTES + 1];  /* "alice", lower case */
    char domain[NAME_MAX_BYTES + 1]; /* "" | "corp" | "corp.example.com", lower case */
};

/*
 * Parses n bytes.  False for what is never a name: more than NAME_MAX_BYTES,
 * before or after folding; invalid UTF-8; NUL and other control characters,
 * those that turn the direction of writing too; ':' and '/'; a second '\' or
 * '@'; parts that are empty, "." or "..", begin with '-' or '+', begin or end
 * with a blank; a short name that is a number below 1000 (it could be taken
 * for a system id).
 */
bool name_parse(const char *s, size_t n, struct name *name_out);

/*
 * Lower case of valid UTF-8 into buf.  False if it is invalid or does not fit
 * (the lower case of a character can be longer); buf is "" then.
 */
bool name_fold(const char *s, char *buf, size_t size);

/* True if s may stand in passwd(5) or group(5) as a name: what name_parse accepts as a short or qualified one. */
bool name_is_safe(const char *s);

#endif
