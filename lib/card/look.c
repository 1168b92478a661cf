/* What is there: slots, tokens, certificates. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/card/card_private.h"
#include "lib/card/chain.h"
#include "lib/card/text.h"

#define HANDLES_MAX 16 /* of one C_FindObjects */

struct look {
    struct card_view *view;
    struct card_left_out *left_out;
    const struct certificate_rules *rules;
};

void
token_identity(const CK_TOKEN_INFO *info, uint8_t identity[static 96])
{
    _Static_assert(sizeof(info->label) + sizeof(info->manufacturerID) + sizeof(info->model) +
                           sizeof(info->serialNumber) == 96, "the names of a token");
    memcpy(identity, info->label, 32);
    memcpy(identity + 32, info->manufacturerID, 32);
    memcpy(identity + 64, info->model, 16);
    memcpy(identity + 80, info->serialNumber, 16);
}

struct card_pin_state
token_pin_state(const CK_TOKEN_INFO *info)
{
    return (struct card_pin_state){
        .low = (info->flags & CKF_USER_PIN_COUNT_LOW) != 0,
        .last_try = (info->flags & CKF_USER_PIN_FINAL_TRY) != 0,
        .locked = (info->flags & CKF_USER_PIN_LOCKED) != 0,
        .to_change = (info->flags & CKF_USER_PIN_TO_BE_CHANGED) != 0,
    };
}

/*
 * One attribute into a buffer of ours that holds the longest, in one call: what
 * a first call says of its length need not be true in a second.
 */
static bool
get_attribute(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
              void *buf, size_t size, size_t *len_out)
{
    CK_ATTRIBUTE attribute = { .type = type, .pValue = buf, .ulValueLen = size };

    *len_out = 0;
    if (p11->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || attribute.ulValueLen > size)
        return false;
    *len_out = attribute.ulValueLen;
    return true;
}

bool
session_find_key(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const struct card_certificate *certificate,
                 CK_OBJECT_HANDLE *key_out, struct card_failure *f)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    uint8_t id[CARD_ID_MAX];
    CK_ATTRIBUTE wanted[] = {
        { .type = CKA_CLASS, .pValue = &class, .ulValueLen = sizeof(class) },
        { .type = CKA_ID, .pValue = id, .ulValueLen = certificate->id_len },
    };
    CK_OBJECT_HANDLE handles[HANDLES_MAX];
    CK_ULONG n = 0;
    CK_RV code, end;

    *key_out = CK_INVALID_HANDLE;
    /* Nothing but the id says which key is whose. */
    if (certificate->id_len == 0)
        return true;
    memcpy(id, certificate->id, certificate->id_len);
    code = p11->C_FindObjectsInit(session, wanted, 2);
    if (code != CKR_OK)
        return card_fail_code(f, code, "C_FindObjectsInit");
    code = p11->C_FindObjects(session, handles, 1, &n);
    end = p11->C_FindObjectsFinal(session);
    if (code != CKR_OK)
        return card_fail_code(f, code, "C_FindObjects");
    if (end != CKR_OK)
        return card_fail_code(f, end, "C_FindObjectsFinal");
    if (n == 1)
        *key_out = handles[0];
    return true;
}

static bool
seen_before(const struct card_token *t, const struct card_certificate *certificate)
{
    for (size_t i = 0; i < t->n_certificates; i++) {
        const struct card_certificate *other = &t->certificates[i];

        if (other->der_len == certificate->der_len && other->id_len == certificate->id_len &&
            memcmp(other->id, certificate->id, certificate->id_len) == 0 &&
            memcmp(other->facts.hash, certificate->facts.hash, CERTIFICATE_HASH_BYTES) == 0)
            return true;
    }
    return false;
}

/* The last question, as it is the one that costs most. False if out of memory. */
static bool
judge_chain(struct look *l, TALLOC_CTX *mem, struct card_certificate *c)
{
    char why[CHAIN_WHY_MAX];

    if (c->unfit != CERTIFICATE_FIT || l->rules->chain == NULL)
        return true;
    c->unfit = chain_judge(l->rules->chain, c->der, c->der_len, l->rules->now, l->rules->last_lists, why);
    c->why = talloc_strdup(mem, why);
    return c->why != NULL;
}

