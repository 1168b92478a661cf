/*
 * Writes the inputs of fuzz_netlogon and fuzz_lsa anew, with the builder of the
 * unit tests:
 *
 *   make tests/fuzz/make_rpc_corpus && tests/fuzz/make_rpc_corpus ../tests/fuzz/corpus
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/netlogon_builder.h"

static uint8_t bytes[BUILT_MAX];

static void
save(const char *corpus, const char *name, uint8_t which, const struct writer *w)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", corpus, name);
    f = fopen(path, "wb");
    if (f == NULL || !writer_ok(w) || putc(which, f) == EOF || fwrite(w->data, 1, w->len,
                                                                      f) != w->len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static struct writer
begin(void)
{
    return writer_init(bytes, sizeof(bytes));
}

static void
save_logon(const char *corpus, const char *name, uint8_t which, const struct built_logon *spec)
{
    struct writer w = begin();
    struct built places;

    build_logon(&w, spec, &places);
    save(corpus, name, which, &w);
}

int
main(int argc, char **argv)
{
    static const uint8_t credential[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    struct built_logon spec = built_alice(3);
    struct built places;
    struct writer w;

    if (argc != 2)
        return 2;
    save_logon(argv[1], "fuzz_netlogon/level_3", 3, &spec);
    spec = built_alice(6);
    save_logon(argv[1], "fuzz_netlogon/level_6", 6, &spec);
    spec.credential = credential;
    save_logon(argv[1], "fuzz_netlogon/with_flags", 7, &spec);
    spec = built_alice(6);
    spec.has_info = false;
    spec.status = 0xc000006a;
    save_logon(argv[1], "fuzz_netlogon/wrong_password", 6, &spec);
    w = begin();
    build_trusts(&w, 0, &places);
    save(argv[1], "fuzz_netlogon/trusts", 40, &w);
    w = begin();
    build_dc(&w, 0, &places);
    save(argv[1], "fuzz_netlogon/controller", 34, &w);
    w = begin();
    build_lsa_names(&w, 0x107, &places);
    save(argv[1], "fuzz_lsa/names", 76, &w);
    w = begin();
    build_lsa_sids(&w, 0x107, &places);
    save(argv[1], "fuzz_lsa/sids", 77, &w);
    return 0;
}
