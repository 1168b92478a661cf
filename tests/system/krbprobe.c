/*
 * lib/krb against a real domain, one step a line.
 *
 *   krbprobe [OPTION]... USER PASSWORD
 *   krbprobe [OPTION]... --token LABEL USER PIN
 *
 * With --token a smart card's key proves who USER is: that of the certificate
 * --id (01) on the token with that label, as lib/card finds it in --module.
 *
 * Each line says the step, OK or the error's name, what else there is to tell,
 * and how long it took.  Exit status: 0 if every step did its work, 1 if not.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/card/card.h"
#include "lib/krb/ccache.h"
#include "lib/krb/krb.h"
#include "tests/system/tellinfo.h"

enum option_code { OPT_FAST = 256, OPT_ARMOR, OPT_VERIFY, OPT_SWAP, OPT_SAVE, OPT_FORWARD, OPT_TIMES, OPT_SID, OPT_CCACHE,
                   OPT_PAC, OPT_MODULE, OPT_TOKEN, OPT_SLOT, OPT_ID, OPT_NO_PIN, OPT_ANCHOR, OPT_POOL, OPT_CRL, OPT_REQUIRE_CRL,
                   OPT_SERVER_EKU, OPT_KDC_HOST, OPT_NTLM, OPT_REPLY_KEY };

#define LIST_MAX 4

struct options {
    struct krb_target target;
    const char *keytab;
    const char *armor;   /* a cache whose TGT is the armour */
    const char *save;    /* a cache to store the tickets in, as they are */
    const char *ccache;  /* template of the user's cache; "system": krb5.conf's */
    const char *swap;    /* a cache whose host ticket goes into the AP-REQ in place of the one received */
    const char *ldap;    /* a service to ask a ticket for with the computer's TGT */
    const char *pac;     /* a file to write the host ticket's PAC to; what verify reads in it is told */
    const char *trace;
    const struct sid *sid;
    bool fast, verify, forward, enterprise;
    const char *module;  /* PKCS#11 */
    const char *token;   /* its label */
    const char *slot;    /* in place of the one that token is in */
    const char *id;      /* CKA_ID, hexadecimal */
    bool no_pin;         /* it is typed at the reader */
    bool ntlm;           /* the NT hash in the host ticket's PAC is told */
    struct krb_pkinit pkinit;
    const char *anchors[LIST_MAX + 1], *pool[LIST_MAX + 1], *crls[LIST_MAX + 1];
    int32_t lifetime, renew_lifetime; /* as in struct krb_options */
    int times;
};

/* What lives through all rounds of one run. */
struct probe {
    struct options o;
    krb5_context ctx;
    krb5_keytab keytab;
    krb5_creds armor;
    bool have_armor;
    struct krb_verifier *verifier;
    TALLOC_CTX *mem;
};

static double
now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
    return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

static bool
told(const char *what, bool ok, const struct krb_failure *f, double since)
{
    if (!ok)
        printf("%s %s step=\"%s\" code=%d ntstatus=%08x proved=%d unless_locked=%d sent=%d armor_refused=%d "
               "offset=%lld text=\"%s\" %.1f ms\n",
               what, err_name((uint32_t)f->err), f->step, (int)f->code, (unsigned)f->ntstatus, f->proved,
               f->proved_unless_locked, f->password_sent, f->armor_refused, (long long)f->clock_offset, f->text,
               now_ms() - since);
    return ok;
}

static void
stop(struct probe *p, krb5_error_code code, const char *what)
{
    fprintf(stderr, "krbprobe: %s: %s\n", what, krb5_get_error_message(p->ctx, code));
    exit(2);
}

/* The first ticket of a cache whose service's first component is name. */
static void
load_creds(struct probe *p, const char *cache_name, const char *name, krb5_creds *creds_out)
{
    krb5_ccache cache = NULL;
    krb5_cc_cursor cursor = NULL;
    krb5_error_code code = krb5_cc_resolve(p->ctx, cache_name, &cache);

    if (code == 0)
        code = krb5_cc_start_seq_get(p->ctx, cache, &cursor);
    while (code == 0) {
        code = krb5_cc_next_cred(p->ctx, cache, &cursor, creds_out);
        if (code == 0 && creds_out->server->length > 0 && creds_out->server->data[0].length == strlen(name) &&
            memcmp(creds_out->server->data[0].data, name, strlen(name)) == 0)
            break;
        if (code == 0)
            krb5_free_cred_contents(p->ctx, creds_out);
    }
    if (code != 0)
        stop(p, code, cache_name);
    (void)krb5_cc_end_seq_get(p->ctx, cache, &cursor);
    (void)krb5_cc_close(p->ctx, cache);
}

