#include "tests/unit/dirrole.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/role.h"
#include "lib/proto/client.h"

struct fake_domain domain;

struct directory {
    char address[64];
};

static const char *const controllers[] = { "192.0.2.1", "192.0.2.2" };

void
fake_domain_begin(void)
{
    static const struct fake_user users[] = {
        { .account = "Alice", .upn = "alice@corp.test", .rid = 1104, .groups = { 513, 1200, 1201 } },
        { .account = "bob", .upn = "robert@brand.example", .rid = 1105, .groups = { 513 } },
        { .account = "carol@corp.test", .upn = "", .rid = 1106, .groups = { 513 } },
        { .account = "ws1$", .upn = "", .rid = 1107, .is_machine = true },
        { .account = "root", .upn = "root@corp.test", .rid = 1108, .groups = { 513 } },
    };

    memset(&domain, 0, sizeof(domain));
    domain.netbios = "CORP";
    (void)sid_parse("S-1-5-21-1-2-3", &domain.sid);
    memcpy(domain.users, users, sizeof(users));
    domain.n_users = sizeof(users) / sizeof(users[0]);
    (void)snprintf(domain.groups[0].account, sizeof(domain.groups[0].account), "Domain Users");
    domain.groups[0].rid = 513;
    for (domain.n_groups = 1; domain.n_groups < 400; domain.n_groups++) {
        struct fake_group *g = &domain.groups[domain.n_groups];

        (void)snprintf(g->account, sizeof(g->account), "Group %zu", domain.n_groups);
        g->rid = 1199 + (uint32_t)domain.n_groups;
    }
}

struct sid
fake_sid(uint32_t rid)
{
    struct sid sid = domain.sid;

    (void)sid_append(&sid, rid);
    return sid;
}

struct fake_user *
fake_user(const char *account)
{
    for (size_t i = 0; i < domain.n_users; i++) {
        if (strcasecmp(domain.users[i].account, account) == 0)
            return &domain.users[i];
    }
    return NULL;
}

enum err
locator_find(const struct locator_query *q, struct dc *dc_out)
{
    size_t pick = !domain.alone && strcmp(q->avoid, controllers[0]) == 0 ? 1 : 0;

    domain.located++;
    (void)snprintf(domain.avoided, sizeof(domain.avoided), "%s", q->avoid);
    if (domain.away)
        return ERR_NO_KDC;
    memset(dc_out, 0, sizeof(*dc_out));
    (void)snprintf(dc_out->host, sizeof(dc_out->host), "dc%zu.corp.test", pick + 1);
    (void)snprintf(dc_out->address, sizeof(dc_out->address), "%s", controllers[pick]);
    (void)snprintf(dc_out->site, sizeof(dc_out->site), "Here");
    (void)snprintf(dc_out->domain_dns, sizeof(dc_out->domain_dns), "corp.test");
    (void)snprintf(dc_out->domain_netbios, sizeof(dc_out->domain_netbios), "%s", domain.netbios);
    return ERR_OK;
}

void
dir_ping_send(struct dir *d)
{
    domain.pinged++;
    d->ping.sent = client_now();
}

bool
dir_ping_answered(struct dir *d)
{
    (void)d;
    return domain.pinged > 0 && !domain.away && !domain.deaf;
}

bool
dir_ping_wait(struct dir *d, int ms)
{
    (void)ms;
    dir_ping_send(d);
    return dir_ping_answered(d);
}

void
dir_ping_close(struct dir *d)
{
    (void)d;
    domain.pinged = 0;
}

bool
dir_ticket(struct dir *d, const char *host, int64_t *end_out, struct ipc_reason *why_out)
{
    (void)d;
    (void)host;
    *why_out = (struct ipc_reason){ .err = domain.ticket, .value = "10:00 min", .text = "as the test says" };
    *end_out = dir_now() + 36000;
    return domain.ticket == ERR_OK;
}

