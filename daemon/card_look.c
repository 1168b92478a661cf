/* What cards are there, and which of their certificates somebody can log on with. */
#include <stdio.h>
#include <string.h>

#include "daemon/card_rules.h"
#include "daemon/card_worker.h"
#include "lib/base/visible.h"

struct card_view *
card_now(const struct config *c, TALLOC_CTX *mem, struct cards **cards_out, char why_out[static CHAIN_WHY_MAX])
{
    struct certificate_rules rules = card_rules(c);
    struct cards *cards = card_open(mem, c->pkcs11_module);
    struct card_view *view;

    rules.chain = card_chain(c, mem, why_out);
    /* Without an authority to judge by no PIN is worth a try: libkrb5 trusts no KDC then either. */
    view = cards == NULL || rules.chain == NULL ? NULL : card_look(cards, mem, &rules);
    *cards_out = cards;
    if (view == NULL) {
        card_close(cards);
        *cards_out = NULL;
    }
    return view;
}

/* What people know the token by. */
static const char *
token_name(const struct card_token *t)
{
    const char *const names[] = { t->label, t->manufacturer, t->model, t->serial };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i][0] != '\0')
            return names[i];
    }
    return "?";
}

static struct ipc_card
describe(const struct card_token *t, const struct card_certificate *c)
{
    struct ipc_card m = { .not_after = c->facts.not_after, .pin_pad = t->pin_pad, .pin_last_try = t->pin.last_try,
                          .pin_locked = t->pin.locked };

    _Static_assert(sizeof(m.key.token) == sizeof(t->identity) && sizeof(m.key.hash) == sizeof(c->facts.hash), "a key");
    memcpy(m.key.token, t->identity, sizeof(m.key.token));
    memcpy(m.key.hash, c->facts.hash, sizeof(m.key.hash));
    (void)visible_text(m.token, sizeof(m.token), token_name(t));
    (void)visible_text(m.name, sizeof(m.name), c->facts.name[0] == '\0' ? "?" : c->facts.name);
    (void)visible_text(m.issuer, sizeof(m.issuer), c->facts.issuer);
    /* One that is longer than any name here names nobody. */
    if (c->facts.upn != NULL && strlen(c->facts.upn) < sizeof(m.upn))
        (void)visible_text(m.upn, sizeof(m.upn), c->facts.upn);
    return m;
}

/* NULL where the token can be used. */
static const char *
why_not(const struct card_token *t)
{
    if (!t->login_required)
        return "it wants no PIN, and who has it need not be its owner";
    /* libkrb5 takes the path, and the rest, out of a string with ':' between them. */
    if (strchr(t->module, ':') != NULL)
        return "its module's path has a colon";
    return NULL;
}

/*
 * The reasons are looked for in an order: the later one is found, the more of a
 * certificate for logon it is.  That is the one to tell of.
 */
static void
take_certificate(const struct card_token *t, const struct card_certificate *c, struct reasons *r, struct ipc_cards *m,
                 enum certificate_unfit *unfit)
{
    const char *name = c->facts.name == NULL ? c->label : c->facts.name;

    if (c->unfit != CERTIFICATE_FIT) {
        reasons_add(r, LOG_LEVEL_INFO, "card \"%s\": the certificate \"%s\" of %s is left out: %s%s%s", token_name(t), name,
                    c->facts.issuer == NULL ? "nobody" : c->facts.issuer, certificate_unfit_text(c->unfit),
                    c->why[0] == '\0' ? "" : ": ", c->why);
        if (c->unfit > *unfit)
            *unfit = c->unfit;
    } else if (m->n == IPC_CARDS_MAX) {
        reasons_add(r, LOG_LEVEL_WARNING, "card \"%s\": the certificate \"%s\" is left out: there are more than %d",
                    token_name(t), name, IPC_CARDS_MAX);
    } else {
        m->cards[m->n++] = describe(t, c);
    }
}

/* A token that is there and cannot be read, and the one module that shall be used. */
static bool
failed(const struct config *c, const struct card_view *view)
{
    for (size_t i = 0; i < view->n_left_out; i++) {
        if (view->left_out[i].slot || c->pkcs11_module != NULL)
            return true;
    }
    return false;
}

void
card_choose(const struct config *c, const struct card_view *view, struct reasons *r, struct ipc_cards *m_out)
{
    enum certificate_unfit unfit = CERTIFICATE_FIT;

    memset(m_out, 0, sizeof(*m_out));
    for (size_t i = 0; i < view->n_left_out; i++)
        reasons_add(r, LOG_LEVEL_WARNING, "PKCS#11: %s is left out: %s", view->left_out[i].what, view->left_out[i].why);
    for (size_t i = 0; i < view->n_tokens; i++) {
        const struct card_token *t = &view->tokens[i];
        const char *why = why_not(t);

        if (why != NULL)
            reasons_add(r, LOG_LEVEL_INFO, "card \"%s\" is left out: %s", token_name(t), why);
        for (size_t n = 0; why == NULL && n < t->n_certificates; n++)
            take_certificate(t, &t->certificates[n], r, m_out, &unfit);
    }
    if (m_out->n > 0)
        m_out->unfit = ERR_OK;
    else if (unfit != CERTIFICATE_FIT)
        m_out->unfit = card_unfit_error(unfit);
    else if (failed(c, view))
        m_out->unfit = ERR_CARD_FAILED;
    else
        m_out->unfit = view->n_tokens > 0 ? ERR_CARD_UNFIT : ERR_NO_CARD;
}

void
card_look_for(const struct config *c, struct reasons *r, struct ipc_cards *m_out)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct cards *cards = NULL;
    char why[CHAIN_WHY_MAX] = "";
    const struct card_view *view = mem == NULL ? NULL : card_now(c, mem, &cards, why);

    memset(m_out, 0, sizeof(*m_out));
    m_out->unfit = ERR_CARD_NOT_SET_UP;
    if (why[0] != '\0')
        reasons_add(r, LOG_LEVEL_WARNING, "[smartcard]: %s", why);
    if (view != NULL)
        card_choose(c, view, r, m_out);
    else
        reasons_add(r, LOG_LEVEL_ERROR, "the cards cannot be looked at: %s",
                    why[0] != '\0' ? "there is nothing to judge them by" : "no memory");
    card_close(cards);
    talloc_free(mem);
    reasons_tell(r);
}
