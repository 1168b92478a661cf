/* Every decoder of daemon/ipc.h: what one role sends must not take another down. */
#include <string.h>
#include <talloc.h>

#include "daemon/ipc.h"
#include "tests/fuzz/fuzz.h"

static void
terminated(const char *s, size_t size)
{
    FUZZ_REQUIRE(memchr(s, '\0', size) != NULL);
}

static void
fixed(const uint8_t *p, size_t n)
{
    struct ipc_peer peer;
    struct ipc_ccache ccache;
    struct ipc_ccache_done ccache_done;
    struct ipc_lookup lookup;
    struct ipc_who who;
    struct ipc_identity identity;
    struct ipc_reason why;
    struct ipc_state state;
    struct ipc_state_is state_is;
    struct ipc_need_dc need_dc;
    struct ipc_dc dc;
    struct ipc_job job;
    struct ipc_result result;
    struct ipc_pass pass;
    struct ipc_rotate_holds holds;
    struct ipc_rotate_end end;
    uint32_t number;
    bool flag;

    (void)ipc_get_peer(p, n, &peer);
    if (ipc_get_ccache(p, n, IPC_CCACHE_WRITE, &ccache))
        terminated(ccache.user, sizeof(ccache.user));
    (void)ipc_get_ccache_done(p, n, &ccache_done);
    if (ipc_get_lookup(p, n, &lookup))
        terminated(lookup.name, sizeof(lookup.name));
    (void)ipc_get_who(p, n, &who);
    if (ipc_get_identity(p, n, &identity))
        FUZZ_REQUIRE(identity.sid.n_subs <= SID_SUBS_MAX);
    (void)ipc_get_state(p, n, &state);
    (void)ipc_get_state_is(p, n, &state_is);
    (void)ipc_get_need_dc(p, n, &need_dc);
    (void)ipc_get_dc(p, n, &dc);
    if (ipc_get_job(p, n, &job)) {
        terminated(job.dc.host, sizeof(job.dc.host));
        FUZZ_REQUIRE(job.with_card || !job.pin_pad);
    }
    (void)ipc_get_result(p, n, IPC_RESULT, &result);
    (void)ipc_get_result(p, n, IPC_PASSED, &result);
    if (ipc_get_pass(p, n, &pass)) {
        FUZZ_REQUIRE(pass.deadline >= 0);
        terminated(pass.account, sizeof(pass.account));
        terminated(pass.domain, sizeof(pass.domain));
    }
    if (ipc_get_rotate_holds(p, n, &holds)) {
        FUZZ_REQUIRE(holds.slot >= 1 && holds.slot <= 3);
        terminated(holds.controller, sizeof(holds.controller));
    }
    if (ipc_get_rotate_end(p, n, &end)) {
        terminated(end.controller, sizeof(end.controller));
        terminated(end.text, sizeof(end.text));
    }
    (void)ipc_get_number(p, n, IPC_KEYTAB, &number);
    (void)ipc_get_number(p, n, IPC_KEYTAB_MAKE, &number);
    (void)ipc_get_number(p, n, IPC_PING, &number);
    (void)ipc_get_number(p, n, IPC_MAP_NEW, &number);
    (void)ipc_get_number(p, n, IPC_MAP_IS, &number);
    if (ipc_get_armor_is(p, n, &why, &flag))
        terminated(why.text, sizeof(why.text));
}

static void
variable(const uint8_t *p, size_t n)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    char name[PROTO_NAME_MAX + 1], service[256 + 1];
    struct ipc_reason why;
    struct ipc_found found;
    struct ipc_learned learned;
    struct logon_info *info;
    uint32_t a, b;

    if (ipc_get_found(p, n, &found) && found.record != NULL)
        FUZZ_REQUIRE(found.record >= p && found.record_len <= (size_t)(p + n - found.record));
    if (ipc_get_learned(p, n, &learned))
        FUZZ_REQUIRE(learned.passwd_len + learned.groups_len <= n);
    (void)ipc_get_learn(mem, p, n, &a, name, &info);
    (void)ipc_get_vouch(mem, p, n, &a, &b, &info);
    (void)ipc_get_ticket(p, n, service);
    if (ipc_get_ticket_is(p, n, &why))
        terminated(why.value, sizeof(why.value));
    talloc_free(mem);
}

