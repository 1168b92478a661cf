/* lib/directory: computers' accounts, where they are made, how many somebody has made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "lib/base/log.h"
#include "lib/directory/ldap_write.h"
#include "tests/unit/fake_directory.h"

#define TIMEOUT_MS 1000
#define COMPUTER_DN "CN=WS1,CN=Computers,DC=corp,DC=test"

static void
a_computer_is_read(void **state)
{
    static const struct {
        const char *control, *kvno;
        bool read, is_workstation, is_disabled;
    } cases[] = {
        { "4096", "3", true, true, false },
        { "4098", "3", true, true, true },
        { "532480", "1", true, false, false }, /* a domain controller */
        { "2080", "1", true, false, false },   /* a trust */
        { "512", "1", true, false, false },
        { "-1", "1", false, false, false },
        { "4294967296", "1", false, false, false },
        { "4096", "-1", false, false, false },
        { "4096", "4294967296", false, false, false },
        { "x", "1", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct fake_value values[] = { { "userAccountControl", cases[i].control, strlen(cases[i].control) },
                                             { "msDS-KeyVersionNumber", cases[i].kvno, strlen(cases[i].kvno) },
                                             { NULL, NULL, 0 } };
        struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
        struct dir_computer *c;

        fake_entry(f, 1, COMPUTER_DN, values);
        fake_result(f, 1, 0, NULL);
        fake_send(f);
        assert_int_equal(directory_computer(f->d, f->d, "WS1$", &c), cases[i].read ? ERR_OK : ERR_UNKNOWN_PRINCIPAL);
        assert_int_equal(c != NULL, cases[i].read);
        if (c != NULL) {
            assert_string_equal(c->dn, COMPUTER_DN);
            assert_string_equal(c->dns_name, "");
            assert_int_equal(c->is_workstation, cases[i].is_workstation);
            assert_int_equal(c->is_disabled, cases[i].is_disabled);
        }
        fake_directory_end(f);
    }
}

/* The domain's head with its quota, and n accounts in pages. */
static void
answer_quota(struct fake_directory *f, const char *quota, unsigned n)
{
    static const struct fake_value none[] = { { NULL, NULL, 0 } };
    const struct fake_value values[] = { { quota != NULL ? "ms-DS-MachineAccountQuota" : NULL, quota,
                                           quota != NULL ? strlen(quota) : 0 },
                                         { NULL, NULL, 0 } };

    fake_entry(f, 1, "DC=corp,DC=test", values);
    fake_result(f, 1, 0, NULL);
    for (unsigned i = 0; i < n; i++) {
        fake_entry(f, 2 + i / 250, COMPUTER_DN, none);
        if (i % 250 == 249)
            fake_result(f, 2 + i / 250, 0, "more");
    }
    fake_result(f, 2 + n / 250, 0, "");
    fake_send(f);
}

static void
who_made_how_many_is_counted(void **state)
{
    static const struct {
        const char *quota;
        unsigned n, allowed, made;
    } cases[] = {
        { "10", 0, 10, 0 },     { "10", 10, 10, 10 },          { "300", 260, 300, 260 },
        { "5000", 1200, 5000, 1000 }, { "4294967297", 1, UINT32_MAX, 1 },
        /* Nobody has one, or it is not told: nothing is counted. */
        { "0", 3, 0, 0 },       { NULL, 3, 0, 0 },             { "-1", 3, 0, 0 },
        { "x", 3, 0, 0 },
    };
    uint8_t sid_bytes[SID_BINARY_MAX];
    size_t sid_len = fake_sid(1103, sid_bytes, sizeof(sid_bytes));
    struct sid alice;

    (void)state;
    assert_true(sid_parse(FAKE_DOMAIN "-1103", &alice));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
        uint8_t requests[4096];
        struct dir_quota quota;
        ssize_t len;

        answer_quota(f, cases[i].quota, cases[i].n);
        assert_int_equal(directory_quota(f->d, &alice, &quota), ERR_OK);
        if (quota.allowed != cases[i].allowed || quota.made != cases[i].made)
            fail_msg("%zu: %u of %u", i, (unsigned)quota.made, (unsigned)quota.allowed);
        len = recv(f->peer, requests, sizeof(requests), 0);
        assert_true(len > 0);
        /* By the SID, as it is. */
        assert_int_equal(memmem(requests, (size_t)len, sid_bytes, sid_len) != NULL, cases[i].allowed > 0);
        fake_directory_end(f);
    }
}

static void
a_quota_that_is_not_answered(void **state)
{
    struct fake_directory *f = fake_directory_begin(TIMEOUT_MS);
    struct dir_quota quota;
    struct sid alice;

    (void)state;
    assert_true(sid_parse(FAKE_DOMAIN "-1103", &alice));
    fake_result(f, 1, LDAP_BUSY, NULL);
    fake_send(f);
    assert_int_equal(directory_quota(f->d, &alice, &quota), ERR_NO_KDC);
    assert_int_equal(quota.allowed, 0);
    fake_directory_end(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_computer_is_read),
        cmocka_unit_test(who_made_how_many_is_counted),
        cmocka_unit_test(a_quota_that_is_not_answered),
    };

    log_init("test_ldap_computer", LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
