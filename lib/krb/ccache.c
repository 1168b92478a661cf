/* The user's credential cache: written by a process that is the user. */
#include "lib/krb/ccache.h"

#include <errno.h>
#include <fcntl.h>
#include <profile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/secret.h"
#include "lib/proto/sealed.h"

#define CREDS_MAX (1U << 20)

int
ccache_to_memfd(krb5_context ctx, const krb5_creds *creds)
{
    krb5_creds copy = *creds;
    krb5_data *data = NULL;
    int fd;

    /* Reads them only; the declaration lacks the const. */
    if (krb5_marshal_credentials(ctx, &copy, &data) != 0) {
        errno = ENOMEM;
        return -1;
    }
    fd = sealed_new("tickets", data->data, data->length);
    secret_erase(data->data, data->length);
    krb5_free_data(ctx, data);
    return fd;
}

static bool
has_name(krb5_const_principal p)
{
    return p != NULL && p->length > 0 && p->realm.length > 0;
}

/* libkrb5 takes bytes that go on behind the credentials, and zeros: written again they must be the same. */
static bool
is_whole(krb5_context ctx, krb5_creds *creds, const krb5_data *bytes)
{
    krb5_data *again = NULL;
    bool same;

    if (!has_name(creds->client) || !has_name(creds->server) || creds->ticket.length == 0 ||
        creds->keyblock.length == 0)
        return false;
    if (krb5_marshal_credentials(ctx, creds, &again) != 0)
        return false;
    same = again->length == bytes->length && memcmp(again->data, bytes->data, bytes->length) == 0;
    secret_erase(again->data, again->length);
    krb5_free_data(ctx, again);
    return same;
}

bool
ccache_from_memfd(krb5_context ctx, int fd, krb5_creds *creds_out)
{
    krb5_creds *creds = NULL;
    krb5_data data = { 0 };
    const void *bytes;
    size_t len;
    bool ok;

    memset(creds_out, 0, sizeof(*creds_out));
    if (sealed_map(fd, CREDS_MAX, &bytes, &len) != 0)
        return false;
    data.length = (unsigned)len;
    data.data = (char *)(uintptr_t)bytes; /* which libkrb5 reads only */
    ok = krb5_unmarshal_credentials(ctx, &data, &creds) == 0;
    if (ok && !is_whole(ctx, creds, &data)) {
        krb5_free_creds(ctx, creds);
        ok = false;
    }
    (void)munmap(data.data, len);
    if (ok) {
        /* Its parts live on in creds_out. */
        *creds_out = *creds;
        free(creds);
    }
    return ok;
}

static bool
starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The path of a FILE cache, NULL for another type. */
static const char *
file_path(const char *name)
{
    if (name[0] == '/')
        return name;
    return starts_with(name, "FILE:") ? name + 5 : NULL;
}

/* Types whose caches come in collections with a primary one. A "DIR::" names one cache. */
static bool
is_collection(const char *name)
{
    return file_path(name) == NULL && !starts_with(name, "DIR::");
}

/* The cache in the collection that is to be client's: the one it has, else a free place, else a new one. */
static krb5_error_code
collection_cache(krb5_context ctx, const char *name, krb5_principal client, krb5_ccache *cache_out)
{
    const char *colon = strchr(name, ':');
    krb5_principal owner = NULL;
    char type[16];
    krb5_error_code code;

    *cache_out = NULL;
    if (colon == NULL || (size_t)(colon - name) >= sizeof(type))
        return KRB5_CC_BADNAME;
    memcpy(type, name, (size_t)(colon - name));
    type[colon - name] = '\0';
    code = krb5_cc_set_default_name(ctx, name);
    if (code != 0)
        return code;
    if (krb5_cc_cache_match(ctx, client, cache_out) == 0)
        return 0;
    code = krb5_cc_resolve(ctx, name, cache_out);
    if (code != 0 || krb5_cc_get_principal(ctx, *cache_out, &owner) != 0)
        return code;
    krb5_free_principal(ctx, owner);
    (void)krb5_cc_close(ctx, *cache_out);
    *cache_out = NULL;
    return krb5_cc_new_unique(ctx, type, NULL, cache_out);
}

/*
 * Puts creds in the place of whatever cache holds: for a FILE by a new file
 * that is renamed over it, so that nobody ever sees half of it and no link is
 * followed.
 */
static krb5_error_code
replace(krb5_context ctx, krb5_ccache cache, const krb5_creds *tgt)
{
    krb5_creds copy = *tgt;
    krb5_ccache fresh = NULL;
    krb5_error_code code = krb5_cc_new_unique(ctx, "MEMORY", NULL, &fresh);

    if (code == 0)
        code = krb5_cc_initialize(ctx, fresh, tgt->client);
    if (code == 0)
        code = krb5_cc_store_cred(ctx, fresh, &copy);
    if (code == 0)
        code = krb5_cc_move(ctx, fresh, cache);
    if (code != 0 && fresh != NULL)
        (void)krb5_cc_destroy(ctx, fresh);
    return code;
}

/* The name in a shared directory may be somebody else's by now. */
static krb5_error_code
check_owner(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
        return KRB5_FCC_PERM;
    return 0;
}

/* A name that ends in XXXXXX becomes that of a new file of ours. */
static krb5_error_code
make_unique(char *path)
{
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return errno;
    (void)close(fd);
    return 0;
}

