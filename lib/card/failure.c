#include "lib/card/failure.h"

#include <p11-kit/p11-kit.h>

bool
card_fail(struct card_failure *f, enum card_error error, unsigned long code, const char *step)
{
    *f = (struct card_failure){ .error = error, .code = code, .step = step };
    return false;
}

bool
card_fail_code(struct card_failure *f, unsigned long code, const char *step)
{
    switch (code) {
    case CKR_HOST_MEMORY:
        return card_fail(f, CARD_MEMORY, code, step);
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_HANDLE_INVALID:
        return card_fail(f, CARD_REMOVED, code, step);
    default:
        return card_fail(f, CARD_MODULE, code, step);
    }
}

static const struct {
    const char *name;
    const char *text;
} errors[] = {
#define X(name, text) { #name, text },
    CARD_ERRORS(X)
#undef X
};

const char *
card_error_name(enum card_error error)
{
    return (size_t)error < sizeof(errors) / sizeof(errors[0]) ? errors[error].name : "?";
}

const char *
card_error_text(enum card_error error)
{
    return (size_t)error < sizeof(errors) / sizeof(errors[0]) ? errors[error].text : "?";
}

const char *
card_code_text(unsigned long code)
{
    return code == CKR_OK ? "" : p11_kit_strerror(code);
}
