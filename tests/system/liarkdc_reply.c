/* The replies of liarkdc: good ones, but for the lie. */
#include "tests/system/liarkdc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ndr/logon_info.h"
#include "tests/unit/pac_builder.h"

/* libkrb5 exports these for KDCs and does not declare them. */
krb5_error_code decode_krb5_as_req(const krb5_data *, krb5_kdc_req **);
krb5_error_code decode_krb5_tgs_req(const krb5_data *, krb5_kdc_req **);
krb5_error_code decode_krb5_tgs_rep(const krb5_data *, krb5_kdc_rep **);
krb5_error_code decode_krb5_ap_req(const krb5_data *, krb5_ap_req **);
krb5_error_code decode_krb5_authenticator(const krb5_data *, krb5_authenticator **);
krb5_error_code decode_krb5_ticket(const krb5_data *, krb5_ticket **);
krb5_error_code encode_krb5_ticket(const krb5_ticket *, krb5_data **);
krb5_error_code krb5_encrypt_tkt_part(krb5_context, const krb5_keyblock *, krb5_ticket *);
krb5_error_code krb5_decrypt_tkt_part(krb5_context, const krb5_keyblock *, krb5_ticket *);
krb5_error_code krb5_encode_kdc_rep(krb5_context, krb5_msgtype, const krb5_enc_kdc_rep_part *, int,
                                    const krb5_keyblock *, krb5_kdc_rep *, krb5_data **);
void krb5_free_kdc_req(krb5_context, krb5_kdc_req *);
void krb5_free_kdc_rep(krb5_context, krb5_kdc_rep *);
void krb5_free_ap_req(krb5_context, krb5_ap_req *);

#define AES256 ENCTYPE_AES256_CTS_HMAC_SHA1_96
#define CLIENT "alice@CORP.TEST"
#define REQUESTOR 18 /* [MS-PAC] 2.4 */

/* ETYPE-INFO2 (RFC 4120 5.2.7.5): AES256 with alice's salt. */
static krb5_octet etype_info2[] = { 0x30, 0x19, 0x30, 0x17, 0xa0, 3,   2,   1,   18,  0xa1, 0x10, 0x1b, 14, 'C',
                                    'O',  'R',  'P',  '.',  'T',  'E', 'S', 'T', 'a', 'l',  'i',  'c',  'e' };

/* METHOD-DATA: an encrypted timestamp, please (2), and the above (19). */
static const char method_data[] = "\x30\x31"
                                  "\x30\x09\xa1\x03\x02\x01\x02\xa2\x02\x04\x00"
                                  "\x30\x24\xa1\x03\x02\x01\x13\xa2\x1d\x04\x1b"
                                  "\x30\x19\x30\x17\xa0\x03\x02\x01\x12\xa1\x10\x1b\x0e"
                                  "CORP.TESTalice";

static void
check(krb5_error_code code, const char *what)
{
    if (code == 0)
        return;
    printf("%s: %s\n", what, error_message(code));
    exit(1);
}

static krb5_principal
parse(struct liar *l, const char *name)
{
    krb5_principal p;

    check(krb5_parse_name(l->ctx, name, &p), name);
    return p;
}

static const krb5_pa_data *
find_padata(const krb5_kdc_req *q, krb5_preauthtype type)
{
    for (krb5_pa_data **pa = q->padata; pa != NULL && *pa != NULL; pa++) {
        if ((*pa)->pa_type == type)
            return *pa;
    }
    return NULL;
}

static krb5_data *
make_error(struct liar *l, const krb5_kdc_req *q, krb5_ui_4 code, const char *data, unsigned length)
{
    krb5_error e = { .error = code, .stime = (krb5_timestamp)time(NULL), .client = q->client, .server = q->server };
    krb5_data *copy, out;

    e.e_data.data = (char *)(uintptr_t)data;
    e.e_data.length = length;
    check(krb5_mk_error(l->ctx, &e, &out), "KRB-ERROR");
    check(krb5_copy_data(l->ctx, &out, &copy), "KRB-ERROR");
    krb5_free_data_contents(l->ctx, &out);
    return copy;
}

