/*
 * What the tests of lib/store share: a folder for each test, its store, and
 * rows to put into it.
 */
#ifndef AUTHSOD_TESTS_UNIT_STORE_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/store/store_db.h"

/* Of the test that runs. */
extern char dir[64];

int make_dir(void **state);
/* Unmounts what is mounted on it, too. */
int remove_dir(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

/* The store in dir; the test fails where there is none. */
struct store *open_store(void);

/* The store's file, or with a tail ("-wal", ".damaged") one beside it. In memory that the next call uses again. */
const char *path_of(const char *tail);
bool exists(const char *tail);

struct sid sid_of(const char *text);
/* S-1-5-21-1-2-3-n */
struct sid rid(uint32_t n);

/* A user with everything known, and whether u is that one. */
struct store_user alice(void);
void assert_alice(const struct store_user *u);

/* A user that differs from all others by n, of whom only the needful is known. */
struct store_user user_n(uint32_t n, char name[static 32]);

/* What s has of it, NULL if nothing. */
struct store_user *stored_user(struct store *s, uint32_t n);

/* A group with three members. */
extern const char *const staff_members[3];
struct store_group staff(void);

#endif