/* False if out of memory. Whatever the token does not tell is missing in the certificate. */
static bool
read_certificate(struct look *l, struct card_token *t, CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
                 CK_OBJECT_HANDLE object)
{
    struct card_certificate *c = &t->certificates[t->n_certificates];
    uint8_t *der = talloc_size(t->certificates, CERTIFICATE_MAX);
    char label[CARD_LABEL_MAX];
    size_t n;

    if (der == NULL)
        return false;
    memset(c, 0, sizeof(*c));
    c->why = "";
    (void)get_attribute(p11, session, object, CKA_ID, c->id, sizeof(c->id), &c->id_len);
    (void)get_attribute(p11, session, object, CKA_LABEL, label, sizeof(label), &n);
    c->label = card_text(t->certificates, label, n);
    if (c->label == NULL)
        return false;
    c->unfit = CERTIFICATE_UNREADABLE;
    if (get_attribute(p11, session, object, CKA_VALUE, der, CERTIFICATE_MAX, &c->der_len) && c->der_len > 0) {
        c->der = talloc_memdup(t->certificates, der, c->der_len);
        if (c->der == NULL)
            return false;
        if (certificate_read(t->certificates, c->der, c->der_len, &c->facts))
            c->unfit = certificate_judge(&c->facts, l->rules);
        if (!judge_chain(l, t->certificates, c))
            return false;
    }
    talloc_free(der);
    if (c->unfit == CERTIFICATE_UNREADABLE || !seen_before(t, c))
        t->n_certificates++;
    return true;
}

static void
look_for_key(struct card_token *t, struct card_certificate *c, CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE key;
    struct card_failure f;

    if (session_find_key(p11, session, c, &key, &f) && key != CK_INVALID_HANDLE)
        c->key = CARD_KEY_THERE;
    else if (c->id_len == 0 || !t->login_required)
        c->key = CARD_KEY_MISSING;
    if (c->key == CARD_KEY_MISSING && c->unfit == CERTIFICATE_FIT)
        c->unfit = CERTIFICATE_NO_KEY;
}

static CK_RV
find_certificates(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE found[CARD_CERTIFICATES_MAX],
                  size_t *n_out)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE wanted[] = {
        { .type = CKA_CLASS, .pValue = &class, .ulValueLen = sizeof(class) },
        { .type = CKA_CERTIFICATE_TYPE, .pValue = &type, .ulValueLen = sizeof(type) },
    };
    CK_ULONG n;
    CK_RV code = p11->C_FindObjectsInit(session, wanted, 2);

    *n_out = 0;
    if (code != CKR_OK)
        return code;
    do {
        CK_ULONG most = CARD_CERTIFICATES_MAX - *n_out;

        n = 0;
        code = p11->C_FindObjects(session, found + *n_out, most < HANDLES_MAX ? most : HANDLES_MAX, &n);
        if (code == CKR_OK && n > (most < HANDLES_MAX ? most : HANDLES_MAX))
            code = CKR_GENERAL_ERROR;
        if (code == CKR_OK)
            *n_out += n;
    } while (code == CKR_OK && n > 0 && *n_out < CARD_CERTIFICATES_MAX);
    (void)p11->C_FindObjectsFinal(session);
    return code;
}

/* A card that was pulled or changed while we read has half of what there was. */
static CK_RV
same_token(CK_FUNCTION_LIST *p11, const struct card_token *t)
{
    uint8_t identity[sizeof(t->identity)];
    CK_TOKEN_INFO info;
    CK_RV code;

    memset(&info, 0, sizeof(info));
    code = p11->C_GetTokenInfo(t->slot, &info);
    token_identity(&info, identity);
    return code == CKR_OK && memcmp(identity, t->identity, sizeof(identity)) != 0 ? CKR_DEVICE_REMOVED : code;
}

/* False if out of memory. *code_out: what the module's calls came to. */
static bool
read_certificates(struct look *l, struct card_token *t, CK_FUNCTION_LIST *p11, CK_RV *code_out)
{
    CK_OBJECT_HANDLE found[CARD_CERTIFICATES_MAX];
    CK_SESSION_HANDLE session;
    bool good = true;
    size_t n = 0;

    t->certificates = talloc_array(l->view, struct card_certificate, CARD_CERTIFICATES_MAX);
    if (t->certificates == NULL)
        return false;
    *code_out = p11->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
    if (*code_out != CKR_OK)
        return true;
    *code_out = find_certificates(p11, session, found, &n);
    for (size_t i = 0; good && *code_out == CKR_OK && i < n; i++)
        good = read_certificate(l, t, p11, session, found[i]);
    for (size_t i = 0; good && i < t->n_certificates; i++)
        look_for_key(t, &t->certificates[i], p11, session);
    (void)p11->C_CloseSession(session);
    if (*code_out == CKR_OK)
        *code_out = same_token(p11, t);
    return good;
}

