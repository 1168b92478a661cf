#include "tests/unit/fake_pkcs11.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SLOT 70

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list);

struct fake_pkcs11 fake_pkcs11;

static struct {
    unsigned n_fail;
    unsigned n_pull;
    CK_SLOT_ID slot;           /* of the one session */
    CK_ATTRIBUTE wanted[4];
    CK_ULONG n_wanted;
    CK_OBJECT_CLASS class;     /* what is looked for */
    char id[256];
    size_t id_len;
    bool any_id;
    size_t next;
    bool again;
    const struct fake_object *signer;
} now;

static struct fake_token *
token_of(CK_SLOT_ID slot)
{
    size_t i = slot - FIRST_SLOT;

    return i < fake_pkcs11.n_tokens && !fake_pkcs11.tokens[i].absent ? &fake_pkcs11.tokens[i] : NULL;
}

static bool
is(const char *wanted, const char *name)
{
    return wanted != NULL && strcmp(wanted, name) == 0;
}

/* Every call begins with this. */
static CK_RV
enter(const char *name)
{
    if (is(fake_pkcs11.pull_at, name) && ++now.n_pull >= fake_pkcs11.pull_from) {
        if (fake_pkcs11.swap)
            memset(fake_pkcs11.tokens[0].info.serialNumber, '9', 16);
        else
            fake_pkcs11.tokens[0].absent = true;
    }
    if (is(fake_pkcs11.crash_at, name))
        (void)raise(SIGSEGV);
    while (is(fake_pkcs11.hang_at, name))
        (void)pause();
    if (is(fake_pkcs11.fail, name) && ++now.n_fail >= fake_pkcs11.fail_from)
        return fake_pkcs11.fail_code;
    return CKR_OK;
}

#define ENTER(name) \
    do { \
        CK_RV code = enter(name); \
        if (code != CKR_OK) \
            return code; \
    } while (0)

#define SESSION(token) \
    struct fake_token *token = token_of(now.slot); \
    if (session != 1 || (token) == NULL) \
        return session != 1 ? CKR_SESSION_HANDLE_INVALID : CKR_DEVICE_REMOVED

static CK_RV
initialize(void *args)
{
    (void)args;
    memset(&now, 0, sizeof(now));
    ENTER("C_Initialize");
    return CKR_OK;
}

static CK_RV
finalize(void *reserved)
{
    (void)reserved;
    return CKR_OK;
}

static CK_RV
get_info(CK_INFO *info)
{
    memset(info, 0, sizeof(*info));
    info->cryptokiVersion.major = 2;
    info->cryptokiVersion.minor = 40;
    return CKR_OK;
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
    CK_ULONG room = *n;

    (void)present;
    ENTER("C_GetSlotList");
    *n = 0;
    for (size_t i = 0; i < fake_pkcs11.n_tokens; i++) {
        if (token_of(FIRST_SLOT + i) == NULL)
            continue;
        if (list != NULL && *n < room)
            list[*n] = FIRST_SLOT + i;
        *n += 1;
    }
    if (fake_pkcs11.say_slots != 0)
        *n = fake_pkcs11.say_slots;
    return CKR_OK;
}

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    const struct fake_token *t;

    ENTER("C_GetTokenInfo");
    t = token_of(slot);
    if (t == NULL)
        return CKR_TOKEN_NOT_PRESENT;
    *info = t->info;
    return CKR_OK;
}

static CK_RV
open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
    (void)flags;
    (void)application;
    (void)notify;
    ENTER("C_OpenSession");
    if (token_of(slot) == NULL)
        return CKR_TOKEN_NOT_PRESENT;
    now.slot = slot;
    *session = 1;
    fake_pkcs11.opened++;
    return CKR_OK;
}

static CK_RV
close_session(CK_SESSION_HANDLE session)
{
    (void)session;
    fake_pkcs11.closed++;
    fake_pkcs11.logged_in = false;
    return CKR_OK;
}

