/* lib/directory: BER, the CLDAP request and answer, the Netlogon attribute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/directory/text.h"
#include "tests/unit/dc_answer.h"

#define SOME_FLAGS (DS_LDAP_FLAG | DS_DS_FLAG | DS_KDC_FLAG | DS_CLOSEST_FLAG)

static const struct netlogon_answer some_dc = {
    .flags = SOME_FLAGS,
    .domain_guid = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
    .forest = "corp.test",
    .domain_dns = "corp.test",
    .dc_host = "dc1.corp.test",
    .domain_netbios = "CORP",
    .dc_netbios = "DC1",
    .dc_site = "Default-First-Site-Name",
    .client_site = "Branch",
};

static void
ber_numbers_come_back(void **state)
{
    static const struct {
        uint32_t value;
        size_t content;
    } cases[] = { { 0, 1 }, { 1, 1 }, { 127, 1 }, { 128, 2 }, { 255, 2 }, { 256, 2 }, { 32767, 2 }, { 32768, 3 },
                  { 0x7fffff, 3 }, { 0x800000, 4 }, { 0x7fffffff, 4 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        struct writer w = writer_init(bytes, sizeof(bytes));
        struct reader r;

        ber_put_uint(&w, BER_INTEGER, cases[i].value);
        assert_true(writer_ok(&w));
        assert_int_equal(w.len, 6 + cases[i].content);
        r = reader_init(bytes, w.len);
        assert_int_equal(ber_uint(&r, BER_INTEGER), cases[i].value);
        assert_true(reader_done(&r));
    }
}

/* An element of one byte of content, or none. */
static void
ber_lengths_are_checked(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[8];
        size_t len;
        bool good;
    } cases[] = {
        { "short form", { 0x04, 1, 'a' }, 3, true },
        { "empty", { 0x04, 0 }, 2, true },
        { "one byte of length", { 0x04, 0x81, 1, 'a' }, 4, true },
        { "four bytes of length", { 0x04, 0x84, 0, 0, 0, 1, 'a' }, 7, true },
        { "five bytes of length", { 0x04, 0x85, 0, 0, 0, 0, 1, 'a' }, 8, false },
        { "indefinite", { 0x04, 0x80, 'a', 0, 0 }, 5, false },
        { "reserved", { 0x04, 0xff, 'a' }, 3, false },
        { "too long by one", { 0x04, 2, 'a' }, 3, false },
        { "huge", { 0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 'a' }, 7, false },
        { "length cut", { 0x04, 0x82, 0 }, 3, false },
        { "tag alone", { 0x04 }, 1, false },
        { "nothing", { 0 }, 0, false },
        { "another tag", { 0x30, 1, 'a' }, 3, false },
        { "something after it", { 0x04, 1, 'a', 'b' }, 4, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader r = reader_init(cases[i].bytes, cases[i].len);
        struct reader content = ber_enter(&r, BER_OCTETS);

        (void)reader_bytes(&content, reader_left(&content));
        if ((reader_done(&r) && reader_done(&content)) != cases[i].good)
            fail_msg("%s", cases[i].what);
    }
}

static void
ber_negative_or_oversized_numbers_are_refused(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
    } cases[] = {
        { { 2, 0 }, 2 }, { { 2, 1, 0x80 }, 3 }, { { 2, 4, 0xff, 0xff, 0xff, 0xff }, 6 }, { { 2, 5, 0, 1, 2, 3, 4 }, 7 },
        { { 2, 4, 0x80, 0, 0, 0 }, 6 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reader r = reader_init(cases[i].bytes, cases[i].len);

        assert_int_equal(ber_uint(&r, BER_INTEGER), 0);
        assert_true(r.failed);
    }
}

