/*
 * What a logon with a card has before and inside the steps of logon.c: the card
 * that was asked for is there, its PIN is right, and its key signs.  Where no
 * controller answers it may sign a challenge of member's instead.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/card_rules.h"
#include "daemon/card_worker.h"
#include "lib/base/log.h"
#include "lib/card/proof.h"

struct card_use {
    struct krb_card key;
    enum certificate_unfit strictly; /* by lists that are in force alone */
    struct krb_pkinit pkinit;
};

static bool refuse(struct job *j, enum err err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool
refuse(struct job *j, enum err err, const char *fmt, ...)
{
    va_list args;

    j->result.err = err;
    (void)snprintf(j->result.step, sizeof(j->result.step), "smart card");
    va_start(args, fmt);
    (void)vsnprintf(j->result.text, sizeof(j->result.text), fmt, args);
    va_end(args);
    return false;
}

/* The sentence for what the card, or its module, said. */
static enum err
error_of(const struct card_failure *f, const struct card_pin_state *pin)
{
    switch (f->error) {
    case CARD_PIN_WRONG:
        return pin->locked ? ERR_PIN_LOCKED : pin->last_try ? ERR_PIN_LAST_TRY : ERR_PIN_WRONG;
    case CARD_PIN_UNUSABLE:
        return ERR_PIN_WRONG;
    case CARD_PIN_LOCKED:
        return ERR_PIN_LOCKED;
    case CARD_PIN_EXPIRED:
    case CARD_PIN_UNSET:
        return ERR_PIN_CHANGE;
    case CARD_CANCELLED:
        return ERR_CANCELLED;
    case CARD_REMOVED:
        return ERR_CARD_REMOVED;
    case CARD_NO_LOGIN:
    case CARD_NO_KEY:
        return ERR_CARD_UNFIT;
    default:
        return ERR_CARD_FAILED;
    }
}

static struct card_certificate *
certificate_on(const struct card_token *t, const struct ipc_card_key *key)
{
    for (size_t i = 0; i < t->n_certificates; i++) {
        struct card_certificate *c = &t->certificates[i];

        if (c->unfit != CERTIFICATE_UNREADABLE && memcmp(c->facts.hash, key->hash, sizeof(key->hash)) == 0)
            return c;
    }
    return NULL;
}

/* The card that the person was asked about. Two may say that they are it: the certificate is what counts. */
static struct card_token *
find(struct card_view *view, const struct ipc_card_key *key, struct card_certificate **certificate_out)
{
    for (size_t i = 0; i < view->n_tokens; i++) {
        struct card_token *t = &view->tokens[i];

        *certificate_out = memcmp(t->identity, key->token, sizeof(key->token)) == 0 ? certificate_on(t, key) : NULL;
        if (*certificate_out != NULL)
            return t;
    }
    return NULL;
}

static bool
is_fit(struct job *j, const struct card_certificate *c)
{
    return c->unfit == CERTIFICATE_FIT ||
           refuse(j, card_unfit_error(c->unfit), "%s: %s%s%s", certificate_unfit_name(c->unfit),
                  certificate_unfit_text(c->unfit), c->why[0] == '\0' ? "" : ": ", c->why);
}

static bool
refuse_failed(struct job *j, const struct card_token *t, const struct card_failure *f)
{
    return refuse(j, error_of(f, &t->pin), "%s: %s%s%s in %s, card \"%s\"", card_error_name(f->error),
                  card_error_text(f->error), f->code == 0 ? "" : ": ", card_code_text(f->code), f->step, t->label);
}

/* One try, ever. With a PIN pad libkrb5's own is the one: nobody types his PIN twice. */
static bool
check_pin(struct job *j, struct cards *cards, struct card_token *t)
{
    struct card_failure f;

    return t->pin_pad || card_check_pin(cards, t, j->secret, &f) || refuse_failed(j, t, &f);
}

/* NULL where that card is not there any more, or cannot be used. */
static struct card_token *
find_usable(struct job *j, struct card_view *view, struct card_certificate **certificate_out)
{
    struct card_token *t = find(view, &j->m.card, certificate_out);

    if (t == NULL || t->pin_pad != j->m.pin_pad) {
        (void)refuse(j, ERR_CARD_REMOVED, "REMOVED: the card that was there before is not there now");
        return NULL;
    }
    if (!t->login_required || strchr(t->module, ':') != NULL) {
        (void)refuse(j, ERR_CARD_UNFIT, "card \"%s\" cannot be used", t->label);
        return NULL;
    }
    return is_fit(j, *certificate_out) ? t : NULL;
}

/* The rules were lenient where the card may have to do without a controller. */
static enum certificate_unfit
judge_strictly(const struct job *j, const struct card_certificate *c)
{
    struct certificate_rules rules = card_rules(j->config);
    char why[CHAIN_WHY_MAX];
    struct chain *chain;
    enum certificate_unfit unfit;

    if (!rules.last_lists || !j->config->require_crl)
        return CERTIFICATE_FIT;
    chain = card_chain(j->config, j->card, why);
    unfit = chain == NULL ? CERTIFICATE_UNTRUSTED : chain_judge(chain, c->der, c->der_len, rules.now, false, why);
    talloc_free(chain);
    return unfit;
}

/* The card and its certificate, with the right PIN: j->card->key and j->certificate, whose bytes are view's. */
static bool
use_card(struct job *j, struct cards *cards, struct card_view *view)
{
    struct card_certificate *c;
    struct card_token *t = find_usable(j, view, &c);

    if (t == NULL || !check_pin(j, cards, t) || !is_fit(j, c))
        return false;
    j->certificate = c->der;
    j->certificate_len = c->der_len;
    j->card->strictly = judge_strictly(j, c);
    j->card->key = (struct krb_card){ .module = t->module, .slot = t->slot, .id = c->id, .id_len = c->id_len,
                                      .pin = t->pin_pad ? NULL : j->secret };
    return true;
}

/* libkrb5's names for files and folders. NULL if out of memory. */
static const char *const *
pkinit_names(TALLOC_CTX *mem, const char *const *paths)
{
    const char **names;
    size_t n = 0;

    while (paths[n] != NULL)
        n++;
    names = talloc_zero_array(mem, const char *, (unsigned)n + 1);
    for (size_t i = 0; names != NULL && i < n; i++) {
        struct stat st;
        bool is_folder = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);

        names[i] = talloc_asprintf(names, "%s:%s", is_folder ? "DIR" : "FILE", paths[i]);
        if (names[i] == NULL)
            return NULL;
    }
    return names;
}

