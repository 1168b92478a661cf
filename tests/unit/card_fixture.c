#include "tests/unit/card_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <string.h>

const struct certificate_rules strict = { .now = BUILT_NOW, .logon_eku = true, .rsa_bits_min = 2048 };

static void *library;
struct fake_pkcs11 *fake;
EVP_PKEY *rsa, *other, *ec;
uint8_t alice[BUILT_CERTIFICATE_MAX], bob[BUILT_CERTIFICATE_MAX], curve[BUILT_CERTIFICATE_MAX];
size_t alice_len, bob_len, curve_len;
TALLOC_CTX *mem;
struct cards *cards;

void
pad(unsigned char *field, size_t n, const char *text)
{
    memset(field, ' ', n);
    memcpy(field, text, strlen(text));
}

void
describe(struct fake_token *t, const char *label, const char *serial)
{
    pad(t->info.label, sizeof(t->info.label), label);
    pad(t->info.manufacturerID, sizeof(t->info.manufacturerID), "Fake");
    pad(t->info.model, sizeof(t->info.model), "One");
    pad(t->info.serialNumber, sizeof(t->info.serialNumber), serial);
    t->info.flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    t->info.ulMinPinLen = 4;
    t->info.ulMaxPinLen = 8;
    t->pin = "123456";
    t->tries = 3;
}

int
card_group_setup(void **state)
{
    struct certificate_spec spec;

    (void)state;
    /* Held, so that what we write stays when lib/card lets its own go. */
    library = dlopen(TEST_FAKE_PKCS11, RTLD_NOW);
    fake = library == NULL ? NULL : dlsym(library, "fake_pkcs11");
    rsa = build_rsa_key(2048);
    other = build_rsa_key(2048);
    ec = build_ec_key("P-256");
    spec = built_alice_certificate(rsa);
    alice_len = build_certificate(&spec, alice);
    spec = built_alice_certificate(ec);
    curve_len = build_certificate(&spec, curve);
    spec = built_alice_certificate(other);
    spec.name = "Bob";
    spec.alternative = BUILT_UPN("bob@corp.test");
    spec.extended = "clientAuth";
    bob_len = build_certificate(&spec, bob);
    return fake == NULL ? -1 : 0;
}

int
card_group_teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
    return dlclose(library);
}

int
card_setup(void **state)
{
    struct fake_token *t = &fake->tokens[0];

    (void)state;
    memset(fake, 0, sizeof(*fake));
    fake->n_tokens = 1;
    describe(t, "Alice's card", "0001");
    t->objects[0] = (struct fake_object){
        .class = CKO_CERTIFICATE, .id = "\x01", .label = "logon", .der = alice, .der_len = alice_len
    };
    t->objects[1] = (struct fake_object){ .class = CKO_PRIVATE_KEY, .id = "\x01", .key = rsa, .hidden = true };
    t->n_objects = 2;
    mem = talloc_new(NULL);
    cards = card_open(mem, TEST_FAKE_PKCS11);
    return cards == NULL ? -1 : 0;
}

int
card_teardown(void **state)
{
    (void)state;
    card_close(cards);
    talloc_free(mem);
    return fake->opened == fake->closed && !fake->logged_in ? 0 : -1;
}

struct card_view *
look(void)
{
    struct card_view *view = card_look(cards, mem, &strict);

    assert_non_null(view);
    return view;
}

struct card_token *
the_token(void)
{
    struct card_view *view = look();

    assert_int_equal(view->n_tokens, 1);
    return view->tokens;
}

void
again(void)
{
    card_close(cards);
    cards = NULL;
    talloc_free(mem);
    assert_int_equal(card_setup(NULL), 0);
}
