/* daemon/local_names: names and ids of this computer's own accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/local_names.h"

static const char *const reserved[] = { "docker", "wheel", NULL };

static void
local_and_reserved_names_are_known(void **state)
{
    struct config c = { .reserved_names = reserved, .n_reserved = 2 };
    struct local_names *l = local_names_new(NULL, &c);

    (void)state;
    assert_non_null(l);
    assert_true(local_names_has_user(l, "root"));
    assert_true(local_names_has_user(l, "ROOT"));
    assert_true(local_names_has_uid(l, 0));
    assert_true(local_names_has_gid(l, 0));
    assert_true(local_names_has_group(l, "docker"));
    assert_true(local_names_has_user(l, "Wheel"));
    assert_false(local_names_has_user(l, "roo"));
    assert_false(local_names_has_user(l, "rootx"));
    assert_false(local_names_has_user(l, ""));
    assert_false(local_names_has_uid(l, 2000001104));
    assert_false(local_names_refresh(l));
    talloc_free(l);
}

static void
count(void *arg, const char *name)
{
    unsigned *n = arg;

    assert_non_null(name);
    *n += 1;
}

static void
all_names_are_told(void **state)
{
    struct config c = { .reserved_names = reserved, .n_reserved = 2 };
    struct local_names *l = local_names_new(NULL, &c);
    unsigned n = 0;

    (void)state;
    local_names_each(l, count, &n);
    assert_true(n > 4);
    talloc_free(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_and_reserved_names_are_known),
        cmocka_unit_test(all_names_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