static void
save_creds(struct probe *p, const char *cache_name, krb5_creds *tgt, krb5_creds *host)
{
    krb5_ccache cache = NULL;
    krb5_error_code code = krb5_cc_resolve(p->ctx, cache_name, &cache);

    if (code == 0)
        code = krb5_cc_initialize(p->ctx, cache, tgt->client);
    if (code == 0)
        code = krb5_cc_store_cred(p->ctx, cache, tgt);
    if (code == 0)
        code = krb5_cc_store_cred(p->ctx, cache, host);
    if (code != 0)
        stop(p, code, cache_name);
    (void)krb5_cc_close(p->ctx, cache);
}

/* In a context of its own, which can use the computer's key whatever proves a person. */
static bool
computer_tgt(struct probe *p)
{
    struct krb_target target = p->o.target;
    krb5_context ctx = NULL;
    krb5_error_code code;

    struct krb_failure f;
    double start = now_ms();
    bool offered = false;

    if (p->o.armor != NULL) {
        load_creds(p, p->o.armor, "krbtgt", &p->armor);
        p->have_armor = true;
        return true;
    }
    target.pkinit = NULL;
    code = krb_context_new(&target, &ctx);
    if (code != 0)
        stop(p, code, "context");
    if (!told("computer", krb_computer_tgt(ctx, &target, p->keytab, 0, &p->armor, &offered, &f), &f, start))
        return false;
    krb5_free_context(ctx);
    p->have_armor = true;
    printf("computer OK fast=%d %.1f ms\n", offered, now_ms() - start);
    if (p->o.ldap != NULL) {
        krb5_creds creds;

        start = now_ms();
        if (!told("service", krb_service_ticket(p->ctx, &p->o.target, &p->armor, p->o.ldap, &creds, &f), &f, start))
            return false;
        printf("service OK %.1f ms\n", now_ms() - start);
        krb5_free_cred_contents(p->ctx, &creds);
    }
    return true;
}

/* What a rogue KDC does: another ticket for the same service, whose session key it does not know. */
static void
swap_ticket(struct probe *p, struct krb_logon *logon)
{
    krb5_creds captured = { 0 };
    krb5_auth_context ac = NULL;
    krb5_data ticket;
    krb5_error_code code;

    load_creds(p, p->o.swap, "host", &captured);
    ticket = logon->host.ticket;
    logon->host.ticket = captured.ticket;
    captured.ticket = ticket;
    krb5_free_data_contents(p->ctx, &logon->ap_req);
    code = krb5_mk_req_extended(p->ctx, &ac, 0, NULL, &logon->host, &logon->ap_req);
    if (code != 0)
        stop(p, code, "AP-REQ");
    krb5_auth_con_free(p->ctx, ac);
    krb5_free_cred_contents(p->ctx, &captured);
}

static void
save_pac(struct probe *p, const krb5_data *ticket_data, const char *path)
{
    krb5_ticket *ticket = NULL;
    krb5_authdata **found = NULL;
    FILE *f = fopen(path, "w");
    krb5_error_code code = krb5_decode_ticket(ticket_data, &ticket);

    if (code == 0)
        code = krb5_server_decrypt_ticket_keytab(p->ctx, p->keytab, ticket);
    if (code == 0)
        code = krb5_find_authdata(p->ctx, ticket->enc_part2->authorization_data, NULL, KRB5_AUTHDATA_WIN2K_PAC, &found);
    if (code != 0 || f == NULL || found == NULL || fwrite(found[0]->contents, found[0]->length, 1, f) != 1)
        stop(p, code, path);
    (void)fclose(f);
    krb5_free_authdata(p->ctx, found);
    krb5_free_ticket(p->ctx, ticket);
}

