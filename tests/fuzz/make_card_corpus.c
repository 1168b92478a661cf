/*
 * Writes the inputs of fuzz_card_certificate and fuzz_card_chain anew, and the
 * authorities of the latter, with the builder of the unit tests and small keys:
 *
 *   make tests/fuzz/make_card_corpus && tests/fuzz/make_card_corpus ../tests/fuzz
 *
 * Both go together: a new card_chain_pem.h needs new inputs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/certificate_builder.h"

static uint8_t der[BUILT_CERTIFICATE_MAX];

static void
require(int good, const char *path)
{
    if (!good) {
        perror(path);
        exit(1);
    }
}

static void
save(const char *folder, const char *target, const char *name, const struct certificate_spec *spec)
{
    size_t n = build_certificate(spec, der);
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/corpus/%s/%s", folder, target, name);
    f = fopen(path, "wb");
    require(f != NULL && fwrite(der, 1, n, f) == n && fclose(f) == 0, path);
}

static void
save_certificates(const char *folder, EVP_PKEY *rsa, EVP_PKEY *ec)
{
    static const char target[] = "fuzz_card_certificate";
    struct certificate_spec spec = built_alice_certificate(ec);

    save(folder, target, "alice_ec", &spec);
    spec.key = rsa;
    save(folder, target, "alice_rsa", &spec);
    spec.alternative = BUILT_UPN("a@corp.test") "," BUILT_UPN("b@corp.test") ",DNS:ws1,email:a@corp.test";
    spec.name = "Jos\xc3\xa9 \xe2\x80\xae\x1b[31m";
    save(folder, target, "names", &spec);
    save(folder, target, "authority", &(struct certificate_spec){ .key = ec, .basic = "CA:TRUE", .usage = "keyCertSign" });
}

/* PEM as a string of C. */
static void
quote(FILE *out, const char *name, const char *kind, size_t n)
{
    char path[] = "/tmp/authsod-corpus-XXXXXX", line[128];
    int fd = mkstemp(path);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

    require(in != NULL, path);
    append_pem(path, kind, der, n);
    (void)fprintf(out, "\nstatic const char %s[] =", name);
    while (fgets(line, sizeof(line), in) != NULL) {
        line[sizeof(line) - 1] = '\0';
        for (char *p = line; *p != '\0'; p++)
            *p = *p == '\n' ? '\0' : *p;
        (void)fprintf(out, "\n    \"%s\\n\"", line);
    }
    (void)fprintf(out, ";\n");
    (void)fclose(in);
    (void)remove(path);
}

static void
save_chain(const char *folder, EVP_PKEY *rsa, EVP_PKEY *ec)
{
    static const char target[] = "fuzz_card_chain";
    static const unsigned revoked[] = { 18, 0 };
    EVP_PKEY *root_key = build_ec_key("P-256"), *between_key = build_ec_key("P-256");
    struct certificate_spec root = {
        .key = root_key, .issuer = &root, .name = "Root", .basic = "critical,CA:TRUE",
        .usage = "critical,keyCertSign,cRLSign", .key_ids = true,
    };
    struct certificate_spec between = root, alice = built_alice_certificate(ec), bob = alice;
    char path[4096];
    FILE *f;

    between.key = between_key;
    between.name = "Between";
    between.constraints = "critical,permitted;DNS:corp.test";
    between.policies = "critical,requireExplicitPolicy:5";
    (void)snprintf(path, sizeof(path), "%s/card_chain_pem.h", folder);
    f = fopen(path, "w");
    require(f != NULL, path);
    (void)fprintf(f, "/* Made by make_card_corpus.c. */");
    quote(f, "chain_root_pem", "CERTIFICATE", build_certificate(&root, der));
    quote(f, "chain_between_pem", "CERTIFICATE", build_certificate(&between, der));
    quote(f, "chain_crls_pem", "X509 CRL", build_crl(&(struct crl_spec){ .issuer = &root, .revoked = revoked,
                                                                       .next_update = BUILT_NOW + 86400 }, der));
    require(fclose(f) == 0, path);
    alice.name = "Alice";
    alice.issuer = &root;
    alice.key_ids = true;
    save(folder, target, "direct", &alice);
    alice.serial = 18;
    save(folder, target, "revoked", &alice);
    bob.name = "Bob";
    bob.issuer = &between;
    bob.alternative = BUILT_UPN("bob@corp.test") ",DNS:ws1.corp.test,email:bob@corp.test";
    save(folder, target, "between", &bob);
    bob.alternative = "DNS:ws1.other.test";
    save(folder, target, "constrained", &bob);
    bob.key = rsa;
    bob.issuer = NULL;
    save(folder, target, "stranger", &bob);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(between_key);
}

int
main(int argc, char **argv)
{
    EVP_PKEY *rsa = build_rsa_key(512), *ec = build_ec_key("P-256");

    if (argc != 2)
        return 2;
    save_certificates(argv[1], rsa, ec);
    save_chain(argv[1], rsa, ec);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    return 0;
}
