/*
 * lib/krb: what krb_verify takes and what it refuses.  The tickets are made
 * here, with the computer's key, as only the domain's KDC (or somebody who has
 * stolen the key) could.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/krb/krb.h"
#include "tests/unit/pac_builder.h"

/* libkrb5 exports these for KDCs and does not declare them. */
krb5_error_code krb5_encrypt_tkt_part(krb5_context, const krb5_keyblock *, krb5_ticket *);
krb5_error_code encode_krb5_ticket(const krb5_ticket *, krb5_data **);

#define REQUESTOR 18 /* [MS-PAC] 2.4 */
#define S4U_DELEGATION_INFO 11

static const struct krb_target target = { .realm = "CORP.TEST", .domain_dns = "corp.test", .fqdn = "ws1.corp.test",
                                          .computer = "WS1", .timeout = 1 };
static krb5_context ctx;
static krb5_keyblock computer_key, other_key, rc4_key, session, other_session;

/* What is odd about a logon; all zero is a good one. */
struct oddity {
    const char *client;        /* in ticket and PAC; NULL: alice@CORP.TEST */
    const char *pac_client;    /* in the PAC alone */
    krb5_keyblock *ticket_key;
    krb5_keyblock *pac_key;
    krb5_keyblock *client_key; /* the session key that the worker has */
    krb5_kvno kvno;            /* 0: 5 */
    int64_t age;               /* seconds since the AS exchange */
    int64_t starts;            /* seconds from now */
    int64_t ends;              /* seconds from now; 0: an hour */
    krb5_flags flags;
    int pacs;                  /* one more than the ticket shall have; 0: one */
    bool damaged;              /* the PAC was changed after it was signed */
    unsigned length;           /* the PAC ends there; 0: it is whole */
    bool no_logon_info;
    uint32_t account_control;  /* 0: a person's */
    bool service_asserted;
    bool delegated;            /* S4U_DELEGATION_INFO is in the PAC */
    bool sealed;               /* CREDENTIAL_INFO is in the PAC */
    const char *domain;        /* of the PAC's account; NULL: PAC_DOMAIN */
    bool greedy;               /* the PAC claims groups of every kind */
};

static void
make_key(krb5_enctype enctype, krb5_keyblock *key_out)
{
    assert_int_equal(krb5_c_make_random_key(ctx, enctype, key_out), 0);
}

static int
setup(void **state)
{
    (void)state;
    if (krb_context_new(&target, &ctx) != 0)
        return -1;
    make_key(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &computer_key);
    make_key(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &other_key);
    make_key(ENCTYPE_ARCFOUR_HMAC, &rc4_key);
    make_key(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &session);
    make_key(ENCTYPE_AES256_CTS_HMAC_SHA1_96, &other_session);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    krb5_free_keyblock_contents(ctx, &computer_key);
    krb5_free_keyblock_contents(ctx, &other_key);
    krb5_free_keyblock_contents(ctx, &rc4_key);
    krb5_free_keyblock_contents(ctx, &session);
    krb5_free_keyblock_contents(ctx, &other_session);
    krb5_free_context(ctx);
    return 0;
}

#define THIRD_DOMAIN "S-1-5-21-7-8-9"

/* Of the own domain, of builtins, of a third one: as a KDC of PAC_OTHER_DOMAIN might. */
static void
claim_everything(struct pac_spec *spec)
{
    const uint32_t all = SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED;
    const struct pac_extra extra[] = {
        { PAC_DOMAIN "-512", all },          { PAC_DOMAIN "-1200", all | SE_GROUP_RESOURCE }, { "S-1-5-32-544", all },
        { THIRD_DOMAIN "-1200", all },       { PAC_OTHER_DOMAIN "-1300", all },               { "S-1-5-21-7-8", all },
    };

    memset(spec->extra, 0, sizeof(spec->extra));
    memcpy(spec->extra, extra, sizeof(extra));
    spec->resource_domain = PAC_DOMAIN;
    spec->resource[0] = (struct pac_member){ 1201, all | SE_GROUP_RESOURCE };
    spec->resource[1] = (struct pac_member){ 0, 0 };
}

