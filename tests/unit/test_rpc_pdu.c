/* lib/rpc/pdu.h, lib/rpc/epm.h: what a server may answer, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ndr/ndr_write.h"
#include "lib/rpc/epm.h"
#include "lib/rpc/pdu.h"

static const struct pdu_syntax wanted = {
    .uuid = { 0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb },
    .major = 1,
};

#define H(type, flags, len, auth) 5, 0, type, flags, 0x10, 0, 0, 0, len, 0, auth, 0, 1, 0, 0, 0
#define NDR32 0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0, 0x2b, 0x10, 0x48, 0x60, 2, 0, 0, 0

/* A copy of exactly n bytes, so that a sanitizer sees a read past them. */
static const char *
read_exactly(struct pdu *pdu, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n == 0 ? 1 : n);
    const char *why;

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    why = pdu_read(pdu, copy, n);
    /* The token is an alias of the copy. */
    pdu->auth.token = NULL;
    free(copy);
    return why;
}

static const uint8_t good_ack[] = { H(12, 3, 60, 0), 0xd0, 0x16, 0xd0, 0x16, 1, 2, 3, 4, 4, 0, '1', '3', '5', 0, 0, 0,
                                    1, 0, 0, 0, 0, 0, 0, 0, NDR32 };
static const uint8_t auth_ack[] = { H(12, 7, 80, 12), 0xd0, 0x16, 0xd0, 0x16, 1, 2, 3, 4, 4, 0, '1', '3', '5', 0, 0, 0,
                                    1, 0, 0, 0, 0, 0, 0, 0, NDR32, 68, 6, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
                                    0, 0, 0 };
