/* Certificates and lists of revoked ones from files of PEM (RFC 7468). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/card/chain_private.h"

struct reading {
    STACK_OF(X509) *certificates;
    STACK_OF(X509_CRL) *crls;
    size_t files;
    size_t bytes;
    bool full;      /* a limit was passed and told */
    bool no_memory;
    char *why;      /* CHAIN_WHY_MAX */
};

static const char *
wanted(const struct reading *r)
{
    return r->crls != NULL ? "list of revoked certificates" : "certificate";
}

static void
limit(struct reading *r, const char *path, const char *what)
{
    if (!r->full)
        why_add(r->why, "%s: there are too many %s", path, what);
    r->full = true;
}

static bool
seen(const struct reading *r, const X509 *x, const X509_CRL *crl)
{
    for (int i = 0; x != NULL && i < sk_X509_num(r->certificates); i++) {
        if (X509_cmp(sk_X509_value(r->certificates, i), x) == 0)
            return true;
    }
    for (int i = 0; crl != NULL && i < sk_X509_CRL_num(r->crls); i++) {
        if (X509_CRL_match(sk_X509_CRL_value(r->crls, i), crl) == 0)
            return true;
    }
    return false;
}

/* False if it is none. */
static bool
take_certificate(struct reading *r, const uint8_t *der, long len)
{
    const uint8_t *p = der;
    X509 *x = d2i_X509(NULL, &p, len);

    if (x == NULL || p != der + len) {
        X509_free(x);
        return false;
    }
    if (seen(r, x, NULL)) {
        X509_free(x);
    } else if (sk_X509_push(r->certificates, x) == 0) {
        X509_free(x);
        r->no_memory = true;
    }
    return true;
}

static bool
take_crl(struct reading *r, const uint8_t *der, long len)
{
    const uint8_t *p = der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, len);

    if (crl == NULL || p != der + len) {
        X509_CRL_free(crl);
        return false;
    }
    if (seen(r, NULL, crl)) {
        X509_CRL_free(crl);
    } else if (sk_X509_CRL_push(r->crls, crl) == 0) {
        X509_CRL_free(crl);
        r->no_memory = true;
    }
    return true;
}

/* *found becomes true for an item of the kind that is wanted, good or not. */
static void
take(struct reading *r, const char *path, const char *kind, const uint8_t *der, long len, bool *found)
{
    bool is_certificate = strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0;
    bool is_crl = strcmp(kind, PEM_STRING_X509_CRL) == 0;

    if (r->crls != NULL ? !is_crl : !is_certificate)
        return;
    *found = true;
    if ((r->crls != NULL ? sk_X509_CRL_num(r->crls) : sk_X509_num(r->certificates)) >= CHAIN_ITEMS_MAX)
        limit(r, path, "items");
    else if (r->crls != NULL ? !take_crl(r, der, len) : !take_certificate(r, der, len))
        why_add(r->why, "%s: a %s in it cannot be read", path, wanted(r));
}

/* False: *damaged, and there may be more behind it; or there is no other. */
static bool
next_item(BIO *bio, char **kind, uint8_t **der, long *len, bool *damaged)
{
    char *header = NULL;
    unsigned long code;
    bool good;

    (void)ERR_set_mark();
    good = PEM_read_bio(bio, kind, &header, der, len) == 1;
    code = ERR_peek_last_error();
    *damaged = !good && !(ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE);
    (void)ERR_pop_to_mark();
    OPENSSL_free(header);
    return good;
}

static void
read_items(struct reading *r, const char *path, const void *text, int n, bool named)
{
    BIO *bio = BIO_new_mem_buf(text, n);
    bool found = false, damaged = false, more = bio != NULL;

    r->no_memory |= bio == NULL;
    while (more && !r->full && !r->no_memory) {
        bool here = false;
        char *kind = NULL;
        uint8_t *der = NULL;
        long len;

        /* Each call takes a line at least, so this ends. */
        more = next_item(bio, &kind, &der, &len, &here);
        if (more)
            take(r, path, kind, der, len, &found);
        more |= here && !BIO_eof(bio);
        damaged |= here;
        OPENSSL_free(kind);
        OPENSSL_free(der);
    }
    BIO_free(bio);
    if (damaged)
        why_add(r->why, "%s: damaged PEM", path);
    else if (named && !found && !r->full && !r->no_memory)
        why_add(r->why, "%s: no %s in PEM", path, wanted(r));
}

/* Gives how many bytes were read: a file that grows meanwhile is cut. */
static ssize_t
read_whole(int fd, char *buf, size_t size)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, buf + n, size - n);

        if (got == -1 && errno == EINTR)
            continue;
        if (got == -1)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static void
read_open_file(struct reading *r, const char *path, int fd, off_t size, bool named)
{
    char *text;
    ssize_t n;

    if (size > CHAIN_FILE_MAX) {
        why_add(r->why, "%s: too large", path);
        return;
    }
    if (r->bytes + (size_t)size > CHAIN_BYTES_MAX) {
        limit(r, path, "bytes");
        return;
    }
    r->bytes += (size_t)size;
    text = malloc((size_t)size + 1);
    if (text == NULL) {
        r->no_memory = true;
        return;
    }
    n = read_whole(fd, text, (size_t)size);
    if (n == -1)
        why_add(r->why, "%s: %s", path, strerror(errno));
    else
        read_items(r, path, text, (int)n, named);
    free(text);
}

static void read_folder(struct reading *r, const char *path);

/* named: by the administrator, not by a folder. */
static void
read_path(struct reading *r, const char *path, bool named)
{
    struct stat st;
    int fd;

    if (r->files++ >= CHAIN_FILES_MAX) {
        limit(r, path, "files");
        return;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd == -1 || fstat(fd, &st) == -1)
        why_add(r->why, "%s: %s", path, strerror(errno));
    else if (S_ISREG(st.st_mode))
        read_open_file(r, path, fd, st.st_size, named);
    else if (named && S_ISDIR(st.st_mode))
        read_folder(r, path);
    else if (named)
        why_add(r->why, "%s: neither file nor folder", path);
    if (fd != -1)
        (void)close(fd);
}

static int
not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By name, so that the same files are the same chain each time. */
static void
read_folder(struct reading *r, const char *path)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, not_hidden, alphasort);

    if (n == -1)
        why_add(r->why, "%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char name[PATH_MAX];
        int len = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);

        if (len > 0 && (size_t)len < sizeof(name) && !r->full && !r->no_memory)
            read_path(r, name, false);
        free(entries[i]);
    }
    free(entries);
}

bool
pem_read(const char *const *paths, STACK_OF(X509) *certificates, STACK_OF(X509_CRL) *crls,
         char why[static CHAIN_WHY_MAX])
{
    struct reading r = { .certificates = certificates, .crls = crls, .why = why };

    for (size_t i = 0; paths != NULL && paths[i] != NULL && !r.full && !r.no_memory; i++)
        read_path(&r, paths[i], true);
    return !r.no_memory;
}