/* What the host ticket's PAC has for who holds the AS reply key: member finds it, the worker opens it. */
static void
tell_nt_hash(struct probe *p, const struct krb_logon *logon, const struct krb_sealed *sealed)
{
    uint8_t nt[NT_HASH_BYTES];
    const char *why = "the PAC has none";

    if (sealed->len > 0)
        why = krb_nt_hash(p->ctx, &logon->reply_keys, sealed->bytes, sealed->len, nt);
    printf("ntlm %s keys=%u", why == NULL ? "OK" : "NONE", logon->reply_keys.n);
    if (why != NULL)
        printf(" text=\"%s\"", why);
    for (size_t i = 0; why == NULL && i < sizeof(nt); i++)
        printf("%s%02x", i == 0 ? " hash=" : "", nt[i]);
    printf("\n");
}

static bool
verify(struct probe *p, const struct krb_logon *logon, const char *what)
{
    struct logon_info *info = NULL;
    struct krb_failure f;
    char *client = NULL;
    char text[SID_TEXT_MAX];
    double start = now_ms();
    struct krb_sealed sealed;
    bool ok = krb_verify_sealed(p->verifier, logon->ap_req.data, logon->ap_req.length, p->o.sid, p->mem, &info, &client,
                                &sealed, &f);

    if (!told(what, ok, &f, start))
        return false;
    for (size_t i = 0; i < info->n_groups; i++) {
        char group[SID_TEXT_MAX];

        if (!logon_group_is_active(&info->groups[i]))
            printf("inactive %s %#x\n", sid_text(&info->groups[i].sid, group), info->groups[i].attributes);
    }
    printf("%s OK client=%s sid=%s account=%s groups=%zu %.1f ms\n", what, client, sid_text(&info->user, text),
           info->account, info->n_groups, now_ms() - start);
    if (p->o.pac != NULL) {
        save_pac(p, &logon->host.ticket, p->o.pac);
        tellinfo(info);
    }
    if (p->o.ntlm)
        tell_nt_hash(p, logon, &sealed);
    talloc_free(sealed.bytes);
    talloc_free(info);
    talloc_free(client);
    return true;
}

/* As ssh does it: how many addresses is the forwarded TGT bound to? */
static bool
forward(struct probe *p, const struct krb_logon *logon)
{
    krb5_auth_context sender = NULL, receiver = NULL;
    krb5_ccache cache = NULL;
    krb5_data message = { 0 };
    krb5_creds **creds = NULL;
    krb5_principal server = logon->host.server;
    krb5_error_code code;
    size_t n = 0;

    save_creds(p, "MEMORY:forward", (krb5_creds *)(uintptr_t)&logon->tgt, (krb5_creds *)(uintptr_t)&logon->host);
    code = krb5_cc_resolve(p->ctx, "MEMORY:forward", &cache);
    if (code == 0)
        code = krb5_auth_con_init(p->ctx, &sender);
    if (code == 0)
        code = krb5_auth_con_setflags(p->ctx, sender, KRB5_AUTH_CONTEXT_RET_TIME);
    if (code == 0)
        code = krb5_auth_con_setuseruserkey(p->ctx, sender, (krb5_keyblock *)(uintptr_t)&logon->host.keyblock);
    if (code == 0)
        code = krb5_fwd_tgt_creds(p->ctx, sender, p->o.target.fqdn, logon->client, server, cache, 1, &message);
    if (code == 0)
        code = krb5_auth_con_init(p->ctx, &receiver);
    if (code == 0)
        code = krb5_auth_con_setflags(p->ctx, receiver, 0);
    if (code == 0)
        code = krb5_auth_con_setuseruserkey(p->ctx, receiver, (krb5_keyblock *)(uintptr_t)&logon->host.keyblock);
    if (code == 0)
        code = krb5_rd_cred(p->ctx, receiver, &message, &creds, NULL);
    if (code != 0) {
        printf("forward FAILED %s\n", krb5_get_error_message(p->ctx, code));
        return false;
    }
    while (creds[0]->addresses != NULL && creds[0]->addresses[n] != NULL)
        n++;
    printf("forward OK addresses=%zu\n", n);
    (void)krb5_cc_destroy(p->ctx, cache);
    krb5_free_tgt_creds(p->ctx, creds);
    krb5_free_data_contents(p->ctx, &message);
    krb5_auth_con_free(p->ctx, sender);
    krb5_auth_con_free(p->ctx, receiver);
    return true;
}

