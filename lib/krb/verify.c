/*
 * The proof that the KDC which let the user in knows this computer's key
 * (design, 2 steps 5 and 6).
 */
#include "lib/krb/verifier.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/buf.h"
#include "lib/krb/failure.h"
#include "lib/ndr/pac.h"

static const char step[] = "AP-REQ";

/* An AP-REQ that krb5_rd_req has taken. */
struct proof {
    struct krb_verifier *v;
    krb5_ticket *ticket;
    krb5_authenticator *authenticator;
    struct krb_sealed sealed;          /* of the PAC that was decoded */
    const struct krb_trusted *trusted; /* whose user it is; NULL: of the own realm */
    struct krb_failure *failure;
};

static bool
refuse(const struct proof *p, enum err err, const char *text)
{
    failure_say(p->failure, step, err, 0, text);
    return false;
}

static int64_t
seconds(krb5_timestamp t)
{
    return (int64_t)(uint32_t)t;
}

static bool
read_request(struct proof *p, const void *bytes, size_t len)
{
    struct krb_verifier *v = p->v;
    krb5_data data = { .data = (char *)(uintptr_t)bytes, .length = (unsigned)len };
    krb5_auth_context ac = NULL;
    krb5_error_code code = 0;

    if (len > KRB_AP_REQ_MAX)
        code = KRB5KRB_ERR_FIELD_TOOLONG;
    if (code == 0)
        code = krb5_auth_con_init(v->ctx, &ac);
    /* No replay cache on disk: the ring below remembers. */
    if (code == 0)
        code = krb5_auth_con_setflags(v->ctx, ac, 0);
    if (code == 0)
        code = krb5_rd_req(v->ctx, &ac, &data, v->host, v->keytab, NULL, &p->ticket);
    if (code == 0)
        code = krb5_auth_con_getauthenticator(v->ctx, ac, &p->authenticator);
    krb5_auth_con_free(v->ctx, ac);
    if (code == 0)
        return true;
    failure_set(v->ctx, p->failure, step, code);
    /* There are keys, or we were not here: what is missing is one of the ticket's encryption type. */
    if (p->failure->err == ERR_NO_KEYTAB)
        p->failure->err = ERR_NO_ENCTYPE;
    /* libkrb5 reads a ticket's PAC in passing, and has these two for one that is malformed. */
    if (code == ERANGE || code == EINVAL)
        p->failure->err = ERR_BAD_PAC;
    return false;
}

/* True the first time. The ticket's ciphertext cannot be written in two ways, and the rest was under its key. */
static bool
is_first_use(const struct proof *p)
{
    const krb5_data *ticket = &p->ticket->enc_part.ciphertext;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t tail[12];
    uint8_t digest[SEEN_BYTES];
    struct writer w = writer_init(tail, sizeof(tail));
    bool ok;

    writer_u32(&w, (uint32_t)p->authenticator->ctime);
    writer_u32(&w, (uint32_t)p->authenticator->cusec);
    writer_u32(&w, (uint32_t)p->authenticator->seq_number);
    ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
         EVP_DigestUpdate(md, ticket->data, ticket->length) == 1 && EVP_DigestUpdate(md, tail, w.len) == 1 &&
         EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok && verifier_is_new(p->v, digest);
}

/*
 * Of this logon, and not one that was good once: the ticket's authtime is that
 * of the AS exchange, which was just now.
 */
static bool
check_times(const struct proof *p)
{
    int64_t now = (int64_t)time(NULL);
    int64_t since = now - seconds(p->ticket->enc_part2->times.authtime);

    if (llabs(now - seconds(p->authenticator->ctime)) > AP_REQ_AGE_MAX)
        return refuse(p, ERR_CLOCK, "the AP-REQ was not made just now");
    if (since < -CLOCK_SKEW) {
        (void)refuse(p, ERR_CLOCK, "the ticket is from the future");
        p->failure->clock_offset = -since;
        return false;
    }
    if (since > CLOCK_SKEW)
        return refuse(p, ERR_UNTRUSTED_KDC, "the ticket is of an earlier logon");
    return true;
}

static bool
is_realm(const krb5_data *realm, const char *name)
{
    return realm->length == strlen(name) && memcmp(realm->data, name, realm->length) == 0;
}