/* What tests/unit/pac_builder.h makes is signed here as a KDC does it, which adds CLIENT_INFO and the checksums. */
static void
make_pac(krb5_const_principal client, krb5_timestamp authtime, const struct oddity *odd, krb5_data *pac_out)
{
    static struct pac_built built;
    struct pac_spec spec = pac_spec_alice();
    krb5_principal named = NULL;
    krb5_pac pac = NULL;

    memset(spec.order, 0, sizeof(spec.order));
    spec.order[0] = odd->no_logon_info ? REQUESTOR : KRB5_PAC_LOGON_INFO;
    spec.order[1] = KRB5_PAC_UPN_DNS_INFO;
    if (odd->delegated)
        spec.order[2] = S4U_DELEGATION_INFO;
    if (odd->sealed)
        spec.order[2] = KRB5_PAC_CREDENTIALS_INFO;
    if (odd->account_control != 0)
        spec.account_control = odd->account_control;
    if (odd->service_asserted)
        spec.extra[0] = (struct pac_extra){ "S-1-18-2", SE_GROUP_MANDATORY | SE_GROUP_ENABLED };
    if (odd->domain != NULL) {
        spec.domain = odd->domain;
        spec.upn_flags = 0;
    }
    if (odd->greedy)
        claim_everything(&spec);
    pac_build(&spec, &built);
    /* libkrb5 adds buffers to whole multiples of 8 only. */
    assert_int_equal(krb5_pac_parse(ctx, built.data, (built.len + 7) & ~(size_t)7, &pac), 0);
    if (odd->pac_client != NULL)
        assert_int_equal(krb5_parse_name(ctx, odd->pac_client, &named), 0);
    assert_int_equal(krb5_pac_sign(ctx, pac, authtime, named == NULL ? client : named,
                                   odd->pac_key == NULL ? &computer_key : odd->pac_key, &other_key, pac_out), 0);
    if (odd->damaged)
        pac_out->data[pac_out->length / 2] ^= 1;
    if (odd->length > 0 && odd->length < pac_out->length)
        pac_out->length = odd->length;
    krb5_pac_free(ctx, pac);
    krb5_free_principal(ctx, named);
}

/* AD-IF-RELEVANT around something of no interest and as many PACs as asked for. */
static krb5_authdata **
make_authdata(krb5_const_principal client, krb5_timestamp authtime, const struct oddity *odd)
{
    krb5_data pac = { 0 };
    krb5_authdata ad = { .ad_type = KRB5_AUTHDATA_WIN2K_PAC };
    krb5_authdata other = { .ad_type = 97, .length = 1, .contents = (krb5_octet []){ 'x' } };
    krb5_authdata *inside[] = { &other, NULL, NULL, NULL };
    krb5_authdata **container = NULL;

    make_pac(client, authtime, odd, &pac);
    ad.contents = (krb5_octet *)pac.data;
    ad.length = pac.length;
    for (int i = 0; i < (odd->pacs == 0 ? 1 : odd->pacs - 1); i++)
        inside[i + 1] = &ad;
    assert_int_equal(krb5_encode_authdata_container(ctx, KRB5_AUTHDATA_IF_RELEVANT, inside, &container), 0);
    krb5_free_data_contents(ctx, &pac);
    return container;
}

/* What the worker would send; freed with krb5_free_data_contents. */
static krb5_data
make_ap_req(const struct oddity *odd)
{
    krb5_timestamp now = (krb5_timestamp)time(NULL);
    krb5_enc_tkt_part part = { .flags = odd->flags | TKT_FLG_PRE_AUTH, .session = &session };
    krb5_ticket ticket = { .enc_part2 = &part };
    krb5_creds creds = { 0 };
    krb5_auth_context ac = NULL;
    krb5_data *encoded = NULL;
    krb5_data ap_req = { 0 };

    part.transited.tr_type = 1;
    part.times.authtime = (krb5_timestamp)(now - odd->age);
    part.times.starttime = (krb5_timestamp)(now - odd->age + odd->starts);
    part.times.endtime = (krb5_timestamp)(now + (odd->ends == 0 ? 3600 : odd->ends));
    assert_int_equal(krb5_parse_name(ctx, odd->client == NULL ? "alice@CORP.TEST" : odd->client, &part.client), 0);
    assert_int_equal(krb5_parse_name(ctx, "host/ws1.corp.test@CORP.TEST", &ticket.server), 0);
    part.authorization_data = make_authdata(part.client, part.times.authtime, odd);
    assert_int_equal(krb5_encrypt_tkt_part(ctx, odd->ticket_key == NULL ? &computer_key : odd->ticket_key, &ticket),
                     0);
    ticket.enc_part.kvno = odd->kvno == 0 ? 5 : odd->kvno;
    assert_int_equal(encode_krb5_ticket(&ticket, &encoded), 0);
    creds.client = part.client;
    creds.server = ticket.server;
    creds.keyblock = odd->client_key == NULL ? session : *odd->client_key;
    /* What the worker was told may be anything. */
    creds.times.endtime = now + 3600;
    creds.ticket = *encoded;
    assert_int_equal(krb5_mk_req_extended(ctx, &ac, 0, NULL, &creds, &ap_req), 0);
    krb5_auth_con_free(ctx, ac);
    krb5_free_data(ctx, encoded);
    krb5_free_authdata(ctx, part.authorization_data);
    krb5_free_data_contents(ctx, &ticket.enc_part.ciphertext);
    krb5_free_principal(ctx, part.client);
    krb5_free_principal(ctx, ticket.server);
    return ap_req;
}

