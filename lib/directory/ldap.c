/* The connection: made, bound, searched. */
#include "lib/directory/ldap.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sasl/sasl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/net.h"
#include "lib/base/wait.h"
#include "lib/directory/ldap_private.h"
#include "lib/directory/text.h"
#include "lib/proto/client.h"

#define LDAP_PORT_DEFAULT 389
#define SSF_LEAST 56
#define INCOMING_MAX (8UL * 1024 * 1024) /* bytes of one message */
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 3

static int
directory_destructor(struct directory *d)
{
    if (d->ld != NULL)
        (void)ldap_unbind_ext(d->ld, NULL, NULL);
    d->ld = NULL;
    return 0;
}

void
directory_close(struct directory *d)
{
    talloc_free(d);
}

const struct sid *
directory_domain_sid(const struct directory *d)
{
    return &d->domain_sid;
}

unsigned
directory_ssf(const struct directory *d)
{
    return d->ssf;
}

const char *
directory_domain_netbios(const struct directory *d)
{
    return d->netbios;
}

/* A name that can stand in a URL as it is. */
static bool
host_ok(const char *host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

    return host[0] != '\0' && strlen(host) < DNS_NAME_SIZE && host[strspn(host, allowed)] == '\0';
}

static bool
set_option(struct directory *d, int option, const void *value)
{
    return ldap_set_option(d->ld, option, value) == LDAP_OPT_SUCCESS;
}

static bool
set_options(struct directory *d)
{
    struct timeval timeout = { .tv_sec = d->timeout_ms / 1000, .tv_usec = d->timeout_ms % 1000 * 1000 };
    ber_len_t ssf_least = SSF_LEAST, ssf_most = INT_MAX, incoming = INCOMING_MAX;
    int version = LDAP_VERSION3, none = 0;
    Sockbuf *sb = NULL;

    return set_option(d, LDAP_OPT_PROTOCOL_VERSION, &version) && set_option(d, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) &&
           set_option(d, LDAP_OPT_RESTART, LDAP_OPT_ON) && set_option(d, LDAP_OPT_DEREF, &none) &&
           set_option(d, LDAP_OPT_SIZELIMIT, &none) && set_option(d, LDAP_OPT_TIMELIMIT, &none) &&
           set_option(d, LDAP_OPT_NETWORK_TIMEOUT, &timeout) && set_option(d, LDAP_OPT_TIMEOUT, &timeout) &&
           set_option(d, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON) &&
           set_option(d, LDAP_OPT_X_SASL_SSF_MIN, &ssf_least) &&
           set_option(d, LDAP_OPT_X_SASL_SSF_MAX, &ssf_most) &&
           ldap_get_option(d->ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS && sb != NULL &&
           dir_add_socket_io(sb) && ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &incoming) == 1;
}

