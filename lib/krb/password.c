/*
 * The logon with a password, as the Authentication Client of [MS-AUTHSOD]
 * 2.5.5.1.1 and 3.2.1 does it: AS, TGS for this computer, AP-REQ.
 */
#include "lib/krb/krb.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "lib/krb/failure.h"
#include "lib/krb/tgs.h"

#define NETBIOS_BYTES 16
#define LIFETIME_MOST (365 * 24 * 60 * 60)
#define ARMOR_LEFT 60 /* seconds that an armour must still be good for */

static const char as_step[] = "AS exchange";
static const char armor_step[] = "TGS exchange of the computer";
static const char tgs_step[] = "TGS exchange";
static const char ap_step[] = "AP-REQ";

/* What the steps of one logon share. */
struct job {
    krb5_context ctx;
    const struct krb_target *target;
    struct kdc kdc;
    struct kdc user_kdc;       /* of the user's realm, where that is another one */
    krb5_get_init_creds_opt *options;
    krb5_ccache armor; /* NULL: no FAST */
    krb5_principal client;
    uint8_t netbios[NETBIOS_BYTES];
    krb5_address address;
    krb5_address *addresses[2];
    struct exchange as;
    struct krb_failure *failure;
};

/* The NetBIOS name as Windows sends it: capitals, padded with blanks to 16 bytes. */
static void
set_address(struct job *job)
{
    const char *computer = job->target->computer;
    size_t n = strlen(computer);

    memset(job->netbios, ' ', NETBIOS_BYTES);
    for (size_t i = 0; i < n && i < NETBIOS_BYTES - 1; i++)
        job->netbios[i] = (uint8_t)toupper((unsigned char)computer[i]);
    job->address.addrtype = ADDRTYPE_NETBIOS;
    job->address.length = NETBIOS_BYTES;
    job->address.contents = job->netbios;
    job->addresses[0] = &job->address;
    krb5_get_init_creds_opt_set_address_list(job->options, job->addresses);
}

static bool
is_foreign(const struct job *job)
{
    return job->target->user_realm != NULL;
}

static const char *
user_realm(const struct job *job)
{
    return is_foreign(job) ? job->target->user_realm : job->target->realm;
}

/* Those between the computer and the user, whichever begins. */
static struct realm_kdcs
all_kdcs(struct job *job)
{
    struct realm_kdcs kdcs = { .list = { { job->target->realm, &job->kdc } }, .n = 1 };

    if (is_foreign(job)) {
        kdcs.list[1].realm = job->target->user_realm;
        kdcs.list[1].kdc = &job->user_kdc;
        kdcs.n = 2;
    }
    return kdcs;
}

static krb5_error_code
set_options(struct job *job, const struct krb_options *o)
{
    krb5_error_code code = krb5_get_init_creds_opt_alloc(job->ctx, &job->options);

    if (code != 0)
        return code;
    krb5_get_init_creds_opt_set_canonicalize(job->options, 1);
    krb5_get_init_creds_opt_set_forwardable(job->options, o->forwardable);
    krb5_get_init_creds_opt_set_proxiable(job->options, 0);
    /* 0: the KDC cuts what is more than it gives. */
    krb5_get_init_creds_opt_set_tkt_life(job->options, o->lifetime > 0 ? o->lifetime : LIFETIME_MOST);
    krb5_get_init_creds_opt_set_renew_life(job->options, !o->renewable            ? 0
                                                         : o->renew_lifetime > 0 ? o->renew_lifetime
                                                                                 : LIFETIME_MOST);
    set_address(job);
    return krb5_get_init_creds_opt_set_pac_request(job->ctx, job->options, TRUE);
}