static void
add_key(krb5_keytab keytab, const char *name, krb5_kvno kvno, const krb5_keyblock *key)
{
    krb5_keytab_entry e = { .vno = kvno, .key = *key };

    assert_int_equal(krb5_parse_name(ctx, name, &e.principal), 0);
    assert_int_equal(krb5_kt_add_entry(ctx, keytab, &e), 0);
    krb5_free_principal(ctx, e.principal);
}

static struct krb_verifier *
make_verifier(void)
{
    struct krb_verifier *v = krb_verifier_new(NULL, &target);
    struct krb_failure f;
    krb5_keytab keytab = NULL;

    assert_non_null(v);
    assert_int_equal(krb5_kt_resolve(ctx, "MEMORY:test", &keytab), 0);
    add_key(keytab, "host/ws1.corp.test@CORP.TEST", 5, &computer_key);
    add_key(keytab, "host/ws1.corp.test@CORP.TEST", 4, &other_key);
    add_key(keytab, "host/ws1.corp.test@CORP.TEST", 3, &other_session);
    add_key(keytab, "HTTP/ws1.corp.test@CORP.TEST", 5, &other_key);
    assert_true(krb_verifier_keytab(v, keytab, &f));
    assert_int_equal(krb5_kt_close(ctx, keytab), 0);
    return v;
}

static struct sid
alice_sid(void)
{
    struct sid sid;

    assert_true(sid_parse(PAC_DOMAIN, &sid));
    assert_true(sid_append(&sid, pac_spec_alice().user_rid));
    return sid;
}

static enum err
verify(struct krb_verifier *v, const struct oddity *odd, const struct sid *expected, struct krb_failure *f)
{
    krb5_data ap_req = make_ap_req(odd);
    struct logon_info *info = NULL;
    char *client = NULL;
    bool ok = krb_verify(v, ap_req.data, ap_req.length, expected, NULL, &info, &client, f);

    assert_true(ok == (info != NULL) && ok == (client != NULL));
    talloc_free(info);
    talloc_free(client);
    krb5_free_data_contents(ctx, &ap_req);
    return ok ? ERR_OK : f->err;
}

static void
a_good_logon_is_taken(void **state)
{
    struct krb_verifier *v = make_verifier();
    struct oddity odd = { 0 };
    krb5_data ap_req = make_ap_req(&odd);
    struct sid alice = alice_sid();
    struct logon_info *info = NULL;
    struct krb_failure f;
    char *client = NULL;

    (void)state;
    if (!krb_verify(v, ap_req.data, ap_req.length, &alice, NULL, &info, &client, &f))
        fail_msg("%s: %s", err_name((uint32_t)f.err), f.text);
    assert_string_equal(client, "alice@CORP.TEST");
    assert_string_equal(info->account, "alice");
    assert_true(sid_equal(&info->user, &alice));
    talloc_free(info);
    talloc_free(client);
    /* Once. */
    assert_false(krb_verify(v, ap_req.data, ap_req.length, &alice, NULL, &info, &client, &f));
    assert_int_equal(f.err, ERR_UNTRUSTED_KDC);
    krb5_free_data_contents(ctx, &ap_req);
    talloc_free(v);
}

