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
 * %{euid}, %{USERID}, %{TEMP}, %{username} are replaced; other variables are an
 * error.  A FILE without a name of its own becomes
 * FILE:/tmp/krb5cc_<uid>_XXXXXX, a name for this session alone.
 * NULL if the template is impossible; its reason in *why_out (static).
 */
char *ccache_name(TALLOC_CTX *mem, const char *templ, uint32_t uid, const char *user, const char **why_out);

/*
 * As the user: makes or reuses the cache called name (a trailing XXXXXX is made
 * unique, O_EXCL, 0600; a name in a shared directory that exists and is not
 * this user's is refused), stores tgt, sets it as the collection's primary
 * where there is one.  reuse: the session's present cache is re-initialized.
 * On a full keyring falls back to FILE; *fell_back_out says so.
 * Gives the full name for KRB5CCNAME, or NULL with libkrb5's code in *code_out.
 */
char *ccache_store(TALLOC_CTX *mem, krb5_context ctx, const char *name, bool reuse, const krb5_creds *tgt,
                   bool *fell_back_out, krb5_error_code *code_out);

/* As the user: destroys the cache called name. A cache that is gone is success. */
krb5_error_code ccache_destroy(krb5_context ctx, const char *name);

/* True if sessions share a cache of that name (KEYRING, KCM, DIR, or a FILE name without XXXXXX). */
bool ccache_is_shared(const char *name);

/* default_ccache_name of the system's krb5.conf under mem, NULL if it has none. */
char *ccache_system_template(TALLOC_CTX *mem);

#endif