static void
request_is_what_a_server_expects(void **state)
{
    uint8_t packet[512];
    size_t len = cldap_request(packet, sizeof(packet), 0x12345678, "corp.test", "ws1");
    struct reader r = reader_init(packet, len), message, search, filter, attributes;
    static const char *const names[] = { "DnsDomain", "Host", "NtVer" };

    (void)state;
    assert_true(len > 0);
    message = ber_enter(&r, BER_SEQUENCE);
    assert_true(reader_done(&r));
    assert_int_equal(ber_uint(&message, BER_INTEGER), 0x12345678);
    search = ber_enter(&message, 0x63);
    assert_true(reader_done(&message));
    (void)ber_enter(&search, BER_OCTETS);
    assert_int_equal(ber_uint(&search, BER_ENUMERATED), 0);
    assert_int_equal(ber_uint(&search, BER_ENUMERATED), 0);
    assert_int_equal(ber_uint(&search, BER_INTEGER), 0);
    assert_int_equal(ber_uint(&search, BER_INTEGER), 0);
    (void)ber_enter(&search, BER_BOOLEAN);
    filter = ber_enter(&search, 0xa0);
    attributes = ber_enter(&search, BER_SEQUENCE);
    assert_true(reader_done(&search));
    for (size_t i = 0; i < 3; i++) {
        struct reader equal = ber_enter(&filter, 0xa3), name = ber_enter(&equal, BER_OCTETS);

        assert_int_equal(reader_left(&name), strlen(names[i]));
        assert_memory_equal(reader_bytes(&name, strlen(names[i])), names[i], strlen(names[i]));
        (void)ber_enter(&equal, BER_OCTETS);
        assert_true(reader_done(&equal));
    }
    assert_true(reader_done(&filter));
    assert_int_equal(reader_left(&attributes), 6 + strlen("Netlogon"));
}

static void
request_that_does_not_fit_is_none(void **state)
{
    uint8_t packet[512];
    size_t len = cldap_request(packet, sizeof(packet), 1, "corp.test", "");

    (void)state;
    assert_true(len > 0);
    for (size_t size = 0; size < len; size++)
        assert_int_equal(cldap_request(packet, size, 1, "corp.test", ""), 0);
}

static void
answer_gives_the_value(void **state)
{
    static const char *const names[] = { "Netlogon", "netlogon", "NETLOGON" };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint8_t packet[256];
        struct writer w = writer_init(packet, sizeof(packet));
        const uint8_t *value;
        size_t len;

        put_cldap_answer(&w, 7, names[i], "value", 5);
        assert_true(writer_ok(&w));
        assert_true(cldap_answer(packet, w.len, 7, &value, &len));
        assert_int_equal(len, 5);
        assert_memory_equal(value, "value", 5);
        assert_true(value >= packet && value + len <= packet + w.len);
        assert_false(cldap_answer(packet, w.len, 8, &value, &len));
        assert_null(value);
        assert_int_equal(len, 0);
    }
}

static void
answer_cut_anywhere_is_refused(void **state)
{
    uint8_t packet[256];
    struct writer w = writer_init(packet, sizeof(packet));
    const uint8_t *value;
    size_t len, entry;

    (void)state;
    put_search_done(&w, 7);
    entry = w.len;
    w = writer_init(packet, sizeof(packet));
    put_cldap_answer(&w, 7, "Netlogon", "value", 5);
    entry = w.len - entry;
    for (size_t n = 0; n < w.len; n++) {
        uint8_t *cut = malloc(n == 0 ? 1 : n);

        assert_non_null(cut);
        memcpy(cut, packet, n);
        /* The entry alone is enough: some servers send its end in a datagram of its own. */
        assert_int_equal(cldap_answer(cut, n, 7, &value, &len), n == entry);
        free(cut);
    }
}

