/* A session with one card: its PIN, and what its keys do. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/card/card_private.h"

/* False with *f where the slot has no card now, or another one: nobody's PIN goes to a card that he was not asked for. */
static bool
token_again(const struct session *s, struct card_token *t, struct card_failure *f)
{
    uint8_t identity[sizeof(t->identity)];
    CK_TOKEN_INFO info;
    CK_RV code;

    memset(&info, 0, sizeof(info));
    code = s->p11->C_GetTokenInfo(s->slot, &info);
    if (code != CKR_OK)
        return card_fail_code(f, code, "C_GetTokenInfo");
    token_identity(&info, identity);
    if (memcmp(identity, t->identity, sizeof(identity)) != 0)
        return card_fail(f, CARD_REMOVED, CKR_OK, "C_GetTokenInfo");
    t->pin = token_pin_state(&info);
    return true;
}

/* What costs no try: is it worth one? */
static bool
pin_usable(const struct card_token *t, const char *pin, struct card_failure *f)
{
    size_t n;

    if (t->pin.locked)
        return card_fail(f, CARD_PIN_LOCKED, CKR_OK, "C_GetTokenInfo");
    if (t->pin_pad)
        return pin == NULL || card_fail(f, CARD_PIN_AT_READER, CKR_OK, "PIN");
    n = pin == NULL ? 0 : strlen(pin);
    if (n == 0 || n > CARD_PIN_MAX || (t->pin_max > 0 && (n < t->pin_min || n > t->pin_max)))
        return card_fail(f, CARD_PIN_UNUSABLE, CKR_OK, "PIN");
    return true;
}

static bool
login_failed(CK_RV code, struct card_failure *f)
{
    switch (code) {
    case CKR_PIN_INCORRECT:
        return card_fail(f, CARD_PIN_WRONG, code, "C_Login");
    case CKR_PIN_LOCKED:
        return card_fail(f, CARD_PIN_LOCKED, code, "C_Login");
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_INVALID:
        return card_fail(f, CARD_PIN_UNUSABLE, code, "C_Login");
    case CKR_PIN_EXPIRED:
        return card_fail(f, CARD_PIN_EXPIRED, code, "C_Login");
    case CKR_USER_PIN_NOT_INITIALIZED:
        return card_fail(f, CARD_PIN_UNSET, code, "C_Login");
    case CKR_CANCEL:
    case CKR_FUNCTION_CANCELED:
    case CKR_FUNCTION_REJECTED:
        return card_fail(f, CARD_CANCELLED, code, "C_Login");
    default:
        /* CKR_USER_ALREADY_LOGGED_IN among them: it says nothing about this PIN. */
        return card_fail_code(f, code, "C_Login");
    }
}

static CK_RV
login(const struct session *s, CK_USER_TYPE who, const char *pin)
{
    /* The module reads it only. */
    return s->p11->C_Login(s->handle, who, (CK_UTF8CHAR *)(uintptr_t)pin, pin == NULL ? 0 : strlen(pin));
}

static CK_FUNCTION_LIST *
module_of(const struct cards *c, const struct card_token *t)
{
    for (size_t i = 0; i < c->n_modules; i++) {
        if (strcmp(c->modules[i].path, t->module) == 0)
            return c->modules[i].list;
    }
    return NULL;
}

bool
session_login(struct session *s, struct cards *c, struct card_token *t, const char *pin, struct card_failure *f)
{
    struct card_failure ignored;
    CK_RV code;

    *s = (struct session){ .p11 = module_of(c, t), .slot = t->slot, .handle = CK_INVALID_HANDLE };
    if (s->p11 == NULL)
        return card_fail(f, CARD_MODULE, CKR_OK, "module");
    code = s->p11->C_OpenSession(s->slot, CKF_SERIAL_SESSION, NULL, NULL, &s->handle);
    if (code != CKR_OK) {
        s->handle = CK_INVALID_HANDLE;
        return card_fail_code(f, code, "C_OpenSession");
    }
    /* In this order: a session ends when its card is pulled, so the one that is looked at now is the one that gets the
     * PIN. */
    if (!token_again(s, t, f))
        return false;
    if (!t->login_required)
        return true;
    if (!pin_usable(t, pin, f))
        return false;
    code = login(s, CKU_USER, pin);
    s->logged_in = code == CKR_OK;
    (void)token_again(s, t, &ignored);
    return s->logged_in || login_failed(code, f);
}

void
session_end(struct session *s)
{
    if (s->handle == CK_INVALID_HANDLE)
        return;
    /* All of the process's sessions with a card are logged in together. */
    if (s->logged_in && s->p11->C_Logout(s->handle) != CKR_OK)
        (void)s->p11->C_CloseAllSessions(s->slot);
    else
        (void)s->p11->C_CloseSession(s->handle);
    s->handle = CK_INVALID_HANDLE;
}

