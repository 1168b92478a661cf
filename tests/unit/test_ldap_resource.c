/* lib/directory: groups of the domain that accounts of other domains are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/proto/client.h"
#include "tests/unit/fake_directory.h"

#define TIMEOUT_MS 3000
#define OTHER "S-1-5-21-4-5-6"
#define PRINCIPAL "CN=" OTHER "-1104,CN=ForeignSecurityPrincipals,DC=corp,DC=test"
#define GROUP(name) "CN=" name ",CN=Users,DC=corp,DC=test"

static uint8_t requests[262144];

static struct sid
other(uint32_t rid)
{
    struct sid sid;

    assert_true(sid_parse(OTHER, &sid) && sid_append(&sid, rid));
    return sid;
}

static size_t
binary(const char *text, uint8_t bytes[static SID_BINARY_MAX])
{
    struct writer w = writer_init(bytes, SID_BINARY_MAX);
    struct sid sid;

    assert_true(sid_parse(text, &sid));
    sid_write(&w, &sid);
    return w.len;
}

/* An entry with the SID and up to two names of memberOf. */
static void
entry(struct fake_directory *f, uint32_t id, const char *dn, const char *sid, const char *in, const char *and_in)
{
    uint8_t bytes[SID_BINARY_MAX];
    size_t len = binary(sid, bytes);
    const struct fake_value values[] = {
        { "objectSid", bytes, len },
        { in == NULL ? NULL : "memberOf", in, in == NULL ? 0 : strlen(in) },
        { and_in == NULL ? NULL : "memberOf", and_in, and_in == NULL ? 0 : strlen(and_in) },
        { NULL, NULL, 0 },
    };

    fake_entry(f, id, dn, values);
}

static enum err
ask(struct fake_directory *f, size_t n, struct sid **out, size_t *n_out)
{
    struct sid *sids = talloc_array(f->d, struct sid, (unsigned)n);

    for (size_t i = 0; i < n; i++)
        sids[i] = other(1104 + (uint32_t)i);
    return directory_resource_groups(f->d, f->d, sids, n, out, n_out);
}

static bool
has_rid(const struct sid *sids, size_t n, uint32_t rid)
{
    for (size_t i = 0; i < n; i++) {
        if (sids[i].subs[sids[i].n_subs - 1] == rid)
            return true;
    }
    return false;
}

/* Counts text in what was asked since the last time. */
static size_t
times_asked(struct fake_directory *f, const char *text)
{
    ssize_t len = recv(f->peer, requests, sizeof(requests), 0);
    size_t n = 0;

    for (ssize_t i = 0; i + (ssize_t)strlen(text) <= len; i++)
        n += memcmp(requests + i, text, strlen(text)) == 0;
    return n;
}

static void
who_is_in_none_costs_one_search(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid *sids;
    size_t n;

    (void)state;
    fake_result(f, 1, 0, NULL);
    fake_send(f);
    assert_int_equal(ask(f, 2, &sids, &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(times_asked(f, "foreignSecurityPrincipal"), 1);
    fake_directory_end(f);
}

static void
groups_in_groups_are_found_and_a_circle_ends(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid *sids;
    size_t n;

    (void)state;
    entry(f, 1, PRINCIPAL, OTHER "-1104", NULL, NULL);
    fake_result(f, 1, 0, NULL);
    entry(f, 2, GROUP("bridge"), FAKE_DOMAIN "-1300", GROUP("tower"), GROUP("list"));
    entry(f, 2, GROUP("crew"), FAKE_DOMAIN "-1301", GROUP("Tower"), NULL);
    fake_result(f, 2, 0, "");
    /* The list is no security group: what it is in is not asked for. */
    entry(f, 3, GROUP("tower"), FAKE_DOMAIN "-1302", GROUP("bridge"), NULL);
    fake_result(f, 3, 0, "");
    entry(f, 4, GROUP("bridge"), FAKE_DOMAIN "-1300", GROUP("tower"), GROUP("list"));
    fake_result(f, 4, 0, "");
    fake_send(f);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_OK);
    assert_int_equal(n, 3);
    assert_true(has_rid(sids, n, 1300) && has_rid(sids, n, 1301) && has_rid(sids, n, 1302));
    fake_directory_end(f);
}

static void
two_searches_where_no_group_is_in_another(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid *sids;
    size_t n;

    (void)state;
    entry(f, 1, PRINCIPAL, OTHER "-1104", NULL, NULL);
    fake_result(f, 1, 0, NULL);
    entry(f, 2, GROUP("bridge"), FAKE_DOMAIN "-1300", NULL, NULL);
    fake_result(f, 2, 0, "");
    fake_send(f);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_OK);
    assert_int_equal(n, 1);
    /* By the name of the principal; security groups alone. */
    assert_int_equal(times_asked(f, "1.2.840.113556.1.4.803"), 1);
    assert_non_null(memmem(requests, sizeof(requests), "member\4", 7));
    assert_non_null(memmem(requests, sizeof(requests), PRINCIPAL, strlen(PRINCIPAL)));
    fake_directory_end(f);
}

