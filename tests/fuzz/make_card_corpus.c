/*
 * Writes the inputs of fuzz_card_certificate anew, with the builder of the unit
 * tests and small keys:
 *
 *   make tests/fuzz/make_card_corpus && tests/fuzz/make_card_corpus ../tests/fuzz/corpus
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/certificate_builder.h"

static void
save(const char *corpus, const char *name, const struct certificate_spec *spec)
{
    static uint8_t der[BUILT_CERTIFICATE_MAX];
    size_t n = build_certificate(spec, der);
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/fuzz_card_certificate/%s", corpus, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(der, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

int
main(int argc, char **argv)
{
    EVP_PKEY *rsa = build_rsa_key(512), *ec = build_ec_key("P-256");
    struct certificate_spec spec = built_alice_certificate(ec);

    if (argc != 2)
        return 2;
    save(argv[1], "alice_ec", &spec);
    spec.key = rsa;
    save(argv[1], "alice_rsa", &spec);
    spec.alternative = BUILT_UPN("a@corp.test") "," BUILT_UPN("b@corp.test") ",DNS:ws1,email:a@corp.test";
    spec.name = "Jos\xc3\xa9 \xe2\x80\xae\x1b[31m";
    save(argv[1], "names", &spec);
    save(argv[1], "authority", &(struct certificate_spec){ .key = ec, .basic = "CA:TRUE", .usage = "keyCertSign" });
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    return 0;
}
