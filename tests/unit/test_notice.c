/* daemon/notice.h: what a person is told beside a success. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/notice.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static int64_t now;

/* 24 October 2026, 20:00, in a time zone that sets its clocks back an hour in the night after. */
static int
setup(void **state)
{
    struct tm tm = { .tm_year = 126, .tm_mon = 9, .tm_mday = 24, .tm_hour = 20, .tm_isdst = -1 };

    (void)state;
    (void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    now = (int64_t)mktime(&tm);
    return 0;
}

static void
a_password_that_runs_out_is_told_in_time(void **state)
{
    const struct {
        int64_t must_change;
        int warning;
        const char *notice; /* NULL: none; days, or the word */
    } cases[] = {
        { 0, 5 * DAY, NULL },                                 /* not told */
        { INT64_MAX, 365 * DAY, NULL },                       /* never */
        { INT64_MAX - 1, 365 * DAY, NULL },
        { now - 1, 5 * DAY, NULL },
        { now, 5 * DAY, NULL },
        { now + 1, 5 * DAY, "today" },
        { now + 4 * HOUR - 1, 5 * DAY, "today" },
        { now + 4 * HOUR, 5 * DAY, "tomorrow" },              /* midnight */
        { now + 4 * HOUR + DAY + HOUR - 1, 5 * DAY, "tomorrow" }, /* the day has 25 hours */
        { now + 4 * HOUR + DAY + HOUR, 5 * DAY, "2" },
        { now + 5 * DAY, 5 * DAY, "5" },
        { now + 5 * DAY + 1, 5 * DAY, NULL },
        { now + 14 * DAY, 14 * DAY, "14" },
        { now + HOUR, HOUR, "today" },
        { now + HOUR + 1, HOUR, NULL },
        { now + 1, 0, NULL },                                 /* no warnings are wanted */
        { now + 300 * DAY, 365 * DAY, "300" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct proto_order o;
        const char *got = NULL;

        if (notice_password(cases[i].must_change, now, cases[i].warning, &o)) {
            assert_int_equal(o.type, PROTO_SAY);
            assert_false(o.is_error);
            got = o.code == NOTICE_PASSWORD_EXPIRES_TODAY      ? "today"
                  : o.code == NOTICE_PASSWORD_EXPIRES_TOMORROW ? "tomorrow"
                                                               : o.values[0];
            assert_int_equal(o.n_values, o.code == NOTICE_PASSWORD_EXPIRES_DAYS ? 1 : 0);
        }
        if (cases[i].notice == NULL && got != NULL)
            fail_msg("case %zu: %s", i, got);
        if (cases[i].notice != NULL) {
            assert_non_null(got);
            assert_string_equal(got, cases[i].notice);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_password_that_runs_out_is_told_in_time) };

    return cmocka_run_group_tests(tests, setup, NULL);
}
