/*
 * lib/rpc against a real domain, one step a line.
 *
 *   rpcprobe [OPTION]... [COMMAND ARG...]...
 *
 *   --dc ADDRESS          the domain controller (10.99.0.1)
 *   --endpoint ADDRESS    Netlogon's address and port, in place of asking the endpoint mapper
 *   --controller NAME     its name (dc1.corp.test)
 *   --computer NAME       this computer (RPCWS); its account is NAME$
 *   --domain NETBIOS      CORP
 *   --password P          of that account
 *   --timeout MS          of each step (5000)
 *   --with-flags          logons with an authenticator
 *
 *   logon USER PASSWORD   everything that the controller says of the user
 *   tell USER PASSWORD    the same, a field a line
 *   trusts, dc            what it says of its domain
 *   sid SID, name NAME    LSA lookups
 *   passwd PASSWORD       a new one for the computer
 *   rival                 another session of the same computer, which ends this one
 *
 * Each line says the step, OK or the error's name, and what else there is to
 * tell.  Exit status: 0 if every step did its work, 1 if not, 2 for a mistake
 * in the command.
 */
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/net.h"
#include "lib/base/secret.h"
#include "lib/base/wait.h"
#include "lib/rpc/epm.h"
#include "lib/rpc/lsa.h"
#include "lib/rpc/netlogon.h"
#include "tests/system/tellinfo.h"

struct probe {
    struct sockaddr_storage dc;
    struct sockaddr_storage endpoint;
    bool have_endpoint;
    bool with_flags;
    struct netlogon_names names;
    const char *password;
    int timeout;
    TALLOC_CTX *mem;
    struct netlogon_session *session;
    struct rpc *channel;
    struct rpc *lsa;
};

static int64_t
deadline(const struct probe *p)
{
    return clock_ms() + p->timeout;
}

static bool
failed(const char *what, const struct rpc_failure *f)
{
    printf("%s %s code=%08" PRIX32 " name=\"%s\" step=%s text=\"%s\"\n", what, rpc_error_name(f->error), f->code,
           rpc_code_name(f), f->step, rpc_error_text(f->error));
    return false;
}

static struct netlogon_session *
authenticate(struct probe *p)
{
    struct netlogon_session *s;
    uint8_t hash[NT_HASH_BYTES];
    struct rpc_failure f;

    if (!nt_hash(p->password, hash))
        return NULL;
    s = netlogon_authenticate(p->mem, &p->endpoint, &p->names, hash, deadline(p), &f);
    secret_erase(hash, sizeof(hash));
    if (s != NULL)
        printf("session OK flags=%08" PRIX32 "\n", netlogon_flags(s));
    else
        (void)failed("session", &f);
    return s;
}

static bool
open_channel(struct probe *p)
{
    struct rpc_failure f;

    if (!p->have_endpoint) {
        if (!epm_map(&p->dc, &netlogon_interface, &p->endpoint, deadline(p), &f))
            return failed("endpoint", &f);
        p->have_endpoint = true;
        printf("endpoint OK port=%u\n", ntohs(((const struct sockaddr_in *)&p->endpoint)->sin_port));
    }
    p->session = authenticate(p);
    if (p->session == NULL)
        return false;
    p->channel = netlogon_channel(p->mem, p->session, &p->endpoint, &netlogon_interface, deadline(p), &f);
    if (p->channel == NULL)
        return failed("channel", &f);
    printf("channel OK signs_headers=%d\n", rpc_signs_headers(p->channel));
    if (!netlogon_check_capabilities(p->session, p->channel, deadline(p), &f))
        return failed("capabilities", &f);
    printf("capabilities OK\n");
    return true;
}