static CK_RV
close_all_sessions(CK_SLOT_ID slot)
{
    (void)slot;
    fake_pkcs11.closed = fake_pkcs11.opened;
    fake_pkcs11.logged_in = false;
    return CKR_OK;
}

static bool
pin_right(const struct fake_token *t, const CK_UTF8CHAR *pin, CK_ULONG n)
{
    /* Typed at the reader. */
    if (pin == NULL)
        return (t->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
    return strlen(t->pin) == n && memcmp(t->pin, pin, n) == 0;
}

static void
count_wrong(struct fake_token *t)
{
    t->info.flags |= CKF_USER_PIN_COUNT_LOW;
    if (t->tries > 0)
        t->tries--;
    if (t->tries == 1)
        t->info.flags |= CKF_USER_PIN_FINAL_TRY;
    if (t->tries == 0)
        t->info.flags |= CKF_USER_PIN_LOCKED;
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *pin, CK_ULONG n)
{
    if (who == CKU_CONTEXT_SPECIFIC)
        fake_pkcs11.context_logins++;
    else
        fake_pkcs11.logins++;
    fake_pkcs11.pin_seen = pin;
    fake_pkcs11.pin_seen_len = n;
    ENTER("C_Login");
    SESSION(t);
    if (fake_pkcs11.logged_in_before)
        return CKR_USER_ALREADY_LOGGED_IN;
    if ((t->info.flags & CKF_USER_PIN_LOCKED) != 0)
        return CKR_PIN_LOCKED;
    if (!pin_right(t, pin, n)) {
        count_wrong(t);
        return CKR_PIN_INCORRECT;
    }
    t->info.flags &= ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
    fake_pkcs11.logged_in = true;
    return CKR_OK;
}

static CK_RV
logout(CK_SESSION_HANDLE session)
{
    (void)session;
    ENTER("C_Logout");
    fake_pkcs11.logouts++;
    fake_pkcs11.logged_in = false;
    return CKR_OK;
}

static CK_RV
find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG n)
{
    ENTER("C_FindObjectsInit");
    SESSION(t);
    now.any_id = true;
    now.next = 0;
    now.again = false;
    for (CK_ULONG i = 0; i < n; i++) {
        if (wanted[i].type == CKA_CLASS)
            memcpy(&now.class, wanted[i].pValue, sizeof(now.class));
        if (wanted[i].type == CKA_ID) {
            now.any_id = false;
            now.id_len = wanted[i].ulValueLen;
            memcpy(now.id, wanted[i].pValue, now.id_len);
        }
    }
    return CKR_OK;
}

static bool
matches(const struct fake_object *o)
{
    if (o->class != now.class || (o->hidden && !fake_pkcs11.logged_in))
        return false;
    return now.any_id || (o->id != NULL && strlen(o->id) == now.id_len && memcmp(o->id, now.id, now.id_len) == 0);
}

static CK_RV
find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG most, CK_ULONG *n)
{
    ENTER("C_FindObjects");
    SESSION(t);
    for (*n = 0; fake_pkcs11.endless && *n < most; *n += 1)
        found[*n] = 1;
    while (*n < most && now.next < t->n_objects) {
        if (matches(&t->objects[now.next])) {
            found[*n] = now.next + 1;
            *n += 1;
        }
        if (fake_pkcs11.repeat && !now.again) {
            now.again = true;
            continue;
        }
        now.again = false;
        now.next++;
    }
    if (fake_pkcs11.say_found != 0)
        *n = fake_pkcs11.say_found;
    return CKR_OK;
}

static CK_RV
find_objects_final(CK_SESSION_HANDLE session)
{
    (void)session;
    ENTER("C_FindObjectsFinal");
    return CKR_OK;
}

static CK_RV
give(CK_ATTRIBUTE *a, const void *value, size_t n)
{
    if (value == NULL) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (fake_pkcs11.say_length != 0) {
        a->ulValueLen = fake_pkcs11.say_length;
        return CKR_OK;
    }
    if (fake_pkcs11.say_longer) {
        a->ulValueLen += 1;
        return CKR_OK;
    }
    if (a->pValue != NULL && a->ulValueLen < n) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    if (a->pValue != NULL && n > 0)
        memcpy(a->pValue, value, n);
    a->ulValueLen = n;
    return CKR_OK;
}

