/* A struct directory whose server is the test itself: answers are written before they are asked for. */
#ifndef AUTHSOD_TESTS_UNIT_FAKE_DIRECTORY_H
#define AUTHSOD_TESTS_UNIT_FAKE_DIRECTORY_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/ber.h"
#include "lib/directory/ldap_private.h"

/* The domain of the fakes, and RIDs in it. */
#define FAKE_DOMAIN "S-1-5-21-1-2-3"

struct fake_value {
    const char *attribute;   /* NULL ends a list */
    const void *value;
    size_t len;
};

#define FAKE_TEXT(attribute, text) { attribute, text, sizeof(text) - 1 }

struct fake_directory {
    struct directory *d;
    int peer;
    uint8_t answers[262144]; /* to be sent by fake_send */
    struct writer w;
};

static inline void
fake_require(bool holds)
{
    if (!holds)
        abort();
}

/* Ends everything; the struct is to be freed by the caller. */
static inline void
fake_directory_done(struct fake_directory *f)
{
    if (f->d != NULL && f->d->ld != NULL)
        (void)ldap_unbind_ext(f->d->ld, NULL, NULL);
    talloc_free(f->d);
    f->d = NULL;
    if (f->peer >= 0)
        (void)close(f->peer);
    f->peer = -1;
}

static inline void
fake_directory_init(struct fake_directory *f, int timeout_ms)
{
    int fds[2], size = sizeof(f->answers);

    fake_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    (void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    f->peer = fds[1];
    f->w = writer_init(f->answers, sizeof(f->answers));
    f->d = talloc_zero(NULL, struct directory);
    fake_require(f->d != NULL);
    f->d->timeout_ms = timeout_ms;
    f->d->domain_dns = "corp.test";
    f->d->base = "DC=corp,DC=test";
    f->d->netbios = "CORP";
    fake_require(sid_parse(FAKE_DOMAIN, &f->d->domain_sid));
    fake_require(dir_attach(f->d, fds[0], "dc1.corp.test"));
}

/* A new one; ended by fake_directory_end. */
static inline struct fake_directory *
fake_directory_begin(int timeout_ms)
{
    struct fake_directory *f = malloc(sizeof(*f));

    fake_require(f != NULL);
    fake_directory_init(f, timeout_ms);
    return f;
}

static inline void
fake_directory_end(struct fake_directory *f)
{
    fake_directory_done(f);
    free(f);
}

/* An entry in answer to the request with that id (they count from 1). Values of one attribute stand together. */
static inline void
fake_entry(struct fake_directory *f, uint32_t id, const char *dn, const struct fake_value *values)
{
    struct writer *w = &f->w;
    size_t message = ber_begin(w, BER_SEQUENCE), entry, attributes;

    ber_put_uint(w, BER_INTEGER, id);
    entry = ber_begin(w, 0x64);
    ber_put_text(w, BER_OCTETS, dn);
    attributes = ber_begin(w, BER_SEQUENCE);
    while (values->attribute != NULL) {
        const char *attribute = values->attribute;
        size_t one = ber_begin(w, BER_SEQUENCE), set;

        ber_put_text(w, BER_OCTETS, attribute);
        set = ber_begin(w, BER_SET);
        for (; values->attribute != NULL && strcmp(values->attribute, attribute) == 0; values++)
            ber_put_bytes(w, BER_OCTETS, values->value, values->len);
        ber_end(w, set);
        ber_end(w, one);
    }
    ber_end(w, attributes);
    ber_end(w, entry);
    ber_end(w, message);
    fake_require(writer_ok(w));
}

/* The end of a search: its result code and, unless NULL, the cookie of the next page. */
static inline void
fake_result(struct fake_directory *f, uint32_t id, uint32_t code, const char *cookie)
{
    struct writer *w = &f->w;
    size_t message = ber_begin(w, BER_SEQUENCE), result, controls, control, value, page;

    ber_put_uint(w, BER_INTEGER, id);
    result = ber_begin(w, 0x65);
    ber_put_uint(w, BER_ENUMERATED, code);
    ber_put_text(w, BER_OCTETS, "");
    ber_put_text(w, BER_OCTETS, "");
    ber_end(w, result);
    if (cookie != NULL) {
        controls = ber_begin(w, 0xa0);
        control = ber_begin(w, BER_SEQUENCE);
        ber_put_text(w, BER_OCTETS, LDAP_CONTROL_PAGEDRESULTS);
        value = ber_begin(w, BER_OCTETS);
        page = ber_begin(w, BER_SEQUENCE);
        ber_put_uint(w, BER_INTEGER, 0);
        ber_put_text(w, BER_OCTETS, cookie);
        ber_end(w, page);
        ber_end(w, value);
        ber_end(w, control);
        ber_end(w, controls);
    }
    ber_end(w, message);
    fake_require(writer_ok(w));
}

static inline void
fake_send(struct fake_directory *f)
{
    fake_require(send(f->peer, f->answers, f->w.len, MSG_NOSIGNAL) == (ssize_t)f->w.len);
    f->w.len = 0;
}

/* A SID of the fakes' domain in binary; n is the bytes. */
static inline size_t
fake_sid(uint32_t rid, uint8_t *bytes, size_t size)
{
    struct writer w = writer_init(bytes, size);
    struct sid sid;

    fake_require(sid_parse(FAKE_DOMAIN, &sid) && sid_append(&sid, rid));
    sid_write(&w, &sid);
    fake_require(writer_ok(&w));
    return w.len;
}

#endif
