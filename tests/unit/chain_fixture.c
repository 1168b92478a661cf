#include "tests/unit/chain_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chain_world w;

static struct certificate_spec
authority(EVP_PKEY *key, const char *name, const struct certificate_spec *issuer, unsigned serial)
{
    return (struct certificate_spec){
        .key = key,
        .issuer = issuer,
        .name = name,
        .basic = "critical,CA:TRUE",
        .usage = "critical,keyCertSign,cRLSign",
        .key_ids = true,
        .serial = serial,
    };
}

int
chain_group_setup(void **state)
{
    (void)state;
    w.root_key = build_ec_key("P-256");
    w.between_key = build_ec_key("P-256");
    w.second_key = build_ec_key("P-256");
    w.stranger_key = build_ec_key("P-256");
    w.user_key = build_ec_key("P-256");
    return 0;
}

int
chain_group_teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(w.root_key);
    EVP_PKEY_free(w.between_key);
    EVP_PKEY_free(w.second_key);
    EVP_PKEY_free(w.stranger_key);
    EVP_PKEY_free(w.user_key);
    EVP_PKEY_free(w.rsa_key);
    return 0;
}

int
chain_setup(void **state)
{
    (void)state;
    (void)snprintf(w.dir, sizeof(w.dir), "/tmp/authsod-chain-XXXXXX");
    w.mem = talloc_new(NULL);
    if (w.mem == NULL || mkdtemp(w.dir) == NULL)
        return -1;
    w.root = authority(w.root_key, "Root", &w.root, 1);
    w.between = authority(w.between_key, "Between", &w.root, 2);
    w.second = authority(w.second_key, "Second", &w.between, 3);
    w.stranger = authority(w.stranger_key, "Stranger", &w.stranger, 4);
    w.user = built_alice_certificate(w.user_key);
    w.user.issuer = &w.root;
    w.user.key_ids = true;
    w.why[0] = '\0';
    return 0;
}

const char *
in_dir(const char *name)
{
    char *path = talloc_asprintf(w.mem, "%s/%s", w.dir, name);

    assert_non_null(path);
    return path;
}

static void
remove_path(const char *path)
{
    DIR *d = unlink(path) == 0 ? NULL : opendir(path);
    const struct dirent *entry;

    if (d == NULL)
        return;
    for (entry = readdir(d); entry != NULL; entry = readdir(d)) {
        char name[1024];

        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_path(name);
    }
    (void)closedir(d);
    (void)rmdir(path);
}

int
chain_teardown(void **state)
{
    (void)state;
    remove_path(w.dir);
    TALLOC_FREE(w.mem);
    return 0;
}

void
put_away(const char *name)
{
    remove_path(in_dir(name));
}

void
put_certificate(const char *name, const struct certificate_spec *spec)
{
    static uint8_t der[BUILT_CERTIFICATE_MAX];

    append_pem(in_dir(name), "CERTIFICATE", der, build_certificate(spec, der));
}

void
put_crl(const char *name, const struct crl_spec *spec)
{
    static uint8_t der[BUILT_CERTIFICATE_MAX];

    append_pem(in_dir(name), "X509 CRL", der, build_crl(spec, der));
}

void
put_text(const char *name, const void *text, size_t len)
{
    FILE *f = fopen(in_dir(name), "ae");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

struct chain *
open_chain(bool require_crl)
{
    static const char *const names[] = { "anchors", "between", "crls" };
    const char *lists[3][2] = { { NULL } };

    for (size_t i = 0; i < 3; i++)
        lists[i][0] = access(in_dir(names[i]), F_OK) == 0 ? in_dir(names[i]) : NULL;
    return chain_new(NULL, lists[0], lists[1], lists[2], require_crl, w.why);
}

/* From a copy of exactly that many bytes, so that a sanitizer sees a read past them. */
static enum certificate_unfit
judge_copy(const struct certificate_spec *spec, bool require_crl, bool last_lists, int64_t now)
{
    struct chain *c = open_chain(require_crl);
    uint8_t *der = malloc(BUILT_CERTIFICATE_MAX);
    enum certificate_unfit unfit;
    size_t n;

    assert_non_null(c);
    assert_string_equal(w.why, "");
    assert_non_null(der);
    n = build_certificate(spec, der);
    der = realloc(der, n);
    assert_non_null(der);
    unfit = chain_judge(c, der, n, now, last_lists, w.why);
    free(der);
    talloc_free(c);
    if (unfit != CERTIFICATE_FIT)
        assert_true(w.why[0] != '\0');
    return unfit;
}

enum certificate_unfit
judge_at(const struct certificate_spec *spec, bool require_crl, int64_t now)
{
    return judge_copy(spec, require_crl, false, now);
}

enum certificate_unfit
judge_by_last_lists(const struct certificate_spec *spec, bool require_crl, int64_t now)
{
    return judge_copy(spec, require_crl, true, now);
}

enum certificate_unfit
judge(const struct certificate_spec *spec)
{
    return judge_at(spec, false, BUILT_NOW);
}

enum certificate_unfit
judge_strictly(const struct certificate_spec *spec)
{
    return judge_at(spec, true, BUILT_NOW);
}