/* The ciphertext of a key that this process does not have: for the one that does, and of a logon that is taken. */
static void
what_is_sealed_is_handed_out(void **state)
{
    static const struct {
        struct oddity odd;
        bool ok;
        size_t len;
    } cases[] = {
        { { .sealed = true }, true, 16 },
        { { .sealed = false }, true, 0 },
        { { .sealed = true, .account_control = USER_WORKSTATION_TRUST_ACCOUNT }, false, 0 },
        { { .sealed = true, .damaged = true }, false, 0 },
    };
    struct krb_verifier *v = make_verifier();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        krb5_data ap_req = make_ap_req(&cases[i].odd);
        struct krb_sealed sealed = { (uint8_t *)v, 1 };
        TALLOC_CTX *mem = talloc_new(NULL);
        struct logon_info *info = NULL;
        struct krb_failure f;
        char *client = NULL;

        assert_int_equal(krb_verify_sealed(v, ap_req.data, ap_req.length, NULL, mem, &info, &client, &sealed, &f),
                         cases[i].ok);
        assert_int_equal(sealed.len, cases[i].len);
        assert_true((sealed.bytes != NULL) == (cases[i].len > 0));
        /* What tests/unit/pac_builder.c puts there. */
        if (sealed.len > 0)
            assert_memory_equal(sealed.bytes, "\x10\0\0\0\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5", 16);
        assert_int_equal(talloc_total_blocks(mem) > 1, cases[i].ok);
        krb5_free_data_contents(ctx, &ap_req);
        talloc_free(mem);
    }
    talloc_free(v);
}

static void
odd_logons_are_refused(void **state)
{
    const struct {
        const char *what;
        struct oddity odd;
        enum err err;
    } cases[] = {
        { "nothing", { 0 }, ERR_OK },
        { "the key before", { .kvno = 4, .ticket_key = &other_key, .pac_key = &other_key }, ERR_OK },
        { "an old key", { .kvno = 3, .ticket_key = &other_session, .pac_key = &other_session }, ERR_STALE_KEYTAB },
        { "a newer key", { .kvno = 6 }, ERR_STALE_KEYTAB },
        { "a ticket under another key", { .ticket_key = &other_key, .pac_key = &other_key }, ERR_UNTRUSTED_KDC },
        { "an encryption type without key", { .ticket_key = &rc4_key }, ERR_NO_ENCTYPE },
        { "a captured ticket", { .client_key = &other_session }, ERR_UNTRUSTED_KDC },
        { "a ticket of an earlier logon", { .age = 301 }, ERR_UNTRUSTED_KDC },
        { "a logon that took long", { .age = 200 }, ERR_OK },
        { "a ticket that has run out", { .age = 3000, .ends = -600 }, ERR_UNTRUSTED_KDC },
        { "a ticket of just now that has run out", { .ends = -600 }, ERR_UNTRUSTED_KDC },
        { "a ticket that is not valid yet", { .starts = 600 }, ERR_CLOCK },
        { "a ticket from the future", { .age = -310, .starts = -310 }, ERR_CLOCK },
        { "an invalid ticket", { .flags = TKT_FLG_INVALID }, ERR_UNTRUSTED_KDC },
        { "a client of another realm", { .client = "alice@OTHER.TEST" }, ERR_WRONG_ACCOUNT },
        { "no PAC", { .pacs = 1 }, ERR_BAD_PAC },
        { "two PACs", { .pacs = 3 }, ERR_BAD_PAC },
        { "a damaged PAC", { .damaged = true }, ERR_BAD_PAC },
        { "a PAC of four bytes", { .length = 4 }, ERR_BAD_PAC },
        { "a PAC without buffers", { .length = 8 }, ERR_BAD_PAC },
        { "a PAC that ends in its middle", { .length = 400 }, ERR_BAD_PAC },
        { "a PAC under another key", { .pac_key = &other_key }, ERR_BAD_PAC },
        { "a PAC with a weak checksum", { .pac_key = &rc4_key }, ERR_BAD_PAC },
        { "a PAC for another client", { .pac_client = "bob@CORP.TEST" }, ERR_BAD_PAC },
        { "a PAC without account", { .no_logon_info = true }, ERR_BAD_PAC },
        { "a computer", { .account_control = USER_WORKSTATION_TRUST_ACCOUNT }, ERR_NOT_A_PERSON },
        { "a trust", { .account_control = USER_INTERDOMAIN_TRUST_ACCOUNT }, ERR_NOT_A_PERSON },
        { "made by S4U2self", { .service_asserted = true }, ERR_BAD_PAC },
        { "made by S4U2proxy", { .delegated = true }, ERR_BAD_PAC },
    };
    struct krb_verifier *v = make_verifier();
    struct sid alice = alice_sid();
    struct krb_failure f;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum err err = verify(v, &cases[i].odd, &alice, &f);

        if (err != cases[i].err)
            fail_msg("%s: %s (%s)", cases[i].what, err_name((uint32_t)err), f.text);
    }
    talloc_free(v);
}