/* Writes one of the answers that are wrong. */
static void
put_wrong(struct writer *w, int which)
{
    size_t message = ber_begin(w, BER_SEQUENCE), entry, attributes, one, set;

    ber_put_uint(w, BER_INTEGER, which == 0 ? 8 : 7);
    entry = ber_begin(w, which == 1 ? 0x65 : 0x64);
    ber_put_text(w, BER_OCTETS, "");
    attributes = ber_begin(w, BER_SEQUENCE);
    for (int i = 0; i < (which == 2 ? 2 : 1); i++) {
        one = ber_begin(w, BER_SEQUENCE);
        ber_put_text(w, BER_OCTETS, which == 3 ? "Netlogo" : "Netlogon");
        set = ber_begin(w, which == 4 ? BER_SEQUENCE : BER_SET);
        for (int k = 0; k < (which == 5 ? 2 : which == 6 ? 0 : 1); k++)
            ber_put_text(w, which == 7 ? BER_INTEGER : BER_OCTETS, "value");
        ber_end(w, set);
        if (which == 8)
            ber_put_uint(w, BER_INTEGER, 1);
        ber_end(w, one);
    }
    ber_end(w, attributes);
    if (which == 9)
        ber_put_uint(w, BER_INTEGER, 1);
    ber_end(w, entry);
    if (which == 10)
        ber_put_uint(w, BER_INTEGER, 1);
    ber_end(w, message);
    if (which == 11)
        put_search_done(w, 8);
    if (which == 12)
        writer_u8(w, 0);
}

static void
wrong_answers_are_refused(void **state)
{
    static const char *const what[] = {
        "another id", "another operation", "the attribute twice", "another attribute", "values in no set", "two values",
        "no value", "a value of another type", "more in the attribute", "more in the entry", "more in the message",
        "the end of another message", "a byte after it",
    };
    uint8_t packet[512];
    const uint8_t *value;
    size_t len;

    (void)state;
    for (int i = 0; i < (int)(sizeof(what) / sizeof(what[0])); i++) {
        struct writer w = writer_init(packet, sizeof(packet));

        put_wrong(&w, i);
        assert_true(writer_ok(&w));
        if (cldap_answer(packet, w.len, 7, &value, &len))
            fail_msg("%s: accepted", what[i]);
    }
}

static size_t
some_blob(uint8_t *blob, size_t size)
{
    struct writer w = writer_init(blob, size);

    put_netlogon(&w, &some_dc);
    assert_true(writer_ok(&w));
    return w.len;
}

static void
netlogon_is_decoded(void **state)
{
    uint8_t blob[512];
    size_t len = some_blob(blob, sizeof(blob));
    struct netlogon_answer *a = netlogon_answer_decode(NULL, blob, len);

    (void)state;
    assert_non_null(a);
    assert_int_equal(a->flags, some_dc.flags);
    assert_memory_equal(a->domain_guid, some_dc.domain_guid, 16);
    assert_string_equal(a->forest, "corp.test");
    assert_string_equal(a->domain_dns, "corp.test");
    assert_string_equal(a->dc_host, "dc1.corp.test");
    assert_string_equal(a->domain_netbios, "CORP");
    assert_string_equal(a->dc_netbios, "DC1");
    assert_string_equal(a->dc_site, "Default-First-Site-Name");
    assert_string_equal(a->client_site, "Branch");
    talloc_free(a);
}

/* The names that follow the 24 bytes of the head, then the tail. */
static struct netlogon_answer *
decode_with_names(const void *names, size_t len, const void *tail, size_t tail_len)
{
    uint8_t blob[1024];
    struct writer w = writer_init(blob, sizeof(blob));

    writer_u16(&w, 23);
    writer_u16(&w, 0);
    for (int i = 0; i < 5; i++)
        writer_u32(&w, 0);
    writer_bytes(&w, names, len);
    writer_bytes(&w, tail, tail_len);
    assert_true(writer_ok(&w));
    return netlogon_answer_decode(NULL, blob, w.len);
}

#define TAIL "\5\0\0\0\377\377\377\377"
#define DECODE(names, tail) decode_with_names("" names, sizeof(names) - 1, "" tail, sizeof(tail) - 1)