/* FAST from the first request on: a KDC that does not do it gets no chance to be asked without. */
static krb5_error_code
set_armor(struct job *job, const krb5_creds *armor)
{
    krb5_error_code code = tgs_cache(job->ctx, armor, &job->armor);

    if (code == 0)
        code = krb5_get_init_creds_opt_set_fast_ccache(job->ctx, job->options, job->armor);
    if (code == 0)
        code = krb5_get_init_creds_opt_set_fast_flags(job->ctx, job->options, KRB5_FAST_REQUIRED);
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
get_foreign_armor(struct job *job, const krb5_creds *tgt, krb5_creds *armor_out)
{
    const char *realm = job->target->user_realm;
    const struct realm_kdcs kdcs = all_kdcs(job);
    struct krb_failure *f = job->failure;
    krb5_principal server = NULL;
    struct exchange x = { 0 };
    krb5_error_code code;

    code = krb5_build_principal(job->ctx, &server, (unsigned)strlen(realm), realm, KRB5_TGS_NAME, realm, NULL);
    if (code == 0)
        code = tgs_ticket(job->ctx, &kdcs, tgt, server, armor_out, &x);
    krb5_free_principal(job->ctx, server);
    if (code == 0)
        return true;
    failure_of_exchange(job->ctx, f, armor_step, code, &x);
    f->user_kdc = x.kdc == &job->user_kdc;
    f->armor_refused = !f->user_kdc && is_about_armor(code);
    /* The domains trust each other: that there is none is nobody's to say who may be in the way. */
    if (f->err != ERR_NO_KDC && f->err != ERR_CLOCK)
        f->err = ERR_NO_FAST;
    return false;
}

/*
 * The KDC's word counts as given after it saw the password where it answered the
 * request that carried the pre-authentication, and by FAST if that was used.
 */
static void
judge_proof(const struct job *job, krb5_error_code code, struct krb_failure *f)
{
    const struct exchange *x = &job->as;
    bool proved = x->sent == AS_REQUESTS_MAX && x->error != 0 && code == x->error &&
                  (job->armor == NULL || x->armored);

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

static void
as_failed(const struct job *job, krb5_error_code code)
{
    const struct exchange *x = &job->as;
    struct krb_failure *f = job->failure;
    bool unprotected = job->armor != NULL && !x->armored;

    failure_of_exchange(job->ctx, f, as_step, code, x);
    f->user_kdc = is_foreign(job);
    f->password_sent = x->sent == AS_REQUESTS_MAX;
    if (unprotected && x->sent <= 1 && is_about_armor(code)) {
        f->armor_refused = true;
        f->err = ERR_NO_FAST;
    } else if (unprotected && x->sent > 0 && f->err == ERR_NO_ENCTYPE) {
        /* PREAUTH_REQUIRED is among those. Said outside of FAST, or damaged: anybody on the way can do that. */
        f->err = ERR_NO_FAST;
    } else if (job->armor != NULL && x->damaged && (f->err == ERR_NO_KDC || f->err == ERR_NO_REALM)) {
        f->err = ERR_NO_FAST;
    } else if (code == KRB5KRB_AP_ERR_BAD_INTEGRITY && x->error == 0 && x->sent == 1) {
        /* An account without pre-authentication: its answer does not open with this password. */
        f->err = ERR_WRONG_PASSWORD;
    } else if (f->err == ERR_NO_KDC && f->password_sent) {
        f->err = ERR_TIMEOUT;
    }
    judge_proof(job, code, f);
}

static bool
as_exchange(struct job *job, const char *password, krb5_creds *tgt_out)
{
    krb5_init_creds_context ic = NULL;
    krb5_error_code code;

    code = krb5_init_creds_init(job->ctx, job->client, exchange_no_prompt, NULL, 0, job->options, &ic);
    if (code == 0)
        code = krb5_init_creds_set_password(job->ctx, ic, password);
    if (code == 0)
        code = exchange_as(job->ctx, is_foreign(job) ? &job->user_kdc : &job->kdc, ic, &job->as);
    if (code == 0)
        code = krb5_init_creds_get_creds(job->ctx, ic, tgt_out);
    if (code != 0)
        as_failed(job, code);
    krb5_init_creds_free(job->ctx, ic);
    if (code != 0)
        return false;
    /* The ticket stays bound to the name; without the list here tickets forwarded from it are bound to no address. */
    krb5_free_addresses(job->ctx, tgt_out->addresses);
    tgt_out->addresses = NULL;
    return true;
}

static bool
tgs_exchange(struct job *job, const krb5_creds *tgt, krb5_creds *host_out)
{
    const struct krb_target *t = job->target;
    const struct realm_kdcs kdcs = all_kdcs(job);
    krb5_principal server = NULL;
    struct exchange x = { 0 };
    krb5_error_code code;

    code = krb5_build_principal(job->ctx, &server, (unsigned)strlen(t->realm), t->realm, "host", t->fqdn, NULL);
    if (code == 0)
        code = tgs_ticket(job->ctx, &kdcs, tgt, server, host_out, &x);
    krb5_free_principal(job->ctx, server);
    if (code == 0)
        return true;
    failure_of_exchange(job->ctx, job->failure, tgs_step, code, &x);
    /* The AS exchange has succeeded: the KDC, whoever it is, took the password. */
    job->failure->password_sent = true;
    job->failure->proved = true;
    job->failure->user_kdc = x.kdc == &job->user_kdc;
    /* Of a foreign user it is as well our KDC, or his, which does not know the way. */
    job->failure->no_service = code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN || code == KRB5KDC_ERR_MUST_USE_USER2USER ||
                               code == KRB5KDC_ERR_ETYPE_NOSUPP;
    if (job->failure->err == ERR_NO_KDC)
        job->failure->err = ERR_TIMEOUT;
    return false;
}

static bool
make_ap_req(struct job *job, krb5_creds *host, krb5_data *ap_req_out)
{
    krb5_auth_context ac = NULL;
    krb5_error_code code = krb5_mk_req_extended(job->ctx, &ac, 0, NULL, host, ap_req_out);

    krb5_auth_con_free(job->ctx, ac);
    if (code == 0)
        return true;
    failure_set(job->ctx, job->failure, ap_step, code);
    job->failure->password_sent = true;
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
prepare(struct job *job, const char *name, bool enterprise, const krb5_creds *armor, const struct krb_options *o)
{
    krb5_creds foreign = { 0 };
    krb5_error_code code;

    if (armor != NULL && !is_armor_fresh(armor)) {
        failure_say(job->failure, as_step, ERR_NO_FAST, 0, "the armour has run out, or is not valid yet");
        job->failure->armor_refused = true;
        return false;
    }
    if (armor != NULL && is_foreign(job)) {
        if (!get_foreign_armor(job, armor, &foreign))
            return false;
        armor = &foreign;
    }
    code = exchange_client(job->ctx, user_realm(job), name, enterprise, &job->client);
    if (code == 0)
        code = set_options(job, o);
    if (code == 0 && armor != NULL)
        code = set_armor(job, armor);
    krb5_free_cred_contents(job->ctx, &foreign);
    if (code != 0)
        failure_set(job->ctx, job->failure, as_step, code);
    return code == 0;
}

bool
krb_logon_password(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
                   const char *password, const krb5_creds *armor, const struct krb_options *o,
                   struct krb_logon *logon_out, struct krb_failure *failure_out)
{
    struct job job = { .ctx = ctx, .target = t, .kdc = kdc_init(t), .user_kdc = kdc_init_user(t), .failure = failure_out };
    struct kdc *first = is_foreign(&job) ? &job.user_kdc : &job.kdc;
    struct krb_logon logon = { 0 };
    krb5_error_code code;
    bool ok;

    memset(logon_out, 0, sizeof(*logon_out));
    memset(failure_out, 0, sizeof(*failure_out));
    ok = prepare(&job, name, enterprise, armor, o);
    /* Not for the armour: the AS exchange is what there is most to wait for. */
    first->meanwhile = o->meanwhile;
    first->arg = o->arg;
    ok = ok && as_exchange(&job, password, &logon.tgt) &&
         tgs_exchange(&job, &logon.tgt, &logon.host) && make_ap_req(&job, &logon.host, &logon.ap_req);
    if (ok) {
        code = krb5_copy_principal(ctx, logon.tgt.client, &logon.client);
        if (code != 0)
            failure_set(ctx, failure_out, ap_step, code);
        ok = code == 0;
    }
    if (ok)
        *logon_out = logon;
    else
        krb_logon_done(ctx, &logon);
    krb5_get_init_creds_opt_free(ctx, job.options);
    if (job.armor != NULL)
        (void)krb5_cc_destroy(ctx, job.armor);
    krb5_free_principal(ctx, job.client);
    kdc_done(&job.kdc);
    kdc_done(&job.user_kdc);
    return ok;
}

void
krb_logon_done(krb5_context ctx, struct krb_logon *logon)
{
    krb5_free_cred_contents(ctx, &logon->tgt);
    krb5_free_cred_contents(ctx, &logon->host);
    krb5_free_data_contents(ctx, &logon->ap_req);
    krb5_free_principal(ctx, logon->client);
    memset(logon, 0, sizeof(*logon));
}