/* In the realms and domains of one who is trusted, and one more. */
static void
trust_others(struct krb_verifier *v)
{
    struct krb_trusted trusted[] = { { .realm = "OTHER.TEST" }, { .realm = "THIRD.TEST" } };

    assert_true(sid_parse(PAC_OTHER_DOMAIN, &trusted[0].domain));
    assert_true(sid_parse(THIRD_DOMAIN, &trusted[1].domain));
    assert_true(krb_verifier_trust(v, trusted, 2));
}

static void
a_trusted_domain_speaks_of_its_own_users(void **state)
{
    const struct {
        const char *what;
        struct oddity odd;
        enum err err;
        bool unknown;
    } cases[] = {
        { "its user", { .client = "alice@OTHER.TEST", .domain = PAC_OTHER_DOMAIN }, ERR_OK, false },
        { "our user", { .client = "alice@OTHER.TEST" }, ERR_WRONG_ACCOUNT, false },
        { "another one's user", { .client = "alice@OTHER.TEST", .domain = THIRD_DOMAIN }, ERR_WRONG_ACCOUNT, false },
        { "nobody's", { .client = "alice@OTHER.TEST", .domain = "S-1-5-21-7-8" }, ERR_BAD_PAC, false },
        { "in another case", { .client = "alice@other.test", .domain = PAC_OTHER_DOMAIN }, ERR_WRONG_ACCOUNT, true },
        { "who is not trusted", { .client = "alice@NOSUCH.TEST", .domain = PAC_OTHER_DOMAIN }, ERR_WRONG_ACCOUNT, true },
        { "a part of its name", { .client = "alice@OTHER.TES", .domain = PAC_OTHER_DOMAIN }, ERR_WRONG_ACCOUNT, true },
        { "its computer", { .client = "alice@OTHER.TEST", .domain = PAC_OTHER_DOMAIN,
                            .account_control = USER_WORKSTATION_TRUST_ACCOUNT }, ERR_NOT_A_PERSON, false },
        { "an old ticket", { .client = "alice@OTHER.TEST", .domain = PAC_OTHER_DOMAIN, .age = 301 },
          ERR_UNTRUSTED_KDC, false },
        { "another PAC", { .client = "alice@OTHER.TEST", .domain = PAC_OTHER_DOMAIN, .pac_client = "bob@OTHER.TEST" },
          ERR_BAD_PAC, false },
        { "not under our key", { .client = "alice@OTHER.TEST", .domain = PAC_OTHER_DOMAIN, .ticket_key = &other_key },
          ERR_UNTRUSTED_KDC, false },
        { "our own user of our own realm", { .client = "alice@CORP.TEST" }, ERR_OK, false },
    };
    struct krb_verifier *v = make_verifier();
    struct krb_failure f;

    (void)state;
    trust_others(v);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum err err = verify(v, &cases[i].odd, NULL, &f);

        if (err != cases[i].err || (err != ERR_OK && f.unknown_realm != cases[i].unknown))
            fail_msg("%s: %s (%s)", cases[i].what, err_name((uint32_t)err), f.text);
    }
    talloc_free(v);
}

static void
and_of_its_own_groups(void **state)
{
    struct krb_verifier *v = make_verifier();
    struct oddity odd = { .client = "alice@OTHER.TEST", .domain = PAC_OTHER_DOMAIN, .greedy = true };
    krb5_data ap_req = make_ap_req(&odd);
    struct sid other, extra;
    struct logon_info *info = NULL;
    struct krb_failure f;
    char *client = NULL;
    bool found = false;

    (void)state;
    assert_true(sid_parse(PAC_OTHER_DOMAIN, &other) && sid_parse(PAC_OTHER_DOMAIN "-1300", &extra));
    /* Not before it is trusted; and that was no use of the AP-REQ. */
    assert_false(krb_verify(v, ap_req.data, ap_req.length, NULL, NULL, &info, &client, &f));
    if (!f.unknown_realm)
        fail_msg("%s: %s", err_name((uint32_t)f.err), f.text);
    trust_others(v);
    if (!krb_verify(v, ap_req.data, ap_req.length, NULL, NULL, &info, &client, &f))
        fail_msg("%s", f.text);
    assert_string_equal(client, "alice@OTHER.TEST");
    assert_true(info->n_groups >= 2);
    for (size_t i = 0; i < info->n_groups; i++) {
        assert_true(sid_in_domain(&info->groups[i].sid, &other));
        found = found || sid_equal(&info->groups[i].sid, &extra);
    }
    assert_true(found);
    talloc_free(info);
    talloc_free(client);
    /* Nor afterwards. */
    assert_true(krb_verifier_trust(v, NULL, 0));
    assert_int_equal(verify(v, &odd, NULL, &f), ERR_WRONG_ACCOUNT);
    krb5_free_data_contents(ctx, &ap_req);
    talloc_free(v);
}