/* The user's cache, as whoever runs this. */
static bool
store(struct probe *p, const char *user, const struct krb_logon *logon)
{
    const char *templ = p->o.ccache, *why;
    krb5_context system_ctx = NULL;
    krb5_error_code code = krb5_init_secure_context(&system_ctx);
    bool fell_back = false;
    krb5_creds tgt;
    int fd = ccache_to_memfd(p->ctx, &logon->tgt);
    char *name;

    if (code != 0 || !ccache_from_memfd(system_ctx, fd, &tgt))
        stop(p, code, "memfd");
    if (strcmp(templ, "system") == 0)
        templ = ccache_system_template(p->mem, system_ctx);
    name = ccache_name(p->mem, templ, (uint32_t)getuid(), user, &why);
    if (name == NULL) {
        printf("ccache FAILED %s\n", why);
        return false;
    }
    name = ccache_store(p->mem, system_ctx, name, &tgt, &fell_back, &code);
    if (name == NULL)
        printf("ccache FAILED code=%d\n", (int)code);
    else
        printf("ccache OK %s fell_back=%d code=%d\n", name, fell_back, (int)code);
    (void)close(fd);
    krb5_free_cred_contents(system_ctx, &tgt);
    krb5_free_context(system_ctx);
    return name != NULL;
}

/* The token's slot, as a worker looks for it; no module is open afterwards. */
static void
find_slot(const struct probe *p, struct krb_card *card)
{
    const struct certificate_rules rules = { .now = time(NULL) };
    struct cards *cards = card_open(p->mem, p->o.module);
    struct card_view *view = cards == NULL ? NULL : card_look(cards, p->mem, &rules);

    card_close(cards);
    if (p->o.slot != NULL) {
        card->slot = strtoul(p->o.slot, NULL, 10);
        return;
    }
    for (size_t i = 0; view != NULL && i < view->n_tokens; i++) {
        if (strcmp(view->tokens[i].label, p->o.token) == 0) {
            card->slot = view->tokens[i].slot;
            return;
        }
    }
    fprintf(stderr, "krbprobe: no token %s\n", p->o.token);
    exit(2);
}

static bool
logon_card(struct probe *p, const char *user, const char *pin, const struct krb_options *options,
           struct krb_logon *logon, struct krb_failure *f)
{
    struct krb_card card = { .module = p->o.module, .pin = p->o.no_pin ? NULL : pin };
    uint8_t id[16];