/* Whose user it is; before the AP-REQ counts as used: it is checked again when the table has been asked for. */
static bool
check_realm(struct proof *p)
{
    const struct krb_verifier *v = p->v;
    const krb5_data *realm = &p->ticket->enc_part2->client->realm;

    if (is_realm(realm, v->target.realm))
        return true;
    for (size_t i = 0; i < v->n_trusted && p->trusted == NULL; i++) {
        if (is_realm(realm, v->trusted[i].realm))
            p->trusted = &v->trusted[i];
    }
    if (p->trusted != NULL)
        return true;
    (void)refuse(p, ERR_WRONG_ACCOUNT, "the client is of another realm");
    p->failure->unknown_realm = true;
    return false;
}

static bool
check_ticket(const struct proof *p)
{
    if (!is_first_use(p))
        return refuse(p, ERR_UNTRUSTED_KDC, "the AP-REQ was used before");
    return check_times(p);
}

/* The checksum type that goes with the key, [MS-PAC] 2.8; others (HMAC-MD5 over any key) are not taken. */
static uint32_t
checksum_type(krb5_enctype enctype)
{
    switch (enctype) {
    case ENCTYPE_AES128_CTS_HMAC_SHA1_96:
        return 15;
    case ENCTYPE_AES256_CTS_HMAC_SHA1_96:
        return 16;
    default:
        return 0;
    }
}

static bool
is_checksum_strong(const struct proof *p, krb5_pac pac)
{
    uint32_t wanted = checksum_type(p->ticket->enc_part.enctype);
    krb5_data checksum = { 0 };
    struct reader r;
    uint32_t type;

    if (krb5_pac_get_buffer(p->v->ctx, pac, KRB5_PAC_SERVER_CHECKSUM, &checksum) != 0)
        return false;
    r = reader_init(checksum.data, checksum.length);
    type = reader_u32(&r);
    krb5_free_data_contents(p->v->ctx, &checksum);
    return wanted != 0 && type == wanted;
}

/* The PAC's server signature under the key that opened the ticket, and its client and time. */
static bool
check_signature(const struct proof *p, const krb5_authdata *ad)
{
    krb5_context ctx = p->v->ctx;
    const krb5_enc_tkt_part *part = p->ticket->enc_part2;
    krb5_keytab_entry e = { 0 };
    krb5_pac pac = NULL;
    krb5_error_code code;

    code = krb5_pac_parse(ctx, ad->contents, ad->length, &pac);
    if (code == 0 && !is_checksum_strong(p, pac)) {
        krb5_pac_free(ctx, pac);
        return refuse(p, ERR_BAD_PAC, "the PAC's server checksum is not of the key's own type");
    }
    if (code == 0)
        code = krb5_kt_get_entry(ctx, p->v->keytab, p->v->host, p->ticket->enc_part.kvno,
                                 p->ticket->enc_part.enctype, &e);
    if (code == 0)
        code = krb5_pac_verify(ctx, pac, part->times.authtime, part->client, &e.key, NULL);
    (void)krb5_free_keytab_entry_contents(ctx, &e);
    krb5_pac_free(ctx, pac);
    if (code == 0)
        return true;
    failure_set(ctx, p->failure, step, code);
    p->failure->err = ERR_BAD_PAC;
    return false;
}

static struct logon_info *
decode(const struct proof *p, TALLOC_CTX *mem, const krb5_authdata *ad)
{
    struct pac_ticket ticket = { .authtime = seconds(p->ticket->enc_part2->times.authtime) };
    struct logon_info *info;
    const char *why = "out of memory";
    char *client = NULL;
    krb5_error_code code;

    code = krb5_unparse_name_flags(p->v->ctx, p->ticket->enc_part2->client,
                                   KRB5_PRINCIPAL_UNPARSE_NO_REALM | KRB5_PRINCIPAL_UNPARSE_DISPLAY, &client);
    if (code != 0) {
        failure_set(p->v->ctx, p->failure, step, code);
        return NULL;
    }
    ticket.client = client;
    info = pac_decode(mem, ad->contents, ad->length, &ticket, &why);
    krb5_free_unparsed_name(p->v->ctx, client);
    if (info == NULL)
        (void)refuse(p, ERR_BAD_PAC, why);
    return info;
}

static void
take_sealed(struct proof *p, TALLOC_CTX *mem, const krb5_authdata *ad)
{
    struct reader bytes;

    if (!pac_credentials(ad->contents, ad->length, &bytes) || bytes.len > KRB_CREDENTIAL_INFO_MAX)
        return;
    p->sealed.bytes = talloc_memdup(mem, bytes.data, bytes.len);
    p->sealed.len = p->sealed.bytes == NULL ? 0 : bytes.len;
}

