#include "lib/krb/steps.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "lib/base/secret.h"
#include "lib/krb/failure.h"
#include "lib/krb/tgs.h"

#define LIFETIME_MOST (365 * 24 * 60 * 60)
#define ARMOR_LEFT 60 /* seconds that an armour must still be good for */

const char steps_as_name[] = "AS exchange";
static const char armor_step[] = "TGS exchange of the computer";
static const char tgs_step[] = "TGS exchange";
static const char ap_step[] = "AP-REQ";

/* The NetBIOS name as Windows sends it: capitals, padded with blanks to 16 bytes. */
static void
set_address(struct steps *s)
{
    const char *computer = s->target->computer;
    size_t n = strlen(computer);

    memset(s->netbios, ' ', NETBIOS_BYTES);
    for (size_t i = 0; i < n && i < NETBIOS_BYTES - 1; i++)
        s->netbios[i] = (uint8_t)toupper((unsigned char)computer[i]);
    s->address.addrtype = ADDRTYPE_NETBIOS;
    s->address.length = NETBIOS_BYTES;
    s->address.contents = s->netbios;
    s->addresses[0] = &s->address;
    krb5_get_init_creds_opt_set_address_list(s->options, s->addresses);
}

static bool
is_foreign(const struct steps *s)
{
    return s->target->user_realm != NULL;
}

static const char *
user_realm(const struct steps *s)
{
    return is_foreign(s) ? s->target->user_realm : s->target->realm;
}

/* Those between the computer and the user, whichever begins. */
static struct realm_kdcs
all_kdcs(struct steps *s)
{
    struct realm_kdcs kdcs = { .list = { { s->target->realm, &s->kdc } }, .n = 1 };

    if (is_foreign(s)) {
        kdcs.list[1].realm = s->target->user_realm;
        kdcs.list[1].kdc = &s->user_kdc;
        kdcs.n = 2;
    }
    return kdcs;
}

static krb5_error_code
set_options(struct steps *s, const struct krb_options *o)
{
    krb5_error_code code = krb5_get_init_creds_opt_alloc(s->ctx, &s->options);

    if (code != 0)
        return code;
    krb5_get_init_creds_opt_set_canonicalize(s->options, 1);
    krb5_get_init_creds_opt_set_forwardable(s->options, o->forwardable);
    krb5_get_init_creds_opt_set_proxiable(s->options, 0);
    /* 0: the KDC cuts what is more than it gives. */
    krb5_get_init_creds_opt_set_tkt_life(s->options, o->lifetime > 0 ? o->lifetime : LIFETIME_MOST);
    krb5_get_init_creds_opt_set_renew_life(s->options, !o->renewable            ? 0
                                                         : o->renew_lifetime > 0 ? o->renew_lifetime
                                                                                 : LIFETIME_MOST);
    set_address(s);
    return krb5_get_init_creds_opt_set_pac_request(s->ctx, s->options, TRUE);
}

/* FAST from the first request on: a KDC that does not do it gets no chance to be asked without. */
static krb5_error_code
set_armor(struct steps *s, const krb5_creds *armor)
{
    krb5_error_code code = tgs_cache(s->ctx, armor, &s->armor);

    if (code == 0)
        code = krb5_get_init_creds_opt_set_fast_ccache(s->ctx, s->options, s->armor);
    if (code == 0)
        code = krb5_get_init_creds_opt_set_fast_flags(s->ctx, s->options, KRB5_FAST_REQUIRED);
    return code;
}

/* Codes by which the KDC refuses the AP-REQ in the armour, or libkrb5 cannot make one. */
static bool
is_about_armor(krb5_error_code code)
{
    switch (code) {
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
    case KRB5KRB_AP_ERR_TKT_EXPIRED:
    case KRB5KRB_AP_ERR_NOT_US:
    case KRB5KRB_AP_ERR_BADMATCH:
    case KRB5KRB_AP_ERR_MODIFIED:
    case KRB5KRB_AP_ERR_BADKEYVER:
    case KRB5KRB_AP_ERR_NOKEY:
    case KRB5KDC_ERR_PREAUTH_FAILED:
        return true;
    default:
        return false;
    }
}

/*
 * An armour that the other realm's KDC can open: a TGT of the computer's from
 * there, for which both KDCs are asked.
 */