static void
netlogon_compression_is_followed(void **state)
{
    /* corp.test at 24, pointers to it, a label before a pointer, a pointer to a pointer. */
    struct netlogon_answer *a = DECODE("\4corp\4test\0"
                                       "\300\030"
                                       "\3dc1\300\030"
                                       "\4CORP\0"
                                       "\3DC1\0"
                                       "\0"
                                       "\4Site\0"
                                       "\300\043",
                                       TAIL);

    (void)state;
    assert_non_null(a);
    assert_string_equal(a->forest, "corp.test");
    assert_string_equal(a->domain_dns, "corp.test");
    assert_string_equal(a->dc_host, "dc1.corp.test");
    assert_string_equal(a->dc_site, "Site");
    assert_string_equal(a->client_site, "corp.test");
    talloc_free(a);
}

#define NAMES_BUT_FIRST "\0\0\0\0\0\0\0"

static void
malformed_netlogon_is_refused(void **state)
{
    char many[] = "\77aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    uint8_t blob[1024];
    struct netlogon_answer *a;
    struct writer w;

    (void)state;
    a = DECODE("\0" NAMES_BUT_FIRST, TAIL);
    assert_non_null(a);
    talloc_free(a);
    assert_null(DECODE("\300\030" NAMES_BUT_FIRST, TAIL));       /* a pointer to itself */
    assert_null(DECODE("\300\040" NAMES_BUT_FIRST, TAIL));       /* forwards */
    assert_null(DECODE("\377\377" NAMES_BUT_FIRST, TAIL));       /* past the end */
    assert_null(DECODE("\300\000" NAMES_BUT_FIRST, TAIL));       /* into the head */
    assert_null(DECODE("\300\027" NAMES_BUT_FIRST, TAIL));
    assert_null(DECODE("\1a\300\030" NAMES_BUT_FIRST, TAIL));    /* to its own beginning */
    assert_null(DECODE("\100a" NAMES_BUT_FIRST, TAIL));          /* labels of a reserved kind */
    assert_null(DECODE("\200a" NAMES_BUT_FIRST, TAIL));
    assert_null(DECODE("\3a.b\0" NAMES_BUT_FIRST, TAIL));        /* a dot in a DNS label */
    assert_null(DECODE("\2a\n\0" NAMES_BUT_FIRST, TAIL));        /* control characters */
    assert_null(DECODE("\2a\177\0" NAMES_BUT_FIRST, TAIL));
    assert_null(DECODE("\2\302\200\0" NAMES_BUT_FIRST, TAIL));
    assert_null(DECODE("\2a\0\0" NAMES_BUT_FIRST, TAIL));
    assert_null(DECODE("\2\303a\0" NAMES_BUT_FIRST, TAIL));      /* not UTF-8 */
    assert_null(DECODE("\0" NAMES_BUT_FIRST, "\5\0\0\0\377\377\377\376")); /* tokens */
    assert_null(DECODE("\0" NAMES_BUT_FIRST, "\5\0\0\0\377\377\377"));     /* cut */
    assert_null(DECODE("\0" NAMES_BUT_FIRST "x", TAIL));                   /* more than there should be */
    assert_null(DECODE("\0\0\0\0\0\0\0", TAIL));                           /* a name is missing */

    /* Four labels of 63 are 255 and one too many. */
    w = writer_init(blob, sizeof(blob));
    for (int i = 0; i < 4; i++)
        writer_bytes(&w, many, 64);
    writer_bytes(&w, "\0" NAMES_BUT_FIRST, 8);
    a = decode_with_names(blob, w.len, TAIL, 8);
    assert_non_null(a);
    assert_int_equal(strlen(a->forest), 255);
    talloc_free(a);
    w = writer_init(blob, sizeof(blob));
    for (int i = 0; i < 4; i++)
        writer_bytes(&w, many, 64);
    writer_bytes(&w, "\1a\0" NAMES_BUT_FIRST, 10);
    assert_null(decode_with_names(blob, w.len, TAIL, 8));
}

