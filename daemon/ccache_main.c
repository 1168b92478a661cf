/*
 * The short-lived process that becomes the user and writes, or removes, the
 * user's credential cache (design, 2 step 7).  It is the copy of one that does
 * nothing but to make copies of itself: what needs no thought about the user
 * that one has done, once, and it has read nothing but the configuration.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/role.h"
#include "lib/base/log.h"
#include "lib/krb/ccache.h"

static void
tell(uint32_t code, const char *name)
{
    uint8_t packet[PROTO_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache_done m = { .code = code };

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_ccache_done(&w, &m);
    (void)channel_send(FD_KEEPER, packet, w.len, NULL, 0, true);
}

/* The template: the configuration's, else the one of the system's krb5.conf, else NULL. */
static const char *
find_template(TALLOC_CTX *mem, krb5_context ctx, const struct config *c)
{
    return c->ccache != NULL ? c->ccache : ccache_system_template(mem, ctx);
}

/* True if name is pattern with its XXXXXX made unique. */
static bool
is_made_from(const char *name, const char *pattern)
{
    size_t n = strlen(pattern);

    return n > 6 && strcmp(pattern + n - 6, "XXXXXX") == 0 && strlen(name) == n &&
           strncmp(name, pattern, n - 6) == 0 && strchr(name + n - 6, '/') == NULL;
}

/* What caches of the user are called, and what stands in for one that cannot be used. */
struct patterns {
    const char *usual; /* NULL: the configuration's cannot be used, for the reason why */
    const char *why;
    const char *fallback;
};

static struct patterns
find_patterns(TALLOC_CTX *mem, krb5_context ctx, const struct config *c, const char *user)
{
    uint32_t uid = (uint32_t)getuid();
    struct patterns p = { 0 };
    const char *why;

    p.usual = ccache_name(mem, find_template(mem, ctx, c), uid, user, &p.why);
    p.fallback = ccache_name(mem, "FILE:", uid, user, &why);
    if (p.fallback == NULL) {
        log_error("out of memory");
        exit(EXIT_FAILURE);
    }
    return p;
}

/* Made for one session alone. */
static bool
is_of_session(const struct patterns *p, const char *name)
{
    return (p->usual != NULL && is_made_from(name, p->usual)) || is_made_from(name, p->fallback);
}

static int
store(TALLOC_CTX *mem, krb5_context ctx, const struct config *c, const struct ipc_ccache *m, int credentials)
{
    struct patterns p = find_patterns(mem, ctx, c, m->user);
    const char *name = m->name, *user = m->user;
    bool fell_back = false;
    krb5_error_code code = 0;
    krb5_creds tgt;
    char *made;

    memset(&tgt, 0, sizeof(tgt));
    if (!ccache_from_memfd(ctx, credentials, &tgt)) {
        log_error("the tickets handed down cannot be read");
        tell(EINVAL, "");
        return EXIT_FAILURE;
    }
    /* The session's own cache if it is one of ours: a name of somebody else's choice could be any file of the user's. */
    if (!is_of_session(&p, name))
        name = p.usual;
    if (name == NULL) {
        log_warning("the tickets of %s cannot be put into %s (%s): they go into a file", user,
                    find_template(mem, ctx, c), p.why);
        name = p.fallback;
    }
    made = ccache_store(mem, ctx, name, &tgt, &fell_back, &code);
    krb5_free_cred_contents(ctx, &tgt);
    if (made == NULL)
        log_error("the credential cache %s of %s cannot be written: code %d (%s)", name, user, (int)code,
                  error_message(code));
    else if (fell_back)
        log_warning("the tickets of %s cannot be put into %s (code %d, %s): they are in %s", user, name, (int)code,
                    error_message(code), made);
    tell(made == NULL ? (uint32_t)code : 0, made == NULL ? "" : made);
    return made == NULL ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * A session's end removes what was made for that session alone; a cache that
 * sessions share stays: another one may still be using it.
 */
static int
destroy(TALLOC_CTX *mem, krb5_context ctx, const struct config *c, const struct ipc_ccache *m)
{
    struct patterns p = find_patterns(mem, ctx, c, m->user);
    const char *name = m->name, *user = m->user;
    bool own = is_of_session(&p, name);
    krb5_error_code code = own ? ccache_destroy(ctx, name) : 0;

    if (code != 0)
        log_error("the credential cache %s of %s cannot be removed: code %d (%s)", name, user, (int)code,
                  error_message(code));
    tell((uint32_t)code, own ? name : "");
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What keeper wants of this process. It closes the channel where it wants nothing. */
static enum ipc_type
wait_for_work(struct ipc_ccache *m_out, int *credentials_out)
{
    uint8_t packet[2 * PROTO_TEXT_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, -1);
    enum ipc_type type = n > 0 ? (enum ipc_type)ipc_type(packet, (size_t)n) : 0;

    if (n == 0)
        exit(EXIT_SUCCESS);
    if (n < 0 || (type != IPC_CCACHE_WRITE && type != IPC_CCACHE_DESTROY) ||
        !ipc_get_ccache(packet, (size_t)n, type, m_out) || m_out->uid == 0 || m_out->gid == 0) {
        log_error("keeper broke the protocol: this process ends");
        exit(EXIT_FAILURE);
    }
    *credentials_out = channel_take_fd(fds);
    channel_close_fds(fds);
    return type;
}

/* A copy: its first word, its work, its end. */
static int
work(TALLOC_CTX *mem, const struct config *c)
{
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));
    krb5_context ctx = NULL;
    int credentials = -1, status = EXIT_FAILURE;
    struct ipc_ccache m;
    enum ipc_type type;

    ipc_put_number(&w, IPC_CCACHE_BORN, (uint32_t)getpid());
    if (!channel_send(FD_KEEPER, packet, w.len, NULL, 0, true))
        return EXIT_FAILURE;
    type = wait_for_work(&m, &credentials);
    role_end_waiting(m.uid, m.gid);
    if (krb5_init_secure_context(&ctx) != 0)
        tell(EINVAL, "");
    else if (type == IPC_CCACHE_DESTROY)
        status = destroy(mem, ctx, c, &m);
    else
        status = store(mem, ctx, c, &m, credentials);

    if (ctx != NULL)
        krb5_free_context(ctx);
    return status;
}

/* The channel of the copy that keeper wants. It closes its own where it wants none any more. */
static int
wait_for_channel(void)
{
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, -1);

    if (n == 0)
        exit(EXIT_SUCCESS);
    if (n < 0 || !ipc_get_empty(packet, (size_t)n, IPC_CCACHE_CHILD) || fds[0] < 0) {
        log_error("keeper broke the protocol: this process ends");
        exit(EXIT_FAILURE);
    }
    return channel_take_fd(fds);
}

/* Of the parent's channel; dup gives the lowest number that is free. */
static bool
take_place(int channel)
{
    return close(FD_KEEPER) == 0 && dup(channel) == FD_KEEPER && close(channel) == 0;
}

int
ccache_main(void)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = role_begin_waiting(mem, ROLE_CCACHE);

    (void)ccache_rehearse();
    for (;;) {
        int channel = wait_for_channel();
        pid_t pid = role_copy();

        /* What exit() tidies up in thirty libraries goes with the process. */
        if (pid == 0)
            _exit(take_place(channel) ? work(mem, c) : EXIT_FAILURE);
        if (pid < 0)
            log_error("no process for a credential cache: %s", strerror(errno));
        (void)close(channel);
    }
}
