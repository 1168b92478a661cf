/* lib/directory: DNS and the search for a domain controller, against fakes on loopback addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/net.h"
#include "lib/directory/text.h"
#include "lib/proto/client.h"
#include "tests/unit/fake_domain.h"

#define GOOD_FLAGS (DS_LDAP_FLAG | DS_DS_FLAG | DS_KDC_FLAG)
#define ALL "_ldap._tcp.dc._msdcs.corp.test"
#define OF(site) "_ldap._tcp." site "._sites.dc._msdcs.corp.test"
#define SOON_MS 2000 /* a machine may be busy; without a fault these take a few ms */

#define DC(name, own_site, site_of_client, more_flags) \
    { .flags = GOOD_FLAGS | (more_flags), .forest = "corp.test", .domain_dns = "corp.test", \
      .dc_host = name ".corp.test", .domain_netbios = "CORP", .dc_netbios = "DC", .dc_site = own_site, \
      .client_site = site_of_client }

/* dc1 at 127.0.0.2 and dc2 at 127.0.0.3, dc1 always first. */
#define TWO_DCS \
    { ALL, DNS_TYPE_SRV, "0 100 389 dc1.corp.test" }, { ALL, DNS_TYPE_SRV, "1 100 389 dc2.corp.test" }, \
    { "dc1.corp.test", DNS_TYPE_A, "127.0.0.2" }, { "dc2.corp.test", DNS_TYPE_A, "127.0.0.3" }

struct timed {
    enum err err;
    struct dc dc;
    int64_t ms;
};

/* Runs the fake, asks it once and ends it. */
static struct timed
find_in(const struct fake_domain *d, struct locator_query q, int timeout_ms)
{
    struct fake fake;
    struct timed t;
    int64_t began;

    if (!fake_start(d, &fake))
        skip();
    began = client_now();
    q.domain_dns = "corp.test";
    q.deadline = began + timeout_ms;
    t.err = locator_find_with(&fake.setting, &q, &t.dc);
    t.ms = client_now() - began;
    fake_stop(&fake);
    return t;
}