static void
netlogon_of_another_kind_is_refused(void **state)
{
    uint8_t blob[512];
    size_t len = some_blob(blob, sizeof(blob));

    (void)state;
    for (int opcode = 0; opcode < 256; opcode++) {
        struct netlogon_answer *a;

        blob[0] = (uint8_t)opcode;
        a = netlogon_answer_decode(NULL, blob, len);
        assert_int_equal(a != NULL, opcode == 23);
        talloc_free(a);
    }
    assert_null(netlogon_answer_decode(NULL, NULL, 0));
}

static void
netlogon_cut_anywhere_is_refused(void **state)
{
    uint8_t blob[512];
    size_t len = some_blob(blob, sizeof(blob));

    (void)state;
    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = malloc(n == 0 ? 1 : n);

        assert_non_null(cut);
        memcpy(cut, blob, n);
        assert_null(netlogon_answer_decode(NULL, cut, n));
        free(cut);
    }
}

static void
netlogon_extras_are_stepped_over(void **state)
{
    struct netlogon_answer *a;

    (void)state;
    a = DECODE("\0" NAMES_BUT_FIRST, "\20aaaabbbbccccdddd" "\15\0\0\0\377\377\377\377");
    assert_non_null(a);
    talloc_free(a);
    a = DECODE("\0" NAMES_BUT_FIRST, "\4Near\0" "\25\0\0\0\377\377\377\377");
    assert_non_null(a);
    talloc_free(a);
    a = DECODE("\0" NAMES_BUT_FIRST, "\20aaaabbbbccccdddd" "\4Near\0" "\35\0\0\0\377\377\377\377");
    assert_non_null(a);
    talloc_free(a);
    assert_null(DECODE("\0" NAMES_BUT_FIRST, "\377aaaabbbbccccdddd" "\15\0\0\0\377\377\377\377"));
}

static void
text_is_utf8_without_controls(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "", true }, { "alice", true }, { "Ren\303\251", true }, { "\342\202\254", true },
        { "\360\237\230\200", true },
        { "\364\217\277\277", true }, { "a\tb", false }, { "a\033b", false }, { "\177", false }, { "\302\205", false },
        { "\302\240", true }, { "\300\257", false }, { "\301\277", false }, { "\340\237\277", false },
        { "\355\240\200", false }, { "\360\217\277\277", false }, { "\364\220\200\200", false },
        { "\365\200\200\200", false },
        { "\303", false }, { "\342\202", false }, { "\360\237\230", false }, { "\200", false }, { "\303(", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (text_ok(cases[i].text, strlen(cases[i].text)) != cases[i].good)
            fail_msg("case %zu", i);
    }
    assert_false(text_ok("a\0b", 3));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ber_numbers_come_back),
        cmocka_unit_test(ber_lengths_are_checked),
        cmocka_unit_test(ber_negative_or_oversized_numbers_are_refused),
        cmocka_unit_test(request_is_what_a_server_expects),
        cmocka_unit_test(request_that_does_not_fit_is_none),
        cmocka_unit_test(answer_gives_the_value),
        cmocka_unit_test(answer_cut_anywhere_is_refused),
        cmocka_unit_test(wrong_answers_are_refused),
        cmocka_unit_test(netlogon_is_decoded),
        cmocka_unit_test(netlogon_compression_is_followed),
        cmocka_unit_test(malformed_netlogon_is_refused),
        cmocka_unit_test(netlogon_of_another_kind_is_refused),
        cmocka_unit_test(netlogon_cut_anywhere_is_refused),
        cmocka_unit_test(netlogon_extras_are_stepped_over),
        cmocka_unit_test(text_is_utf8_without_controls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