bool
dir_on_ticket_is(struct dir *d, const uint8_t *packet, size_t len, int fds[CHANNEL_FDS_MAX])
{
    (void)d;
    (void)packet;
    (void)len;
    (void)fds;
    return false;
}

const char *next_config;

struct config *
role_config(TALLOC_CTX *mem, int fd)
{
    (void)fd;
    return config_parse_as(mem, next_config, strlen(next_config), "authsod.conf", "ws1", NULL, NULL);
}

struct config *
role_begin(TALLOC_CTX *mem, enum role role)
{
    (void)mem;
    (void)role;
    return NULL;
}

const char *
role_name(unsigned role)
{
    return role == ROLE_FRONT ? "front" : "?";
}

static bool
is_silent(const char *address)
{
    return domain.away || (domain.hung != NULL && strcmp(domain.hung, address) == 0);
}

struct directory *
directory_open(TALLOC_CTX *mem, const char *address, const char *host, const char *domain_dns, int timeout_ms,
               enum err *err_out, const char **why_out)
{
    struct directory *l;

    (void)host;
    (void)domain_dns;
    (void)timeout_ms;
    domain.opened++;
    *err_out = ERR_NO_KDC;
    *why_out = talloc_strdup(mem, "silence");
    if (is_silent(address))
        return NULL;
    l = talloc_zero(mem, struct directory);
    (void)snprintf(l->address, sizeof(l->address), "%s", address);
    *err_out = ERR_OK;
    return l;
}

const struct sid *
directory_domain_sid(const struct directory *d)
{
    (void)d;
    return &domain.sid;
}

const char *
directory_domain_netbios(const struct directory *d)
{
    (void)d;
    return domain.netbios;
}

void
directory_close(struct directory *d)
{
    talloc_free(d);
}

/* Counts a request: false if it fails. */
static bool
answers(const struct directory *d)
{
    bool broken = domain.broken;

    domain.asked++;
    domain.broken = false;
    return !broken && !is_silent(d->address);
}

static enum err
give_user(TALLOC_CTX *mem, const struct fake_user *f, struct dir_user **out)
{
    struct dir_user *u;

    if (f == NULL)
        return ERR_UNKNOWN_PRINCIPAL;
    u = talloc_zero(mem, struct dir_user);
    u->sid = fake_sid(f->rid);
    u->primary_rid = 513;
    u->dn = talloc_strdup(u, f->account);
    u->account = talloc_strdup(u, f->account);
    u->upn = talloc_strdup(u, f->upn);
    u->workstations = talloc_strdup(u, f->workstations == NULL ? "" : f->workstations);
    u->full_name = talloc_asprintf(u, "%s Example", f->account);
    u->is_machine = f->is_machine;
    u->state = f->state;
    *out = u;
    return ERR_OK;
}

enum err
directory_user_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_user **out)
{
    return answers(d) ? give_user(mem, fake_user(account), out) : ERR_NO_KDC;
}

enum err
directory_user_by_upn(struct directory *d, TALLOC_CTX *mem, const char *upn, struct dir_user **out)
{
    const struct fake_user *f = NULL;

    for (size_t i = 0; i < domain.n_users; i++) {
        if (strcasecmp(domain.users[i].upn, upn) == 0)
            f = &domain.users[i];
    }
    return answers(d) ? give_user(mem, f, out) : ERR_NO_KDC;
}

enum err
directory_user_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sid, struct dir_user **out)
{
    const struct fake_user *f = NULL;

    for (size_t i = 0; i < domain.n_users; i++) {
        struct sid his = fake_sid(domain.users[i].rid);

        if (sid_equal(&his, sid))
            f = &domain.users[i];
    }
    return answers(d) ? give_user(mem, f, out) : ERR_NO_KDC;
}

static void
fill_group(TALLOC_CTX *mem, const struct fake_group *f, struct dir_group *g)
{
    g->sid = fake_sid(f->rid);
    g->account = talloc_strdup(mem, f->account);
    g->dn = g->account;
}

