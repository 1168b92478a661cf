/*
 * The rotation of the computer's password, keeper's part: it makes the new
 * password and writes the files; netlogon talks to the domain; a process of its
 * own makes the keytab's bytes (keytab_main.c).  What becomes of the passwords
 * is decided in lib/membership/rotation.c.
 *
 *   ASKED        netlogon finds out which password the domain has
 *   KEYS_BEFORE  the pending password is in the machine secret, and its keys of
 *                services get into the keytab: tickets under them can be opened
 *                as soon as the domain makes any
 *   SETTING      netlogon asks the domain to take it
 *   KEYS_AFTER   the domain has it: the account's own keys get into the keytab,
 *                then the machine secret says so, too
 *
 * Killed at any moment, keeper finds the pending password when it begins again,
 * and goes on by ASKED.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/membership/replace.h"
#include "lib/membership/replace_journal.h"
#include "lib/membership/rotation.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

#define CHECK_MS 3600000      /* from one look at the password's age to the next, and after a failure */
#define UNSETTLED_MS 300000   /* while it is open which password the domain has, or the pending one could not be sent */
#define STAGE_MS 120000       /* for netlogon, which may have logons in line */
#define CHILD_MS 10000

enum stage { IDLE, ASKED, KEYS_BEFORE, SETTING, KEYS_AFTER };

struct rotation {
    enum stage stage;
    uint32_t run;              /* counts them: netlogon's answer to an earlier one is none */
    bool wanted;               /* a new password, not just order */
    bool for_client;           /* who asked by the control socket hears of it */
    bool fresh;                /* the pending password was made in this run */
    bool tidy;
    bool told;                 /* that there is no machine secret */
    int64_t deadline;          /* of the stage */
    int64_t next_at;
    int lock;
    pid_t child;               /* that makes the keytab */
    struct machine_secret *s;  /* as the file is, or is about to be */
    char controller[256];
};

static const char *const slot_words[] = { "", "current", "previous", "pending" };

void
keeper_rotate_begin(struct keeper *k)
{
    k->rotation = talloc_zero(k, struct rotation);
    if (k->rotation != NULL)
        k->rotation->lock = -1;
}

static void
enter(struct rotation *r, enum stage stage, int64_t ms)
{
    r->stage = stage;
    r->deadline = client_now() + ms;
}

static void
finish(struct rotation *r, int64_t again_ms)
{
    machine_secret_free(r->s);
    r->s = NULL;
    if (r->lock >= 0)
        (void)close(r->lock);
    r->lock = -1;
    r->child = 0;
    r->stage = IDLE;
    r->next_at = client_now() + again_ms;
}

static void
fail(struct keeper *k, enum control_failure failure, const char *text)
{
    struct rotation *r = k->rotation;
    bool unsettled = failure == CONTROL_UNKNOWN || (r->stage == SETTING && failure == CONTROL_NO_CHANNEL);

    log_error("the computer's password was not replaced: %s", text);
    if (r->for_client)
        keeper_control_say(k, CONTROL_FAILED, failure, text);
    finish(r, unsettled ? UNSETTLED_MS : CHECK_MS);
}

static void
fail_file(struct keeper *k, const char *path, int error)
{
    char text[CONTROL_TEXT_MAX];

    (void)snprintf(text, sizeof(text), "%.300s cannot be written: %s", path, strerror(error));
    fail(k, CONTROL_FILES, text);
}

static void
say_step(struct keeper *k, enum control_step step, const char *text)
{
    if (k->rotation->for_client)
        keeper_control_say(k, CONTROL_STEP, step, text);
}

static void
succeed(struct keeper *k)
{
    struct rotation *r = k->rotation;

    if (r->for_client)
        keeper_control_say(k, CONTROL_DONE, r->s->slots[MACHINE_CURRENT].kvno, r->s->controller);
    finish(r, CHECK_MS);
}

static bool
send_netlogon(struct keeper *k, enum ipc_type type, int fd)
{
    const struct child *c = keeper_child(k, ROLE_NETLOGON);
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_number(&w, type, k->rotation->run);
    return c != NULL && channel_send(c->channel, packet, w.len, &fd, fd < 0 ? 0 : 1, false);
}

