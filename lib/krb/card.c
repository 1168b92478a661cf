/*
 * The logon with a smart card, as the Authentication Client of [MS-AUTHSOD]
 * 2.5.5.1.2 and 3.2.2 does it: PKINIT (RFC 4556, [MS-PKCA]) by libkrb5's module
 * in the AS exchange, all the rest as with a password.
 */
#include "lib/krb/krb.h"

#include <limits.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/krb/failure.h"
#include "lib/krb/pkinit_seen.h"
#include "lib/krb/reply_key.h"
#include "lib/krb/steps.h"

/* The AS exchange with a card. */
struct proof {
    const struct krb_card *card;
    char *identity;   /* the key, as libkrb5 names it */
    size_t token_len; /* so many bytes of it name the token */
    bool given;       /* the PIN: once */
    bool twice;       /* as in struct krb_logon */
    krb5_context ctx; /* of its own: libkrb5's module takes one key a context */
    struct pkinit_seen seen;
    struct reply_key_note note;
    bool heard;       /* a KDC has answered */
};

/* Without any there is nothing that a KDC's certificate could lead to; libkrb5 1.20 crashes at that. */
static bool
has_anchors(const struct krb_target *t, struct krb_failure *f)
{
    if (t->pkinit != NULL && t->pkinit->anchors != NULL && t->pkinit->anchors[0] != NULL)
        return true;
    failure_say(f, steps_as_name, ERR_INTERNAL, 0, "there are no anchors");
    return false;
}

static bool
name_key(struct proof *p, const struct krb_card *card, struct krb_failure *f)
{
    if (card->module[0] != '/' || strchr(card->module, ':') != NULL || card->slot > INT_MAX || card->id_len == 0) {
        failure_say(f, steps_as_name, ERR_CARD_FAILED, 0, "libkrb5 has no name for such a module, slot or key");
        return false;
    }
    p->identity = talloc_asprintf(NULL, "PKCS11:module_name=%s:slotid=%lu", card->module, card->slot);
    p->token_len = p->identity == NULL ? 0 : strlen(p->identity);
    if (p->identity != NULL)
        p->identity = talloc_strdup_append_buffer(p->identity, ":certid=");
    for (size_t i = 0; p->identity != NULL && i < card->id_len; i++)
        p->identity = talloc_asprintf_append_buffer(p->identity, "%02x", card->id[i]);
    if (p->identity == NULL)
        failure_say(f, steps_as_name, ERR_INTERNAL, 0, "no memory");
    return p->identity != NULL;
}

/*
 * libkrb5 asks for the PIN of a token by a name like ours with its label added.
 * For a reader with a PIN pad it asks, too, and does not look at the answer.
 * No error is returned: without an answer libkrb5 asks exchange_no_prompt, and
 * fails; at one, 1.20 frees the key's id twice.
 */
static krb5_error_code
give_pin(krb5_context ctx, void *data, krb5_responder_context rctx)
{
    krb5_responder_pkinit_challenge *challenge = NULL;
    struct proof *p = data;

    if (p->card->pin == NULL || p->given ||
        krb5_responder_pkinit_get_challenge(ctx, rctx, &challenge) != 0 || challenge == NULL)
        return 0;
    for (size_t i = 0; !p->given && challenge->identities[i] != NULL; i++) {
        const char *identity = challenge->identities[i]->identity;

        if (strncmp(identity, p->identity, p->token_len) == 0 && identity[p->token_len] == ':') {
            p->given = true;
            (void)krb5_responder_pkinit_set_answer(ctx, rctx, identity, p->card->pin);
        }
    }
    krb5_responder_pkinit_challenge_free(ctx, rctx, challenge);
    return 0;
}

static krb5_error_code
ask_reply_key(struct proof *p, struct steps *s)
{
    char value[REPLY_KEY_VALUE_MAX];

    reply_key_value(&p->note, value);
    return krb5_get_init_creds_opt_set_pa(p->ctx, s->options, REPLY_KEY_ATTRIBUTE, value);
}

static krb5_error_code
set_key(struct proof *p, struct steps *s)
{
    krb5_error_code code = krb5_copy_context(s->ctx, &p->ctx);

    if (code == 0)
        p->seen.traced = krb5_set_trace_callback(p->ctx, pkinit_see, &p->seen) == 0;
    if (code == 0)
        code = krb5_get_init_creds_opt_set_pa(p->ctx, s->options, "X509_user_identity", p->identity);
    if (code == 0 && s->target->pkinit->reply_key_module != NULL)
        code = ask_reply_key(p, s);
    if (code == 0)
        code = krb5_get_init_creds_opt_set_responder(p->ctx, s->options, give_pin, p);
    return code;
}

static void
say(struct krb_failure *f, enum err err, const char *text)
{
    f->err = err;
    (void)snprintf(f->text, sizeof(f->text), "%s", text);
}

