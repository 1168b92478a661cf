/*
 * For keeper's tests: the files that every process maps, on a disk of the
 * test's own, an /etc and the membership's folders, too, and time that passes
 * when the test says so.
 */
#ifndef AUTHSOD_TESTS_KEEPER_FILES_H
#define AUTHSOD_TESTS_KEEPER_FILES_H

#include "daemon/keeper.h"
#include "lib/identmap/shared.h"

/* The group's: mounts of this process, which is skipped where it may make none. */
int keeper_files_begin(void **state);
int keeper_files_end(void **state);

/* A keeper of that configuration, without any process. */
void keeper_new(const char *config);

/* Each test's: keeper with a front, and the end of it at which nothing is left. */
#define KEEPER_FILES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int setup(void **state);
int teardown(void **state);

extern char run[];                      /* the folder that the files are in */
extern struct keeper *k;
extern struct child *front;
extern int to_front;                    /* what keeper tells front */
extern int64_t waited_ms, slept_ms;     /* CLOCK_MONOTONIC, CLOCK_BOOTTIME: whole seconds */
extern struct shared_readers readers;

/* A path in a folder; good until the next call. */
const char *at(const char *folder, const char *name);
void write_file(const char *path, const char *text);
/* keeper's configuration from now on. */
void configure(const char *text);
/* How many files are in the folder, beside the disk's filling. */
unsigned files(void);
/* What a file's head says. */
uint32_t superseded(int fd);
/* The disk that the folder is on. */
void fill_disk(const char *folder);
void empty_disk(const char *folder);

#endif