static krb5_error_code
store_file(TALLOC_CTX *mem, krb5_context ctx, const char *path, const krb5_creds *tgt, char **name_out)
{
    char *name = talloc_asprintf(mem, "FILE:%s", path);
    bool unique = !ccache_is_shared(path);
    krb5_ccache cache = NULL;
    krb5_error_code code;

    if (name == NULL)
        return ENOMEM;
    code = unique ? make_unique(name + 5) : check_owner(path);
    if (code != 0) {
        talloc_free(name);
        return code;
    }
    code = krb5_cc_resolve(ctx, name, &cache);
    if (code == 0) {
        code = replace(ctx, cache, tgt);
        (void)krb5_cc_close(ctx, cache);
    }
    if (code == 0) {
        *name_out = name;
        return 0;
    }
    if (unique)
        (void)unlink(name + 5);
    talloc_free(name);
    return code;
}

static krb5_error_code
store_collection(TALLOC_CTX *mem, krb5_context ctx, const char *name, const krb5_creds *tgt, char **name_out)
{
    krb5_ccache cache = NULL;
    krb5_error_code code = collection_cache(ctx, name, tgt->client, &cache);

    if (code != 0)
        return code;
    code = replace(ctx, cache, tgt);
    if (code == 0) {
        if (krb5_cc_support_switch(ctx, krb5_cc_get_type(ctx, cache)))
            code = krb5_cc_switch(ctx, cache);
        (void)krb5_cc_close(ctx, cache);
    } else {
        /* A cache without its ticket would only hide the one that works. */
        (void)krb5_cc_destroy(ctx, cache);
    }
    if (code == 0) {
        *name_out = talloc_strdup(mem, name);
        code = *name_out == NULL ? ENOMEM : 0;
    }
    return code;
}

static krb5_error_code
store_one(TALLOC_CTX *mem, krb5_context ctx, const char *name, const krb5_creds *tgt, char **name_out)
{
    krb5_ccache cache = NULL;
    krb5_error_code code;

    if (file_path(name) != NULL)
        return store_file(mem, ctx, file_path(name), tgt, name_out);
    if (is_collection(name))
        return store_collection(mem, ctx, name, tgt, name_out);
    code = krb5_cc_resolve(ctx, name, &cache);
    if (code == 0) {
        code = replace(ctx, cache, tgt);
        (void)krb5_cc_close(ctx, cache);
    }
    if (code == 0) {
        *name_out = talloc_strdup(mem, name);
        code = *name_out == NULL ? ENOMEM : 0;
    }
    return code;
}

char *
ccache_store(TALLOC_CTX *mem, krb5_context ctx, const char *name, const krb5_creds *tgt, bool *fell_back_out,
             krb5_error_code *code_out)
{
    char *full = NULL;
    char *fallback;
    krb5_error_code code;

    *fell_back_out = false;
    *code_out = store_one(mem, ctx, name, tgt, &full);
    if (*code_out == 0 || file_path(name) != NULL)
        return full;
    fallback = talloc_asprintf(mem, "/tmp/krb5cc_%lu_XXXXXX", (unsigned long)geteuid());
    if (fallback == NULL)
        return NULL;
    code = store_file(mem, ctx, fallback, tgt, &full);
    talloc_free(fallback);
    *fell_back_out = code == 0;
    return full;
}

krb5_error_code
ccache_destroy(krb5_context ctx, const char *name)
{
    krb5_ccache cache = NULL;
    krb5_error_code code = krb5_cc_resolve(ctx, name, &cache);

    if (code == 0)
        code = krb5_cc_destroy(ctx, cache);
    if (code == KRB5_FCC_NOFILE || code == KRB5_CC_NOTFOUND || code == ENOENT)
        return 0;
    return code;
}

/* A ticket that no service would take. What it is made of is freed with krb5_free_cred_contents. */
static krb5_error_code
make_up(krb5_context ctx, krb5_creds *creds_out)
{
    static const char realm[] = "REHEARSAL";
    krb5_error_code code;

    memset(creds_out, 0, sizeof(*creds_out));
    code = krb5_build_principal(ctx, &creds_out->client, sizeof(realm) - 1, realm, "nobody", NULL);
    if (code == 0)
        code = krb5_build_principal(ctx, &creds_out->server, sizeof(realm) - 1, realm, "krbtgt", realm, NULL);
    if (code == 0)
        code = krb5_c_make_random_key(ctx, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &creds_out->keyblock);
    creds_out->ticket.data = code == 0 ? strdup(realm) : NULL;
    creds_out->ticket.length = creds_out->ticket.data == NULL ? 0 : sizeof(realm) - 1;
    return creds_out->ticket.length > 0 ? 0 : ENOMEM;
}

static bool
rehearse(TALLOC_CTX *mem, krb5_context ctx)
{
    static const char cache[] = "MEMORY:rehearsal";
    krb5_creds made, read = { 0 };
    krb5_error_code code = make_up(ctx, &made);
    char *name;
    int fd = code == 0 ? ccache_to_memfd(ctx, &made) : -1;
    bool ok;

    /* Not by ccache_store: where that fails it makes a file. */
    ok = fd >= 0 && ccache_from_memfd(ctx, fd, &read) && store_one(mem, ctx, cache, &read, &name) == 0;
    ok = ccache_destroy(ctx, cache) == 0 && ok;
    if (fd >= 0)
        (void)close(fd);
    krb5_free_cred_contents(ctx, &made);
    krb5_free_cred_contents(ctx, &read);
    return ok;
}

bool
ccache_rehearse(void)
{
    const char *none[] = { "/dev/null", NULL };
    TALLOC_CTX *mem = talloc_new(NULL);
    profile_t profile = NULL;
    krb5_context ctx = NULL;
    bool ok = false;

    if (profile_init(none, &profile) == 0) {
        if (krb5_init_context_profile(profile, KRB5_INIT_CONTEXT_SECURE, &ctx) == 0) {
            ok = rehearse(mem, ctx);
            krb5_free_context(ctx);
        }
        profile_release(profile);
    }
    talloc_free(mem);
    return ok;
}