/* The machine secret as it is in memory, sealed; -1 with errno. */
static int
secret_memfd(const struct machine_secret *s)
{
    uint8_t *buf = secret_new(MACHINE_SECRET_FILE_MAX);
    size_t n = buf == NULL ? 0 : machine_secret_encode(s, buf, MACHINE_SECRET_FILE_MAX);
    int fd = n == 0 ? -1 : sealed_new("machine-secret", buf, n), error = n == 0 ? ENOMEM : errno;

    secret_free(buf, MACHINE_SECRET_FILE_MAX);
    errno = error;
    return fd;
}

/* False with errno. */
static bool
start_child(struct keeper *k)
{
    struct rotation *r = k->rotation;
    struct child *c = keeper_start_keytab(k);
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[2] = { -1, -1 }, error;
    bool ok = c != NULL;

    if (ok) {
        fds[0] = secret_memfd(r->s);
        fds[1] = keeper_read_secret(k->config->keytab, "keytab", MEMBERSHIP_KEYTAB_MAX);
        ok = fds[0] >= 0 && (fds[1] >= 0 || errno == ENOENT);
    }
    ipc_put_number(&w, IPC_KEYTAB_MAKE, r->tidy);
    ok = ok && channel_send(c->channel, packet, w.len, fds, fds[1] < 0 ? 1 : 2, false);
    error = errno;
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    if (ok) {
        c->deadline = client_now() + CHILD_MS;
        r->child = c->pid;
    } else if (c != NULL) {
        keeper_kill(c);
    }
    errno = error;
    return ok;
}

/* A pending password of which no controller has heard goes again. */
static void
take_back(struct keeper *k)
{
    struct rotation *r = k->rotation;

    if (r->stage == KEYS_BEFORE && r->fresh && rotation_refused(r->s, true, (int64_t)time(NULL)) &&
        !machine_secret_store(MACHINE_SECRET_PATH, r->s))
        log_warning(MACHINE_SECRET_PATH " cannot be written: the new password stays pending");
}

static void
keys_failed(struct keeper *k, int error)
{
    take_back(k);
    fail_file(k, k->config->keytab, error);
}

static void
make_keys(struct keeper *k, enum stage stage)
{
    enter(k->rotation, stage, STAGE_MS);
    if (!start_child(k))
        keys_failed(k, errno);
}

/* The pending password is to be in force: it and its keys first. */
static void
prepare(struct keeper *k)
{
    if (machine_secret_store(MACHINE_SECRET_PATH, k->rotation->s))
        make_keys(k, KEYS_BEFORE);
    else
        fail_file(k, MACHINE_SECRET_PATH, errno);
}

static void
carry_out(struct keeper *k, enum rotation_work work)
{
    struct rotation *r = k->rotation;
    char text[CONTROL_TEXT_MAX];

    r->tidy = work == ROTATION_TIDY;
    switch (work) {
    case ROTATION_SET:
        prepare(k);
        break;
    case ROTATION_COMPLETE:
        (void)snprintf(r->s->controller, sizeof(r->s->controller), "%s", r->controller);
        log_info("the domain has taken the computer's new password before: it is put in force here");
        make_keys(k, KEYS_AFTER);
        break;
    case ROTATION_TIDY:
        make_keys(k, KEYS_AFTER);
        break;
    case ROTATION_LAGS:
        (void)snprintf(text, sizeof(text), "%.200s has not heard yet of the last new password: try again later",
                       r->controller);
        fail(k, CONTROL_NO_CHANNEL, text);
        break;
    case ROTATION_NO_KVNO:
        fail(k, CONTROL_NO_SECRET, "the version of the present keys is not known: join again");
        break;
    case ROTATION_NO_RANDOM:
        fail(k, CONTROL_INTERNAL, "there are no random numbers");
        break;
    case ROTATION_NOTHING:
        if (r->wanted)
            fail(k, CONTROL_INTERNAL, "netlogon has a password that there is none of");
        else
            succeed(k);
        break;
    }
}

/* Else it comes too late: what asked for it was given up. */
static bool
is_awaited(const struct rotation *r, uint32_t run, enum stage stage, enum stage or_stage)
{
    if (r != NULL && run == r->run && (r->stage == stage || r->stage == or_stage))
        return true;
    log_debug("netlogon's answer to run %u of the rotation is passed over: nothing waits for it any more", run);
    return false;
}