static void
the_sid_must_be_the_expected_one(void **state)
{
    struct krb_verifier *v = make_verifier();
    struct oddity odd = { 0 };
    struct sid other = alice_sid();
    struct krb_failure f;

    (void)state;
    other.subs[4]++;
    assert_int_equal(verify(v, &odd, &other, &f), ERR_WRONG_ACCOUNT);
    assert_int_equal(verify(v, &odd, NULL, &f), ERR_OK);
    talloc_free(v);
}

static void
bytes_that_are_no_ap_req_are_refused(void **state)
{
    struct krb_verifier *v = make_verifier();
    struct oddity odd = { 0 };
    krb5_data ap_req = make_ap_req(&odd);
    struct logon_info *info = NULL;
    struct krb_failure f;
    char *client = NULL;

    (void)state;
    for (unsigned n = 0; n < ap_req.length; n++) {
        char *cut = malloc(n + 1U);

        assert_non_null(cut);
        memcpy(cut, ap_req.data, n);
        assert_false(krb_verify(v, cut, n, NULL, NULL, &info, &client, &f));
        assert_int_not_equal(f.err, ERR_OK);
        free(cut);
    }
    /* None of that was taken for a use of it. */
    assert_true(krb_verify(v, ap_req.data, ap_req.length, NULL, NULL, &info, &client, &f));
    talloc_free(info);
    talloc_free(client);
    krb5_free_data_contents(ctx, &ap_req);
    talloc_free(v);
}

static void
keys_come_from_the_keytab(void **state)
{
    struct krb_verifier *v = krb_verifier_new(NULL, &target);
    struct oddity odd = { 0 };
    krb5_keytab keytab = NULL;
    struct krb_failure f;

    (void)state;
    assert_int_equal(verify(v, &odd, NULL, &f), ERR_NO_KEYTAB);
    assert_int_equal(krb5_kt_resolve(ctx, "FILE:/nonexistent/keytab", &keytab), 0);
    assert_false(krb_verifier_keytab(v, keytab, &f));
    assert_int_equal(f.err, ERR_NO_KEYTAB);
    assert_int_equal(krb5_kt_close(ctx, keytab), 0);

    assert_int_equal(krb5_kt_resolve(ctx, "MEMORY:test", &keytab), 0);
    add_key(keytab, "HTTP/ws1.corp.test@CORP.TEST", 5, &computer_key);
    add_key(keytab, "host/ws1.corp.test@OTHER.TEST", 5, &computer_key);
    add_key(keytab, "host/ws1.corp.test@CORP.TEST", 5, &rc4_key);
    assert_false(krb_verifier_keytab(v, keytab, &f));
    assert_int_equal(f.err, ERR_NO_KEYTAB);
    assert_int_equal(verify(v, &odd, NULL, &f), ERR_NO_KEYTAB);

    /* The account's own key serves where host/ has none, in any case of its name. */
    add_key(keytab, "ws1$@CORP.TEST", 5, &computer_key);
    assert_true(krb_verifier_keytab(v, keytab, &f));
    assert_int_equal(verify(v, &odd, NULL, &f), ERR_OK);

    add_key(keytab, "HOST/WS1.corp.test@CORP.TEST", 7, &other_key);
    assert_true(krb_verifier_keytab(v, keytab, &f));
    assert_int_equal(verify(v, &odd, NULL, &f), ERR_STALE_KEYTAB);
    assert_int_equal(krb5_kt_close(ctx, keytab), 0);
    talloc_free(v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_logon_is_taken),
        cmocka_unit_test(what_is_sealed_is_handed_out),
        cmocka_unit_test(odd_logons_are_refused),
        cmocka_unit_test(a_trusted_domain_speaks_of_its_own_users),
        cmocka_unit_test(and_of_its_own_groups),
        cmocka_unit_test(the_sid_must_be_the_expected_one),
        cmocka_unit_test(bytes_that_are_no_ap_req_are_refused),
        cmocka_unit_test(keys_come_from_the_keytab),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