static bool
look_for_keys(const struct session *s, struct card_token *t, struct card_failure *f)
{
    for (size_t i = 0; i < t->n_certificates; i++) {
        struct card_certificate *certificate = &t->certificates[i];
        CK_OBJECT_HANDLE key;

        if (!session_find_key(s->p11, s->handle, certificate, &key, f))
            return false;
        certificate->key = key == CK_INVALID_HANDLE ? CARD_KEY_MISSING : CARD_KEY_THERE;
        if (key == CK_INVALID_HANDLE && certificate->unfit == CERTIFICATE_FIT)
            certificate->unfit = CERTIFICATE_NO_KEY;
    }
    return true;
}

bool
card_check_pin(struct cards *c, struct card_token *t, const char *pin, struct card_failure *f)
{
    struct session s;
    bool good;

    *f = (struct card_failure){ .error = CARD_NONE, .step = "" };
    good = session_login(&s, c, t, pin, f) && look_for_keys(&s, t, f);
    if (good && !t->login_required)
        good = card_fail(f, CARD_NO_LOGIN, CKR_OK, "C_GetTokenInfo");
    session_end(&s);
    return good;
}

/* Some keys want the PIN once more for each signature; this one was right a moment ago. */
static CK_RV
login_for_key(const struct session *s, CK_OBJECT_HANDLE key, const char *pin)
{
    CK_BBOOL always = CK_FALSE;
    CK_ATTRIBUTE attribute = { .type = CKA_ALWAYS_AUTHENTICATE, .pValue = &always, .ulValueLen = sizeof(always) };

    if (!s->logged_in || s->p11->C_GetAttributeValue(s->handle, key, &attribute, 1) != CKR_OK ||
        attribute.ulValueLen != sizeof(always) || always == CK_FALSE)
        return CKR_OK;
    return login(s, CKU_CONTEXT_SPECIFIC, pin);
}

static bool
sign(const struct session *s, CK_OBJECT_HANDLE key, enum certificate_key kind, const char *pin,
     uint8_t hash[static PROOF_HASH_BYTES], struct proof *proof, struct card_failure *f)
{
    CK_MECHANISM mechanism = { .mechanism = kind == CERTIFICATE_KEY_EC ? CKM_ECDSA : CKM_RSA_PKCS };
    uint8_t info[PROOF_DIGEST_INFO_BYTES];
    struct proof raw;
    CK_ULONG n = sizeof(raw.signature);
    CK_RV code;

    code = s->p11->C_SignInit(s->handle, &mechanism, key);
    if (code != CKR_OK)
        return card_fail_code(f, code, "C_SignInit");
    code = login_for_key(s, key, pin);
    if (code != CKR_OK)
        return login_failed(code, f);
    proof_digest_info(hash, info);
    if (kind == CERTIFICATE_KEY_EC)
        code = s->p11->C_Sign(s->handle, hash, PROOF_HASH_BYTES, raw.signature, &n);
    else
        code = s->p11->C_Sign(s->handle, info, sizeof(info), raw.signature, &n);
    if (code != CKR_OK)
        return card_fail_code(f, code, "C_Sign");
    if (n == 0 || n > sizeof(raw.signature))
        return card_fail(f, CARD_FORGED, CKR_OK, "C_Sign");
    raw.len = n;
    if (kind == CERTIFICATE_KEY_RSA)
        *proof = raw;
    else if (!proof_of_ecdsa(raw.signature, raw.len, proof))
        return card_fail(f, CARD_FORGED, CKR_OK, "C_Sign");
    return true;
}

bool
card_sign(struct cards *c, struct card_token *t, const struct card_certificate *certificate, const char *pin,
          const uint8_t challenge[static PROOF_CHALLENGE_BYTES], struct proof *proof_out, struct card_failure *f)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    uint8_t hash[PROOF_HASH_BYTES];
    struct proof proof = { .len = 0 };
    struct session s;
    bool good = false;

    *proof_out = proof;
    *f = (struct card_failure){ .error = CARD_NONE, .step = "" };
    if (certificate->facts.key == CERTIFICATE_KEY_OTHER)
        return card_fail(f, CARD_KEY_KIND, CKR_OK, "certificate");
    if (!proof_hash(certificate->facts.hash, challenge, hash))
        return card_fail(f, CARD_MEMORY, CKR_OK, "SHA-256");
    if (!session_login(&s, c, t, pin, f) || !session_find_key(s.p11, s.handle, certificate, &key, f))
        goto done;
    if (key == CK_INVALID_HANDLE)
        (void)card_fail(f, CARD_NO_KEY, CKR_OK, "C_FindObjects");
    else
        good = sign(&s, key, certificate->facts.key, pin, hash, &proof, f);

done:
    session_end(&s);
    if (good && !proof_verify(certificate->der, certificate->der_len, challenge, &proof))
        good = card_fail(f, CARD_FORGED, CKR_OK, "verify");
    if (good)
        *proof_out = proof;
    log_debug("card: %s: %s", f->step, card_error_text(f->error));
    return good;
}
