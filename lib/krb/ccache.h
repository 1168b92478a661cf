/*
 * The user's credential cache: run in a child of keeper that has become the
 * user (step 7).  The tickets come as marshalled credentials.
 */
#ifndef AUTHSOD_KRB_CCACHE_H
#define AUTHSOD_KRB_CCACHE_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

/* Bytes of creds by krb5_marshal_credentials, in a memfd sealed against everything; -1 with errno. */
int ccache_to_memfd(krb5_context ctx, const krb5_creds *creds);
/* Back: checks seals and size (1 MiB at most). False if anything is off. */
bool ccache_from_memfd(krb5_context ctx, int fd, krb5_creds *creds_out);

/*
 * The name of the cache for a new session of uid.  templ: default_ccache_name
 * as krb5.conf has it, or NULL where it says nothing: then
 * KEYRING:persistent:%{uid} where the kernel has it, else FILE.  %{uid},
 * %{euid}, %{USERID}, %{TEMP}, %{username}, %{null} are replaced; other variables are an
 * error, as is a type other than FILE, DIR, KEYRING (persistent and user: other
 * keyrings are one process's or session's) and KCM.  A FILE without a
 * name of its own becomes FILE:/tmp/krb5cc_<uid>_XXXXXX, a name for this session
 * alone.  Called by a process of any user; whether there is a keyring is asked for that user.
 * NULL if the template is impossible; its reason in *why_out (static).
 */
char *ccache_name(TALLOC_CTX *mem, const char *templ, uint32_t uid, const char *user, const char **why_out);

/*
 * As the user, with a context of the system's krb5.conf: puts tgt into the cache
 * called name, in place of what that holds.  A trailing XXXXXX is made unique
 * (O_EXCL, 0600); a FILE without it that exists and is not this user's own
 * regular file is refused.  In a collection it takes the cache of the same
 * client, else a new one, and makes it the primary one.
 * Where the cache is no FILE and cannot be written (a full keyring: EDQUOT; no
 * KCM; a DIR in a directory that is not there yet) it becomes
 * FILE:/tmp/krb5cc_<uid>_XXXXXX: *fell_back_out, with the first error in *code_out.
 * Gives the name for KRB5CCNAME under mem, or NULL with libkrb5's code.
 */
char *ccache_store(TALLOC_CTX *mem, krb5_context ctx, const char *name, const krb5_creds *tgt, bool *fell_back_out,
                   krb5_error_code *code_out);

/* As the user: destroys the cache called name. A cache that is gone is success. */
krb5_error_code ccache_destroy(krb5_context ctx, const char *name);

/* True if sessions share a cache of that name (KEYRING, KCM, DIR, or a FILE name without XXXXXX). */
bool ccache_is_shared(const char *name);

/* default_ccache_name of the context's krb5.conf under mem, NULL if it has none. */
char *ccache_system_template(TALLOC_CTX *mem, krb5_context ctx);

/*
 * Goes once through what ccache_store does, with a ticket that is made up and a
 * cache in this process's memory; reads no krb5.conf.  What libraries read and
 * link at their first use is in place then.  False: it did not come to its end,
 * and the first use is the slower for it.
 */
bool ccache_rehearse(void);

#endif