/* The end of a SID, and in domain_out the rest. */
static uint32_t
split_sid(const char *sid, char *domain_out, size_t size)
{
    const char *dash = strrchr(sid, '-');

    require(dash != NULL && (size_t)(dash - sid) < size, "SID");
    memcpy(domain_out, sid, (size_t)(dash - sid));
    domain_out[dash - sid] = '\0';
    return (uint32_t)strtoul(dash + 1, NULL, 10);
}

static void
make_pac(struct liar *l, const struct lie *lie, krb5_const_principal client, krb5_timestamp authtime,
         const krb5_keyblock *key, krb5_data *pac_out)
{
    static struct pac_built built;
    struct pac_spec spec = pac_spec_alice();
    bool bob = lie->pac_of_bob || lie->of_bob;
    krb5_principal named = parse(l, "bob@CORP.TEST");
    krb5_pac pac = NULL;
    char domain[192];

    memset(spec.order, 0, sizeof(spec.order));
    spec.order[0] = lie->no_logon_info ? REQUESTOR : KRB5_PAC_LOGON_INFO;
    spec.order[1] = KRB5_PAC_UPN_DNS_INFO;
    spec.account = spec.sam_name = bob ? "bob" : "alice";
    spec.user_rid = split_sid(bob ? l->bob_sid : l->alice_sid, domain, sizeof(domain));
    spec.domain = domain;
    spec.requestor = bob ? l->bob_sid : l->alice_sid;
    spec.upn_sid = bob || lie->upn_of_bob ? l->bob_sid : l->alice_sid;
    memset(spec.groups, 0, sizeof(spec.groups));
    spec.groups[0] = (struct pac_member){ 513, 7 };
    memset(spec.extra, 0, sizeof(spec.extra));
    if (lie->without_password)
        spec.extra[0] = (struct pac_extra){ "S-1-18-2", SE_GROUP_MANDATORY | SE_GROUP_ENABLED };
    spec.resource_domain = NULL;
    memset(spec.resource, 0, sizeof(spec.resource));
    if (lie->machine)
        spec.account_control = USER_WORKSTATION_TRUST_ACCOUNT;
    pac_build(&spec, &built);
    /* libkrb5 adds buffers to whole multiples of 8 only. */
    check(krb5_pac_parse(l->ctx, built.data, (built.len + 7) & ~(size_t)7, &pac), "PAC");
    check(krb5_pac_sign(l->ctx, pac, authtime, lie->client_is_bob ? named : client,
                        lie->unsigned_pac ? &l->other_key : key, &l->tgs_key, pac_out), "PAC");
    if (lie->damaged)
        pac_out->data[pac_out->length / 2] ^= 1;
    if (lie->cut)
        pac_out->length /= 2;
    krb5_pac_free(l->ctx, pac);
    krb5_free_principal(l->ctx, named);
}

static krb5_authdata **
make_authdata(struct liar *l, const struct lie *lie, krb5_const_principal client, krb5_timestamp authtime,
              const krb5_keyblock *key)
{
    krb5_authdata ad = { .ad_type = KRB5_AUTHDATA_WIN2K_PAC };
    krb5_authdata other = { .ad_type = 97, .length = 1, .contents = (krb5_octet[]){ 'x' } };
    krb5_authdata *inside[] = { &other, NULL, NULL, NULL }, **container = NULL;
    krb5_data pac;

    make_pac(l, lie, client, authtime, key, &pac);
    ad.contents = (krb5_octet *)pac.data;
    ad.length = pac.length;
    for (int i = 0; i < (lie->pacs == 0 ? 1 : lie->pacs - 1); i++)
        inside[i + 1] = &ad;
    check(krb5_encode_authdata_container(l->ctx, KRB5_AUTHDATA_IF_RELEVANT, inside, &container), "authdata");
    return container;
}

/* The times that a request asks for, from now. */
static krb5_ticket_times
times_of(const krb5_kdc_req *q)
{
    krb5_timestamp now = (krb5_timestamp)time(NULL);
    krb5_ticket_times t = { .authtime = now, .starttime = now, .endtime = now + 3600 };

    if (q->till != 0 && (uint32_t)q->till < (uint32_t)t.endtime)
        t.endtime = q->till;
    return t;
}

