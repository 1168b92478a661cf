/*
 * Cards that let in while no domain controller answers ([smartcard]
 * offline_smartcard): member remembers which certificate the domain took for
 * whom, and later has the card sign what nobody has signed before.
 *
 * The worker's part in it is to carry bytes.  That it had that certificate when
 * the domain let the user in is its word alone, though: who takes it over
 * during a logon has that user's PIN and tickets, too.
 */
#include "daemon/member.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/card_rules.h"
#include "lib/base/log.h"
#include "lib/cached/cached.h"
#include "lib/card/proof.h"
#include "lib/proto/client.h"

#define CLOCKS_DIFFER_S 300  /* as much as Kerberos takes */
#define CARD_TYPING_MS 20000 /* more than other logons have: a PIN may be typed at the reader */

/* What one worker's card is to prove. */
struct offline {
    uint32_t job;
    struct sid user;
    struct cached_card card;
    uint8_t challenge[PROOF_CHALLENGE_BYTES];
    int64_t until;       /* client_now() based: then front has given the logon up */
};

void
member_offline_begin(struct member *m)
{
    /*
     * Without the permission nothing is to be left that a later one would find.  With it only what is damaged goes:
     * by a clock that stands wrong now nothing is forgotten.  ENOTDIR: keeper has no folder to give, and has said so.
     */
    if (!cached_expire(FD_CARDS, m->config->offline_smartcard ? 0 : INT64_MAX) && errno != ENOTDIR)
        log_warning("what is remembered of smart cards, in " AUTHSOD_CARDSDIR ", cannot be removed: %s", strerror(errno));
}

void
member_offline_took(struct member *m, const struct sid *user, const uint8_t *der, size_t len)
{
    char text[SID_TEXT_MAX];

    if (!m->config->offline_smartcard || len == 0)
        return;
    if (!cached_take(FD_CARDS, user, der, len, (int64_t)time(NULL)))
        log_warning("the card of %s will not let him in while no controller answers: it cannot be remembered in "
                    AUTHSOD_CARDSDIR ": %s", sid_text(user, text), strerror(errno));
}

/* False, for the caller to return; ERR_NO_KDC: all is as if there was no such logon. */
static bool
refuse(struct ipc_reason *why, enum err err, const char *text, const char *more)
{
    why->err = err;
    (void)snprintf(why->text, sizeof(why->text), "%s%s%s", text, more[0] == '\0' ? "" : ": ", more);
    return false;
}

/* The one that the worker speaks of. */
static const struct cached_card *
find(const struct cached_cards *cards, const uint8_t hash[IPC_HASH_BYTES], TALLOC_CTX *mem,
     struct certificate_facts *facts_out)
{
    for (uint32_t i = 0; i < cards->n; i++) {
        const struct cached_card *c = &cards->cards[i];

        if (certificate_read(mem, c->der, c->der_len, facts_out) && memcmp(facts_out->hash, hash, IPC_HASH_BYTES) == 0)
            return c;
    }
    return NULL;
}

/* Does it still count, at this time and by the authorities and lists that there are? */
static bool
is_fit(const struct config *c, const struct cached_card *card, const struct certificate_facts *facts,
       struct ipc_reason *why)
{
    struct certificate_rules rules = card_rules(c);
    enum certificate_unfit unfit = certificate_judge(facts, &rules);
    char text[CHAIN_WHY_MAX] = "", unread[CHAIN_WHY_MAX];

    if (rules.now < card->taken - CLOCKS_DIFFER_S)
        return refuse(why, ERR_NO_KDC, "the clock stands before the card's last logon with a controller", "");
    if (rules.now - card->taken > c->cache_end)
        return refuse(why, ERR_NO_KDC, "the card's last logon with a controller is longer ago than cache_end", "");
    if (unfit == CERTIFICATE_FIT) {
        struct chain *chain = card_chain(c, NULL, unread);

        if (chain == NULL)
            return refuse(why, ERR_CARD_NOT_SET_UP, "there is nothing to judge the card by", unread);
        if (unread[0] != '\0')
            log_warning("[smartcard], for a logon without a domain controller: %s", unread);
        unfit = chain_judge(chain, card->der, card->der_len, rules.now, rules.last_lists, text);
        talloc_free(chain);
    }
    return unfit == CERTIFICATE_FIT || refuse(why, card_unfit_error(unfit), certificate_unfit_text(unfit), text);
}