static void
tell_info(const struct logon_info *info)
{
    char text[SID_TEXT_MAX];

    printf("info user=%s primary=%" PRIu32 " control=%08" PRIX32 " machine=%d groups=%zu\n",
           sid_text(&info->user, text), info->primary_rid, info->user_account_control,
           logon_info_is_machine(info), info->n_groups);
    printf("info account=\"%s\" full_name=\"%s\" netbios=\"%s\" dns=\"%s\" upn=\"%s\" server=\"%s\"\n", info->account,
           info->full_name, info->domain_netbios, info->domain_dns, info->upn, info->logon_server);
    printf("info script=\"%s\" profile=\"%s\" home=\"%s\" drive=\"%s\"\n", info->logon_script, info->profile_path,
           info->home_directory, info->home_drive);
    printf("time logoff=%" PRId64 " kickoff=%" PRId64 " set=%" PRId64 " can_change=%" PRId64 " must_change=%" PRId64
           "\n",
           info->logoff_time, info->kickoff_time, info->password_last_set, info->password_can_change,
           info->password_must_change);
    for (size_t i = 0; i < info->n_groups; i++)
        printf("group %s %08" PRIX32 "\n", sid_text(&info->groups[i].sid, text), info->groups[i].attributes);
}

static bool
logon(struct probe *p, const char *user, const char *password, void (*tell)(const struct logon_info *info))
{
    uint8_t hash[NT_HASH_BYTES];
    struct netlogon_logon l = { .method = p->with_flags ? NETLOGON_WITH_FLAGS : NETLOGON_EX,
                                .user = user,
                                .domain = strchr(user, '@') == NULL ? p->names.domain_netbios : "",
                                .workstation = p->names.computer,
                                .nt_hash = hash };
    struct netlogon_verdict v;
    struct rpc_failure f;
    bool ok;

    if (!nt_hash(password, hash))
        return false;
    ok = netlogon_logon(p->session, p->channel, &l, p->mem, &v, deadline(p), &f);
    secret_erase(hash, sizeof(hash));
    if (!ok)
        return failed("logon", &f);
    printf("logon OK status=%08" PRIX32 " name=%s authoritative=%d extra_flags=%" PRIX32 "\n", v.status,
           ntstatus_name(v.status), v.authoritative, v.extra_flags);
    if (v.info != NULL)
        tell(v.info);
    return v.status == NTSTATUS_SUCCESS;
}

static bool
trusts(struct probe *p)
{
    struct rpc_failure f;
    struct netlogon_trusts *t = netlogon_list_trusts(p->session, p->channel, NETLOGON_TRUST_ANY, p->mem, deadline(p),
                                                     &f);
    char text[SID_TEXT_MAX];

    if (t == NULL)
        return failed("trusts", &f);
    printf("trusts OK n=%zu\n", t->n);
    for (size_t i = 0; i < t->n; i++)
        printf("trust netbios=%s dns=%s flags=%" PRIX32 " type=%" PRIu32 " attributes=%" PRIX32 " sid=%s\n",
               t->list[i].netbios, t->list[i].dns, t->list[i].flags, t->list[i].type, t->list[i].attributes,
               sid_text(&t->list[i].sid, text));
    return true;
}

static bool
tell_dc(struct probe *p)
{
    struct rpc_failure f;
    struct netlogon_dc *dc = netlogon_find_dc(p->session, p->channel, NULL, 0, p->mem, deadline(p), &f);

    if (dc == NULL)
        return failed("dc", &f);
    printf("dc OK name=%s address=%s domain=%s forest=%s flags=%" PRIX32 " site=%s client_site=%s\n", dc->name,
           dc->address, dc->domain, dc->forest, dc->flags, dc->dc_site, dc->client_site);
    return true;
}

static bool
set_password(struct probe *p, const char *password)
{
    struct rpc_failure f;

    if (!netlogon_set_password(p->session, p->channel, password, deadline(p), &f))
        return failed("passwd", &f);
    printf("passwd OK\n");
    return true;
}

static bool
open_lsa(struct probe *p)
{
    struct sockaddr_storage endpoint;
    struct rpc_failure f;

    if (p->lsa != NULL)
        return true;
    if (!epm_map(&p->dc, &lsa_interface, &endpoint, deadline(p), &f))
        return failed("lsa-endpoint", &f);
    p->lsa = netlogon_channel(p->mem, p->session, &endpoint, &lsa_interface, deadline(p), &f);
    return p->lsa != NULL || failed("lsa-channel", &f);
}