/* What workers show member, and what it says of that. */
static void
verify(const uint8_t *p, size_t n)
{
    struct ipc_verify v;
    struct ipc_offline offline;
    struct ipc_challenge challenge;
    struct ipc_proof proof;
    struct ipc_vouch_offline vouch;
    struct ipc_forget forget;
    struct ipc_verified verified;

    if (ipc_get_verify(p, n, &v))
        FUZZ_REQUIRE(v.ap_req_len + v.certificate_len <= n);
    if (ipc_get_verified(p, n, &verified))
        FUZZ_REQUIRE(verified.sealed_len <= n);
    if (ipc_get_proof(p, n, &proof))
        FUZZ_REQUIRE(proof.signature_len <= n);
    if (ipc_get_challenge(p, n, &challenge))
        terminated(challenge.why.text, sizeof(challenge.why.text));
    (void)ipc_get_offline(p, n, &offline);
    (void)ipc_get_vouch_offline(p, n, &vouch);
    (void)ipc_get_forget(p, n, &forget);
}

/* Of cards that are pulled. */
static void
removal(const uint8_t *p, size_t n)
{
    static struct ipc_watch watch;
    struct ipc_card_is is;
    struct ipc_act act;
    struct ipc_acted acted;

    if (ipc_get_watch(p, n, &watch))
        FUZZ_REQUIRE(watch.n <= IPC_WATCH_MAX);
    (void)ipc_get_card_is(p, n, &is);
    if (ipc_get_act(p, n, &act))
        FUZZ_REQUIRE(act.uid >= PROTO_ID_MIN && act.leader > 1);
    if (ipc_get_acted(p, n, &acted))
        terminated(acted.text, sizeof(acted.text));
}

/* Of smart cards: what people are shown, and what names a user. */
static void
cards(const uint8_t *p, size_t n)
{
    static struct ipc_cards m;
    uint32_t job;

    (void)ipc_get_number(p, n, IPC_LOOK, &job);
    if (!ipc_get_cards(p, n, &m))
        return;
    FUZZ_REQUIRE(m.n <= IPC_CARDS_MAX && (m.n == 0) == (m.unfit != ERR_OK));
    for (uint32_t i = 0; i < m.n; i++) {
        terminated(m.cards[i].token, sizeof(m.cards[i].token));
        terminated(m.cards[i].name, sizeof(m.cards[i].name));
        terminated(m.cards[i].issuer, sizeof(m.cards[i].issuer));
        terminated(m.cards[i].upn, sizeof(m.cards[i].upn));
        FUZZ_REQUIRE(m.cards[i].token[0] != '\0' && m.cards[i].name[0] != '\0');
        FUZZ_REQUIRE(strpbrk(m.cards[i].name, "\n\r\x1b") == NULL && strpbrk(m.cards[i].issuer, "\n\r\x1b") == NULL);
    }
}

/* Of choices that are remembered. */
static void
last(const uint8_t *p, size_t n)
{
    static struct ipc_last_cards m;
    struct ipc_last_card one;

    if (ipc_get_last_card(p, n, &one))
        FUZZ_REQUIRE(one.uid >= PROTO_ID_MIN);
    if (!ipc_get_last_cards(p, n, &m))
        return;
    FUZZ_REQUIRE(m.n <= IPC_LAST_CARDS_MAX);
    for (uint32_t i = 0; i < m.n; i++)
        FUZZ_REQUIRE(m.cards[i].uid >= PROTO_ID_MIN);
}

/* Of trusted domains. */
static void
trusted(const uint8_t *p, size_t n)
{
    static struct trusts t;
    static struct ipc_accounts accounts;
    static struct ipc_accounts_are are;
    uint32_t err;

    if (ipc_get_trusts(p, n, &err, &t)) {
        FUZZ_REQUIRE(t.n <= TRUSTS_MAX);
        for (size_t i = 0; i < t.n; i++) {
            FUZZ_REQUIRE(sid_is_domain(&t.list[i].sid) && !sid_equal(&t.list[i].sid, &t.own));
            terminated(t.list[i].dns, sizeof(t.list[i].dns));
            terminated(t.list[i].netbios, sizeof(t.list[i].netbios));
        }
    }
    if (ipc_get_accounts(p, n, &accounts)) {
        FUZZ_REQUIRE(accounts.n <= IPC_ACCOUNTS_MAX);
        terminated(accounts.name, sizeof(accounts.name));
    }
    if (ipc_get_accounts_are(p, n, &are)) {
        FUZZ_REQUIRE(are.n <= IPC_ACCOUNTS_MAX);
        for (uint32_t i = 0; i < are.n; i++)
            terminated(are.accounts[i].account, sizeof(are.accounts[i].account));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fixed(data, size);
    variable(data, size);
    trusted(data, size);
    removal(data, size);
    verify(data, size);
    cards(data, size);
    last(data, size);
    return 0;
}