/* What the card is to prove, under m; else NULL and why. */
static struct offline *
remember(struct member *m, const struct ipc_offline *asked, struct ipc_reason *why)
{
    struct offline *o = talloc_zero(m, struct offline);
    const struct cached_card *card = NULL;
    struct certificate_facts facts;
    struct cached_cards *cards;
    char text[SID_TEXT_MAX];

    if (o == NULL || !m->config->offline_smartcard) {
        (void)refuse(why, ERR_NO_KDC, "offline_smartcard is off", "");
        goto fail;
    }
    cards = cached_read(FD_CARDS, o, &asked->user);
    if (cards == NULL && errno != ENOENT)
        log_warning("what is remembered of the cards of %s cannot be read: %s", sid_text(&asked->user, text), strerror(errno));
    if (cards != NULL)
        card = find(cards, asked->hash, o, &facts);
    if (card == NULL) {
        (void)refuse(why, ERR_NO_KDC, "there was no logon with this card at this computer while one did", "");
        goto fail;
    }
    if (!is_fit(m->config, card, &facts, why))
        goto fail;
    o->job = asked->job;
    o->user = asked->user;
    o->card = *card;
    o->until = client_now() + (int64_t)m->config->deadline * 1000 + CARD_TYPING_MS;
    if (proof_challenge(o->challenge))
        return o;
    (void)refuse(why, ERR_INTERNAL, "no random numbers", "");

fail:
    talloc_free(o);
    return NULL;
}

bool
member_offline_asked(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len)
{
    struct ipc_challenge answer = { .why = { .err = ERR_OK } };
    struct ipc_offline asked;
    uint8_t bytes[1024];
    struct writer w = writer_init(bytes, sizeof(bytes));

    _Static_assert(sizeof(answer.challenge) == PROOF_CHALLENGE_BYTES, "a challenge");
    if (!ipc_get_offline(packet, len, &asked))
        return false;
    talloc_free(from->offline);
    from->offline = remember(m, &asked, &answer.why);
    if (from->offline != NULL)
        memcpy(answer.challenge, from->offline->challenge, sizeof(answer.challenge));
    ipc_put_challenge(&w, &answer);
    return channel_send(from->fd, bytes, w.len, NULL, 0, false);
}

static bool
vouch(const struct member *m, uint32_t worker, const struct offline *o)
{
    struct ipc_vouch_offline v = { .worker = worker, .job = o->job, .user = o->user };
    uint8_t bytes[SID_TEXT_MAX + 32];
    struct writer w = writer_init(bytes, sizeof(bytes));

    ipc_put_vouch_offline(&w, &v);
    return m->front >= 0 && channel_send(m->front, bytes, w.len, NULL, 0, true);
}

/* The last logon with a controller, for the log. */
static void
tell_when(int64_t taken, char *text, size_t size)
{
    time_t t = (time_t)taken;
    struct tm tm;
    char day[32] = "?";

    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", &tm);
    (void)snprintf(text, size, "offline, by a card that the domain took last at %s", day);
}

bool
member_offline_proof(struct member *m, struct worker_link *from, const uint8_t *packet, size_t len)
{
    struct ipc_verified verified = { .result = { .err = ERR_CARD_FAILED, .step = "smart card" } };
    struct ipc_result *r = &verified.result;
    struct offline *o = from->offline;
    struct proof proof = { .len = 0 };
    struct ipc_proof p;
    uint8_t bytes[2048];
    struct writer w = writer_init(bytes, sizeof(bytes));
    char sid[SID_TEXT_MAX];

    /* A challenge is good for one try. */
    from->offline = NULL;
    if (o == NULL || !ipc_get_proof(packet, len, &p) || p.job != o->job || p.signature_len > sizeof(proof.signature)) {
        talloc_free(o);
        return false;
    }
    r->job = p.job;
    memcpy(proof.signature, p.signature, p.signature_len);
    proof.len = p.signature_len;
    if (client_now() >= o->until) {
        r->err = ERR_CARD_LATE;
        (void)snprintf(r->text, sizeof(r->text), "the challenge is too old");
    } else if (!proof_verify(o->card.der, o->card.der_len, o->challenge, &proof)) {
        log_alarm("a worker says that the card of %s has signed, and it has not", sid_text(&o->user, sid));
        (void)snprintf(r->text, sizeof(r->text), "the signature is not the card's");
    } else {
        r->err = vouch(m, from->id, o) ? ERR_OK : ERR_INTERNAL;
        r->proved = true;
        tell_when(o->card.taken, r->text, sizeof(r->text));
    }
    talloc_free(o);
    ipc_put_verified(&w, &verified);
    return channel_send(from->fd, bytes, w.len, NULL, 0, false);
}

bool
member_offline_forget(const uint8_t *packet, size_t len, bool may_all)
{
    struct ipc_forget f;
    char text[SID_TEXT_MAX];

    if (!ipc_get_forget(packet, len, &f) || (f.all && !may_all))
        return false;
    if (!cached_forget(FD_CARDS, &f.user, f.all ? NULL : f.hash) && errno != ENOENT && errno != ENOTDIR)
        log_warning("a card of %s that the domain takes no more is still remembered: %s", sid_text(&f.user, text), strerror(errno));
    return true;
}
