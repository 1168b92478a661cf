/* What identmap_stress writes into maps, and how it judges what is found there. */
#ifndef AUTHSOD_TESTS_UNIT_STRESS_RECORDS_H
#define AUTHSOD_TESTS_UNIT_STRESS_RECORDS_H

#include "lib/identmap/writer.h"

#define NAMES 32U /* users that are always there; 16 never are, and 8 come and go */
#define TEXT_MAX 512U
#define LIST_MAX 40U

enum counter { LOOKUPS, HITS, NONES, RETRIES, NO_MAP, FORKS, UPDATES, SUPERSEDED, FAULTS, COUNTERS };

/* What all processes see. */
struct stress {
    _Atomic(uint64_t) counters[COUNTERS];
    _Atomic(bool) stop;
    _Atomic(uint32_t) begun[NAMES]; /* versions: the newest that may be found */
    _Atomic(uint32_t) done[NAMES];  /* the oldest that may be found */
    char first_fault[256];
};

extern struct stress *all;

void count(enum counter c);

/* Counts a fault, and keeps the text of the first one. */
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Puts the user i in this version: its passwd record, a group and an initgroups record of the same name. */
void put_version(struct identmap_writer *w, const char *what, unsigned i, uint32_t version);

/* None of these three is there. */
void put_missing(struct identmap_writer *w, const char *what, unsigned i);

/* One key that is asked for. */
struct question {
    const char *what;
    unsigned i;
    enum record_kind kind;
    enum proto_by by;
};

/* The questions in turn, which come back after some hundreds. */
struct question question_of(unsigned turn);

/* A copy of what is found, made before the map is looked at again. */
struct copy {
    char text[3][TEXT_MAX];
    uint32_t gids[LIST_MAX];
    struct record rec;
};

/* Asks the map (len bytes) and copies what it finds; what is too long to be ours is a MISS. */
enum identmap_found ask(const void *map, size_t len, const struct question *q, struct copy *c);

/* Counts the answer of a map that was good; `oldest`: the version that was published before the question. */
void judge(const struct question *q, enum identmap_found found, const struct copy *c, uint32_t oldest);

#endif