/* One PAC, in the part of the ticket that the KDC wrote; what the client put into the authenticator does not count. */
static struct logon_info *
read_pac(struct proof *p, TALLOC_CTX *mem)
{
    krb5_authdata **found = NULL;
    struct logon_info *info = NULL;
    krb5_error_code code;

    code = krb5_find_authdata(p->v->ctx, p->ticket->enc_part2->authorization_data, NULL, KRB5_AUTHDATA_WIN2K_PAC,
                              &found);
    if (code != 0) {
        failure_set(p->v->ctx, p->failure, step, code);
        p->failure->err = ERR_BAD_PAC;
    } else if (found == NULL || found[0] == NULL) {
        (void)refuse(p, ERR_BAD_PAC, "the ticket has no PAC");
    } else if (found[1] != NULL) {
        (void)refuse(p, ERR_BAD_PAC, "the ticket has more than one PAC");
    } else if (check_signature(p, found[0])) {
        info = decode(p, mem, found[0]);
        if (info != NULL)
            take_sealed(p, mem, found[0]);
    }
    krb5_free_authdata(p->v->ctx, found);
    return info;
}

static bool
check_account(const struct proof *p, struct logon_info *info, const struct sid *expected)
{
    char text[96 + SID_TEXT_MAX] = "the PAC is of another account: ";

    if (info->is_service_asserted)
        return refuse(p, ERR_BAD_PAC, "the ticket was made without a password (S-1-18-2)");
    if (p->trusted != NULL && !logon_info_keep_domain(info, &p->trusted->domain)) {
        (void)sid_text(&info->user, text + strlen(text));
        return refuse(p, ERR_WRONG_ACCOUNT, text);
    }
    if (expected != NULL && !sid_equal(&info->user, expected)) {
        (void)sid_text(&info->user, text + strlen(text));
        return refuse(p, ERR_WRONG_ACCOUNT, text);
    }
    if (logon_info_is_machine(info)) {
        (void)refuse(p, ERR_NOT_A_PERSON, "the account is a computer's or a trust's");
        p->failure->proved = true;
        return false;
    }
    return true;
}

static bool
name_client(const struct proof *p, TALLOC_CTX *mem, char **client_out)
{
    char *client = NULL;
    krb5_error_code code = krb5_unparse_name(p->v->ctx, p->ticket->enc_part2->client, &client);

    if (code == 0)
        *client_out = talloc_strdup(mem, client);
    krb5_free_unparsed_name(p->v->ctx, client);
    if (*client_out == NULL)
        failure_set(p->v->ctx, p->failure, step, ENOMEM);
    return *client_out != NULL;
}

bool
krb_verify_sealed(struct krb_verifier *v, const void *ap_req, size_t len, const struct sid *expected, TALLOC_CTX *mem,
                  struct logon_info **info_out, char **client_out, struct krb_sealed *sealed_out,
                  struct krb_failure *failure_out)
{
    struct proof p = { .v = v, .failure = failure_out };
    struct logon_info *info = NULL;
    bool ok = false;

    *info_out = NULL;
    *client_out = NULL;
    *sealed_out = (struct krb_sealed){ NULL, 0 };
    memset(failure_out, 0, sizeof(*failure_out));
    if (v->keytab == NULL)
        return refuse(&p, ERR_NO_KEYTAB, "this computer has no key");
    if (read_request(&p, ap_req, len) && check_realm(&p) && check_ticket(&p))
        info = read_pac(&p, mem);
    if (info != NULL)
        ok = check_account(&p, info, expected) && name_client(&p, mem, client_out);
    if (ok) {
        *info_out = info;
        *sealed_out = p.sealed;
    } else {
        talloc_free(info);
        talloc_free(p.sealed.bytes);
    }
    krb5_free_authenticator(v->ctx, p.authenticator);
    krb5_free_ticket(v->ctx, p.ticket);
    return ok;
}

bool
krb_verify(struct krb_verifier *v, const void *ap_req, size_t len, const struct sid *expected, TALLOC_CTX *mem,
           struct logon_info **info_out, char **client_out, struct krb_failure *failure_out)
{
    struct krb_sealed sealed;
    bool ok = krb_verify_sealed(v, ap_req, len, expected, mem, info_out, client_out, &sealed, failure_out);

    talloc_free(sealed.bytes);
    return ok;
}