bool
keeper_rotate_holds(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    struct rotation *r = k->rotation;
    struct ipc_rotate_holds m;
    int64_t now = (int64_t)time(NULL);

    (void)from;
    (void)fds;
    if (!ipc_get_rotate_holds(packet, len, &m))
        return false;
    if (!is_awaited(r, m.run, ASKED, ASKED))
        return true;
    memcpy(r->controller, m.controller, sizeof(r->controller));
    say_step(k, CONTROL_CHANNEL, slot_words[m.slot]);
    carry_out(k, rotation_plan(r->s, (enum machine_slot)m.slot, r->wanted, now, &r->fresh));
    return true;
}

static void
taken(struct keeper *k)
{
    struct rotation *r = k->rotation;

    log_info("the domain has taken the computer's new password, domain controller %s", r->controller);
    say_step(k, CONTROL_TAKEN, r->controller);
    rotation_taken(r->s, r->controller, (int64_t)time(NULL));
    make_keys(k, KEYS_AFTER);
}

static void
refused(struct keeper *k, const char *text)
{
    struct rotation *r = k->rotation;

    if (rotation_refused(r->s, r->fresh, (int64_t)time(NULL)) && !machine_secret_store(MACHINE_SECRET_PATH, r->s))
        log_warning(MACHINE_SECRET_PATH " cannot be written: the new password stays pending");
    fail(k, CONTROL_REFUSED, text);
}

bool
keeper_rotate_ended(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    struct rotation *r = k->rotation;
    char text[sizeof(((struct ipc_rotate_end *)0)->text) + 300];
    struct ipc_rotate_end m;

    (void)from;
    (void)fds;
    if (!ipc_get_rotate_end(packet, len, &m))
        return false;
    if (!is_awaited(r, m.run, ASKED, SETTING))
        return true;
    if (m.controller[0] != '\0' && strstr(m.text, m.controller) == NULL)
        (void)snprintf(text, sizeof(text), "%s, domain controller %s", m.text, m.controller);
    else
        (void)snprintf(text, sizeof(text), "%s", m.text);
    if (r->stage == ASKED || m.outcome == IPC_ROTATE_UNSENT)
        fail(k, CONTROL_NO_CHANNEL, text);
    else if (m.outcome == IPC_ROTATE_TAKEN)
        taken(k);
    else if (m.outcome == IPC_ROTATE_REFUSED)
        refused(k, text);
    else
        fail(k, CONTROL_UNKNOWN, text);
    return true;
}

/* The bytes are in place of the keytab's, which keeps its owner and mode. 0, or an errno. */
static int
write_keytab(const struct keeper *k, int fd)
{
    struct stat st;
    const void *bytes;
    size_t len;
    bool is_there, ok;
    int error;

    if (sealed_map(fd, MEMBERSHIP_KEYTAB_MAX, &bytes, &len) != 0)
        return errno;
    is_there = stat(k->config->keytab, &st) == 0;
    ok = replace_bytes(k->config->keytab, bytes, len, is_there ? &st : NULL);
    error = errno;
    (void)munmap((void *)(uintptr_t)bytes, len);
    return ok ? 0 : error;
}

static void
keys_written(struct keeper *k)
{
    struct rotation *r = k->rotation;
    int fd;

    keeper_send_keytab(k, keeper_child(k, ROLE_MEMBER));
    if (r->stage == KEYS_AFTER) {
        if (!machine_secret_store(MACHINE_SECRET_PATH, r->s)) {
            fail_file(k, MACHINE_SECRET_PATH, errno);
            return;
        }
        log_info(r->tidy ? "the previous password and its keys have gone"
                         : "the computer's new password is in force, key version %u",
                 r->s->slots[MACHINE_CURRENT].kvno);
        succeed(k);
        return;
    }
    say_step(k, CONTROL_PREPARED, "");
    fd = secret_memfd(r->s);
    enter(r, SETTING, STAGE_MS);
    if (fd < 0 || !send_netlogon(k, IPC_ROTATE_SET, fd))
        fail(k, CONTROL_NO_CHANNEL, "netlogon does not take the new password");
    if (fd >= 0)
        (void)close(fd);
}