static void
what_is_malformed_or_not_of_the_domain_is_left_out(void **state)
{
    static const struct fake_value no_sid[] = { FAKE_TEXT("cn", "x"), { NULL, NULL, 0 } };
    static const struct fake_value bad_sid[] = { FAKE_TEXT("objectSid", "S-1-5-21"), { NULL, NULL, 0 } };
    static const char long_name[DIR_DN_MAX + 2];
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    uint8_t sid[SID_BINARY_MAX];
    size_t len = binary(FAKE_DOMAIN "-1300", sid), n;
    const struct fake_value names[] = {
        { "objectSid", sid, len }, FAKE_TEXT("memberOf", ""),
        FAKE_TEXT("memberOf", "CN=a\nb"), FAKE_TEXT("memberOf", "CN=\xff"),
        { "memberOf", long_name, sizeof(long_name) - 1 }, { NULL, NULL, 0 },
    };
    struct sid *sids;

    (void)state;
    entry(f, 1, "CN=1\n2", OTHER "-1104", NULL, NULL);
    entry(f, 1, PRINCIPAL, OTHER "-9999", NULL, NULL); /* not asked for */
    fake_entry(f, 1, PRINCIPAL, no_sid);
    fake_entry(f, 1, PRINCIPAL, bad_sid);
    fake_result(f, 1, 0, NULL);
    entry(f, 2, PRINCIPAL, OTHER "-1104", NULL, NULL);
    fake_result(f, 2, 0, NULL);
    entry(f, 3, GROUP("a"), "S-1-5-32-544", GROUP("b"), NULL);
    entry(f, 3, GROUP("a"), OTHER "-1200", GROUP("b"), NULL);
    entry(f, 3, GROUP("a"), FAKE_DOMAIN, GROUP("b"), NULL);
    fake_entry(f, 3, GROUP("a"), no_sid);
    fake_entry(f, 3, GROUP("a"), bad_sid);
    fake_entry(f, 3, GROUP("a"), names);
    fake_result(f, 3, 0, "");
    fake_send(f);
    assert_int_equal(ask(f, 4, &sids, &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(has_rid(sids, n, 1300));
    fake_directory_end(f);
}

static void
a_server_that_sends_more_is_not_listened_to(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid *sids;
    size_t n;

    (void)state;
    entry(f, 1, PRINCIPAL, OTHER "-1104", NULL, NULL);
    entry(f, 1, PRINCIPAL, OTHER "-1104", NULL, NULL);
    fake_result(f, 1, 0, NULL);
    fake_send(f);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_NO_KDC);
    assert_null(sids);
    fake_directory_end(f);
}

static void
accounts_are_asked_for_in_batches(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct sid *sids;
    size_t n;

    (void)state;
    for (uint32_t id = 1; id <= 3; id++)
        fake_result(f, id, 0, NULL);
    fake_send(f);
    assert_int_equal(ask(f, 250, &sids, &n), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(times_asked(f, "foreignSecurityPrincipal"), 3);
    fake_directory_end(f);
}

static void
more_groups_than_a_token_holds_are_cut(void **state)
{
    enum { MANY = DIRECTORY_RESOURCE_MAX + 100 };
    static struct fake_value values[MANY + 2];
    static char names[MANY][40];
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    uint8_t sid[SID_BINARY_MAX];
    size_t len = binary(FAKE_DOMAIN "-1300", sid), n;
    struct sid *sids;

    (void)state;
    values[0] = (struct fake_value){ "objectSid", sid, len };
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "CN=g%zu,DC=corp,DC=test", i);
        values[i + 1] = (struct fake_value){ "memberOf", names[i], strlen(names[i]) };
    }
    entry(f, 1, PRINCIPAL, OTHER "-1104", NULL, NULL);
    fake_result(f, 1, 0, NULL);
    fake_entry(f, 2, GROUP("a"), values);
    fake_result(f, 2, 0, "");
    for (uint32_t id = 3; id <= 13; id++)
        fake_result(f, id, 0, "");
    fake_send(f);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_OK);
    assert_int_equal(n, 1);
    fake_directory_end(f);
}

static void
too_much_and_silence_end_in_time(void **state)
{
    struct fake_directory *f = fake_directory_begin(60000);
    struct sid *sids;
    int64_t began;
    size_t n;

    (void)state;
    fake_result(f, 1, LDAP_TIMELIMIT_EXCEEDED, NULL);
    entry(f, 2, PRINCIPAL, OTHER "-1104", NULL, NULL);
    fake_result(f, 2, 0, NULL);
    fake_result(f, 3, LDAP_ADMINLIMIT_EXCEEDED, "");
    fake_send(f);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(f, 1, &sids, &n), ERR_BUSY);
        assert_null(sids);
        assert_false(f->d->dead);
    }
    began = client_now();
    assert_int_equal(ask(f, 1, &sids, &n), ERR_TIMEOUT);
    assert_in_range(client_now() - began, DIRECTORY_RESOURCE_MS - 10, DIRECTORY_RESOURCE_MS + 2000);
    assert_true(f->d->dead);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_NO_KDC);
    fake_directory_end(f);
    f = fake_directory_begin(TIMEOUT_MS);
    assert_int_equal(shutdown(f->peer, SHUT_WR), 0);
    assert_int_equal(ask(f, 1, &sids, &n), ERR_NO_KDC);
    fake_directory_end(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_in_none_costs_one_search),
        cmocka_unit_test(groups_in_groups_are_found_and_a_circle_ends),
        cmocka_unit_test(two_searches_where_no_group_is_in_another),
        cmocka_unit_test(what_is_malformed_or_not_of_the_domain_is_left_out),
        cmocka_unit_test(a_server_that_sends_more_is_not_listened_to),
        cmocka_unit_test(accounts_are_asked_for_in_batches),
        cmocka_unit_test(more_groups_than_a_token_holds_are_cut),
        cmocka_unit_test(too_much_and_silence_end_in_time),
    };

    log_init("test_ldap_resource", LOG_LEVEL_ALARM);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
