/*
 * lib/directory against a real domain, for tests/system/20-directory.bats.
 *
 *   dirprobe locate [SITE [AVOID]]   finds a domain controller
 *   dirprobe open                    connects and reads what the domain is
 *   dirprobe user NAME...            by account, UPN or SID
 *   dirprobe group NAME...
 *   dirprobe groups NAME             all groups of a user, nested ones too
 *   dirprobe members GROUP [MAX]
 *   dirprobe kept NAME               says "open", waits for a line, then asks for the user
 *
 * Plain lines "key value"; a name that is none: "UNKNOWN_PRINCIPAL".  Exit
 * status 1 with the error's name on stderr where anything else went wrong.
 *
 * The tickets are those of KRB5CCNAME.  Environment: DIRPROBE_DOMAIN
 * (corp.test), DIRPROBE_TIMEOUT in ms (5000), DIRPROBE_DC "ADDRESS HOST" instead
 * of the locator, DIRPROBE_DEBUG for the library's own words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/directory/ldap.h"
#include "lib/directory/locator.h"
#include "lib/proto/client.h"

struct probe {
    TALLOC_CTX *mem;
    const char *domain;
    int timeout_ms;
    struct dc dc;
    struct directory *d;
};

static int
failed(enum err err, const char *why)
{
    fprintf(stderr, "%s%s%s\n", err_name((uint32_t)err), why == NULL ? "" : ": ", why == NULL ? "" : why);
    return 1;
}

static enum err
locate(struct probe *p, const char *site, const char *avoid)
{
    struct locator_query q = { .domain_dns = p->domain,
                               .site = site,
                               .avoid = avoid,
                               .deadline = client_now() + p->timeout_ms };

    return locator_find(&q, &p->dc);
}

static int
do_locate(struct probe *p, int argc, char **argv)
{
    enum err err = locate(p, argc > 0 ? argv[0] : "", argc > 1 ? argv[1] : "");

    if (err != ERR_OK)
        return failed(err, NULL);
    printf("host %s\naddress %s\nsite %s\ndomain %s\nnetbios %s\nforest %s\nflags %08x\n", p->dc.host, p->dc.address,
           p->dc.site, p->dc.domain_dns, p->dc.domain_netbios, p->dc.forest, (unsigned)p->dc.flags);
    return 0;
}

static int
open_directory(struct probe *p)
{
    const char *given = getenv("DIRPROBE_DC"), *why = NULL;
    enum err err;

    if (given != NULL && sscanf(given, "%63s %255s", p->dc.address, p->dc.host) != 2)
        return failed(ERR_INTERNAL, "DIRPROBE_DC");
    if (given == NULL) {
        err = locate(p, "", "");
        if (err != ERR_OK)
            return failed(err, "locator");
    }
    p->d = directory_open(p->mem, p->dc.address, p->dc.host, p->domain, p->timeout_ms, &err, &why);
    return p->d == NULL ? failed(err, why) : 0;
}

static int
do_open(struct probe *p, int argc, char **argv)
{
    char text[SID_TEXT_MAX];

    (void)argc;
    (void)argv;
    printf("sid %s\nnetbios %s\n", sid_text(directory_domain_sid(p->d), text), directory_domain_netbios(p->d));
    return 0;
}

static enum err
find(struct probe *p, const char *name, struct dir_user **out)
{
    struct sid sid;

    if (strncmp(name, "S-", 2) == 0 && sid_parse(name, &sid))
        return directory_user_by_sid(p->d, p->mem, &sid, out);
    if (strchr(name, '@') != NULL)
        return directory_user_by_upn(p->d, p->mem, name, out);
    return directory_user_by_account(p->d, p->mem, name, out);
}

static void
show_user(const struct dir_user *u)
{
    const struct account_state *s = &u->state;
    char text[SID_TEXT_MAX];

    printf("account %s\nupn %s\nname %s\nsid %s\nprimary %u\ndn %s\n", u->account, u->upn, u->full_name,
           sid_text(&u->sid, text), (unsigned)u->primary_rid, u->dn);
    printf("state%s%s%s%s%s%s%s\n", s->disabled ? " disabled" : "", s->locked ? " locked" : "",
           s->expired ? " expired" : "", s->password_expired ? " password_expired" : "",
           s->must_change ? " must_change" : "", s->outside_hours ? " outside_hours" : "",
           u->is_machine ? " machine" : "");
    if (s->password_expires == INT64_MAX)
        printf("password_expires never\n");
    else
        printf("password_expires %lld\n", (long long)s->password_expires);
}

static int
do_user(struct probe *p, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        struct dir_user *u = NULL;
        enum err err = find(p, argv[i], &u);

        if (err == ERR_UNKNOWN_PRINCIPAL)
            printf("UNKNOWN_PRINCIPAL\n");
        else if (err != ERR_OK)
            return failed(err, argv[i]);
        else
            show_user(u);
    }
    return 0;
}

static int
do_group(struct probe *p, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        struct dir_group *g = NULL;
        enum err err = directory_group_by_account(p->d, p->mem, argv[i], &g);
        char text[SID_TEXT_MAX];

        if (err == ERR_UNKNOWN_PRINCIPAL)
            printf("UNKNOWN_PRINCIPAL\n");
        else if (err != ERR_OK)
            return failed(err, argv[i]);
        else
            printf("group %s %s\n", g->account, sid_text(&g->sid, text));
    }
    return 0;
}

static int
do_groups(struct probe *p, int argc, char **argv)
{
    struct dir_user *u = NULL;
    struct sid *sids = NULL;
    struct dir_group *groups = NULL;
    size_t n = 0, n_groups = 0;
    enum err err = argc == 1 ? find(p, argv[0], &u) : ERR_INTERNAL;

    if (err == ERR_OK)
        err = directory_token_groups(p->d, p->mem, u->dn, &sids, &n);
    if (err == ERR_OK)
        err = directory_groups_by_sid(p->d, p->mem, sids, n, &groups, &n_groups);
    if (err != ERR_OK)
        return failed(err, NULL);
    printf("sids %zu\n", n);
    for (size_t i = 0; i < n_groups; i++)
        printf("group %s\n", groups[i].account);
    return 0;
}

static int
do_members(struct probe *p, int argc, char **argv)
{
    struct dir_group *g = NULL;
    const char **names = NULL;
    size_t n = 0, max = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    enum err err = argc >= 1 ? directory_group_by_account(p->d, p->mem, argv[0], &g) : ERR_INTERNAL;

    if (err == ERR_OK)
        err = directory_members(p->d, p->mem, g, max, &names, &n);
    if (err != ERR_OK)
        return failed(err, NULL);
    for (size_t i = 0; i < n; i++)
        printf("member %s\n", names[i]);
    return 0;
}

static int
do_kept(struct probe *p, int argc, char **argv)
{
    char line[16];
    int64_t began;
    int status;

    printf("open\n");
    (void)fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        return 2;
    began = client_now();
    status = do_user(p, argc, argv);
    printf("ms %lld\n", (long long)(client_now() - began));
    return status;
}

static const struct {
    const char *name;
    int (*run)(struct probe *p, int argc, char **argv);
} commands[] = { { "locate", do_locate }, { "open", do_open },       { "user", do_user }, { "group", do_group },
                 { "groups", do_groups }, { "members", do_members }, { "kept", do_kept } };

int
main(int argc, char **argv)
{
    const char *domain = getenv("DIRPROBE_DOMAIN"), *timeout = getenv("DIRPROBE_TIMEOUT");
    struct probe p = { .mem = talloc_new(NULL) };
    int status = 2;

    log_init("dirprobe", getenv("DIRPROBE_DEBUG") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
    p.domain = domain != NULL ? domain : "corp.test";
    p.timeout_ms = timeout != NULL ? atoi(timeout) : 5000;
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        status = commands[i].run == do_locate ? 0 : open_directory(&p);
        if (status == 0)
            status = commands[i].run(&p, argc - 2, argv + 2);
    }
    if (status == 2)
        fprintf(stderr, "usage: dirprobe locate|open|user|group|groups|members|kept [NAME]...\n");
    directory_close(p.d);
    talloc_free(p.mem);
    return status;
}