static bool
lookup(struct probe *p, bool by_sid, const char *what)
{
    struct lsa_account *a;
    struct rpc_failure f;
    struct sid sid;
    char text[SID_TEXT_MAX], domain[SID_TEXT_MAX];

    if (!open_lsa(p))
        return false;
    if (by_sid && !sid_parse(what, &sid))
        return false;
    a = by_sid ? lsa_lookup_sids(p->lsa, &sid, 1, p->mem, deadline(p), &f)
               : lsa_lookup_names(p->lsa, &what, 1, p->mem, deadline(p), &f);
    if (a == NULL)
        return failed("lookup", &f);
    printf("lookup OK kind=%d name=\"%s\" domain=\"%s\" domain_sid=%s sid=%s\n", a->kind, a->name, a->domain,
           sid_text(&a->domain_sid, domain), sid_text(&a->sid, text));
    return true;
}

/* One command at argv; gives how many arguments it took, 0 for a mistake. */
static int
command(struct probe *p, char **argv, int left, bool *ok_out)
{
    const char *name = argv[0];

    if (strcmp(name, "logon") == 0 && left >= 3) {
        *ok_out = logon(p, argv[1], argv[2], tell_info);
        return 3;
    }
    if (strcmp(name, "tell") == 0 && left >= 3) {
        *ok_out = logon(p, argv[1], argv[2], tellinfo);
        return 3;
    }
    if (strcmp(name, "trusts") == 0) {
        *ok_out = trusts(p);
        return 1;
    }
    if (strcmp(name, "rival") == 0) {
        *ok_out = authenticate(p) != NULL;
        return 1;
    }
    if (strcmp(name, "dc") == 0) {
        *ok_out = tell_dc(p);
        return 1;
    }
    if (strcmp(name, "passwd") == 0 && left >= 2) {
        *ok_out = set_password(p, argv[1]);
        return 2;
    }
    if ((strcmp(name, "sid") == 0 || strcmp(name, "name") == 0) && left >= 2) {
        *ok_out = lookup(p, name[0] == 's', argv[1]);
        return 2;
    }
    return 0;
}

static bool
parse_options(struct probe *p, int argc, char **argv)
{
    static const struct option options[] = {
        { "dc", required_argument, NULL, 'd' },         { "endpoint", required_argument, NULL, 'e' },
        { "controller", required_argument, NULL, 'c' }, { "computer", required_argument, NULL, 'n' },
        { "password", required_argument, NULL, 'p' },   { "timeout", required_argument, NULL, 't' },
        { "with-flags", no_argument, NULL, 'f' },       { "domain", required_argument, NULL, 'D' },
        { NULL, 0, NULL, 0 },
    };
    bool ok = true;
    int c = 0;

    while (ok && c != -1) {
        c = getopt_long(argc, argv, "+", options, NULL);
        switch (c) {
        case -1: break;
        case 'd': ok = address_parse(optarg, EPM_PORT, &p->dc); break;
        case 'e': ok = p->have_endpoint = address_parse(optarg, 0, &p->endpoint); break;
        case 'c': p->names.controller = optarg; break;
        case 'n': p->names.computer = optarg; break;
        case 'p': p->password = optarg; break;
        case 't': p->timeout = atoi(optarg); break;
        case 'D': p->names.domain_netbios = optarg; break;
        case 'f': p->with_flags = true; break;
        default: ok = false;
        }
    }
    p->names.account = talloc_asprintf(p->mem, "%s$", p->names.computer);
    return ok;
}

int
main(int argc, char **argv)
{
    struct probe p = { .names = { .computer = "RPCWS",
                                  .domain_netbios = "CORP",
                                  .domain_dns = "corp.test",
                                  .controller = "dc1.corp.test" },
                       .password = "",
                       .timeout = 5000 };
    bool all = true;

    p.mem = talloc_new(NULL);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!address_parse("10.99.0.1", EPM_PORT, &p.dc) || !parse_options(&p, argc, argv)) {
        fprintf(stderr, "rpcprobe: see tests/system/rpcprobe.c\n");
        return 2;
    }
    if (!open_channel(&p)) {
        talloc_free(p.mem);
        return 1;
    }
    for (int i = optind; i < argc;) {
        bool ok = false;
        int taken = command(&p, argv + i, argc - i, &ok);

        if (taken == 0) {
            fprintf(stderr, "rpcprobe: %s?\n", argv[i]);
            return 2;
        }
        all = all && ok;
        i += taken;
    }
    /* The channels hold copies of the session's key; talloc frees both ways round. */
    talloc_free(p.mem);
    return all ? 0 : 1;
}