static bool
set_trust(struct job *j)
{
    const struct config *c = j->config;
    struct krb_pkinit *p = &j->card->pkinit;

    p->anchors = pkinit_names(j->card, c->anchors);
    p->intermediates = pkinit_names(j->card, c->intermediates);
    p->crls = pkinit_names(j->card, c->crls);
    p->require_crl = c->require_crl;
    p->server_eku = c->kdc_eku_server;
    p->reply_key_module = c->keep_nt_hash ? AUTHSOD_PKGLIBDIR "/clpreauth_authsod.so" : NULL;
    return p->anchors != NULL && p->intermediates != NULL && p->crls != NULL;
}

/* The cards at present; NULL, refused, where there is nothing to judge them by. */
static struct card_view *
open_cards(struct job *j, struct cards **cards_out)
{
    char why[CHAIN_WHY_MAX]; /* which the look before has told */
    struct card_view *view = card_now(j->config, j->card, cards_out, why);

    if (view == NULL)
        (void)refuse(j, ERR_CARD_NOT_SET_UP, "%s", why[0] != '\0' ? why : "no memory");
    return view;
}

static bool
prepare(struct job *j)
{
    struct cards *cards;
    struct card_view *view = open_cards(j, &cards);
    bool ok;

    if (view == NULL)
        return false;
    if (!set_trust(j)) {
        card_close(cards);
        return refuse(j, ERR_INTERNAL, "no memory");
    }
    ok = use_card(j, cards, view);
    /* libkrb5 initializes the module itself. */
    card_close(cards);
    return ok;
}

/* The card signs what member has thought of. */
static bool
sign(struct job *j, const uint8_t challenge[static PROOF_CHALLENGE_BYTES], struct proof *proof_out)
{
    struct cards *cards;
    struct card_view *view = open_cards(j, &cards);
    struct card_certificate *c;
    struct card_token *t = view == NULL ? NULL : find_usable(j, view, &c);
    struct card_failure f;
    bool ok = t != NULL && (card_sign(cards, t, c, t->pin_pad ? NULL : j->secret, challenge, proof_out, &f) ||
                            refuse_failed(j, t, &f));

    card_close(cards);
    return ok;
}

