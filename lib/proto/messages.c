#include "lib/proto/messages.h"

enum telling { ANYONE, HERE };

const char *
err_name(uint32_t err)
{
    switch (err) {
#define X(name, number, pam, telling, sentence) \
    case number: \
        return #name;
        AUTHSOD_ERRORS(X)
#undef X
    default:
        return "?";
    }
}

static enum telling
err_telling(enum err err)
{
    switch (err) {
#define X(name, number, pam, telling, sentence) \
    case ERR_##name: \
        return telling;
        AUTHSOD_ERRORS(X)
#undef X
    }
    return HERE;
}

enum err
err_for_peer(enum err err, bool proved, bool here)
{
    if (err_telling(err) == ANYONE || proved || here)
        return err;
    return ERR_DENIED;
}