static const uint8_t good_nak[] = { H(13, 3, 20, 0), 4, 0, 1, 5 };
static const uint8_t good_response[] = { H(2, 3, 28, 0), 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd' };
static const uint8_t auth_response[] = { H(2, 3, 44, 4), 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd', 0, 0, 0, 0, 68, 6,
                                         4, 0, 1,
                                         0, 0, 0, 9, 9, 9, 9 };
static const uint8_t good_fault[] = { H(3, 3, 32, 0), 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x1c, 0, 0, 0, 0 };

static void
good_ones_are_read(void **state)
{
    struct pdu pdu;

    (void)state;
    assert_null(read_exactly(&pdu, good_ack, sizeof(good_ack)));
    assert_int_equal(pdu.type, PDU_BIND_ACK);
    assert_int_equal(pdu.max_send, 5840);
    assert_int_equal(pdu.call_id, 1);
    assert_int_equal(pdu.auth.token_len, 0);
    assert_memory_equal(&pdu.transfer, &pdu_ndr32, sizeof(pdu_ndr32));
    assert_null(read_exactly(&pdu, auth_ack, sizeof(auth_ack)));
    assert_int_equal(pdu.auth.type, 68);
    assert_int_equal(pdu.auth.token_len, 12);
    assert_null(read_exactly(&pdu, good_nak, sizeof(good_nak)));
    assert_int_equal(pdu.reason, 4);
    assert_null(read_exactly(&pdu, good_response, sizeof(good_response)));
    assert_int_equal(pdu.stub_len, 4);
    assert_memory_equal(good_response + pdu.stub_at, "abcd", 4);
    assert_null(read_exactly(&pdu, auth_response, sizeof(auth_response)));
    assert_int_equal(pdu.stub_len, 8);
    assert_int_equal(pdu.auth.pad, 4);
    assert_int_equal(pdu.auth.context, 1);
    assert_null(read_exactly(&pdu, good_fault, sizeof(good_fault)));
    assert_int_equal(pdu.status, 0x1c010002);
}

static const struct {
    const uint8_t *bytes;
    size_t len;
} all_good[] = {
    { good_ack, sizeof(good_ack) },           { auth_ack, sizeof(auth_ack) },
    { good_nak, sizeof(good_nak) },           { good_response, sizeof(good_response) },
    { auth_response, sizeof(auth_response) }, { good_fault, sizeof(good_fault) },
};

static void
cut_ones_are_refused(void **state)
{
    struct pdu pdu;

    (void)state;
    for (size_t i = 0; i < sizeof(all_good) / sizeof(all_good[0]); i++) {
        for (size_t n = 0; n < all_good[i].len; n++)
            assert_non_null(read_exactly(&pdu, all_good[i].bytes, n));
    }
}

/* Cut, with a length that fits, where no trailer stands at the end. */
static void
short_ones_are_refused(void **state)
{
    static const size_t least[] = { sizeof(good_ack), 0, 18, 24, 0, 28 };

    (void)state;
    for (size_t i = 0; i < sizeof(all_good) / sizeof(all_good[0]); i++) {
        for (size_t n = 16; n < least[i]; n++) {
            uint8_t bytes[128];
            struct pdu pdu;

            memcpy(bytes, all_good[i].bytes, n);
            bytes[8] = (uint8_t)n;
            if (read_exactly(&pdu, bytes, n) == NULL)
                fail_msg("%zu: %zu bytes", i, n);
        }
    }
}

static void
spoilt_ones_are_refused(void **state)
{
    static const struct {
        const uint8_t *bytes;
        size_t len;
        size_t at;
        uint8_t value;
    } cases[] = {
        { good_ack, sizeof(good_ack), 0, 4 },                  /* version */
        { good_ack, sizeof(good_ack), 1, 2 },
        { good_ack, sizeof(good_ack), 2, 11 },                 /* what only clients send */
        { good_ack, sizeof(good_ack), 2, 0 },
        { good_ack, sizeof(good_ack), 2, 255 },
        { good_ack, sizeof(good_ack), 4, 0 },                  /* big-endian */
        { good_ack, sizeof(good_ack), 4, 0x11 },               /* EBCDIC */
        { good_ack, sizeof(good_ack), 5, 1 },                  /* VAX floating point */
        { good_ack, sizeof(good_ack), 8, 59 },                 /* lengths */
        { good_ack, sizeof(good_ack), 9, 1 },
        { good_ack, sizeof(good_ack), 10, 60 },                /* a token that does not fit */
        { good_ack, sizeof(good_ack), 11, 255 },
        { good_ack, sizeof(good_ack), 17, 0x17 },              /* larger fragments than we took */
        { good_ack, sizeof(good_ack), 19, 0x04 },              /* smaller ones than it must take */
        { good_ack, sizeof(good_ack), 24, 8 },                 /* the secondary address */
        { good_ack, sizeof(good_ack), 25, 255 },
        { good_ack, sizeof(good_ack), 32, 0 },                 /* contexts */
        { good_ack, sizeof(good_ack), 32, 2 },
        { auth_ack, sizeof(auth_ack), 62, 1 },                 /* padding that is not there */
        { auth_ack, sizeof(auth_ack), 10, 11 },
        { auth_ack, sizeof(auth_ack), 10, 0 },
        { auth_response, sizeof(auth_response), 34, 9 },       /* more padding than stub */
        { auth_response, sizeof(auth_response), 10, 21 },      /* the token reaches into the header */
        { auth_response, sizeof(auth_response), 10, 255 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[128];
        struct pdu pdu;

        memcpy(bytes, cases[i].bytes, cases[i].len);
        bytes[cases[i].at] = cases[i].value;
        if (read_exactly(&pdu, bytes, cases[i].len) == NULL)
            fail_msg("case %zu", i);
    }
}

static void
lengths_of_fragments(void **state)
{
    static const struct {
        uint8_t low;
        uint8_t high;
        size_t len;
    } cases[] = { { 16, 0, 16 }, { 15, 0, 0 }, { 0, 0, 0 }, { 0xd0, 0x16, 5840 }, { 0xd1, 0x16, 0 }, { 255, 255, 0 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t header[16] = { H(2, 3, 0, 0) };

        header[8] = cases[i].low;
        header[9] = cases[i].high;
        assert_int_equal(pdu_length(header), cases[i].len);
        header[0] = 4;
        assert_int_equal(pdu_length(header), 0);
    }
}

static void
requests_are_what_a_server_expects(void **state)
{
    static const uint8_t expected[] = { H(0, 3, 52, 4), 5, 0, 0, 0, 0, 0, 39, 0, 's', 't', 'u', 'b', '!', 0, 0, 0, 0,
                                        0, 0,
                                        0, 0, 0, 0, 0, 68, 6, 11, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
    struct pdu_request request = { .call_id = 1,
                                   .flags = 3,
                                   .opnum = 39,
                                   .hint = 5,
                                   .stub = (const uint8_t *)"stub!",
                                   .stub_len = 5,
                                   .auth = { .type = 68, .level = 6, .context = 1, .token_len = 4 } };
    uint8_t bytes[64];
    struct writer w = writer_init(bytes, sizeof(bytes));
    size_t sealed;

    (void)state;
    pdu_write_request(&w, &request, &sealed);
    assert_true(writer_ok(&w));
    assert_int_equal(w.len, sizeof(expected));
    assert_int_equal(sealed, 16);
    assert_memory_equal(bytes, expected, sizeof(expected));
    for (size_t size = 0; size < sizeof(expected); size++) {
        w = writer_init(bytes, size);
        pdu_write_request(&w, &request, &sealed);
        assert_false(writer_ok(&w));
    }
}

static void
a_bind_offers_one_context(void **state)
{
    static const uint8_t expected[] = { H(11, 7, 83, 3), 0xd0, 0x16, 0xd0, 0x16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0,
                                        0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0, 1, 0x23, 0x45, 0x67,
                                        0xcf, 0xfb, 1, 0, 0, 0,
                                        NDR32, 68, 6, 0, 0, 1, 0, 0, 0, 'a', 'b', 'c' };
    struct pdu_bind bind = { .call_id = 1,
                             .interface = &wanted,
                             .auth = { .type = 68, .level = 6, .context = 1, .token_len = 3 } };
    uint8_t bytes[128];
    struct writer w = writer_init(bytes, sizeof(bytes));

    (void)state;
    bind.auth.token = (const uint8_t *)"abc";
    pdu_write_bind(&w, &bind);
    assert_true(writer_ok(&w));
    assert_int_equal(w.len, sizeof(expected));
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void
an_endpoint_is_asked_for(void **state)
{
    uint8_t bytes[EPM_REQUEST_MAX];
    struct writer w = writer_init(bytes, sizeof(bytes));

    (void)state;
    epm_write_request(&w, &wanted);
    assert_true(writer_ok(&w));
    assert_int_equal(w.len, 16 + 75 + 1 + 20 + 4);
    assert_int_equal(bytes[16], 5);                           /* floors */
    assert_memory_equal(bytes + 21, wanted.uuid, 16);
    assert_int_equal(bytes[w.len - 4], 4);                    /* towers that are taken */
}

/* What a test changes in an answer of the endpoint mapper. */
struct epm_spec {
    uint32_t n;             /* towers */
    uint32_t maximum;
    uint32_t offset;
    uint32_t actual;
    uint32_t tower_maximum; /* added to the length */
    uint16_t floors;
    uint8_t protocol;       /* of the fourth floor */
    uint16_t port_bytes;
    uint16_t port;
    const struct pdu_syntax *interface;
    uint32_t status;
    size_t extra;           /* bytes at a tower's end */
};

static const struct epm_spec good_epm = { .n = 1, .maximum = 4, .actual = 1, .floors = 5, .protocol = 7,
                                          .port_bytes = 2,
                                          .port = 49153, .interface = &wanted };

static void
put_floor(struct writer *w, const void *left, uint16_t left_len, const void *right, uint16_t right_len)
{
    writer_u16(w, left_len);
    writer_bytes(w, left, left_len);
    writer_u16(w, right_len);
    writer_bytes(w, right, right_len);
}

static void
put_tower(struct writer *w, const struct epm_spec *s)
{
    uint8_t uuid_floor[19] = { 0x0d }, bytes[256], zeros[8] = { 0 };
    uint8_t port[4] = { (uint8_t)(s->port >> 8), (uint8_t)s->port };
    struct writer t = writer_init(bytes, sizeof(bytes));

    writer_u16(&t, s->floors);
    memcpy(uuid_floor + 1, s->interface->uuid, 16);
    uuid_floor[17] = (uint8_t)s->interface->major;
    put_floor(&t, uuid_floor, 19, zeros, 2);
    memcpy(uuid_floor + 1, pdu_ndr32.uuid, 16);
    uuid_floor[17] = 2;
    put_floor(&t, uuid_floor, 19, zeros, 2);
    put_floor(&t, "\x0b", 1, zeros, 2);
    put_floor(&t, &s->protocol, 1, port, s->port_bytes);
    put_floor(&t, "\x09", 1, zeros, 4);
    for (size_t i = 0; i < s->extra; i++)
        writer_u8(&t, 0);
    assert_true(writer_ok(&t));
    ndr_put_u32(w, (uint32_t)t.len + s->tower_maximum);
    ndr_put_u32(w, (uint32_t)t.len);
    writer_bytes(w, bytes, t.len);
}

static size_t
build_epm(const struct epm_spec *s, uint8_t *bytes, size_t size)
{
    struct writer w = writer_init(bytes, size);

    for (int i = 0; i < 20; i++)
        writer_u8(&w, 0xaa);
    ndr_put_u32(&w, s->n);
    ndr_put_u32(&w, s->maximum);
    ndr_put_u32(&w, s->offset);
    ndr_put_u32(&w, s->actual);
    for (uint32_t i = 0; i < s->actual && i < 5; i++)
        ndr_put_pointer(&w, true);
    for (uint32_t i = 0; i < s->actual && i < 5; i++)
        put_tower(&w, s);
    ndr_put_u32(&w, s->status);
    assert_true(writer_ok(&w));
    return w.len;
}

static const char *
read_epm(const uint8_t *bytes, size_t len, uint16_t *port_out, uint32_t *status_out)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    const char *why;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    why = epm_read_answer(copy, len, &wanted, port_out, status_out);
    free(copy);
    return why;
}

static void
an_endpoint_is_read(void **state)
{
    static const struct pdu_syntax other = { .uuid = { 1 }, .major = 1 };
    uint8_t bytes[2048];
    uint32_t status;
    uint16_t port;
    struct epm_spec s = good_epm;
    size_t len = build_epm(&s, bytes, sizeof(bytes));

    (void)state;
    assert_null(read_epm(bytes, len, &port, &status));
    assert_int_equal(port, 49153);
    assert_int_equal(status, 0);
    for (size_t n = 0; n < len; n++) {
        assert_non_null(read_epm(bytes, n, &port, &status));
        assert_int_equal(port, 0);
    }
    s.n = s.actual = 4;
    len = build_epm(&s, bytes, sizeof(bytes));
    assert_null(read_epm(bytes, len, &port, &status));
    assert_int_equal(port, 49153);
    /* Well-formed, but not what was asked for. */
    s = good_epm;
    s.interface = &other;
    len = build_epm(&s, bytes, sizeof(bytes));
    assert_null(read_epm(bytes, len, &port, &status));
    assert_int_equal(port, 0);
    s = good_epm;
    s.protocol = 8; /* UDP */
    len = build_epm(&s, bytes, sizeof(bytes));
    assert_null(read_epm(bytes, len, &port, &status));
    assert_int_equal(port, 0);
    s = good_epm;
    s.port_bytes = 4;
    len = build_epm(&s, bytes, sizeof(bytes));
    assert_null(read_epm(bytes, len, &port, &status));
    assert_int_equal(port, 0);
    s = good_epm;
    s.n = s.actual = 0;
    s.status = 0x16c9a0d6;
    len = build_epm(&s, bytes, sizeof(bytes));
    assert_null(read_epm(bytes, len, &port, &status));
    assert_int_equal(port, 0);
    assert_int_equal(status, 0x16c9a0d6);
}

static void
a_malformed_endpoint_is_refused(void **state)
{
    struct epm_spec cases[12];
    uint8_t bytes[2048];
    uint32_t status;
    uint16_t port;

    (void)state;
    for (size_t i = 0; i < 12; i++)
        cases[i] = good_epm;
    cases[0].n = 2;
    cases[1].n = cases[1].maximum = cases[1].actual = 5; /* more than were asked for */
    cases[2].maximum = 0;
    cases[3].offset = 1;
    cases[4].actual = UINT32_MAX;
    cases[5].tower_maximum = 1;
    cases[6].floors = 6;
    cases[7].floors = 4;
    cases[8].floors = 65535;
    cases[9].extra = 1;
    cases[10].floors = 0;
    cases[11].n = 0;
    for (size_t i = 0; i < 12; i++) {
        size_t len = build_epm(&cases[i], bytes, sizeof(bytes));

        if (read_epm(bytes, len, &port, &status) == NULL)
            fail_msg("case %zu", i);
        assert_int_equal(port, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(short_ones_are_refused),
        cmocka_unit_test(spoilt_ones_are_refused),
        cmocka_unit_test(lengths_of_fragments),
        cmocka_unit_test(requests_are_what_a_server_expects),
        cmocka_unit_test(a_bind_offers_one_context),
        cmocka_unit_test(an_endpoint_is_asked_for),
        cmocka_unit_test(an_endpoint_is_read),
        cmocka_unit_test(a_malformed_endpoint_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
