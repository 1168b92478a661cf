/*
 * Writes the inputs of fuzz_pac and fuzz_logon_info anew, with the encoder of
 * the unit tests:
 *
 *   make tests/fuzz/make_pac_corpus && tests/fuzz/make_pac_corpus ../tests/fuzz/corpus
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ndr/pac.h"
#include "tests/unit/pac_builder.h"

static void
save(const char *corpus, const char *target, const char *name, const uint8_t *data, size_t len)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s/%s", corpus, target, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void
make(const char *corpus, const char *name, const struct pac_spec *spec)
{
    static const struct pac_ticket ticket = { .client = "", .authtime = PAC_AUTHTIME };
    static struct pac_built built;
    static uint8_t bytes[PAC_SIZE_MAX];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct logon_info *info;
    const char *why;

    pac_build(spec, &built);
    info = pac_decode(NULL, built.data, built.len, &ticket, &why);
    if (info == NULL) {
        (void)fprintf(stderr, "%s: %s\n", name, why);
        exit(1);
    }
    logon_info_write(&w, info);
    save(corpus, "fuzz_pac", name, built.data, built.len);
    save(corpus, "fuzz_logon_info", name, bytes, w.len);
    talloc_free(info);
}

/* One that is refused: of no use to fuzz_logon_info. */
static void
make_delegated(const char *corpus)
{
    static const uint32_t order[PAC_ORDER_MAX] = { 1, 10, 12, 11, 6, 7 };
    static struct pac_built built;
    struct pac_spec spec = pac_spec_alice();

    memcpy(spec.order, order, sizeof(order));
    pac_build(&spec, &built);
    save(corpus, "fuzz_pac", "delegated", built.data, built.len);
}

int
main(int argc, char **argv)
{
    static const uint32_t bare[PAC_ORDER_MAX] = { 1, 10, 6, 7 };
    struct pac_spec spec = pac_spec_alice();

    if (argc != 2)
        return 2;
    make(argv[1], "full", &spec);
    spec.upn_flags = 1;
    spec.sizes_are_rounded = true;
    spec.extra[0].sid = "S-1-18-2";
    make(argv[1], "plain_upn", &spec);
    memcpy(spec.order, bare, sizeof(bare));
    memset(spec.extra, 0, sizeof(spec.extra));
    memset(spec.resource, 0, sizeof(spec.resource));
    spec.resource_domain = NULL;
    spec.full_name = NULL;
    spec.profile_path = NULL;
    make(argv[1], "bare", &spec);
    make_delegated(argv[1]);
    return 0;
}