bool
keeper_rotate_keytab(struct keeper *k, struct child *from, const uint8_t *packet, size_t len, int *fds)
{
    struct rotation *r = k->rotation;
    uint32_t error;
    int written;

    if (!ipc_get_number(packet, len, IPC_KEYTAB, &error) || (error == 0) != (fds[0] >= 0))
        return false;
    if (r == NULL || r->child != from->pid || (r->stage != KEYS_BEFORE && r->stage != KEYS_AFTER))
        return true;
    r->child = 0;
    written = error != 0 ? EIO : write_keytab(k, fds[0]);
    if (written != 0)
        keys_failed(k, written);
    else
        keys_written(k);
    return true;
}

void
keeper_rotate_gone(struct keeper *k, enum role role, pid_t pid)
{
    struct rotation *r = k->rotation;

    if (r == NULL)
        return;
    if (role == ROLE_KEYTAB && pid == r->child && (r->stage == KEYS_BEFORE || r->stage == KEYS_AFTER))
        keys_failed(k, EIO);
    else if (role == ROLE_NETLOGON && r->stage == ASKED)
        fail(k, CONTROL_NO_CHANNEL, "netlogon has ended");
    else if (role == ROLE_NETLOGON && r->stage == SETTING)
        fail(k, CONTROL_UNKNOWN, "netlogon has ended");
}

void
keeper_rotate_config(struct keeper *k)
{
    if (k->rotation != NULL && k->rotation->stage == IDLE)
        k->rotation->next_at = 0;
}

/* The machine secret. False: there is nothing to be done, or nothing to be done it with. */
static bool
load(struct keeper *k)
{
    struct rotation *r = k->rotation;

    r->s = machine_secret_new();
    if (r->s != NULL && machine_secret_load(MACHINE_SECRET_PATH, r->s)) {
        r->told = false;
        return true;
    }
    if (r->s != NULL && errno != ENOENT) {
        fail(k, CONTROL_FILES, MACHINE_SECRET_PATH " is damaged, or can be read by others: join again");
        return false;
    }
    if (r->for_client)
        keeper_control_say(k, CONTROL_FAILED, CONTROL_NO_SECRET, "there is no machine secret " MACHINE_SECRET_PATH);
    if (!r->told && k->config->password_lifetime > 0)
        log_info("there is no machine secret " MACHINE_SECRET_PATH ": the computer's password is not replaced "
                 "(authsodctl join takes the account over)");
    r->told = true;
    finish(r, CHECK_MS);
    return false;
}

static void
start(struct keeper *k, bool for_client)
{
    struct rotation *r = k->rotation;
    int64_t now = (int64_t)time(NULL);

    r->run++;
    r->for_client = for_client;
    r->fresh = r->tidy = false;
    r->lock = membership_lock();
    if (r->lock < 0) {
        fail(k, CONTROL_BUSY, errno == EWOULDBLOCK ? "authsodctl is at work" : strerror(errno));
        return;
    }
    /* Its files wait beside ours for their names, and the domain has the password in them. */
    if (access(MEMBERSHIP_JOURNAL_PATH, F_OK) == 0) {
        fail(k, CONTROL_BUSY, "a join was ended in the middle, authsodctl testjoin finishes it");
        return;
    }
    replace_sweep(MACHINE_SECRET_PATH);
    replace_sweep(k->config->keytab);
    if (!load(k))
        return;
    r->wanted = for_client || now >= rotation_due(r->s, k->config->password_lifetime);
    if (!for_client && !rotation_has_work(r->s, k->config->password_lifetime, now)) {
        finish(r, CHECK_MS);
        return;
    }
    enter(r, ASKED, STAGE_MS);
    if (!send_netlogon(k, IPC_ROTATE, -1))
        fail(k, CONTROL_NO_CHANNEL, "netlogon is not there");
}

static void
give_up(struct keeper *k)
{
    switch (k->rotation->stage) {
    case ASKED:
        fail(k, CONTROL_NO_CHANNEL, "netlogon does not answer");
        break;
    case SETTING:
        fail(k, CONTROL_UNKNOWN, "netlogon does not answer");
        break;
    case KEYS_BEFORE:
    case KEYS_AFTER:
        keys_failed(k, ETIMEDOUT);
        break;
    case IDLE:
        break;
    }
}

void
keeper_rotate_tick(struct keeper *k)
{
    struct rotation *r = k->rotation;

    if (r == NULL)
        return;
    if (r->stage != IDLE && client_now() >= r->deadline)
        give_up(k);
    if (r->stage != IDLE || !k->ready)
        return;
    if (k->control_asked)
        start(k, true);
    else if (client_now() >= r->next_at)
        start(k, false);
}