    for (const char *hex = p->o.id; hex[0] != '\0' && hex[1] != '\0' && card.id_len < sizeof(id); hex += 2) {
        const char pair[] = { hex[0], hex[1], '\0' };

        id[card.id_len++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    card.id = id;
    find_slot(p, &card);
    return krb_logon_card(p->ctx, &p->o.target, user, p->o.enterprise, &card,
                          p->o.fast && p->have_armor ? &p->armor : NULL, options, logon, f);
}

static bool
logon(struct probe *p, const char *user, const char *password)
{
    struct krb_options options = { .forwardable = true, .renewable = true, .lifetime = p->o.lifetime,
                                   .renew_lifetime = p->o.renew_lifetime };
    struct krb_logon logon;
    struct krb_failure f;
    double start = now_ms();
    char *client = NULL;
    bool ok;

    if (p->o.token != NULL)
        ok = logon_card(p, user, password, &options, &logon, &f);
    else
        ok = krb_logon_password(p->ctx, &p->o.target, user, p->o.enterprise, password,
                                p->o.fast && p->have_armor ? &p->armor : NULL, &options, &logon, &f);
    if (!told("logon", ok, &f, start))
        return false;
    if (krb5_unparse_name(p->ctx, logon.client, &client) != 0)
        client = NULL;
    printf("logon OK client=%s forwardable=%d renewable=%d lifetime=%d renew_lifetime=%d %.1f ms\n",
           client == NULL ? "?" : client, (logon.tgt.ticket_flags & TKT_FLG_FORWARDABLE) != 0,
           (logon.tgt.ticket_flags & TKT_FLG_RENEWABLE) != 0, (int)(logon.tgt.times.endtime - logon.tgt.times.starttime),
           (int)(logon.tgt.times.renew_till - logon.tgt.times.starttime), now_ms() - start);
    krb5_free_unparsed_name(p->ctx, client);
    if (p->o.swap != NULL)
        swap_ticket(p, &logon);
    if (p->o.verify)
        ok = verify(p, &logon, "verify");
    if (ok && p->o.verify && verify(p, &logon, "again"))
        ok = false;
    if (ok && p->o.save != NULL)
        save_creds(p, p->o.save, &logon.tgt, &logon.host);
    if (ok && p->o.ccache != NULL)
        ok = store(p, user, &logon);
    if (ok && p->o.forward)
        ok = forward(p, &logon);
    krb_logon_done(p->ctx, &logon);
    return ok;
}

static void
usage(void)
{
    fprintf(stderr, "usage: krbprobe [--kdc ADDR] [--realm R] [--domain D] [--fqdn F] [--computer NAME] [--timeout S]\n"
                    "  [--keytab NAME] [--fast] [--armor CCACHE] [--service NAME] [--verify] [--sid SID]\n"
                    "  [--swap CCACHE] [--save CCACHE] [--ccache TEMPLATE] [--pac FILE] [--forward] [--enterprise] [--times N] [--trace FILE]\n"
                    "  [--lifetime S] [--renew S] USER PASSWORD\n"
                    "with --token LABEL, and a PIN for the password: [--module PATH] [--slot N] [--id HEX] [--no-pin]\n"
                    "  [--anchor FILE:PATH] [--pool FILE:PATH] [--crl FILE:PATH] [--require-crl] [--server-eku] [--kdc-host NAME]\n"
                    "  [--verify --ntlm] [--reply-key MODULE]\n");
    exit(2);
}

/* list is NULL-terminated and has room for LIST_MAX. */
static void
append(const char **list, const char *item)
{
    size_t n = 0;

    while (list[n] != NULL)
        n++;
    if (n == LIST_MAX)
        usage();
    list[n] = item;
}

static void
read_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {
        { "kdc", required_argument, NULL, 'k' },         { "realm", required_argument, NULL, 'r' },
        { "domain", required_argument, NULL, 'd' },      { "fqdn", required_argument, NULL, 'f' },
        { "computer", required_argument, NULL, 'c' },    { "timeout", required_argument, NULL, 't' },
        { "keytab", required_argument, NULL, 'K' },      { "service", required_argument, NULL, 's' },
        { "trace", required_argument, NULL, 'T' },       { "enterprise", no_argument, NULL, 'e' },
        { "fast", no_argument, NULL, OPT_FAST },         { "armor", required_argument, NULL, OPT_ARMOR },
        { "verify", no_argument, NULL, OPT_VERIFY },     { "swap", required_argument, NULL, OPT_SWAP },
        { "save", required_argument, NULL, OPT_SAVE },   { "forward", no_argument, NULL, OPT_FORWARD },
        { "times", required_argument, NULL, OPT_TIMES }, { "sid", required_argument, NULL, OPT_SID },
        { "ccache", required_argument, NULL, OPT_CCACHE }, { "lifetime", required_argument, NULL, 'L' },
        { "renew", required_argument, NULL, 'R' },       { "pac", required_argument, NULL, OPT_PAC },
        { "module", required_argument, NULL, OPT_MODULE }, { "token", required_argument, NULL, OPT_TOKEN },
        { "slot", required_argument, NULL, OPT_SLOT },   { "id", required_argument, NULL, OPT_ID },
        { "no-pin", no_argument, NULL, OPT_NO_PIN },     { "anchor", required_argument, NULL, OPT_ANCHOR },
        { "pool", required_argument, NULL, OPT_POOL },   { "crl", required_argument, NULL, OPT_CRL },
        { "require-crl", no_argument, NULL, OPT_REQUIRE_CRL },
        { "server-eku", no_argument, NULL, OPT_SERVER_EKU }, { "kdc-host", required_argument, NULL, OPT_KDC_HOST },
        { "ntlm", no_argument, NULL, OPT_NTLM },         { "reply-key", required_argument, NULL, OPT_REPLY_KEY },
        { NULL, 0, NULL, 0 },
    };
    static struct sid sid;
    int c;

    for (;;) {
        c = getopt_long(argc, argv, "", table, NULL);
        switch (c) {
        case -1: return;
        case 'k': o->target.kdc = optarg; break;
        case 'r': o->target.realm = optarg; break;
        case 'd': o->target.domain_dns = optarg; break;
        case 'f': o->target.fqdn = optarg; break;
        case 'c': o->target.computer = optarg; break;
        case 't': o->target.timeout = atoi(optarg); break;
        case 'K': o->keytab = optarg; break;
        case 's': o->ldap = optarg; break;
        case 'T': o->trace = optarg; break;
        case 'L': o->lifetime = atoi(optarg); break;
        case 'R': o->renew_lifetime = atoi(optarg); break;
        case 'e': o->enterprise = true; break;
        case OPT_FAST: o->fast = true; break;
        case OPT_ARMOR: o->armor = optarg; o->fast = true; break;
        case OPT_VERIFY: o->verify = true; break;
        case OPT_SWAP: o->swap = optarg; break;
        case OPT_SAVE: o->save = optarg; break;
        case OPT_CCACHE: o->ccache = optarg; break;
        case OPT_PAC: o->pac = optarg; break;
        case OPT_FORWARD: o->forward = true; break;
        case OPT_TIMES: o->times = atoi(optarg); break;
        case OPT_MODULE: o->module = optarg; break;
        case OPT_TOKEN: o->token = optarg; break;
        case OPT_SLOT: o->slot = optarg; break;
        case OPT_ID: o->id = optarg; break;
        case OPT_NO_PIN: o->no_pin = true; break;
        case OPT_ANCHOR: append(o->anchors, optarg); break;
        case OPT_POOL: append(o->pool, optarg); break;
        case OPT_CRL: append(o->crls, optarg); break;
        case OPT_REQUIRE_CRL: o->pkinit.require_crl = true; break;
        case OPT_SERVER_EKU: o->pkinit.server_eku = true; break;
        case OPT_KDC_HOST: o->pkinit.kdc_host = optarg; break;
        case OPT_NTLM: o->ntlm = true; break;
        case OPT_REPLY_KEY: o->pkinit.reply_key_module = optarg; break;
        case OPT_SID:
            if (!sid_parse(optarg, &sid))
                usage();
            o->sid = &sid;
            break;
        default: usage();
        }
    }
}

static void
probe_done(struct probe *p)
{
    krb5_free_cred_contents(p->ctx, &p->armor);
    (void)krb5_kt_close(p->ctx, p->keytab);
    talloc_free(p->mem);
    krb5_free_context(p->ctx);
}

int
main(int argc, char **argv)
{
    struct probe p = {
        .o = { .target = { .realm = "CORP.TEST", .domain_dns = "corp.test", .kdc = "10.99.0.1",
                           .fqdn = "ws1.corp.test", .computer = "WS1", .timeout = 5 },
               .keytab = "FILE:/etc/krb5.keytab", .times = 1, .module = "/usr/lib/softhsm/libsofthsm2.so", .id = "01" },
        .mem = talloc_new(NULL),
    };
    struct krb_failure f = { 0 };
    krb5_error_code code;
    double start;
    bool ok = true;

    read_options(argc, argv, &p.o);
    if (argc - optind != 2)
        usage();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    p.o.pkinit.anchors = p.o.anchors;
    p.o.pkinit.intermediates = p.o.pool;
    p.o.pkinit.crls = p.o.crls;
    p.o.target.pkinit = p.o.token == NULL ? NULL : &p.o.pkinit;
    start = now_ms();
    code = krb_context_new(&p.o.target, &p.ctx);
    if (code != 0)
        stop(&p, code, "context");
    printf("context OK %.1f ms\n", now_ms() - start);
    if (p.o.trace != NULL)
        (void)krb5_set_trace_filename(p.ctx, p.o.trace);
    code = krb5_kt_resolve(p.ctx, p.o.keytab, &p.keytab);
    if (code != 0)
        stop(&p, code, p.o.keytab);
    if (p.o.verify) {
        start = now_ms();
        p.verifier = krb_verifier_new(p.mem, &p.o.target);
        ok = p.verifier != NULL && told("keytab", krb_verifier_keytab(p.verifier, p.keytab, &f), &f, start);
    }
    if (ok && (p.o.fast || p.o.ldap != NULL))
        ok = computer_tgt(&p);
    for (int i = 0; ok && i < p.o.times; i++)
        ok = logon(&p, argv[optind], argv[optind + 1]);
    probe_done(&p);
    return ok ? 0 : 1;
}
