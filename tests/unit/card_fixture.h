/* A token of tests/unit/fake_pkcs11.c, its certificates, and lib/card opened on it. */
#ifndef AUTHSOD_TESTS_UNIT_CARD_FIXTURE_H
#define AUTHSOD_TESTS_UNIT_CARD_FIXTURE_H

#include "lib/card/card.h"
#include "tests/unit/certificate_builder.h"
#include "tests/unit/fake_pkcs11.h"

extern const struct certificate_rules strict;

extern struct fake_pkcs11 *fake; /* what the module is told; the first token is Alice's */
extern EVP_PKEY *rsa, *other, *ec;
/* Alice's, with the key rsa; Bob's, with other, no logon's; Alice's, with ec. */
extern uint8_t alice[BUILT_CERTIFICATE_MAX], bob[BUILT_CERTIFICATE_MAX], curve[BUILT_CERTIFICATE_MAX];
extern size_t alice_len, bob_len, curve_len;
extern TALLOC_CTX *mem; /* of one test */
extern struct cards *cards;

int card_group_setup(void **state);
int card_group_teardown(void **state);

/* One token, Alice's, with her certificate and a key that is seen by who knows the PIN. */
int card_setup(void **state);

/* Fails where a session was left open. */
int card_teardown(void **state);

/* A field of a token, padded with blanks. */
void pad(unsigned char *field, size_t n, const char *text);

/* A token with the PIN 123456 and three tries. */
void describe(struct fake_token *t, const char *label, const char *serial);

struct card_view *look(void);

/* There is one. */
struct card_token *the_token(void);

/* Opened again: the module begins from the start, as each case of a table does. */
void again(void);

#endif
