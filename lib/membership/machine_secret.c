#include "lib/membership/machine_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"
#include "lib/membership/replace.h"

#define MAGIC "authsods"
#define MAGIC_SIZE 8
#define VERSION_1 1

struct machine_secret *
machine_secret_new(void)
{
    return secret_new(sizeof(struct machine_secret));
}

void
machine_secret_free(struct machine_secret *s)
{
    secret_free(s, sizeof(*s));
}

static void
put_password(struct writer *w, uint32_t slot, const struct machine_password *p)
{
    writer_u32(w, slot);
    writer_u32(w, p->kvno);
    writer_u64(w, (uint64_t)p->time);
    writer_str(w, p->text);
}

size_t
machine_secret_encode(const struct machine_secret *s, uint8_t *buf, size_t size)
{
    struct writer w = writer_init(buf, size);
    uint32_t n = 0;

    for (int i = 1; i <= MACHINE_SLOTS; i++)
        n += s->slots[i].text[0] != '\0';
    writer_bytes(&w, MAGIC, MAGIC_SIZE);
    writer_u32(&w, VERSION_1);
    writer_str(&w, s->domain);
    writer_str(&w, s->realm);
    writer_str(&w, s->account);
    writer_str(&w, s->controller);
    writer_u32(&w, n);
    for (uint32_t i = 1; i <= MACHINE_SLOTS; i++) {
        if (s->slots[i].text[0] != '\0')
            put_password(&w, i, &s->slots[i]);
    }
    if (n == 0 || !writer_ok(&w))
        return 0;
    return w.len;
}

/* Visible ASCII: what we make, and what can be told to libkrb5, LDAP and Netlogon alike. */
static bool
password_ok(const char *text)
{
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < 0x21 || *text > 0x7e)
            return false;
    }
    return true;
}

static bool
get_passwords(struct reader *r, struct machine_secret *s)
{
    uint32_t n = reader_u32(r), last = 0;

    if (n == 0 || n > MACHINE_SLOTS)
        return false;
    for (; n > 0; n--) {
        uint32_t slot = reader_u32(r);
        struct machine_password *p;
        uint64_t when;

        if (r->failed || slot <= last || slot > MACHINE_SLOTS)
            return false;
        p = &s->slots[slot];
        p->kvno = reader_u32(r);
        when = reader_u64(r);
        p->time = when > INT64_MAX ? -1 : (int64_t)when;
        if (!reader_str_copy(r, p->text, sizeof(p->text)) || p->time < 0 || !password_ok(p->text))
            return false;
        last = slot;
    }
    return s->slots[MACHINE_CURRENT].text[0] != '\0';
}

bool
machine_secret_decode(const uint8_t *p, size_t len, struct machine_secret *s)
{
    struct reader r = reader_init(p, len);
    const uint8_t *magic = reader_bytes(&r, MAGIC_SIZE);
    bool good;

    memset(s, 0, sizeof(*s));
    good = magic != NULL && memcmp(magic, MAGIC, MAGIC_SIZE) == 0 && reader_u32(&r) == VERSION_1 &&
           reader_str_copy(&r, s->domain, sizeof(s->domain)) && reader_str_copy(&r, s->realm, sizeof(s->realm)) &&
           reader_str_copy(&r, s->account, sizeof(s->account)) &&
           reader_str_copy(&r, s->controller, sizeof(s->controller)) && s->domain[0] != '\0' && s->realm[0] != '\0' &&
           s->account[0] != '\0' && get_passwords(&r, s) && reader_done(&r);
    if (!good)
        secret_erase(s, sizeof(*s));
    return good;
}

static bool
file_ok(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    errno = EINVAL;
    return S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & 077) == 0 &&
           st.st_size > 0 && st.st_size <= MACHINE_SECRET_FILE_MAX;
}

bool
machine_secret_load(const char *path, struct machine_secret *s)
{
    uint8_t *buf = secret_new(MACHINE_SECRET_FILE_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), error;
    ssize_t n = -1;
    bool good = false;

    memset(s, 0, sizeof(*s));
    if (buf != NULL && fd >= 0 && file_ok(fd))
        n = read(fd, buf, MACHINE_SECRET_FILE_MAX);
    error = buf == NULL ? ENOMEM : errno;
    if (n >= 0) {
        good = machine_secret_decode(buf, (size_t)n, s);
        error = EINVAL;
    }
    if (fd >= 0)
        (void)close(fd);
    secret_free(buf, MACHINE_SECRET_FILE_MAX);
    errno = error;
    return good;
}

bool
machine_secret_store(const char *path, const struct machine_secret *s)
{
    uint8_t *buf = secret_new(MACHINE_SECRET_FILE_MAX);
    size_t n = buf == NULL ? 0 : machine_secret_encode(s, buf, MACHINE_SECRET_FILE_MAX);
    bool good = n > 0 && replace_bytes(path, buf, n, NULL);
    int error = n > 0 ? errno : buf == NULL ? ENOMEM : EINVAL;

    secret_free(buf, MACHINE_SECRET_FILE_MAX);
    errno = error;
    return good;
}

/* What every domain's rules for passwords ask for, and 120 characters of 64 miss less often than once in 10^9. */
static bool
has_kinds(const char *text)
{
    bool lower = false, upper = false, digit = false;

    for (; *text != '\0'; text++) {
        lower |= *text >= 'a' && *text <= 'z';
        upper |= *text >= 'A' && *text <= 'Z';
        digit |= *text >= '0' && *text <= '9';
    }
    return lower && upper && digit;
}

bool
machine_password_make(char text[static MACHINE_PASSWORD_MAX + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    uint8_t *bytes = secret_new(MACHINE_PASSWORD_LENGTH);
    bool good = bytes != NULL;

    memset(text, 0, MACHINE_PASSWORD_MAX + 1);
    while (good && !has_kinds(text)) {
        good = RAND_bytes(bytes, MACHINE_PASSWORD_LENGTH) == 1;
        /* 64 characters: six bits each, every character as likely as the next. */
        for (size_t i = 0; good && i < MACHINE_PASSWORD_LENGTH; i++)
            text[i] = alphabet[bytes[i] & 63];
    }
    secret_free(bytes, MACHINE_PASSWORD_LENGTH);
    return good;
}
