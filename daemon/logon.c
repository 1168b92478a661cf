/*
 * What logon workers do for passwords and for cards: one conversation at a
 * time, straight down.  They hold no key of the computer: the armor is
 * short-lived, and whether the domain really let the user in is decided by
 * member, not here.
 */
#include "daemon/logon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/krb/ccache.h"
#include "lib/proto/client.h"

#define MEMBER_MS 20000 /* member may have to fetch the computer's own ticket first */
#define DC_MS 15000
#define TRIES 4         /* at domain controllers for one logon */
#define PATIENCE_MS 1500 /* with one that says nothing at all: another may be there */

/* The other side is gone or breaks the protocol: only a disposable worker may give up the process. */
static void
give_up(const char *why)
{
    log_error("%s: this worker ends", why);
    exit(EXIT_FAILURE);
}

/* Waits for one message of that type. Its descriptor is the caller's. */
static size_t
expect(int channel, enum ipc_type type, uint8_t *packet, size_t size, int *fd_out, int timeout_ms)
{
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(channel, packet, size, fds, timeout_ms);

    if (n <= 0 || ipc_type(packet, (size_t)n) != (unsigned)type)
        give_up(channel == FD_FRONT ? "front does not answer" : "member does not answer");
    *fd_out = channel_take_fd(fds);
    channel_close_fds(fds);
    return (size_t)n;
}

/* Reads the secret that waits in the module's connection. */
static bool
read_answer(struct job *j)
{
    const char *secret;
    size_t n;
    ssize_t len;

    j->packet = secret_new(SECRET_MAX);
    if (j->packet == NULL)
        return false;
    len = client_recv(j->fd, j->packet, SECRET_MAX - 1, NULL, client_now() + 1000);
    if (len <= 0 || !proto_get_answer(j->packet, (size_t)len, &secret, &n))
        return false;
    j->secret = j->packet + (secret - j->packet);
    j->secret[n] = '\0'; /* the packet ends there, and there is room for one more */
    return true;
}

/* Another domain controller than the one that has failed, or the first. */
static bool
need_dc(struct job *j, const char *avoid)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_need_dc m = { 0 };
    size_t n;
    int fd;

    (void)snprintf(m.avoid, sizeof(m.avoid), "%s", avoid);
    ipc_put_need_dc(&w, &m);
    if (!channel_send(FD_FRONT, packet, w.len, NULL, 0, true))
        give_up("front is gone");
    n = expect(FD_FRONT, IPC_DC, packet, sizeof(packet), &fd, DC_MS);
    if (fd >= 0)
        (void)close(fd);
    if (!ipc_get_dc(packet, n, &j->m.dc))
        give_up("front broke the protocol");
    return j->m.dc.err == ERR_OK;
}

/*
 * The armor out of member's hands; refused: the KDC did not take the one
 * before.  False, with the result set, where FAST must be and cannot.
 */
static bool
get_armor(struct job *j, bool refused, krb5_creds *armor_out, bool *has_armor_out)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_reason why;
    bool required;
    size_t n;
    int fd;

    *has_armor_out = false;
    if (j->config->fast == CONFIG_FAST_NEVER)
        return true;
    ipc_put_number(&w, IPC_ARMOR, refused);
    if (!channel_send(FD_VERIFIER, packet, w.len, NULL, 0, true))
        give_up("member is gone");
    n = expect(FD_VERIFIER, IPC_ARMOR_IS, packet, sizeof(packet), &fd, MEMBER_MS);
    if (!ipc_get_armor_is(packet, n, &why, &required))
        give_up("member broke the protocol");
    required = required || j->config->fast == CONFIG_FAST_REQUIRE;
    if (fd >= 0) {
        *has_armor_out = ccache_from_memfd(j->krb, fd, armor_out);
        (void)close(fd);
    }
    /*
     * A computer that cannot log on itself can let nobody in either, and the
     * KDC that answers it may be a rogue: the password is not sent.
     */
    if (why.err == ERR_OK && *has_armor_out && j->m.home.dns[0] != '\0' && !j->m.home.mutual) {
        /* Of a domain that does not trust ours the computer gets no ticket: there is no armour that it understands. */
        krb5_free_cred_contents(j->krb, armor_out);
        memset(armor_out, 0, sizeof(*armor_out));
        *has_armor_out = false;
        required = j->config->fast == CONFIG_FAST_REQUIRE;
    }
    if (why.err == ERR_OK && (*has_armor_out || !required))
        return true;
    j->result.err = why.err == ERR_OK ? ERR_NO_FAST : why.err;
    (void)snprintf(j->result.step, sizeof(j->result.step), "computer's own logon");
    memcpy(j->result.value, why.value, sizeof(j->result.value));
    memcpy(j->result.text, why.text, sizeof(j->result.text));
    return false;
}

