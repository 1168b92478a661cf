/*
 * What a logon with a card has before and inside the steps of logon.c: the card
 * that was asked for is there, its PIN is right, and its key signs.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/card_worker.h"

struct card_use {
    struct krb_card key;
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

/* One try, ever. With a PIN pad libkrb5's own is the one: nobody types his PIN twice. */
static bool
check_pin(struct job *j, struct cards *cards, struct card_token *t)
{
    struct card_failure f;

    if (t->pin_pad || card_check_pin(cards, t, j->secret, &f))
        return true;
    return refuse(j, error_of(&f, &t->pin), "%s: %s%s%s in %s, card \"%s\"", card_error_name(f.error),
                  card_error_text(f.error), f.code == 0 ? "" : ": ", card_code_text(f.code), f.step, t->label);
}

/* The card and its certificate, with the right PIN: j->card->key, whose bytes are view's. */
static bool
use_card(struct job *j, struct cards *cards, struct card_view *view)
{
    struct card_certificate *c;
    struct card_token *t = find(view, &j->m.card, &c);

    if (t == NULL || t->pin_pad != j->m.pin_pad)
        return refuse(j, ERR_CARD_REMOVED, "REMOVED: the card that was there before is not there now");
    if (!t->login_required || strchr(t->module, ':') != NULL)
        return refuse(j, ERR_CARD_UNFIT, "card \"%s\" cannot be used", t->label);
    if (!is_fit(j, c) || !check_pin(j, cards, t) || !is_fit(j, c))
        return false;
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
    return p->anchors != NULL && p->intermediates != NULL && p->crls != NULL;
}

static bool
prepare(struct job *j)
{
    struct cards *cards;
    char why[CHAIN_WHY_MAX]; /* which the look before has told */
    struct card_view *view = card_now(j->config, j->card, &cards, why);
    bool ok;

    if (view == NULL)
        return refuse(j, ERR_CARD_NOT_SET_UP, "%s", why[0] != '\0' ? why : "no memory");
    if (!set_trust(j)) {
        card_close(cards);
        return refuse(j, ERR_INTERNAL, "no memory");
    }
    ok = use_card(j, cards, view);
    /* libkrb5 initializes the module itself. */
    card_close(cards);
    return ok;
}

static void
authenticate(struct job *j)
{
    j->card = talloc_zero(NULL, struct card_use);
    if (j->card != NULL && prepare(j))
        (void)logon_kerberos(j);
    j->target.pkinit = NULL;
    TALLOC_FREE(j->card);
}

static void
aim(struct job *j)
{
    j->card->pkinit.kdc_host = j->m.home.dns[0] == '\0' ? j->m.dc.host : j->user_dc.host;
    j->target.pkinit = &j->card->pkinit;
}

static bool
exchange(struct job *j, const krb5_creds *armor, struct krb_options *o, struct krb_failure *failure_out)
{
    return krb_logon_card(j->krb, &j->target, j->m.principal, false, &j->card->key, armor, o, &j->logon, failure_out);
}

const struct method logon_by_card = { .authenticate = authenticate, .aim = aim, .exchange = exchange };
