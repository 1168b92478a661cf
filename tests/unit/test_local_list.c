/* lib/identmap: the list of local names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/identmap/local_list.h"

#define MANY 1000U

static void *
new_list(const uint32_t n[static LOCAL_LIST_TABLES], size_t *len_out)
{
    static const uint8_t key[HASH_KEY_LEN] = "a key of a test";
    void *list = NULL;

    *len_out = local_list_size(n);
    assert_int_equal(*len_out % SHARED_UNIT, 0);
    assert_int_equal(posix_memalign(&list, 64, *len_out), 0);
    memset(list, 0, *len_out);
    shared_head_init(list, LOCAL_LIST_MAGIC, LOCAL_LIST_VERSION, key);
    local_list_begin(list, n);
    return list;
}

static uint64_t
hash_of(uint32_t i)
{
    return i * 0xd1342543de82ef95U;
}

static void
an_empty_list_has_root_alone(void **state)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 0 };
    size_t len;
    void *list = new_list(n, &len);

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        assert_false(local_list_has_name(list, len, LOCAL_LIST_USERS, hash_of(i)));
        assert_false(local_list_has_name(list, len, LOCAL_LIST_GROUPS, hash_of(i)));
        assert_int_equal(local_list_has_id(list, len, LOCAL_LIST_UIDS, i), i == 0);
        assert_int_equal(local_list_has_id(list, len, LOCAL_LIST_GIDS, i), i == 0);
    }
    free(list);
}

static void
what_was_added_is_there_and_nothing_else(void **state)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { MANY, MANY / 2, MANY, MANY / 2 };
    size_t len;
    void *list = new_list(n, &len);

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        local_list_add_name(list, LOCAL_LIST_USERS, hash_of(i));
        local_list_add_id(list, LOCAL_LIST_UIDS, 3 * i);
        if (i % 2 == 0) {
            local_list_add_name(list, LOCAL_LIST_GROUPS, hash_of(i));
            local_list_add_name(list, LOCAL_LIST_GROUPS, hash_of(i)); /* once */
            local_list_add_id(list, LOCAL_LIST_GIDS, 3 * i);
            local_list_add_id(list, LOCAL_LIST_GIDS, 3 * i);
        }
    }
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        assert_int_equal(local_list_has_name(list, len, LOCAL_LIST_USERS, hash_of(i)), i < MANY);
        assert_int_equal(local_list_has_name(list, len, LOCAL_LIST_GROUPS, hash_of(i)), i < MANY && i % 2 == 0);
        assert_int_equal(local_list_has_id(list, len, LOCAL_LIST_UIDS, 3 * i), i < MANY);
        assert_int_equal(local_list_has_id(list, len, LOCAL_LIST_GIDS, 3 * i), i < MANY && i % 2 == 0);
        assert_false(local_list_has_id(list, len, LOCAL_LIST_UIDS, 3 * i + 1));
    }
    assert_false(local_list_has_id(list, len, LOCAL_LIST_UIDS, UINT32_MAX));
    free(list);
}

/* All of them want the same slot, the last one. */
static void
a_table_goes_on_at_its_beginning(void **state)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 4, 0, 0, 0 };
    size_t len;
    void *list = new_list(n, &len);

    (void)state;
    for (uint64_t i = 1; i <= 4; i++)
        local_list_add_name(list, LOCAL_LIST_USERS, i << 32 | 0xffffffffU);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(local_list_has_name(list, len, LOCAL_LIST_USERS, i << 32 | 0xffffffffU), i <= 4);
    free(list);
}

static void
the_hash_0_is_kept_too(void **state)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 1, 0, 0, 0 };
    size_t len;
    void *list = new_list(n, &len);

    (void)state;
    assert_false(local_list_has_name(list, len, LOCAL_LIST_USERS, 0));
    local_list_add_name(list, LOCAL_LIST_USERS, 0);
    assert_true(local_list_has_name(list, len, LOCAL_LIST_USERS, 0));
    free(list);
}

/* A list that cannot be read must not make room for a domain's root. */
static void
a_damaged_list_has_everything(void **state)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 4, 4, 4, 4 };
    const struct {
        uint32_t offset, slots;
    } bad[] = { { 128, 0 },          { 128, 3 },           { 128, UINT32_MAX }, { 128, 0x80000000U }, { UINT32_MAX, 8 },
                { 0xfffffff8U, 8 },  { SHARED_UNIT, 8 },   { SHARED_UNIT - 16, 8 }, { 132, 8 },       { 129, 8 } };
    size_t len;
    struct local_list_head *list = new_list(n, &len);

    (void)state;
    assert_true(local_list_has_name(list, sizeof(*list) - 1, LOCAL_LIST_USERS, 1));
    assert_true(local_list_has_id(list, sizeof(*list) - 1, LOCAL_LIST_UIDS, 1));
    assert_true(local_list_has_name(list, len, LOCAL_LIST_UIDS, 1));
    assert_true(local_list_has_id(list, len, LOCAL_LIST_USERS, 1));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (unsigned table = 0; table < LOCAL_LIST_TABLES; table++) {
            list->tables[table].offset = bad[i].offset;
            list->tables[table].slots = bad[i].slots;
            list->tables[table].highest = 65534;
        }
        assert_true(local_list_has_name(list, len, LOCAL_LIST_USERS, 1));
        assert_true(local_list_has_name(list, len, LOCAL_LIST_GROUPS, 1));
        assert_true(local_list_has_id(list, len, LOCAL_LIST_UIDS, 1));
    }
    free(list);
}

static void
a_table_without_an_empty_slot_has_everything(void **state)
{
    const uint32_t n[LOCAL_LIST_TABLES] = { 2, 0, 2, 0 };
    size_t len;
    struct local_list_head *list = new_list(n, &len);

    (void)state;
    memset((uint8_t *)list + sizeof(*list), 0xff, len - sizeof(*list));
    list->tables[LOCAL_LIST_UIDS].highest = UINT32_MAX;
    assert_true(local_list_has_name(list, len, LOCAL_LIST_USERS, 1));
    assert_true(local_list_has_id(list, len, LOCAL_LIST_UIDS, 1));
    free(list);
}

static void
names_are_folded_in_ascii(void **state)
{
    char in[24], out[24];

    (void)state;
    local_list_fold("Root@Z[\xc3\x84`{", 11, out);
    assert_memory_equal(out, "root@z[\xc3\x84`{\0\0\0\0\0", 16);
    /* Every byte at every place of names of every length. */
    for (size_t n = 1; n <= 17; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memset(in, 'B', sizeof(in));
                in[at] = (char)byte;
                memset(out, '!', sizeof(out));
                local_list_fold(in, n, out);
                for (size_t i = 0; i < n; i++) {
                    unsigned c = (unsigned char)in[i];

                    assert_int_equal((unsigned char)out[i], c >= 'A' && c <= 'Z' ? c + 32 : c);
                }
                for (size_t i = n; i < sizeof(out); i++)
                    assert_int_equal(out[i], i < (n + 7) / 8 * 8 ? '\0' : '!');
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_has_root_alone),
        cmocka_unit_test(what_was_added_is_there_and_nothing_else),
        cmocka_unit_test(a_table_goes_on_at_its_beginning),
        cmocka_unit_test(the_hash_0_is_kept_too),
        cmocka_unit_test(a_damaged_list_has_everything),
        cmocka_unit_test(a_table_without_an_empty_slot_has_everything),
        cmocka_unit_test(names_are_folded_in_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