/* member's challenge, if it remembers that the domain took this card. Else why not, where that is more than NO_KDC. */
static bool
get_challenge(struct job *j, struct ipc_challenge *m_out)
{
    struct ipc_offline m = { .job = j->m.job, .user = j->m.user };
    uint8_t packet[2048];
    struct writer w = writer_init(packet, sizeof(packet));
    size_t n = strlen(j->result.text);

    memcpy(m.hash, j->m.card.hash, sizeof(m.hash));
    ipc_put_offline(&w, &m);
    if (!ipc_get_challenge(packet, logon_ask_member(&w, IPC_CHALLENGE, packet, sizeof(packet)), m_out))
        return refuse(j, ERR_INTERNAL, "member broke the protocol");
    if (m_out->why.err == ERR_OK)
        return true;
    if (m_out->why.err != ERR_NO_KDC)
        return refuse(j, (enum err)m_out->why.err, "%s", m_out->why.text);
    (void)snprintf(j->result.text + n, sizeof(j->result.text) - n, "%s%s", n > 0 ? ", and " : "", m_out->why.text);
    return false;
}

/* No controller answers: member lets in who has a card that it remembers. */
static void
log_on_offline(struct job *j)
{
    struct ipc_challenge m;
    struct proof proof;
    uint8_t packet[PROOF_SIGNATURE_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));

    _Static_assert(sizeof(m.challenge) == PROOF_CHALLENGE_BYTES, "a challenge");
    if (!get_challenge(j, &m) || !sign(j, m.challenge, &proof))
        return;
    ipc_put_proof(&w, &(struct ipc_proof){ .job = j->m.job, .signature = proof.signature, .signature_len = proof.len });
    j->result.offline = logon_verdict(j, &w);
}

/* What a KDC says of this card for good, and not of the moment; of the account front finds out. */
static bool
is_last_word(const struct kerberos_end *end)
{
    return end->stage == KERBEROS_EXCHANGE && end->armored &&
           (end->err == ERR_CARD_REVOKED || end->err == ERR_CARD_NOT_YOURS || end->err == ERR_CARD_UNKNOWN);
}

/* What the domain turns away does not let in by pulling out the network's plug. */
static void
have_forgotten(const struct job *j)
{
    struct ipc_forget m = { .user = j->m.user };
    uint8_t packet[256];
    struct writer w = writer_init(packet, sizeof(packet));

    memcpy(m.hash, j->m.card.hash, sizeof(m.hash));
    ipc_put_forget(&w, &m);
    (void)channel_send(FD_VERIFIER, packet, w.len, NULL, 0, true);
}

static void
authenticate(struct job *j)
{
    j->card = talloc_zero(NULL, struct card_use);
    if (j->card != NULL && prepare(j) && !logon_kerberos(j)) {
        j->end.err = (enum err)j->result.err;
        if (j->config->offline_smartcard && fallback_is_offline(&j->end))
            log_on_offline(j);
        else if (is_last_word(&j->end))
            have_forgotten(j);
    }
    j->target.pkinit = NULL;
    j->certificate = NULL;
    j->certificate_len = 0;
    TALLOC_FREE(j->card);
}

static void
aim(struct job *j)
{
    j->card->pkinit.kdc_host = j->m.home.dns[0] == '\0' ? j->m.dc.host : j->user_dc.host;
    j->target.pkinit = &j->card->pkinit;
}

/* A controller has been there: no list that has run out is good enough now, whatever it is offline. */
static bool
is_strictly_fit(struct job *j, struct krb_failure *failure_out)
{
    if (j->card->strictly == CERTIFICATE_FIT)
        return true;
    krb_logon_done(j->krb, &j->logon);
    *failure_out = (struct krb_failure){ .err = card_unfit_error(j->card->strictly), .step = "smart card", .heard = true };
    (void)snprintf(failure_out->text, sizeof(failure_out->text), "%s", certificate_unfit_text(j->card->strictly));
    return false;
}

static bool
exchange(struct job *j, const krb5_creds *armor, struct krb_options *o, struct krb_failure *failure_out)
{
    bool ok = krb_logon_card(j->krb, &j->target, j->m.principal, false, &j->card->key, armor, o, &j->logon,
                             failure_out);

    if (j->logon.twice)
        log_info("the exchange for %s was made twice, because the first answer of %s did not open with the agreed key",
                 j->m.principal, j->card->pkinit.kdc_host);
    return ok && is_strictly_fit(j, failure_out);
}

const struct method logon_by_card = { .authenticate = authenticate, .aim = aim, .exchange = exchange,
                                      .verified = card_keep_nt_hash };