static bool
get_foreign_armor(struct steps *s, const krb5_creds *tgt, krb5_creds *armor_out)
{
    const char *realm = s->target->user_realm;
    const struct realm_kdcs kdcs = all_kdcs(s);
    struct krb_failure *f = s->failure;
    krb5_principal server = NULL;
    struct exchange x = { 0 };
    krb5_error_code code;

    code = krb5_build_principal(s->ctx, &server, (unsigned)strlen(realm), realm, KRB5_TGS_NAME, realm, NULL);
    if (code == 0)
        code = tgs_ticket(s->ctx, &kdcs, tgt, server, armor_out, &x);
    krb5_free_principal(s->ctx, server);
    if (code == 0)
        return true;
    failure_of_exchange(s->ctx, f, armor_step, code, &x);
    f->user_kdc = x.kdc == &s->user_kdc;
    f->armor_refused = !f->user_kdc && is_about_armor(code);
    /* The domains trust each other: that there is none is nobody's to say who may be in the way. */
    if (f->err != ERR_NO_KDC && f->err != ERR_CLOCK)
        f->err = ERR_NO_FAST;
    return false;
}

void
steps_judge_proof(const struct steps *s, krb5_error_code code)
{
    const struct exchange *x = &s->as;
    struct krb_failure *f = s->failure;
    bool proved = x->sent >= AS_REQUESTS_MAX && x->error != 0 && code == x->error && (s->armor == NULL || x->armored);

    switch (f->err) {
    case ERR_WRONG_PASSWORD:
    case ERR_UNKNOWN_PRINCIPAL:
    case ERR_LOCKED:
    case ERR_NO_ENCTYPE:
    case ERR_NO_REALM:
    case ERR_NO_FAST:
        break;
    case ERR_REVOKED:
        f->proved_unless_locked = proved;
        break;
    default:
        f->proved = proved;
        break;
    }
}

bool
steps_as_failed(const struct steps *s, krb5_context ctx, krb5_error_code code)
{
    const struct exchange *x = &s->as;
    struct krb_failure *f = s->failure;
    bool unprotected = s->armor != NULL && !x->armored;

    failure_of_exchange(ctx, f, steps_as_name, code, x);
    f->user_kdc = is_foreign(s);
    if (unprotected && x->sent <= 1 && is_about_armor(code)) {
        f->armor_refused = true;
        f->err = ERR_NO_FAST;
    } else if (unprotected && x->sent > 0 && f->err == ERR_NO_ENCTYPE) {
        /* PREAUTH_REQUIRED is among those. Said outside of FAST, or damaged: anybody on the way can do that. */
        f->err = ERR_NO_FAST;
    } else if (s->armor != NULL && x->damaged && (f->err == ERR_NO_KDC || f->err == ERR_NO_REALM)) {
        f->err = ERR_NO_FAST;
    } else {
        return false;
    }
    return true;
}

krb5_error_code
steps_exchange(struct steps *s, krb5_context ctx, krb5_init_creds_context ic, enum as_proof proof, krb5_creds *tgt_out)
{
    krb5_error_code code = exchange_as(ctx, is_foreign(s) ? &s->user_kdc : &s->kdc, ic, proof, &s->as);

    if (code == 0)
        code = krb5_init_creds_get_creds(ctx, ic, tgt_out);
    if (code != 0)
        return code;
    /* The ticket stays bound to the name; without the list here tickets forwarded from it are bound to no address. */
    krb5_free_addresses(ctx, tgt_out->addresses);
    tgt_out->addresses = NULL;
    return 0;
}

static bool
tgs_exchange(struct steps *s, const krb5_creds *tgt, krb5_creds *host_out)
{
    const struct krb_target *t = s->target;
    const struct realm_kdcs kdcs = all_kdcs(s);
    krb5_principal server = NULL;
    struct exchange x = { 0 };
    krb5_error_code code;

    code = krb5_build_principal(s->ctx, &server, (unsigned)strlen(t->realm), t->realm, "host", t->fqdn, NULL);
    if (code == 0)
        code = tgs_ticket(s->ctx, &kdcs, tgt, server, host_out, &x);
    krb5_free_principal(s->ctx, server);
    if (code == 0)
        return true;
    failure_of_exchange(s->ctx, s->failure, tgs_step, code, &x);
    /* The AS exchange has succeeded: the KDC, whoever it is, took the proof. */
    s->failure->proved = true;
    s->failure->user_kdc = x.kdc == &s->user_kdc;
    /* Of a foreign user it is as well our KDC, or his, which does not know the way. */
    s->failure->no_service = code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN || code == KRB5KDC_ERR_MUST_USE_USER2USER ||
                               code == KRB5KDC_ERR_ETYPE_NOSUPP;
    return false;
}

