#include "daemon/fallback.h"

/* The user's exchanges: a password that has been counted once is not sent again, unless the KDC took it. */
static bool
may_after_exchange(const struct kerberos_end *end)
{
    if (end->password_sent)
        return end->no_service;
    return end->err == ERR_NO_KDC || end->err == ERR_NO_ENCTYPE;
}

bool
fallback_may(enum config_fallback policy, const struct kerberos_end *end)
{
    if (policy == CONFIG_FALLBACK_NEVER)
        return false;
    switch (end->stage) {
    case KERBEROS_SEARCH:
        return end->err == ERR_NO_KDC || end->err == ERR_NO_REALM;
    case KERBEROS_COMPUTER:
        return end->err == ERR_NO_KDC || end->err == ERR_NO_REALM || end->err == ERR_NO_ENCTYPE;
    case KERBEROS_EXCHANGE:
        return may_after_exchange(end);
    case KERBEROS_CHECK:
        /* Mostly alarms; also the type of the ticket's encryption stands where anybody on the way can write it. */
        return false;
    }
    return false;
}

bool
fallback_is_offline(const struct kerberos_end *end)
{
    /* That a user is of another realm a KDC says. */
    bool is_silent = end->err == ERR_NO_KDC || (end->err == ERR_NO_REALM && end->stage != KERBEROS_EXCHANGE);

    return is_silent && !end->heard && end->stage != KERBEROS_CHECK;
}

bool
fallback_is_answer(enum err err)
{
    switch (err) {
    case ERR_NO_KDC:
    case ERR_NO_REALM:
    case ERR_NO_KEYTAB:
    case ERR_NO_SERVICE:
    case ERR_NOT_CONFIGURED:
        return false;
    default:
        return true;
    }
}