static void
take_failure(struct job *j, const struct krb_failure *failure)
{
    struct ipc_result *r = &j->result;
    char text[384];

    j->end.password_sent = failure->password_sent;
    j->end.no_service = failure->no_service;
    j->end.heard = j->end.heard || failure->heard;
    j->end.armored = failure->armored;
    r->err = failure->err;
    r->proved = failure->proved;
    r->proved_unless_locked = failure->proved_unless_locked;
    (void)snprintf(r->step, sizeof(r->step), "%s", failure->step == NULL ? "" : failure->step);
    krb_failure_value(failure, failure->user_kdc ? j->m.home.dns : j->config->name, r->value, sizeof(r->value));
    krb_failure_describe(failure, text, sizeof(text));
    (void)snprintf(r->text, sizeof(r->text), "%s, domain controller %.100s", text,
                   failure->user_kdc ? j->user_dc.host : j->m.dc.host);
}

/* One try at the domain controller that j->m.dc names. */
static bool
try_logon(struct job *j, bool armor_refused, struct krb_failure *failure_out)
{
    struct krb_options o = { .forwardable = j->config->forwardable, .renewable = j->config->renewable,
                             .lifetime = j->config->lifetime, .renew_lifetime = j->config->renew_lifetime };
    bool ok = false, has_armor = false;
    krb5_creds armor;

    memset(&armor, 0, sizeof(armor));
    memset(failure_out, 0, sizeof(*failure_out));
    memset(&j->result, 0, sizeof(j->result));
    j->target.kdc = j->m.dc.address;
    if (j->m.home.dns[0] != '\0') {
        j->target.user_realm = j->user_realm;
        j->target.user_kdc = j->user_dc.address;
    }
    if (j->method->aim != NULL)
        j->method->aim(j);
    if (krb_context_new(&j->target, &j->krb) != 0) {
        j->result.err = ERR_INTERNAL;
        return false;
    }
    j->end.stage = KERBEROS_COMPUTER;
    if (get_armor(j, armor_refused, &armor, &has_armor)) {
        j->end.stage = KERBEROS_EXCHANGE;
        ok = j->method->exchange(j, has_armor ? &armor : NULL, &o, failure_out);
        if (!ok)
            take_failure(j, failure_out);
    }
    krb5_free_cred_contents(j->krb, &armor);
    if (!ok) {
        krb5_free_context(j->krb);
        j->krb = NULL;
    }
    return ok;
}

static bool
fail_search(struct job *j, enum err err, const char *domain)
{
    j->end.stage = KERBEROS_SEARCH;
    j->result.err = err;
    (void)snprintf(j->result.value, sizeof(j->result.value), "%.100s", domain);
    if (j->result.step[0] == '\0')
        (void)snprintf(j->result.step, sizeof(j->result.step), "search for a controller");
    return false;
}

/* Another one of the user's own domain, if that is not ours. True where there is one. */
static bool
find_user_dc(struct job *j, const char *avoid)
{
    enum err err = j->m.home.dns[0] == '\0' ? ERR_OK : logon_find_user_dc(j, avoid);

    return err == ERR_OK || fail_search(j, err, j->m.home.dns);
}

/*
 * Tries the domain controllers one after the other while none answers.  Once
 * one may have counted the password, and after a definite answer, it is final.
 */
static bool
exchange(struct job *j)
{
    char avoid[sizeof(j->m.dc.address)] = "";
    bool armor_refused = false, user_kdc = false, is_same_user = false;

    if (!find_user_dc(j, ""))
        return false;
    for (int i = 0; i < TRIES; i++) {
        bool moved = i > 0 && !armor_refused && !user_kdc, is_same;
        struct krb_failure failure;

        if ((moved || j->m.dc.err != ERR_OK) && !need_dc(j, avoid))
            return fail_search(j, (enum err)j->m.dc.err, j->config->name);
        /* The only one there is has just failed; but it answers pings, and may be slow. */
        is_same = moved && strcmp(avoid, j->m.dc.address) == 0;
        if (is_same && j->target.patience == 0)
            return false;
        j->target.patience = is_same || is_same_user ? 0 : PATIENCE_MS;
        if (try_logon(j, armor_refused, &failure))
            return true;
        if (failure.password_sent || (armor_refused && failure.armor_refused) ||
            (!failure.armor_refused && j->result.err != ERR_NO_KDC))
            return false;
        armor_refused = failure.armor_refused;
        user_kdc = failure.user_kdc && !armor_refused;
        if (user_kdc) {
            memcpy(avoid, j->user_dc.address, sizeof(avoid));
            if (!find_user_dc(j, avoid))
                return false;
            is_same_user = strcmp(avoid, j->user_dc.address) == 0;
            if (is_same_user && j->target.patience == 0)
                return false;
            continue;
        }
        memcpy(avoid, j->m.dc.address, sizeof(avoid));
    }
    return false;
}