static void
read_captured(struct liar *l, krb5_ticket **ticket_out)
{
    static char bytes[65536];
    krb5_data data = { .data = bytes };
    FILE *f = fopen(l->captured, "r");

    require(f != NULL, l->captured);
    data.length = (unsigned)fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    check(decode_krb5_ticket(&data, ticket_out), "the captured ticket");
}

/* The ticket for the computer: where the lies are. */
static void
make_ticket(struct liar *l, const struct lie *lie, krb5_enc_tkt_part *part, krb5_ticket *ticket)
{
    const krb5_keyblock *key = lie->random_key || lie->newer_key ? &l->other_key : &l->computer_key;

    if (lie->of_bob)
        part->client = parse(l, "bob@CORP.TEST");
    if (lie->other_realm)
        part->client = parse(l, "alice@OTHER.TEST");
    if (lie->old)
        part->times.authtime = part->times.starttime = (krb5_timestamp)(part->times.authtime - 600);
    part->authorization_data = make_authdata(l, lie, part->client, part->times.authtime, key);
    ticket->enc_part2 = part;
    check(krb5_encrypt_tkt_part(l->ctx, key, ticket), "ticket");
    ticket->enc_part.kvno = l->kvno + (lie->newer_key ? 1 : 0);
}

/* The reply around a ticket, under key; subkey: it is the authenticator's. */
static krb5_data *
make_reply(struct liar *l, const krb5_kdc_req *q, krb5_msgtype type, krb5_ticket *ticket, krb5_enc_tkt_part *part,
           krb5_principal client, const krb5_keyblock *key, bool subkey)
{
    krb5_last_req_entry none = { 0 }, *last[] = { &none, NULL };
    krb5_pa_data info2 = { .pa_type = KRB5_PADATA_ETYPE_INFO2, .length = sizeof(etype_info2), .contents = etype_info2 };
    krb5_pa_data *padata[] = { &info2, NULL };
    krb5_enc_kdc_rep_part enc = { .msg_type = type, .session = part->session, .last_req = last, .nonce = q->nonce,
                                  .flags = part->flags, .times = part->times, .server = ticket->server };
    krb5_kdc_rep rep = { .msg_type = type, .client = client, .ticket = ticket };
    krb5_data *out = NULL;

    rep.padata = type == KRB5_AS_REP ? padata : NULL;
    rep.enc_part.enctype = key->enctype;
    check(krb5_encode_kdc_rep(l->ctx, type, &enc, subkey, key, &rep, &out), "reply");
    return out;
}

static krb5_data *
grant(struct liar *l, const krb5_kdc_req *q)
{
    char salt_text[] = "CORP.TESTalice", password_text[] = "Passw0rd-alice";
    krb5_data salt = { .data = salt_text, .length = sizeof(salt_text) - 1 };
    krb5_data password = { .data = password_text, .length = sizeof(password_text) - 1 };
    krb5_ticket ticket = { .server = q->server };
    krb5_enc_tkt_part part = { .flags = TKT_FLG_INITIAL | TKT_FLG_FORWARDABLE, .client = parse(l, CLIENT) };
    krb5_keyblock key = { 0 }, session = { 0 };

    check(krb5_c_string_to_key(l->ctx, AES256, &password, &salt, &key), "key");
    check(krb5_c_make_random_key(l->ctx, AES256, &session), "key");
    part.session = &session;
    part.transited.tr_type = 1;
    part.times = times_of(q);
    ticket.enc_part2 = &part;
    check(krb5_encrypt_tkt_part(l->ctx, &l->tgs_key, &ticket), "TGT");
    ticket.enc_part.kvno = LIAR_KVNO;
    return make_reply(l, q, KRB5_AS_REP, &ticket, &part, part.client, &key, false);
}

krb5_data *
liar_as_reply(struct liar *l, const struct lie *lie, const krb5_data *request)
{
    krb5_principal alice = parse(l, CLIENT);
    krb5_kdc_req *q = NULL;
    krb5_data *reply = NULL;
    bool password;

    check(decode_krb5_as_req(request, &q), "AS-REQ");
    if (q->client != NULL && krb5_principal_compare(l->ctx, q->client, alice)) {
        password = find_padata(q, KRB5_PADATA_ENC_TIMESTAMP) != NULL;
        printf("AS-REQ%s%s\n", find_padata(q, KRB5_PADATA_FX_FAST) != NULL ? " with FAST" : "",
               password ? " with a timestamp under the password" : "");
        if (lie->asks_for_password && !password)
            reply = make_error(l, q, 25, method_data, sizeof(method_data) - 1);
        else if (lie->refuses_armor)
            reply = make_error(l, q, 31, NULL, 0);
        else
            reply = grant(l, q);
    }
    krb5_free_kdc_req(l->ctx, q);
    krb5_free_principal(l->ctx, alice);
    return reply;
}