enum err
directory_group_by_account(struct directory *d, TALLOC_CTX *mem, const char *account, struct dir_group **out)
{
    if (!answers(d))
        return ERR_NO_KDC;
    for (size_t i = 0; i < domain.n_groups; i++) {
        if (strcasecmp(domain.groups[i].account, account) == 0) {
            *out = talloc_zero(mem, struct dir_group);
            fill_group(*out, &domain.groups[i], *out);
            return ERR_OK;
        }
    }
    return ERR_UNKNOWN_PRINCIPAL;
}

enum err
directory_groups_by_sid(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n,
                        struct dir_group **out, size_t *n_out)
{
    if (!answers(d))
        return ERR_NO_KDC;
    *out = talloc_array(mem, struct dir_group, (unsigned)n);
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < domain.n_groups; j++) {
            struct sid sid = fake_sid(domain.groups[j].rid);

            if (sid_equal(&sid, &sids[i]))
                fill_group(*out, &domain.groups[j], &(*out)[(*n_out)++]);
        }
    }
    return ERR_OK;
}

enum err
directory_groups_by_account(struct directory *d, TALLOC_CTX *mem, const char *const *accounts, size_t n,
                            struct dir_group **out, size_t *n_out)
{
    (void)d;
    domain.namesake_lists++;
    *out = talloc_array(mem, struct dir_group, (unsigned)n);
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < domain.n_groups; j++) {
            if (strcasecmp(domain.groups[j].account, accounts[i]) == 0)
                fill_group(*out, &domain.groups[j], &(*out)[(*n_out)++]);
        }
    }
    return domain.away ? ERR_NO_KDC : ERR_OK;
}

enum err
directory_token_groups(struct directory *d, TALLOC_CTX *mem, const char *user_dn, struct sid **out, size_t *n_out)
{
    const struct fake_user *f = fake_user(user_dn);

    if (!answers(d))
        return ERR_NO_KDC;
    if (f == NULL)
        return ERR_UNKNOWN_PRINCIPAL;
    *out = talloc_array(mem, struct sid, 9);
    (void)sid_parse("S-1-5-32-545", &(*out)[0]); /* of no domain */
    for (*n_out = 1; *n_out <= 8 && f->groups[*n_out - 1] != 0; (*n_out)++)
        (*out)[*n_out] = fake_sid(f->groups[*n_out - 1]);
    return ERR_OK;
}

enum err
directory_members(struct directory *d, TALLOC_CTX *mem, const struct dir_group *group, size_t max, const char ***out,
                  size_t *n_out)
{
    (void)mem;
    (void)group;
    if (!answers(d))
        return ERR_NO_KDC;
    domain.member_lists++;
    if (domain.members_fail != ERR_OK)
        return domain.members_fail;
    *out = domain.members;
    *n_out = domain.n_members < max ? domain.n_members : max;
    return ERR_OK;
}

enum err
directory_resource_groups(struct directory *d, TALLOC_CTX *mem, const struct sid *sids, size_t n, struct sid **out,
                          size_t *n_out)
{
    if (!answers(d))
        return ERR_NO_KDC;
    domain.resource_lists++;
    if (domain.resource_fail != ERR_OK)
        return domain.resource_fail;
    *out = talloc_array(mem, struct sid, 17);
    *n_out = 0;
    for (size_t i = 0; i < 4; i++) {
        bool asked = false;

        for (size_t j = 0; j < n; j++)
            asked = asked || sid_equal(&sids[j], &domain.resource[i].member);
        for (size_t j = 0; asked && j < 4 && domain.resource[i].groups[j] != 0; j++)
            (*out)[(*n_out)++] = fake_sid(domain.resource[i].groups[j]);
    }
    if (domain.stray.n_subs > 0)
        (*out)[(*n_out)++] = domain.stray;
    return ERR_OK;
}