static void
finds_the_domain_controller(void **state)
{
    struct fake_domain d = { .records = { TWO_DCS },
                             .dcs = { { "127.0.0.2", FAKE_DC_GOOD, DC("dc1", "Main", "Main", DS_CLOSEST_FLAG) } } };
    struct timed t = find_in(&d, (struct locator_query){ .site = "" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.host, "dc1.corp.test");
    assert_string_equal(t.dc.address, "127.0.0.2");
    assert_string_equal(t.dc.site, "Main");
    assert_string_equal(t.dc.domain_dns, "corp.test");
    assert_string_equal(t.dc.domain_netbios, "CORP");
    assert_string_equal(t.dc.forest, "corp.test");
    assert_int_equal(t.dc.flags, GOOD_FLAGS | DS_CLOSEST_FLAG);
    assert_true(t.ms < SOON_MS);
}

static void
no_such_domain_is_told_from_no_answer(void **state)
{
    struct fake_domain none = { .records = { { "dc1.corp.test", DNS_TYPE_A, "127.0.0.2" } } };
    struct fake_domain silent = { .dns = { FAKE_DNS_SILENT } };
    struct fake_domain dead = { .records = { TWO_DCS }, .dcs = { { "127.0.0.2", FAKE_DC_SILENT, { 0 } } } };
    struct timed t = find_in(&none, (struct locator_query){ .site = "" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_NO_REALM);
    assert_true(t.ms < SOON_MS);
    assert_string_equal(t.dc.host, "");
    t = find_in(&silent, (struct locator_query){ .site = "" }, 700);
    assert_int_equal(t.err, ERR_NO_KDC);
    assert_true(t.ms < 700 + SOON_MS);
    t = find_in(&dead, (struct locator_query){ .site = "" }, 700);
    assert_int_equal(t.err, ERR_NO_KDC);
    assert_true(t.ms >= 700 && t.ms < 700 + SOON_MS);
}

/* Each way in which dc1 can be of no use; dc2 is taken at once. */
static void
the_other_one_is_chosen_within_two_seconds(void **state)
{
    struct fake_dc bad[] = {
        { "127.0.0.2", FAKE_DC_SILENT, DC("dc1", "Main", "Main", 0) },
        { "127.0.0.2", FAKE_DC_MALFORMED, DC("dc1", "Main", "Main", 0) },
        { "127.0.0.2", FAKE_DC_WRONG_ID, DC("dc1", "Main", "Main", 0) },
        { "127.0.0.2", FAKE_DC_OTHER_PORT, DC("dc1", "Main", "Main", 0) },
        { "127.0.0.2", FAKE_DC_GOOD, DC("dc1", "Main", "Main", 0) }, /* of another domain, see below */
        { "127.0.0.2", FAKE_DC_GOOD, DC("dc1", "Main", "Main", 0) }, /* without a KDC, see below */
        { "127.0.0.4", FAKE_DC_GOOD, DC("dc1", "Main", "Main", 0) }, /* not where DNS says */
    };

    (void)state;
    bad[4].answer.domain_dns = "other.test";
    bad[5].answer.flags &= ~DS_KDC_FLAG;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fake_domain d = { .records = { TWO_DCS },
                                 .dcs = { bad[i], { "127.0.0.3", FAKE_DC_GOOD, DC("dc2", "Main", "Main", 0) } } };
        struct timed t = find_in(&d, (struct locator_query){ .site = "" }, 5000);

        assert_int_equal(t.err, ERR_OK);
        assert_string_equal(t.dc.address, "127.0.0.3");
        assert_true(t.ms < SOON_MS);
    }
}

static void
the_one_to_avoid_is_asked_last(void **state)
{
    struct fake_domain d = { .records = { TWO_DCS },
                             .dcs = { { "127.0.0.2", FAKE_DC_GOOD, DC("dc1", "Main", "Main", 0) },
                                      { "127.0.0.3", FAKE_DC_GOOD, DC("dc2", "Main", "Main", 0) } } };
    struct timed t = find_in(&d, (struct locator_query){ .site = "", .avoid = "127.0.0.2" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.3");
    d.dcs[1].kind = FAKE_DC_SILENT;
    t = find_in(&d, (struct locator_query){ .site = "", .avoid = "127.0.0.2" }, 5000);
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.2");
    assert_true(t.ms < SOON_MS);
}

/* The only one that is configured has just failed: it is not waited for before DNS is asked. */
static void
others_are_found_at_once_where_the_known_one_is_to_be_avoided(void **state)
{
    struct fake_domain d = { .records = { TWO_DCS },
                             .dcs = { { "127.0.0.2", FAKE_DC_SILENT, DC("dc1", "Main", "Main", 0) },
                                      { "127.0.0.3", FAKE_DC_GOOD, DC("dc2", "Main", "Main", 0) } } };
    const char *hosts[] = { "127.0.0.2", NULL };
    struct timed t = find_in(&d, (struct locator_query){ .site = "", .hosts = hosts, .avoid = "127.0.0.2" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.3");
    assert_true(t.ms < SOON_MS);
}

static void
those_of_the_known_site_are_asked_first(void **state)
{
    struct fake_domain d = { .records = { { OF("Branch"), DNS_TYPE_SRV, "0 100 389 dc2.corp.test" }, TWO_DCS },
                             .dcs = { { "127.0.0.2", FAKE_DC_GOOD, DC("dc1", "Main", "Branch", 0) },
                                      { "127.0.0.3", FAKE_DC_GOOD, DC("dc2", "Branch", "Branch", DS_CLOSEST_FLAG) } } };
    struct timed t = find_in(&d, (struct locator_query){ .site = "Branch" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.3");
    assert_true(t.ms < SOON_MS);
    /* They are dead: the others must do. */
    d.dcs[1].kind = FAKE_DC_SILENT;
    t = find_in(&d, (struct locator_query){ .site = "Branch" }, 5000);
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.2");
    assert_true(t.ms < SOON_MS);
    /* A site that is gone. */
    t = find_in(&d, (struct locator_query){ .site = "Closed" }, 5000);
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.2");
    assert_true(t.ms < SOON_MS);
}

static void
a_nearer_one_is_taken_where_the_answer_names_its_site(void **state)
{
    struct fake_domain d = { .records = { { OF("Branch"), DNS_TYPE_SRV, "0 100 389 dc2.corp.test" },
                                          { ALL, DNS_TYPE_SRV, "0 100 389 dc1.corp.test" },
                                          { "dc1.corp.test", DNS_TYPE_A, "127.0.0.2" },
                                          { "dc2.corp.test", DNS_TYPE_A, "127.0.0.3" } },
                             .dcs = { { "127.0.0.2", FAKE_DC_GOOD, DC("dc1", "Main", "Branch", 0) },
                                      { "127.0.0.3", FAKE_DC_GOOD, DC("dc2", "Branch", "Branch", DS_CLOSEST_FLAG) } } };
    struct timed t = find_in(&d, (struct locator_query){ .site = "" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.3");
    assert_string_equal(t.dc.site, "Branch");
    assert_true(t.ms < SOON_MS);
    /* It does not answer: the first one stays. */
    d.dcs[1].kind = FAKE_DC_SILENT;
    t = find_in(&d, (struct locator_query){ .site = "" }, 5000);
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.2");
    assert_string_equal(t.dc.site, "Branch");
    assert_true(t.ms < SOON_MS);
}

static void
configured_ones_need_no_dns(void **state)
{
    static const char *const addresses[] = { "127.0.0.2", "127.0.0.3", NULL };
    static const char *const names[] = { "dc2.corp.test", NULL };
    struct fake_domain d = { .dns = { FAKE_DNS_SILENT },
                             .dcs = { { "127.0.0.2", FAKE_DC_SILENT, DC("dc1", "Main", "Main", 0) },
                                      { "127.0.0.3", FAKE_DC_GOOD, DC("dc2", "Main", "Main", 0) } } };
    struct timed t = find_in(&d, (struct locator_query){ .site = "Main", .hosts = addresses }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.3");
    assert_true(t.ms < SOON_MS);
    d = (struct fake_domain){ .records = { TWO_DCS }, .dcs = { d.dcs[0], d.dcs[1] } };
    t = find_in(&d, (struct locator_query){ .site = "Main", .hosts = names }, 5000);
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "127.0.0.3");
}

static void
a_host_with_ipv6_alone_is_found(void **state)
{
    struct fake_domain d = { .records = { { ALL, DNS_TYPE_SRV, "0 100 389 dc1.corp.test" },
                                          { "dc1.corp.test", DNS_TYPE_AAAA, "::1" } },
                             .dcs = { { "::1", FAKE_DC_GOOD, DC("dc1", "Main", "Main", 0) } } };
    struct timed t = find_in(&d, (struct locator_query){ .site = "" }, 5000);

    (void)state;
    assert_int_equal(t.err, ERR_OK);
    assert_string_equal(t.dc.address, "::1");
}

/* SRV of ALL asked with these name servers. */
static struct timed
srv_with(struct fake_domain *d, struct srv_record *records, int *n_out, int timeout_ms)
{
    struct fake fake;
    struct timed t = { .err = ERR_OK };
    int64_t began;

    assert_true(fake_start(d, &fake));
    began = client_now();
    *n_out = dns_srv(&fake.setting.dns, ALL, began + timeout_ms, records, LOCATOR_DCS_MAX);
    t.ms = client_now() - began;
    fake_stop(&fake);
    return t;
}

static void
name_servers_may_fail(void **state)
{
    static const enum fake_dns first[] = { FAKE_DNS_GOOD,  FAKE_DNS_SILENT, FAKE_DNS_SHUT,
                                           FAKE_DNS_FAILS, FAKE_DNS_OLD,    FAKE_DNS_CUTS,
                                           FAKE_DNS_CUTS_NO_TCP, FAKE_DNS_FORGED_FIRST };
    struct srv_record records[LOCATOR_DCS_MAX];
    struct timed t;
    int n;

    (void)state;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        struct fake_domain d = { .dns = { first[i], FAKE_DNS_GOOD }, .records = { TWO_DCS } };

        /* What the second one would say of it must not matter. */
        if (first[i] == FAKE_DNS_FORGED_FIRST || first[i] == FAKE_DNS_CUTS || first[i] == FAKE_DNS_OLD)
            d.dns[1] = FAKE_DNS_NONE;
        t = srv_with(&d, records, &n, 5000);
        assert_int_equal(n, 2);
        assert_string_equal(records[0].host, "dc1.corp.test");
        assert_string_equal(records[1].host, "dc2.corp.test");
        assert_true(t.ms < SOON_MS + 1500);
    }
}

static void
no_name_server_is_no_answer_in_time(void **state)
{
    struct fake_domain silent = { .dns = { FAKE_DNS_SILENT, FAKE_DNS_SILENT, FAKE_DNS_SILENT } };
    struct fake_domain failing = { .dns = { FAKE_DNS_FAILS, FAKE_DNS_SHUT, FAKE_DNS_FAILS } };
    struct srv_record records[LOCATOR_DCS_MAX];
    struct dns nobody = { .n_servers = 0 };
    struct timed t;
    int n;

    (void)state;
    t = srv_with(&silent, records, &n, 500);
    assert_int_equal(n, -1);
    assert_true(t.ms >= 500 && t.ms < 500 + SOON_MS);
    t = srv_with(&failing, records, &n, 10000);
    assert_int_equal(n, -1);
    assert_true(t.ms < 5000);
    assert_int_equal(dns_srv(&nobody, ALL, client_now() + 1000, records, LOCATOR_DCS_MAX), -1);
}

static void
names_that_are_none_are_not_asked(void **state)
{
    static const char *const names[] = { "a..b", ".a",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b" };
    struct fake_domain d = { .records = { TWO_DCS } };
    struct srv_record records[LOCATOR_DCS_MAX];
    char longest[400];
    struct fake fake;

    (void)state;
    assert_true(fake_start(&d, &fake));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(dns_srv(&fake.setting.dns, names[i], client_now() + 1000, records, LOCATOR_DCS_MAX), -1);
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 50; i < sizeof(longest); i += 50)
        longest[i] = '.';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(dns_srv(&fake.setting.dns, longest, client_now() + 1000, records, LOCATOR_DCS_MAX), -1);
    fake_stop(&fake);
}

static void
many_records_are_cut_to_the_limit(void **state)
{
    struct fake_domain d = { .dns = { FAKE_DNS_CUTS } };
    struct srv_record records[LOCATOR_DCS_MAX];
    int n;

    (void)state;
    for (int i = 0; i < FAKE_RECORDS_MAX; i++)
        d.records[i] = (struct fake_record){ ALL, DNS_TYPE_SRV, "0 1 389 a-rather-long-name-of-a-host.corp.test" };
    (void)srv_with(&d, records, &n, 5000);
    assert_int_equal(n, LOCATOR_DCS_MAX);
}

static void
records_come_by_priority_and_weight(void **state)
{
    struct fake_domain d = { .records = { { ALL, DNS_TYPE_SRV, "10 0 389 far.corp.test" },
                                          { ALL, DNS_TYPE_SRV, "0 0 389 seldom.corp.test" },
                                          { ALL, DNS_TYPE_SRV, "0 90 389 often.corp.test" },
                                          { ALL, DNS_TYPE_SRV, "0 10 389 rarely.corp.test" },
                                          { ALL, DNS_TYPE_SRV, "0 5 389 ." },
                                          { ALL, DNS_TYPE_SRV, "0 5 0 portless.corp.test" } } };
    struct srv_record records[LOCATOR_DCS_MAX];
    int often = 0, rarely = 0;
    struct fake fake;

    (void)state;
    assert_true(fake_start(&d, &fake));
    for (int i = 0; i < 300; i++) {
        assert_int_equal(dns_srv(&fake.setting.dns, ALL, client_now() + 5000, records, LOCATOR_DCS_MAX), 4);
        assert_string_equal(records[3].host, "far.corp.test");
        often += strcmp(records[0].host, "often.corp.test") == 0;
        rarely += strcmp(records[0].host, "rarely.corp.test") == 0;
    }
    fake_stop(&fake);
    /* 90 and 10 of 100 are meant: about 270 and 30. */
    assert_in_range(often, 200, 299);
    assert_in_range(rarely, 1, 99);
}

/* A DNS answer of one SRV record, or what is left of it. */
static void
malformed_dns_answers_are_refused(void **state)
{
    /* Head (one question, two answers), question, SRV with a compressed host, A. */
    static const uint8_t good[] = "\0\1\204\0\0\1\0\2\0\0\0\0"
                                  "\4corp\4test\0\0\41\0\1"
                                  "\300\14\0\41\0\1\0\0\0\1\0\14\0\0\0\144\1\205\3dc1\300\14"
                                  "\300\14\0\1\0\1\0\0\0\1\0\4\177\0\0\1";
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        int n;
    } cases[] = {
        { "as it is", 0, 0, 1 },          { "a question", 2, 4, -1 },         { "NXDOMAIN", 3, 3, 0 },
        { "more questions", 5, 2, -1 },   { "no question", 5, 0, -1 },       { "more answers", 7, 3, -1 },
        { "fewer answers", 7, 1, 1 },     { "no answers", 7, 0, 0 },         { "another type", 30, 16, 0 },
        { "another class", 32, 3, 0 },    { "data too long", 38, 13, -1 },   { "data too short", 38, 11, -1 },
        { "data huge", 37, 255, -1 },     { "a loop", 50, 45, -1 },          { "into the head", 50, 0, -1 },
        { "past the end", 49, 255, -1 },  { "label too long", 45, 77, -1 },  { "a control character", 46, 1, -1 },
        { "the owner loops", 28, 27, -1 },
    };
    struct srv_record records[4];
    struct sockaddr_storage addresses[4];

    (void)state;
    assert_int_equal(sizeof(good) - 1, 67);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t packet[sizeof(good) - 1];

        memcpy(packet, good, sizeof(packet));
        if (i > 0)
            packet[cases[i].at] = cases[i].value;
        if (srv_parse(packet, sizeof(packet), records, 4) != cases[i].n)
            fail_msg("%s: %d", cases[i].what, srv_parse(packet, sizeof(packet), records, 4));
    }
    assert_int_equal(srv_parse(good, sizeof(good) - 1, records, 4), 1);
    assert_string_equal(records[0].host, "dc1.corp.test");
    assert_int_equal(records[0].weight, 100);
    assert_int_equal(records[0].port, 389);
    assert_int_equal(srv_parse(good, sizeof(good) - 1, records, 0), 0);
    assert_int_equal(dns_addresses_parse(good, sizeof(good) - 1, 389, addresses, 4), 1);
    assert_int_equal(dns_addresses_parse(good, sizeof(good) - 1, 389, addresses, 0), 0);
    for (size_t n = 0; n < sizeof(good) - 1; n++) {
        uint8_t *cut = malloc(n == 0 ? 1 : n);

        assert_non_null(cut);
        memcpy(cut, good, n);
        assert_true(srv_parse(cut, n, records, 4) <= 0);
        assert_true(dns_addresses_parse(cut, n, 389, addresses, 4) <= 0);
        free(cut);
    }
}

static void
addresses_are_numbers_with_a_port(void **state)
{
    static const struct {
        const char *text;
        const char *address; /* NULL: refused */
        uint16_t port;
    } cases[] = {
        { "10.0.0.1", "10.0.0.1", 389 },   { "10.0.0.1:88", "10.0.0.1", 88 }, { "fd00::1", "fd00::1", 389 },
        { "[fd00::1]", "fd00::1", 389 },   { "[fd00::1]:88", "fd00::1", 88 }, { "", NULL, 0 },
        { ":88", NULL, 0 },                { "[]", NULL, 0 },                 { "[fd00::1", NULL, 0 },
        { "[fd00::1]x", NULL, 0 },         { "10.0.0.1:", NULL, 0 },          { "10.0.0.1:0", NULL, 0 },
        { "10.0.0.1:65536", NULL, 0 },     { "10.0.0.1:+1", NULL, 0 },        { "10.0.0.1:1x", NULL, 0 },
        { "dc1.corp.test", NULL, 0 },      { "10.0.0.256", NULL, 0 },
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sockaddr_storage a, b;
        bool good = address_parse(cases[i].text, 389, &a);

        if (good != (cases[i].address != NULL))
            fail_msg("%s", cases[i].text);
        if (!good)
            continue;
        assert_true(address_text(&a, text, sizeof(text)));
        assert_string_equal(text, cases[i].address);
        assert_true(address_parse(cases[i].address, cases[i].port, &b));
        assert_memory_equal(&a, &b, sizeof(a));
        assert_true(address_same(&a, &b));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_domain_controller),
        cmocka_unit_test(no_such_domain_is_told_from_no_answer),
        cmocka_unit_test(the_other_one_is_chosen_within_two_seconds),
        cmocka_unit_test(the_one_to_avoid_is_asked_last),
        cmocka_unit_test(others_are_found_at_once_where_the_known_one_is_to_be_avoided),
        cmocka_unit_test(those_of_the_known_site_are_asked_first),
        cmocka_unit_test(a_nearer_one_is_taken_where_the_answer_names_its_site),
        cmocka_unit_test(configured_ones_need_no_dns),
        cmocka_unit_test(a_host_with_ipv6_alone_is_found),
        cmocka_unit_test(name_servers_may_fail),
        cmocka_unit_test(no_name_server_is_no_answer_in_time),
        cmocka_unit_test(names_that_are_none_are_not_asked),
        cmocka_unit_test(many_records_are_cut_to_the_limit),
        cmocka_unit_test(records_come_by_priority_and_weight),
        cmocka_unit_test(malformed_dns_answers_are_refused),
        cmocka_unit_test(addresses_are_numbers_with_a_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