/* The AP-REQ of a TGS-REQ with a TGT of ours: whose it is, and the key for the reply. */
static bool
open_request(struct liar *l, const krb5_kdc_req *q, krb5_ap_req **ap_out, krb5_authenticator **authenticator_out)
{
    const krb5_pa_data *pa = find_padata(q, KRB5_PADATA_AP_REQ);
    krb5_data bytes, plain;
    krb5_ap_req *ap;

    if (pa == NULL)
        return false;
    bytes = (krb5_data){ .data = (char *)pa->contents, .length = pa->length };
    check(decode_krb5_ap_req(&bytes, &ap), "AP-REQ");
    if (ap->ticket->enc_part.kvno != LIAR_KVNO) {
        krb5_free_ap_req(l->ctx, ap);
        return false;
    }
    check(krb5_decrypt_tkt_part(l->ctx, &l->tgs_key, ap->ticket), "TGT");
    plain.length = ap->authenticator.ciphertext.length;
    plain.data = malloc(plain.length);
    check(krb5_c_decrypt(l->ctx, ap->ticket->enc_part2->session, KRB5_KEYUSAGE_TGS_REQ_AUTH, NULL, &ap->authenticator,
                         &plain), "authenticator");
    check(decode_krb5_authenticator(&plain, authenticator_out), "authenticator");
    free(plain.data);
    *ap_out = ap;
    return true;
}

krb5_data *
liar_tgs_reply(struct liar *l, const struct lie *lie, const krb5_data *request)
{
    krb5_authenticator *authenticator = NULL;
    krb5_ticket own = { 0 }, *ticket = &own;
    krb5_keyblock session = { 0 };
    krb5_enc_tkt_part part = { .flags = TKT_FLG_PRE_AUTH, .session = &session };
    krb5_kdc_req *q = NULL;
    krb5_ap_req *ap = NULL;
    krb5_principal client;

    check(decode_krb5_tgs_req(request, &q), "TGS-REQ");
    if (!open_request(l, q, &ap, &authenticator))
        return NULL;
    printf("TGS-REQ\n");
    check(krb5_c_make_random_key(l->ctx, AES256, &session), "key");
    own.server = q->server;
    part.client = client = ap->ticket->enc_part2->client;
    part.transited.tr_type = 1;
    part.times = ap->ticket->enc_part2->times;
    if (lie->replayed) {
        read_captured(l, &ticket);
    } else {
        make_ticket(l, lie, &part, ticket);
        part.times = ap->ticket->enc_part2->times;
    }
    return make_reply(l, q, KRB5_TGS_REP, ticket, &part, client,
                      authenticator->subkey != NULL ? authenticator->subkey : ap->ticket->enc_part2->session,
                      authenticator->subkey != NULL);
}

void
liar_capture(struct liar *l, const krb5_data *reply)
{
    krb5_principal host = parse(l, "host/ws1.corp.test@CORP.TEST"), alice = parse(l, CLIENT);
    krb5_kdc_rep *rep = NULL;
    krb5_data *ticket = NULL;
    FILE *f;

    if (reply->data[0] == 0x6d && decode_krb5_tgs_rep(reply, &rep) == 0 &&
        krb5_principal_compare(l->ctx, rep->ticket->server, host) && krb5_principal_compare(l->ctx, rep->client, alice) &&
        encode_krb5_ticket(rep->ticket, &ticket) == 0) {
        f = fopen(l->captured, "w");
        require(f != NULL && fwrite(ticket->data, 1, ticket->length, f) == ticket->length && fclose(f) == 0,
                l->captured);
        printf("captured\n");
    }
    krb5_free_data(l->ctx, ticket);
    krb5_free_kdc_rep(l->ctx, rep);
    krb5_free_principal(l->ctx, host);
    krb5_free_principal(l->ctx, alice);
}