static bool
is_clock_wrong(const struct krb_failure *f)
{
    return llabs(f->clock_offset) > CLOCK_SKEW;
}

/* libcrypto's words for what is wrong with a certificate. */
static const struct {
    int reason;
    enum err err;
} reasons[] = {
    { X509_V_ERR_CERT_HAS_EXPIRED, ERR_CARD_EXPIRED },
    { X509_V_ERR_CERT_NOT_YET_VALID, ERR_CARD_EXPIRED },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, ERR_CARD_UNTRUSTED },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ERR_CARD_UNTRUSTED },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, ERR_CARD_UNTRUSTED },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, ERR_CARD_UNTRUSTED },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ERR_CARD_UNTRUSTED },
    { X509_V_ERR_CERT_SIGNATURE_FAILURE, ERR_CARD_UNTRUSTED },
};

/* The module's own words, in English, for what it got of a token. */
static const struct {
    const char *words;
    enum err err;
    bool typed; /* where the PIN is typed at the reader; one that is given has been found right right before */
} answers[] = {
    { "no matching tokens", ERR_CARD_REMOVED, false },
    { "no slots with tokens", ERR_CARD_REMOVED, false },
    { "token not present", ERR_CARD_REMOVED, false },
    { "device removed", ERR_CARD_REMOVED, false },
    { "pin incorrect", ERR_PIN_WRONG, true },
    { "pin locked", ERR_PIN_LOCKED, true },
    { "pin expired", ERR_PIN_CHANGE, true },
    { "function canceled", ERR_CANCELLED, true },
};

/*
 * What the module says that is wrong with the card.  It checks the certificate
 * as it checks the KDC's, and has one code for whatever it finds.
 */
static enum err
err_of_words(const struct proof *p, const char *text)
{
    if (p->seen.reads_trust)
        return ERR_INTERNAL;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strstr(text, X509_verify_cert_error_string(reasons[i].reason)) != NULL)
            return reasons[i].err;
    }
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strstr(text, answers[i].words) != NULL && (p->card->pin == NULL || !answers[i].typed))
            return answers[i].err;
    }
    return ERR_CARD_FAILED;
}

/* The KDC has not seen a certificate yet. */
static void
judge_request(const struct proof *p, const struct exchange *x, krb5_error_code code, struct krb_failure *f)
{
    const struct pkinit_seen *seen = &p->seen;

    if (code == KRB5_LIBOS_CANTREADPWD && x->sent == 1 && x->error == 0) {
        say(f, ERR_NO_CARD_LOGON, "the KDC asks for no pre-authentication of this account, so for no certificate");
    } else if (x->sent == 0 || (code != KRB5_PREAUTH_FAILED && !seen->has_asked)) {
        return; /* It never came to that, or the KDC has something to say of the account. */
    } else if (seen->traced && !seen->is_offered) {
        say(f, ERR_NO_CARD_LOGON, "the KDC offers no PKINIT");
    } else if (seen->has_asked && seen->request != 0) {
        f->code = seen->request;
        say(f, err_of_words(p, seen->text), seen->text);
        /* By a clock that is years off no certificate is valid. */
        if (f->err == ERR_CARD_EXPIRED && is_clock_wrong(f))
            f->err = ERR_CLOCK;
    } else {
        f->err = ERR_CARD_FAILED;
    }
}

/* What the KDC answered to the certificate, where its code means another thing for a password. */
static void
judge_word(krb5_error_code code, struct krb_failure *f)
{
    switch (code) {
    case KRB5KRB_AP_ERR_BAD_INTEGRITY: /* so says Samba 4.17 whatever it is that it does not take: the time, too */
        if (is_clock_wrong(f))
            f->err = ERR_CLOCK;
        else
            say(f, ERR_CARD_UNTRUSTED, "the KDC cannot verify it: it does not trust the issuer, or does no PKINIT");
        break;
    case KRB5KDC_ERR_PREAUTH_FAILED:
        f->err = ERR_CARD_UNFIT;
        break;
    case KRB5KDC_ERR_PADATA_TYPE_NOSUPP: /* so says Windows without a certificate of its own */
    case KRB5KDC_ERR_PREAUTH_REQUIRED:
        f->err = ERR_NO_CARD_LOGON;
        break;
    default:
        break;
    }
}

static bool
is_about_certificate(krb5_error_code code)
{
    return code == KRB5KDC_ERR_INVALID_SIG || code == KRB5KDC_ERR_DIGEST_IN_SIGNED_DATA_NOT_ACCEPTED ||
           (code >= KRB5KDC_ERR_CANT_VERIFY_CERTIFICATE && code <= KRB5KDC_ERR_INCONSISTENT_KEY_PURPOSE);
}

/*
 * The KDC has answered with a ticket.  Where the module does not take the proof
 * in it, or there is none, libkrb5 would open it with a password.
 */
