/* What the parts of lib/card share. */
#ifndef AUTHSOD_CARD_PRIVATE_H
#define AUTHSOD_CARD_PRIVATE_H

#include <p11-kit/p11-kit.h>

#include "lib/card/card.h"

struct card_module {
    CK_FUNCTION_LIST *list; /* p11-kit's, until it is released */
    const char *path;       /* visible, absolute */
};

struct cards {
    CK_FUNCTION_LIST **configured; /* owner of the modules' lists, or NULL */
    CK_FUNCTION_LIST *single;      /* owner of the one module's list, or NULL */
    struct card_module modules[CARD_MODULES_MAX];
    size_t n_modules;
    struct card_left_out *left_out;
    size_t n_left_out;
};

/* The list grows by one; a text of p11-kit's or a module's is made visible. False if out of memory. */
bool left_out_add(TALLOC_CTX *mem, struct card_left_out **list, size_t *n, const char *what, const char *why);

/* The token's four names as it has them. */
void token_identity(const CK_TOKEN_INFO *info, uint8_t identity[static 96]);

/* From the token's flags. */
struct card_pin_state token_pin_state(const CK_TOKEN_INFO *info);

/*
 * Is there a private key with the certificate's CKA_ID?  *key_out is its
 * handle, CK_INVALID_HANDLE where there is none.  False with *f if the module
 * failed.
 */
bool session_find_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct card_certificate *certificate,
                      CK_OBJECT_HANDLE *key_out, struct card_failure *f);

/* A session of a token, logged in or not. */
struct session {
    CK_FUNCTION_LIST *p11;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE handle; /* CK_INVALID_HANDLE: none */
    bool logged_in;
};

/* Opens one with the very card that t is about, and logs in where it asks for a PIN. False with *f and t->pin. */
bool session_login(struct session *s, struct cards *c, struct card_token *t, const char *pin, struct card_failure *f);

/* Logs out and closes. A session that was never opened is fine. */
void session_end(struct session *s);

#endif