/* A kept connection to a host that went away without a word must not stay for ever. */
static void
set_keepalive(int fd)
{
    int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S, probes = KEEPALIVE_PROBES;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool
dir_attach(struct directory *d, int fd, const char *host)
{
    char *url = talloc_asprintf(d, "ldap://%s", host);
    int rc = LDAP_NO_MEMORY;

    /* SASL_SECPROPS of an ldap.conf could forbid the sealing that we must have, and no option of ours would undo it. */
    if (url != NULL && setenv("LDAPNOINIT", "1", 1) == 0)
        rc = ldap_init_fd(fd, LDAP_PROTO_EXT, url, &d->ld);
    talloc_free(url);
    if (rc == LDAP_SUCCESS)
        return set_options(d);
    d->ld = NULL;
    (void)close(fd);
    return false;
}

/* Connects. Failure: the reason in *why_out (static, or under d). */
static enum err
dial(struct directory *d, const char *address, const char *host, const char **why_out)
{
    struct sockaddr_storage to;
    int fd;

    if (!host_ok(host) || !address_parse(address, LDAP_PORT_DEFAULT, &to)) {
        *why_out = "LDAP: the domain controller has no good name or address";
        return ERR_NO_KDC;
    }
    if (!dir_has_ticket(host)) {
        *why_out = talloc_asprintf(d, "LDAP: the credential cache has no ticket for ldap/%s", host);
        return ERR_NO_KEYTAB;
    }
    fd = tcp_connect(&to, d->deadline);
    if (fd < 0) {
        *why_out = talloc_asprintf(d, "LDAP: %s", strerror(errno));
        return ERR_NO_KDC;
    }
    set_keepalive(fd);
    *why_out = "LDAP: libldap does not take the connection";
    return dir_attach(d, fd, host) ? ERR_OK : ERR_INTERNAL;
}

void
dir_begin(struct directory *d)
{
    d->deadline = client_now() + d->timeout_ms;
}

void
dir_begin_within(struct directory *d, int ms)
{
    d->deadline = client_now() + (ms < d->timeout_ms ? ms : d->timeout_ms);
}

LDAPMessage *
dir_wait_message(struct directory *d, int msgid, bool *late_out)
{
    int left = ms_until(d->deadline), rc;
    struct timeval tv = { .tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 };
    LDAPMessage *m = NULL;

    rc = ldap_result(d->ld, msgid, LDAP_MSG_ONE, &tv, &m);
    *late_out = rc == 0;
    if (rc > 0)
        return m;
    if (m != NULL)
        (void)ldap_msgfree(m);
    return NULL;
}

/* Why dir_wait_message gave nothing. */
const char *
dir_why_nothing(struct directory *d)
{
    int rc = LDAP_OTHER;

    (void)ldap_get_option(d->ld, LDAP_OPT_RESULT_CODE, &rc);
    return ldap_err2string(rc);
}

/* The computer needs no name beside that of its ticket: every question is answered by nothing. */
static int
answer_nothing(LDAP *ld, unsigned flags, void *defaults, void *interact)
{
    (void)ld;
    (void)flags;
    (void)defaults;
    for (sasl_interact_t *i = interact; i->id != SASL_CB_LIST_END; i++) {
        i->result = "";
        i->len = 0;
    }
    return LDAP_SUCCESS;
}

/* What libldap, SASL or the server say about the last failure. */
static const char *
reason(struct directory *d, int rc)
{
    char *detail = NULL;
    const char *text;

    (void)ldap_get_option(d->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
    text = talloc_asprintf(d, "LDAP: %s%s%s", ldap_err2string(rc), detail != NULL ? ": " : "",
                           detail != NULL ? detail : "");
    ldap_memfree(detail);
    return text;
}

static enum err
bind_gssapi(struct directory *d, const char **why_out)
{
    LDAPMessage *m = NULL;
    const char *mech = NULL;
    sasl_ssf_t ssf = 0;
    int rc, msgid = -1;
    bool late;

    for (;;) {
        rc = ldap_sasl_interactive_bind(d->ld, NULL, "GSSAPI", NULL, NULL, LDAP_SASL_QUIET, answer_nothing, NULL, m,
                                        &mech, &msgid);
        (void)ldap_msgfree(m);
        if (rc != LDAP_SASL_BIND_IN_PROGRESS)
            break;
        m = dir_wait_message(d, msgid, &late);
        if (m == NULL) {
            *why_out = talloc_asprintf(d, "LDAP: no answer to the bind: %s", dir_why_nothing(d));
            return ERR_NO_KDC;
        }
    }
    if (rc != LDAP_SUCCESS) {
        *why_out = reason(d, rc);
        return rc == LDAP_SERVER_DOWN || rc == LDAP_BUSY || rc == LDAP_UNAVAILABLE ? ERR_NO_KDC : ERR_NO_KEYTAB;
    }
    if (ldap_get_option(d->ld, LDAP_OPT_X_SASL_SSF, &ssf) != LDAP_OPT_SUCCESS || ssf < SSF_LEAST) {
        *why_out = "LDAP: the domain controller does not seal the connection";
        return ERR_NO_KEYTAB;
    }
    d->ssf = ssf;
    return ERR_OK;
}

/* A search under way. */
struct collect {
    struct directory *d;
    const struct dir_query *q;
    dir_entry_fn *fn;
    void *arg;
    size_t n;                   /* entries so far */
    struct berval cookie;       /* of the next page */
};

enum err
dir_lost(struct directory *d, const char *what)
{
    log_debug("LDAP: %s; the connection is given up", what);
    d->dead = true;
    return ERR_NO_KDC;
}

/* The cookie of the next page, if the answer has one. */
static void
keep_cookie(struct collect *c, LDAPControl **controls)
{
    LDAPControl *control = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
    ber_int_t estimate;

    if (control != NULL && ldap_parse_pageresponse_control(c->d->ld, control, &estimate, &c->cookie) != LDAP_SUCCESS)
        c->cookie = (struct berval){ .bv_len = 0 };
}

static enum err
search_ended(struct collect *c, LDAPMessage *m)
{
    LDAPControl **controls = NULL;
    int rc, code = LDAP_OTHER;

    rc = ldap_parse_result(c->d->ld, m, &code, NULL, NULL, NULL, &controls, 0);
    if (rc == LDAP_SUCCESS && controls != NULL)
        keep_cookie(c, controls);
    ldap_controls_free(controls);
    if (rc != LDAP_SUCCESS)
        return dir_lost(c->d, ldap_err2string(rc));
    switch (code) {
    case LDAP_SUCCESS:
    case LDAP_NO_SUCH_OBJECT:
    case LDAP_SIZELIMIT_EXCEEDED:
    case LDAP_REFERRAL:
        return ERR_OK;
    case LDAP_TIMELIMIT_EXCEEDED:
    case LDAP_ADMINLIMIT_EXCEEDED:
    case LDAP_UNWILLING_TO_PERFORM:
        return c->q->hard ? ERR_BUSY : dir_lost(c->d, ldap_err2string(code));
    default:
        return dir_lost(c->d, ldap_err2string(code));
    }
}

/* Takes the messages of one request. */
static enum err
collect(struct collect *c, int msgid)
{
    enum err err = ERR_OK;
    bool ended = false, late;

    while (err == ERR_OK && !ended) {
        LDAPMessage *m = dir_wait_message(c->d, msgid, &late);

        if (m == NULL) {
            err = dir_lost(c->d, dir_why_nothing(c->d));
            return c->q->hard && late ? ERR_TIMEOUT : err;
        }
        switch (ldap_msgtype(m)) {
        case LDAP_RES_SEARCH_ENTRY:
            /* A server that sends more than it was asked for is not listened to any longer. */
            if (++c->n > c->q->max)
                err = dir_lost(c->d, "more entries than were asked for");
            else
                err = c->fn(c->d, m, c->arg);
            break;
        case LDAP_RES_SEARCH_RESULT:
            err = search_ended(c, m);
            ended = true;
            break;
        default:
            break;
        }
        (void)ldap_msgfree(m);
    }
    if (!ended && !c->d->dead)
        (void)ldap_abandon_ext(c->d->ld, msgid, NULL, NULL);
    return err;
}

/* One request: the whole search, or one page of it. */
static enum err
request(struct collect *c)
{
    const struct dir_query *q = c->q;
    LDAPControl *controls[2] = { NULL, NULL };
    char **attributes;
    /* The controller ends a hard search itself, a little before we do: then the connection can be kept. */
    struct timeval limit = { .tv_sec = ms_until(c->d->deadline) / 1000 };
    size_t left = q->max - c->n;
    int rc, msgid = -1;

    if (q->page > 0) {
        rc = ldap_create_page_control(c->d->ld, left < (size_t)q->page ? (ber_int_t)left : q->page,
                                      c->cookie.bv_val != NULL ? &c->cookie : NULL, 1, &controls[0]);
        ber_memfree(c->cookie.bv_val);
        c->cookie = (struct berval){ .bv_len = 0 };
        if (rc != LDAP_SUCCESS)
            return dir_lost(c->d, ldap_err2string(rc));
    }
    /* libldap only reads them. */
    memcpy(&attributes, &q->attributes, sizeof(attributes));
    if (limit.tv_sec < 1)
        limit.tv_sec = 1;
    rc = ldap_search_ext(c->d->ld, q->base, q->scope, q->filter, attributes, 0, controls, NULL,
                         q->hard ? &limit : NULL, q->page > 0 ? 0 : (int)q->max, &msgid);
    ldap_control_free(controls[0]);
    if (rc != LDAP_SUCCESS)
        return dir_lost(c->d, ldap_err2string(rc));
    return collect(c, msgid);
}

enum err
dir_search(struct directory *d, const struct dir_query *q, dir_entry_fn *fn, void *arg)
{
    struct collect c = { .d = d, .q = q, .fn = fn, .arg = arg };
    enum err err;

    if (d->dead || q->filter == NULL)
        return d->dead ? ERR_NO_KDC : ERR_INTERNAL;
    do {
        err = request(&c);
    } while (err == ERR_OK && c.cookie.bv_len > 0 && c.n < q->max);
    ber_memfree(c.cookie.bv_val);
    return err;
}

/* What directory_open reads. */
struct facts {
    const char *base;
    const char *configuration;
    const char *netbios;
    struct sid sid;
};

static enum err
take_root(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct facts *f = arg;

    if (!entry_text(d, entry, d, "defaultNamingContext", DIR_DN_MAX, &f->base) ||
        !entry_text(d, entry, d, "configurationNamingContext", DIR_DN_MAX, &f->configuration))
        return dir_lost(d, "the root DSE is malformed");
    return ERR_OK;
}

static enum err
take_domain(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct facts *f = arg;

    return entry_sid(d, entry, "objectSid", &f->sid) && sid_is_domain(&f->sid) ? ERR_OK
                                                                                : dir_lost(d, "the domain has no SID");
}

static enum err
take_partition(struct directory *d, LDAPMessage *entry, void *arg)
{
    struct facts *f = arg;

    return entry_text(d, entry, d, "nETBIOSName", DIR_NAME_MAX, &f->netbios) ? ERR_OK
                                                                              : dir_lost(d, "the domain has no name");
}

/* "DC=corp,DC=example" is of corp.example. */
static bool
is_of_domain(const char *dn, const char *domain_dns)
{
    char *domain = NULL;
    bool same;

    if (ldap_dn2domain(dn, &domain) != 0 || domain == NULL)
        return false;
    same = strcasecmp(domain, domain_dns) == 0;
    ldap_memfree(domain);
    return same;
}

static enum err
read_facts(struct directory *d, const char **why_out)
{
    static const char *const root[] = { "defaultNamingContext", "configurationNamingContext", NULL };
    static const char *const domain[] = { "objectSid", NULL };
    static const char *const partition[] = { "nETBIOSName", NULL };
    struct facts f = { .base = NULL };
    struct dir_query q = { "", LDAP_SCOPE_BASE, "(objectClass=*)", root, 0, 1, false };
    enum err err = dir_search(d, &q, take_root, &f);

    *why_out = "LDAP: the domain controller did not tell its domain";
    if (err != ERR_OK || f.base == NULL || f.configuration == NULL)
        return ERR_NO_KDC;
    if (!is_of_domain(f.base, d->domain_dns)) {
        *why_out = "LDAP: the domain controller is one of another domain";
        return ERR_NO_KDC;
    }
    d->base = f.base;
    q = (struct dir_query){ f.base, LDAP_SCOPE_BASE, "(objectClass=*)", domain, 0, 1, false };
    err = dir_search(d, &q, take_domain, &f);
    if (err != ERR_OK || f.sid.n_subs == 0)
        return ERR_NO_KDC;
    d->domain_sid = f.sid;
    q = (struct dir_query){ talloc_asprintf(d, "CN=Partitions,%s", f.configuration), LDAP_SCOPE_ONELEVEL,
                            directory_filter(d, "(&(objectClass=crossRef)(nCName=%s))", f.base), partition, 0, 1, false };
    err = dir_search(d, &q, take_partition, &f);
    d->netbios = f.netbios;
    return err == ERR_OK && f.netbios != NULL ? ERR_OK : ERR_NO_KDC;
}

struct directory *
directory_open(TALLOC_CTX *mem, const char *address, const char *host, const char *domain_dns, int timeout_ms,
               enum err *err_out, const char **why_out)
{
    struct directory *d = talloc_zero(mem, struct directory);
    const char *why = "out of memory";
    enum err err = ERR_INTERNAL;

    *why_out = NULL;
    if (d == NULL)
        goto done;
    talloc_set_destructor(d, directory_destructor);
    d->timeout_ms = timeout_ms;
    dir_begin(d);
    d->domain_dns = talloc_strdup(d, domain_dns);
    if (d->domain_dns == NULL)
        goto done;
    err = dial(d, address, host, &why);
    if (err == ERR_OK)
        err = bind_gssapi(d, &why);
    if (err == ERR_OK)
        err = read_facts(d, &why);
done:
    *err_out = err;
    if (err != ERR_OK) {
        *why_out = talloc_strdup(mem, why != NULL ? why : "out of memory");
        TALLOC_FREE(d);
    }
    return d;
}