static bool
make_ap_req(struct steps *s, krb5_creds *host, krb5_data *ap_req_out)
{
    krb5_auth_context ac = NULL;
    krb5_error_code code = krb5_mk_req_extended(s->ctx, &ac, 0, NULL, host, ap_req_out);

    krb5_auth_con_free(s->ctx, ac);
    if (code == 0)
        return true;
    failure_set(s->ctx, s->failure, ap_step, code);
    return false;
}

/*
 * True if the armour is good by our own clock.  One from the future means that
 * the clock was set back: only the KDC knows by how much, and the exchange for a
 * new armour will tell.
 */
static bool
is_armor_fresh(const krb5_creds *armor)
{
    int64_t now = (int64_t)time(NULL);
    krb5_timestamp start = armor->times.starttime != 0 ? armor->times.starttime : armor->times.authtime;

    return (int64_t)(uint32_t)start - now <= CLOCK_SKEW && (int64_t)(uint32_t)armor->times.endtime - now >= ARMOR_LEFT;
}

static bool
prepare(struct steps *s, const char *name, bool enterprise, const krb5_creds *armor, const struct krb_options *o)
{
    krb5_creds foreign = { 0 };
    krb5_error_code code;

    if (armor != NULL && !is_armor_fresh(armor)) {
        failure_say(s->failure, steps_as_name, ERR_NO_FAST, 0, "the armour has run out, or is not valid yet");
        s->failure->armor_refused = true;
        return false;
    }
    if (armor != NULL && is_foreign(s)) {
        if (!get_foreign_armor(s, armor, &foreign))
            return false;
        armor = &foreign;
    }
    code = exchange_client(s->ctx, user_realm(s), name, enterprise, &s->client);
    if (code == 0)
        code = set_options(s, o);
    if (code == 0 && armor != NULL)
        code = set_armor(s, armor);
    krb5_free_cred_contents(s->ctx, &foreign);
    if (code != 0)
        failure_set(s->ctx, s->failure, steps_as_name, code);
    return code == 0;
}

bool
steps_begin(struct steps *s, krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
            const krb5_creds *armor, const struct krb_options *o, struct krb_failure *failure_out)
{
    struct kdc *first;
    bool ok;

    memset(failure_out, 0, sizeof(*failure_out));
    *s = (struct steps){ .ctx = ctx, .target = t, .kdc = kdc_init(t), .user_kdc = kdc_init_user(t),
                         .failure = failure_out };
    ok = prepare(s, name, enterprise, armor, o);
    /* Not for the armour: the AS exchange is what there is most to wait for. */
    first = is_foreign(s) ? &s->user_kdc : &s->kdc;
    first->meanwhile = o->meanwhile;
    first->arg = o->arg;
    return ok;
}

bool
steps_tickets(struct steps *s, struct krb_logon *logon)
{
    krb5_error_code code;

    if (!tgs_exchange(s, &logon->tgt, &logon->host) || !make_ap_req(s, &logon->host, &logon->ap_req))
        return false;
    code = krb5_copy_principal(s->ctx, logon->tgt.client, &logon->client);
    if (code != 0)
        failure_set(s->ctx, s->failure, ap_step, code);
    return code == 0;
}

void
steps_done(struct steps *s)
{
    krb5_get_init_creds_opt_free(s->ctx, s->options);
    if (s->armor != NULL)
        (void)krb5_cc_destroy(s->ctx, s->armor);
    krb5_free_principal(s->ctx, s->client);
    krb5_free_data_contents(s->ctx, &s->as.reply);
    kdc_done(&s->kdc);
    kdc_done(&s->user_kdc);
}

void
krb_logon_done(krb5_context ctx, struct krb_logon *logon)
{
    krb5_free_cred_contents(ctx, &logon->tgt);
    krb5_free_cred_contents(ctx, &logon->host);
    krb5_free_data_contents(ctx, &logon->ap_req);
    secret_erase(&logon->reply_keys, sizeof(logon->reply_keys));
    krb5_free_principal(ctx, logon->client);
    memset(logon, 0, sizeof(*logon));
}