/* False if out of memory. */
static bool
fill_token(struct look *l, struct card_token *t, const CK_TOKEN_INFO *info)
{
    t->label = card_text(l->view, info->label, sizeof(info->label));
    t->manufacturer = card_text(l->view, info->manufacturerID, sizeof(info->manufacturerID));
    t->model = card_text(l->view, info->model, sizeof(info->model));
    t->serial = card_text(l->view, info->serialNumber, sizeof(info->serialNumber));
    token_identity(info, t->identity);
    t->login_required = (info->flags & CKF_LOGIN_REQUIRED) != 0;
    t->pin_pad = (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    t->pin = token_pin_state(info);
    if (info->ulMaxPinLen > 0 && info->ulMaxPinLen <= CARD_PIN_MAX && info->ulMinPinLen <= info->ulMaxPinLen) {
        t->pin_min = info->ulMinPinLen;
        t->pin_max = info->ulMaxPinLen;
    }
    return t->label != NULL && t->manufacturer != NULL && t->model != NULL && t->serial != NULL;
}

static bool
leave_out_slot(struct look *l, const struct card_module *m, CK_SLOT_ID slot, const char *why)
{
    char *what = talloc_asprintf(l->view, "%s slot %lu", m->path, slot);

    if (what == NULL || !left_out_add(l->view, &l->left_out, &l->view->n_left_out, what, why))
        return false;
    l->left_out[l->view->n_left_out - 1].slot = true;
    return true;
}

/* False if out of memory. */
static bool
look_at_slot(struct look *l, const struct card_module *m, CK_SLOT_ID slot)
{
    struct card_token *t = &l->view->tokens[l->view->n_tokens];
    CK_TOKEN_INFO info;
    CK_RV code;

    if (l->view->n_tokens == CARD_TOKENS_MAX)
        return leave_out_slot(l, m, slot, "there are too many tokens");
    memset(&info, 0, sizeof(info));
    code = m->list->C_GetTokenInfo(slot, &info);
    if (code != CKR_OK)
        return leave_out_slot(l, m, slot, card_code_text(code));
    /* Blank: nobody's. */
    if ((info.flags & CKF_TOKEN_INITIALIZED) == 0)
        return true;
    memset(t, 0, sizeof(*t));
    t->module = talloc_strdup(l->view, m->path);
    t->slot = slot;
    if (t->module == NULL || !fill_token(l, t, &info) || !read_certificates(l, t, m->list, &code))
        return false;
    if (code != CKR_OK)
        return leave_out_slot(l, m, slot, card_code_text(code));
    log_debug("card: token \"%s\" with %zu certificates", t->label, t->n_certificates);
    l->view->n_tokens++;
    return true;
}

/* False if out of memory. */
static bool
look_at_module(struct look *l, const struct card_module *m)
{
    CK_SLOT_ID slots[CARD_SLOTS_MAX];
    CK_ULONG n = 0;
    CK_RV code = m->list->C_GetSlotList(CK_TRUE, NULL, &n);

    /* Asked without a list a module looks anew for readers; the number may be another in a moment. */
    if (code == CKR_OK) {
        n = CARD_SLOTS_MAX;
        code = m->list->C_GetSlotList(CK_TRUE, slots, &n);
    }
    if (code == CKR_OK && n > CARD_SLOTS_MAX)
        code = CKR_BUFFER_TOO_SMALL;
    if (code != CKR_OK)
        return left_out_add(l->view, &l->left_out, &l->view->n_left_out, m->path,
                            code == CKR_BUFFER_TOO_SMALL ? "it has too many slots" : card_code_text(code));
    for (CK_ULONG i = 0; i < n; i++) {
        if (!look_at_slot(l, m, slots[i]))
            return false;
    }
    return true;
}

struct card_view *
card_look(struct cards *c, TALLOC_CTX *mem, const struct certificate_rules *rules)
{
    struct look l = { .view = talloc_zero(mem, struct card_view), .rules = rules };
    bool good = l.view != NULL;

    if (good) {
        l.view->tokens = talloc_array(l.view, struct card_token, CARD_TOKENS_MAX);
        good = l.view->tokens != NULL;
    }
    for (size_t i = 0; good && i < c->n_left_out; i++)
        good = left_out_add(l.view, &l.left_out, &l.view->n_left_out, c->left_out[i].what, c->left_out[i].why);
    for (size_t i = 0; good && i < c->n_modules; i++)
        good = look_at_module(&l, &c->modules[i]);
    if (!good) {
        talloc_free(l.view);
        return NULL;
    }
    l.view->left_out = l.left_out;
    return l.view;
}
