/* Authorities, what they issued and revoked, in files that a test makes: for tests of lib/card/chain.h. */
#ifndef AUTHSOD_TESTS_UNIT_CHAIN_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_CHAIN_FIXTURE_H

#include <stdbool.h>

#include "lib/card/chain.h"
#include "tests/unit/certificate_builder.h"

struct chain_world {
    EVP_PKEY *root_key, *between_key, *second_key, *user_key, *stranger_key; /* on a curve */
    EVP_PKEY *rsa_key; /* NULL, or what a test puts there for all of its group */
    /* root signs itself and between, between signs second; stranger is an authority that signs itself. */
    struct certificate_spec root, between, second, stranger;
    struct certificate_spec user; /* Alice's, serial number 17, issued by root */
    TALLOC_CTX *mem;              /* of one test */
    char dir[64];                 /* a new folder */
    char why[CHAIN_WHY_MAX];      /* what the last call said */
};

extern struct chain_world w;

/* Of the whole group: the keys. Of each test: the folder, and everybody as they are above. */
int chain_group_setup(void **state);
int chain_group_teardown(void **state);
int chain_setup(void **state);
int chain_teardown(void **state);

/* The path of a name in the folder; the test's. */
const char *in_dir(const char *name);

/* Appends it to the file of that name. */
void put_certificate(const char *name, const struct certificate_spec *spec);
void put_crl(const char *name, const struct crl_spec *spec);
void put_text(const char *name, const void *text, size_t len);

/* Removes a file, or a folder's files and it. */
void put_away(const char *name);

/* With the files, or folders, "anchors", "between" and "crls", as far as they are there. */
struct chain *open_chain(bool require_crl);
enum certificate_unfit judge_at(const struct certificate_spec *spec, bool require_crl, int64_t now);
enum certificate_unfit judge_by_last_lists(const struct certificate_spec *spec, bool require_crl, int64_t now);

/* At BUILT_NOW: lists are used, not required; required. */
enum certificate_unfit judge(const struct certificate_spec *spec);
enum certificate_unfit judge_strictly(const struct certificate_spec *spec);

#define assert_judged(call, want) \
    do { \
        enum certificate_unfit judged = (call); \
        if (judged != (want)) \
            fail_msg("%s: %s, not %s: %s", #call, certificate_unfit_name(judged), certificate_unfit_name(want), w.why); \
    } while (0)

#define assert_why(part) \
    do { \
        if (strstr(w.why, part) == NULL) \
            fail_msg("no \"%s\" in \"%s\"", part, w.why); \
    } while (0)

#endif
