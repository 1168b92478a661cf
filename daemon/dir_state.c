/*
 * STATE: may this account be used at all.  Asked for a logon that proved no
 * password to the domain (a key, cron), and for the reason behind a refusal
 * that Kerberos gives without one.
 */
#include "daemon/directory.h"

#include "lib/base/log.h"

static enum err
err_of_state(const char *name, uint32_t state, bool password)
{
    if ((state & STORE_STATE_DISABLED) != 0)
        return ERR_DISABLED;
    if ((state & STORE_STATE_EXPIRED) != 0)
        return ERR_ACCOUNT_EXPIRED;
    if ((state & STORE_STATE_LOCKED) != 0)
        return ERR_LOCKED;
    if ((state & STORE_STATE_OUTSIDE_HOURS) != 0)
        return ERR_LOGON_HOURS;
    if ((state & STORE_STATE_OTHER_WORKSTATION) != 0)
        return ERR_WORKSTATION;
    if ((state & (STORE_STATE_PASSWORD_EXPIRED | STORE_STATE_MUST_CHANGE)) == 0)
        return ERR_OK;
    if (password)
        return (state & STORE_STATE_MUST_CHANGE) != 0 ? ERR_MUST_CHANGE : ERR_PASSWORD_EXPIRED;
    /* Who comes with a key has no use for the password. */
    log_info("%s: the password %s; a logon without it is not refused for that", name,
             (state & STORE_STATE_MUST_CHANGE) != 0 ? "must be changed" : "has expired");
    return ERR_OK;
}

/* The state as the store has it; never "allowed" where it is not known. */
static enum err
last_known(struct dir *d, TALLOC_CTX *mem, const struct sid *sid, bool password)
{
    struct store_user *u = store_user_by_sid(d->store, mem, sid);
    enum err err;

    if (u == NULL || !dir_usable(d, u->state_learned))
        return ERR_NO_STATE;
    err = err_of_state(u->name, u->state, password);
    log_info("%s: the domain does not answer, the account's last known state is %s", u->name, err_name((uint32_t)err));
    return err;
}

/*
 * Of an account of a trusted domain: who has logged on here a short while ago
 * was not disabled, locked or expired.  LSA says nothing of that, and nobody
 * else can be asked.
 */
static enum err
state_of_foreign(struct dir *d, TALLOC_CTX *mem, const struct sid *sid)
{
    struct store_user *u = dir_trust_of(d, sid) == NULL ? NULL : store_user_by_sid(d->store, mem, sid);
    int64_t age = u == NULL ? INT64_MAX : dir_now() - u->state_learned;

    if (u == NULL || u->state_learned == 0 || age < 0 || age >= DIR_FOREIGN_STATE_S)
        return ERR_NO_STATE;
    log_info("%s has logged on %lld minutes ago: the account is taken to be in force", u->name, (long long)age / 60);
    return ERR_OK;
}

static enum err
find_state(struct dir *d, TALLOC_CTX *mem, const struct sid *sid, bool password)
{
    struct dir_key key = { .by_sid = true, .sid = *sid };
    struct dir_user *account;
    struct store_user *u;
    enum err err;

    if (d->own.known && !dir_is_own(d, sid))
        return state_of_foreign(d, mem, sid);
    err = dir_ask_user(d, mem, &key, &account, &u);
    if (err == ERR_NO_KDC)
        return last_known(d, mem, sid, password);
    if (err != ERR_OK)
        return err;
    return u == NULL ? ERR_NO_STATE : err_of_state(u->name, u->state, password);
}

bool
dir_on_state(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    uint8_t bytes[16];
    struct writer w = writer_init(bytes, sizeof(bytes));
    struct ipc_state_is is = { 0 };
    struct ipc_state m;
    TALLOC_CTX *mem;

    (void)fds;
    if (!ipc_get_state(packet, len, &m))
        return false;
    mem = talloc_new(NULL);
    is.request = m.request;
    is.err = (uint32_t)find_state(d, mem, &m.sid, m.password);
    ipc_put_state_is(&w, &is);
    dir_reply(d, &w, -1);
    talloc_free(mem);
    return true;
}