static void
judge_reply(const struct proof *p, krb5_error_code code, struct krb_failure *f)
{
    const struct pkinit_seen *seen = &p->seen;
    krb5_error_code reason = seen->has_answer && seen->reply != 0 ? seen->reply : code;

    if (is_about_certificate(reason)) {
        f->err = ERR_KDC_CERTIFICATE;
    } else if (reason != code || code == KRB5_LIBOS_CANTREADPWD) {
        f->err = ERR_UNTRUSTED_KDC;
    } else {
        return;
    }
    f->code = reason;
    if (reason != code)
        say(f, f->err, seen->text);
    else if (seen->traced && !seen->has_answer)
        say(f, f->err, "the KDC's answer has no proof by a certificate");
}

static void
as_failed(const struct proof *p, const struct steps *s, krb5_error_code code)
{
    const struct exchange *x = &s->as;
    bool by_fast = steps_as_failed(s, p->ctx == NULL ? s->ctx : p->ctx, code);

    if (!by_fast && x->error == 0 && p->seen.has_answer)
        judge_reply(p, code, s->failure);
    else if (!by_fast && x->sent < AS_REQUESTS_MAX)
        judge_request(p, x, code, s->failure);
    else if (!by_fast && x->error != 0)
        judge_word(code, s->failure);
    else if (!by_fast)
        judge_reply(p, code, s->failure);
    steps_judge_proof(s, code);
    s->failure->armored = x->error != 0 && code == x->error && s->armor != NULL && x->armored;
}

static krb5_error_code
exchange_once(struct proof *p, struct steps *s, krb5_creds *tgt_out)
{
    krb5_init_creds_context ic = NULL;
    krb5_error_code code = set_key(p, s);

    if (code == 0 && p->seen.is_missing)
        return KRB5_PLUGIN_NAME_NOTFOUND;
    if (code == 0)
        code = krb5_init_creds_init(p->ctx, s->client, exchange_no_prompt, NULL, 0, s->options, &ic);
    if (code == 0)
        code = steps_exchange(s, p->ctx, ic, AS_BY_CERTIFICATE, tgt_out);
    /* A second request follows an answer. */
    p->heard = p->heard || s->as.sent > 1 || s->as.error != 0 || s->as.damaged || (code == 0 && s->as.sent > 0);
    krb5_init_creds_free(p->ctx, ic);
    return code;
}

static void
begin_anew(struct proof *p)
{
    krb5_free_context(p->ctx);
    p->ctx = NULL;
    p->given = false;
    p->twice = true;
    memset(&p->seen, 0, sizeof(p->seen));
    secret_erase(&p->note, sizeof(p->note));
}

/*
 * An answer that does not open may have been damaged on the way, too: whoever did
 * that can stop or forge what comes of a second exchange.  So that one can make
 * the failure good, and nothing else of it: it stays the alarm that the first was.
 */
static bool
as_exchange(struct proof *p, struct steps *s, krb5_creds *tgt_out)
{
    krb5_error_code code = exchange_once(p, s, tgt_out);

    if (p->seen.is_missing)
        failure_say(s->failure, steps_as_name, ERR_INTERNAL, 0, p->seen.text);
    else if (code != 0)
        as_failed(p, s, code);
    if (!pkinit_is_key_cut(&p->seen, s->as.error, code, p->card->pin != NULL))
        return code == 0;
    /* The PIN that is given again is one that the token takes. */
    begin_anew(p);
    code = exchange_once(p, s, tgt_out);
    if (code == 0)
        memset(s->failure, 0, sizeof(*s->failure));
    return code == 0;
}

bool
krb_logon_card(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
               const struct krb_card *card, const krb5_creds *armor, const struct krb_options *o,
               struct krb_logon *logon_out, struct krb_failure *failure_out)
{
    struct krb_logon logon = { 0 };
    struct proof p = { .card = card };
    struct steps s;
    bool ok;

    memset(logon_out, 0, sizeof(*logon_out));
    ok = steps_begin(&s, ctx, t, name, enterprise, armor, o, failure_out) && has_anchors(t, failure_out) &&
         name_key(&p, card, failure_out) && as_exchange(&p, &s, &logon.tgt) && steps_tickets(&s, &logon);
    if (ok)
        *logon_out = logon;
    else
        krb_logon_done(ctx, &logon);
    logon_out->twice = p.twice;
    if (ok)
        reply_key_all(p.ctx, &p.note, &s.as.reply, &logon_out->reply_keys);
    secret_erase(&p.note, sizeof(p.note));
    failure_out->heard = p.heard;
    /* What was typed at the reader is not asked for again without a word. */
    if (!ok && card->pin == NULL && p.seen.has_asked && failure_out->err == ERR_NO_KDC)
        failure_out->err = ERR_TIMEOUT;
    steps_done(&s);
    krb5_free_context(p.ctx);
    talloc_free(p.identity);
    return ok;
}
