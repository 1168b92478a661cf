/* For tests of what front publishes: the map in place, read as every process reads it. */
#ifndef AUTHSOD_TESTS_UNIT_FRONT_MAP_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_FRONT_MAP_FIXTURE_H

#include "lib/identmap/reader.h"
#include "tests/unit/front_fixture.h"

#define ALICE 2001104
#define CREW 2002000
#define MAP_TEST(test) cmocka_unit_test_setup_teardown(test, with_map, without_map)

/* The map in place, as the test has it mapped. */
extern void *map;
extern uint32_t size;

/* What the last look found. */
extern struct record found;
extern bool stale;

int with_map(void **state);
int without_map(void **state);

enum identmap_found look(enum record_kind kind, const char *name);
enum identmap_found look_id(enum record_kind kind, uint32_t id);

/* The computer has slept: front's next tick tells the readers. */
void sleep_till(struct fixture *x, int64_t ms);

/* These ask, and answer as directory does; the group's name is crew, and NULL asks for its id. */
void look_up_passwd(struct fixture *x, const char *asked, const char *name, uint32_t uid);
void look_up_group(struct fixture *x, const char *name, uint32_t gid, unsigned members);

#endif
