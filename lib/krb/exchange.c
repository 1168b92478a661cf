#include "lib/krb/exchange.h"

#include <string.h>
#include <time.h>

#include "lib/krb/edata.h"

/* libkrb5's form of a code of RFC 4120 7.5.9. */
static krb5_error_code
protocol_error(krb5_ui_4 code)
{
    return (krb5_error_code)code + ERROR_TABLE_BASE_krb5;
}

static void
note_error(krb5_context ctx, const krb5_data *reply, struct exchange *x)
{
    krb5_error *error = NULL;

    x->error = 0;
    x->ntstatus = 0;
    x->armored = false;
    x->damaged = false;
    if (reply->length == 0 || (uint8_t)reply->data[0] != 0x7e)
        return;
    if (krb5_rd_error(ctx, reply, &error) != 0)
        return;
    /* RFC 4120 names 128 codes; libkrb5's table ends there too. */
    if (error->error < 128)
        x->error = protocol_error(error->error);
    x->ntstatus = krb_error_ntstatus(error->e_data.data, error->e_data.length);
    x->armored = edata_has_fast(error->e_data.data, error->e_data.length);
    x->offset_known = true;
    /* libkrb5 reads its 32 bits of time as unsigned. */
    x->offset = (int64_t)(uint32_t)error->stime - (int64_t)time(NULL);
    krb5_free_error(ctx, error);
}

/* Sends request; reply, the last answer, is replaced. */
static krb5_error_code
exchange_one(krb5_context ctx, struct kdc *kdc, const krb5_data *request, bool once, krb5_data *reply,
             struct exchange *x)
{
    krb5_error_code code;

    krb5_free_data_contents(ctx, reply);
    x->error = 0;
    x->kdc = kdc;
    x->sent++;
    code = kdc_exchange(ctx, kdc, request, once, reply);
    if (code == 0)
        note_error(ctx, reply, x);
    return code;
}

/* Gives the KDC's own error, in libkrb5's words, in place of another request. */
static krb5_error_code
give_up(krb5_context ctx, krb5_error_code code)
{
    krb5_clear_error_message(ctx);
    return code == 0 ? KRB5_GET_IN_TKT_LOOP : code;
}

static bool
as_may_ask(const struct exchange *x, enum as_proof proof)
{
    if (x->sent == 0 || (x->sent < AS_REQUESTS_MAX && x->error == KRB5KDC_ERR_PREAUTH_REQUIRED))
        return true;
    /* The KDC has another group for Diffie-Hellman (RFC 4556 3.2.1); libkrb5 takes none that is smaller. */
    return proof == AS_BY_CERTIFICATE && x->sent == AS_REQUESTS_MAX &&
           x->error == KRB5KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED;
}

/*
 * libkrb5 takes the protected error in place of the one around it, which anybody
 * can write; where the protected part does not open, it believes that one.
 */
static void
note_opened(krb5_context ctx, krb5_init_creds_context ic, struct exchange *x)
{
    krb5_error *error = NULL;

    if (!x->armored)
        return;
    if (krb5_init_creds_get_error(ctx, ic, &error) != 0 || error == NULL ||
        edata_has_fast(error->e_data.data, error->e_data.length)) {
        x->armored = false;
        x->damaged = true;
    }
    krb5_free_error(ctx, error);
}

krb5_error_code
exchange_as(krb5_context ctx, struct kdc *kdc, krb5_init_creds_context ic, enum as_proof proof,
            struct exchange *x_out)
{
    krb5_data request = { 0 }, realm = { 0 }, reply = { 0 };
    unsigned flags = 0;
    krb5_error_code code;

    memset(x_out, 0, sizeof(*x_out));
    for (;;) {
        code = krb5_init_creds_step(ctx, ic, &reply, &request, &realm, &flags);
        if (code != 0 || (flags & KRB5_INIT_CREDS_STEP_FLAG_CONTINUE) == 0)
            break;
        if (!as_may_ask(x_out, proof)) {
            code = give_up(ctx, x_out->error);
            break;
        }
        code = exchange_one(ctx, kdc, &request, x_out->sent > 0, &reply, x_out);
        if (code != 0)
            break;
        krb5_free_data_contents(ctx, &request);
        krb5_free_data_contents(ctx, &realm);
    }
    krb5_free_data_contents(ctx, &request);
    krb5_free_data_contents(ctx, &realm);
    if (code != 0)
        note_opened(ctx, ic, x_out);
    if (code == 0 && proof == AS_BY_CERTIFICATE)
        x_out->reply = reply;
    else
        krb5_free_data_contents(ctx, &reply);
    return code;
}

static bool
is_realm(const krb5_data *realm, const char *name)
{
    return realm->length == strlen(name) && memcmp(realm->data, name, realm->length) == 0;
}

/* NULL: nobody that we know. */
static struct kdc *
kdc_for(const struct realm_kdcs *kdcs, const krb5_data *realm)
{
    for (unsigned i = 0; i < kdcs->n; i++) {
        if (is_realm(realm, kdcs->list[i].realm))
            return kdcs->list[i].kdc;
    }
    return NULL;
}

krb5_error_code
exchange_tgs(krb5_context ctx, const struct realm_kdcs *kdcs, krb5_tkt_creds_context tc, struct exchange *x_out)
{
    struct kdc *kdc;
    krb5_data request = { 0 }, realm = { 0 }, reply = { 0 };
    unsigned flags = 0;
    krb5_error_code code;

    memset(x_out, 0, sizeof(*x_out));
    for (;;) {
        code = krb5_tkt_creds_step(ctx, tc, &reply, &request, &realm, &flags);
        if (code != 0 || (flags & KRB5_TKT_CREDS_STEP_FLAG_CONTINUE) == 0)
            break;
        kdc = kdc_for(kdcs, &realm);
        if (kdc == NULL) {
            code = give_up(ctx, KRB5_REALM_UNKNOWN);
            break;
        }
        if (x_out->sent == TGS_REQUESTS_MAX * kdcs->n) {
            code = give_up(ctx, x_out->error);
            break;
        }
        code = exchange_one(ctx, kdc, &request, false, &reply, x_out);
        if (code != 0)
            break;
        krb5_free_data_contents(ctx, &request);
        krb5_free_data_contents(ctx, &realm);
    }
    krb5_free_data_contents(ctx, &request);
    krb5_free_data_contents(ctx, &realm);
    krb5_free_data_contents(ctx, &reply);
    return code;
}

krb5_error_code
exchange_no_prompt(krb5_context ctx, void *data, const char *name, const char *banner, int n, krb5_prompt prompts[])
{
    (void)ctx;
    (void)data;
    (void)name;
    (void)banner;
    (void)prompts;
    return n == 0 ? 0 : KRB5_LIBOS_CANTREADPWD;
}

krb5_error_code
exchange_client(krb5_context ctx, const char *realm, const char *name, bool enterprise, krb5_principal *client_out)
{
    krb5_error_code code = krb5_build_principal_ext(ctx, client_out, (unsigned)strlen(realm), realm,
                                                    (unsigned)strlen(name), name, 0);

    if (code == 0)
        (*client_out)->type = enterprise ? KRB5_NT_ENTERPRISE_PRINCIPAL : KRB5_NT_PRINCIPAL;
    return code;
}