static CK_RV
get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a, CK_ULONG n)
{
    const struct fake_object *o;
    CK_BBOOL always;

    (void)n;
    ENTER("C_GetAttributeValue");
    SESSION(t);
    if (object == 0 || object > t->n_objects)
        return CKR_OBJECT_HANDLE_INVALID;
    o = &t->objects[object - 1];
    always = o->always ? CK_TRUE : CK_FALSE;
    switch (a->type) {
    case CKA_ID:
        return give(a, o->id, o->id == NULL ? 0 : strlen(o->id));
    case CKA_LABEL:
        return give(a, o->label, o->label == NULL ? 0 : strlen(o->label));
    case CKA_VALUE:
        return give(a, o->der, o->der_len);
    case CKA_ALWAYS_AUTHENTICATE:
        return give(a, &always, sizeof(always));
    default:
        return give(a, NULL, 0);
    }
}

static CK_RV
sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    ENTER("C_SignInit");
    SESSION(t);
    if (key == 0 || key > t->n_objects || t->objects[key - 1].class != CKO_PRIVATE_KEY)
        return CKR_KEY_HANDLE_INVALID;
    now.signer = &t->objects[key - 1];
    if (mechanism->mechanism != (EVP_PKEY_is_a(now.signer->key, "EC") ? CKM_ECDSA : CKM_RSA_PKCS))
        return CKR_MECHANISM_INVALID;
    return CKR_OK;
}

/* As PKCS#11 gives an ECDSA signature: r and s of 32 bytes each, out of DER. */
static void
side_by_side(unsigned char *p, size_t *n)
{
    unsigned char rs[64] = { 0 };
    size_t at = 2;

    for (int i = 0; i < 2; i++) {
        size_t len = p[at + 1], skip = len > 32 ? len - 32 : 0;

        memcpy(rs + 32 * i + 32 - (len - skip), p + at + 2 + skip, len - skip);
        at += 2 + len;
    }
    memcpy(p, rs, sizeof(rs));
    *n = sizeof(rs);
}

static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature, CK_ULONG *n)
{
    EVP_PKEY *key = fake_pkcs11.sign_with != NULL ? fake_pkcs11.sign_with : now.signer->key;
    EVP_PKEY_CTX *ctx;
    size_t size = *n;
    bool good;

    fake_pkcs11.signs++;
    ENTER("C_Sign");
    SESSION(t);
    if (!fake_pkcs11.logged_in && (t->info.flags & CKF_LOGIN_REQUIRED) != 0)
        return CKR_USER_NOT_LOGGED_IN;
    ctx = EVP_PKEY_CTX_new(key, NULL);
    good = EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, signature, &size, data, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (good && EVP_PKEY_is_a(key, "EC"))
        side_by_side(signature, &size);
    *n = fake_pkcs11.say_signed != 0 ? fake_pkcs11.say_signed : size;
    return good ? CKR_OK : CKR_FUNCTION_FAILED;
}

static CK_FUNCTION_LIST functions = {
    .version = { 2, 40 },
    .C_Initialize = initialize,
    .C_Finalize = finalize,
    .C_GetInfo = get_info,
    .C_GetFunctionList = C_GetFunctionList,
    .C_GetSlotList = get_slot_list,
    .C_GetTokenInfo = get_token_info,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_CloseAllSessions = close_all_sessions,
    .C_Login = login,
    .C_Logout = logout,
    .C_FindObjectsInit = find_objects_init,
    .C_FindObjects = find_objects,
    .C_FindObjectsFinal = find_objects_final,
    .C_GetAttributeValue = get_attribute_value,
    .C_SignInit = sign_init,
    .C_Sign = sign,
};

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    *list = &functions;
    return CKR_OK;
}