size_t
logon_ask_member(const struct writer *w, enum ipc_type answer, uint8_t *packet, size_t size)
{
    size_t n;
    int fd;

    if (!writer_ok(w) || !channel_send(FD_VERIFIER, w->data, w->len, NULL, 0, true))
        give_up("member is gone");
    n = expect(FD_VERIFIER, answer, packet, size, &fd, MEMBER_MS);
    if (fd >= 0)
        (void)close(fd);
    return n;
}

bool
logon_verdict(struct job *j, const struct writer *w)
{
    uint8_t packet[2048 + KRB_CREDENTIAL_INFO_MAX];
    size_t n = logon_ask_member(w, IPC_VERIFIED, packet, sizeof(packet));
    struct ipc_verified m;

    if (!ipc_get_verified(packet, n, &m))
        give_up("member broke the protocol");
    j->result = m.result;
    if (m.result.err == ERR_OK && j->method->verified != NULL)
        j->method->verified(j, m.sealed, m.sealed_len);
    return j->result.err == ERR_OK;
}

/* member says whether the ticket is the domain's word; it tells front itself. */
static bool
verify(struct job *j)
{
    const struct ipc_verify m = { .job = j->m.job, .ap_req = (const uint8_t *)j->logon.ap_req.data,
                                  .ap_req_len = j->logon.ap_req.length, .certificate = j->certificate,
                                  .certificate_len = j->certificate_len };
    uint8_t *packet = malloc(CHANNEL_PACKET_MAX);
    struct writer w = writer_init(packet, packet == NULL ? 0 : CHANNEL_PACKET_MAX);
    size_t n;

    j->end.stage = KERBEROS_CHECK;
    ipc_put_verify(&w, &m);
    (void)logon_verdict(j, &w);
    free(packet);
    n = strlen(j->result.text);
    (void)snprintf(j->result.text + n, sizeof(j->result.text) - n, "%sdomain controller %.100s", n > 0 ? ", " : "",
                   j->m.dc.host);
    return j->result.err == ERR_OK;
}

bool
logon_kerberos(struct job *j)
{
    return exchange(j) && verify(j);
}

static void
send_result(struct job *j)
{
    uint8_t packet[2048];
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[2] = { -1, -1 };

    if (j->result.err == ERR_OK && !j->result.passed_through && !j->result.offline) {
        fds[0] = ccache_to_memfd(j->krb, &j->logon.tgt);
        if (fds[0] < 0)
            j->result.err = ERR_INTERNAL;
        else
            fds[1] = j->ntlm_fd;
    }
    j->result.job = j->m.job;
    ipc_put_result(&w, IPC_RESULT, &j->result);
    if (!channel_send(FD_FRONT, packet, w.len, fds, fds[0] < 0 ? 0 : fds[1] < 0 ? 1 : 2, true))
        give_up("front is gone");
    if (fds[0] >= 0)
        (void)close(fds[0]);
    if (j->ntlm_fd >= 0)
        (void)close(j->ntlm_fd);
}

void
logon_run(const struct method *method, struct config *c, const struct ipc_job *m, int fd)
{
    struct job j = { .method = method, .config = c, .m = *m, .fd = fd, .ntlm_fd = -1,
                     .deadline = client_now() + (int64_t)c->deadline * 1000 };

    log_set_logon(m->job);
    j.target.realm = c->realm;
    j.target.domain_dns = c->name;
    j.target.fqdn = c->fqdn;
    j.target.computer = c->computer;
    j.target.timeout = c->timeout;
    trust_realm(m->home.dns, j.user_realm);
    j.result.err = ERR_INTERNAL;
    if (!m->pin_pad && !read_answer(&j))
        j.result.err = ERR_CANCELLED;
    else
        method->authenticate(&j);
    secret_free(j.packet, SECRET_MAX);
    if (fd >= 0)
        (void)close(fd);
    send_result(&j);
    if (j.krb != NULL) {
        krb_logon_done(j.krb, &j.logon);
        krb5_free_context(j.krb);
    }
    log_set_logon(0);
}
