#include "tests/unit/rotation_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/proto/sealed.h"
#include "tests/unit/secret_words.h"

#define MAKER_MS 10000

struct child *netlogon;
int to_netlogon;
uint32_t run_told;
char keytab[64];
static int to_member, to_client; /* the other ends of keeper's channels */

/* The process that makes the keytab.  What is in the old one may tell it to do otherwise. */
static int
maker(void)
{
    struct machine_secret *s = machine_secret_new();
    uint8_t packet[16];
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[CHANNEL_FDS_MAX], made;
    ssize_t n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, MAKER_MS);
    const void *bytes = NULL;
    char text[160], old[8] = "";
    size_t len = 0;
    uint32_t tidy;

    if (n <= 0 || !ipc_get_number(packet, (size_t)n, IPC_KEYTAB_MAKE, &tidy) || tidy > 1 || s == NULL ||
        sealed_map(fds[0], MACHINE_SECRET_FILE_MAX, &bytes, &len) != 0 || !machine_secret_decode(bytes, len, s))
        return 1;
    if (fds[1] >= 0 && pread(fds[1], old, sizeof(old) - 1, 0) < 0)
        return 1;
    if (strcmp(old, "die") == 0)
        return 1;
    if (strcmp(old, "hang") == 0)
        (void)pause();
    (void)snprintf(text, sizeof(text), "%s%s", secret_words(s), tidy == 1 ? " tidy" : "");
    made = strcmp(old, "fail") == 0 ? -1 : sealed_new("keytab", text, strlen(text));
    ipc_put_number(&w, IPC_KEYTAB, made < 0 ? ENOMEM : 0);
    return channel_send(FD_KEEPER, packet, w.len, &made, made < 0 ? 0 : 1, true) ? 0 : 1;
}

/* In place of libc's: what keeper starts. It holds no other descriptor. */
int
execve(const char *path, char *const argv[], char *const envp[])
{
    (void)envp;
    if (close_range(FD_KEEPER + 1, ~0U, 0) != 0)
        _exit(127);
    _exit(strcmp(path, "/proc/self/exe") == 0 && strcmp(argv[1], "--role=keytab") == 0 ? maker() : 127);
}

struct child *
add_child(enum role role, int *other_out)
{
    struct child *c = keeper_free_child(k);
    int pair[2];

    assert_true(c != NULL && channel_pair(pair));
    c->pid = getpid();
    c->role = role;
    c->channel = pair[0];
    *other_out = pair[1];
    return c;
}

int
rotation_begin(void **state)
{
    char config[128];

    (void)state;
    (void)snprintf(keytab, sizeof(keytab), "%s/keytab", run);
    (void)snprintf(config, sizeof(config), "[domain]\nname = corp.test\nkeytab = %s\n", keytab);
    keeper_new(config);
    netlogon = add_child(ROLE_NETLOGON, &to_netlogon);
    (void)add_child(ROLE_MEMBER, &to_member);
    to_client = -1;
    write_file(keytab, "joined");
    keeper_rotate_begin(k);
    k->ready = true;
    return 0;
}

int
rotation_end(void **state)
{
    (void)state;
    /* What is under way is given up, with the lock. */
    k->ready = false;
    waited_ms += STAGE_S * 1000;
    keeper_rotate_tick(k);
    for (size_t i = 0; i < 2; i++)
        (void)close(k->children[i].channel);
    (void)close(to_netlogon);
    (void)close(to_member);
    if (to_client >= 0)
        (void)close(to_client);
    if (k->control_client >= 0)
        (void)close(k->control_client);
    talloc_free(k);
    /* Nothing else is left of any of it. */
    (void)unlink(MACHINE_SECRET_PATH);
    (void)unlink(keytab);
    assert_int_equal(rmdir(AUTHSOD_CONFDIR), 0);
    assert_int_equal(mkdir(AUTHSOD_CONFDIR, 0755), 0);
    assert_int_equal(files(), 0);
    return 0;
}

void
joined(const char *passwords, int64_t age)
{
    struct machine_secret *s = machine_secret_new();

    assert_non_null(s);
    secret_fill(s, passwords, (int64_t)time(NULL) + age);
    assert_true(machine_secret_store(MACHINE_SECRET_PATH, s));
    machine_secret_free(s);
}

void
assert_secret(const char *passwords, uint32_t kvno)
{
    struct machine_secret *s = machine_secret_new();

    assert_true(s != NULL && machine_secret_load(MACHINE_SECRET_PATH, s));
    assert_string_equal(secret_words(s), passwords);
    assert_int_equal(s->slots[MACHINE_CURRENT].kvno, kvno);
    assert_string_equal(s->controller, strchr("ao", passwords[0]) != NULL ? "" : CONTROLLER);
    machine_secret_free(s);
}

void
assert_keytab(const char *words)
{
    char text[160] = "";
    int fd = open(keytab, O_RDONLY | O_CLOEXEC);
    struct stat st;

    assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && fstat(fd, &st) == 0 && close(fd) == 0);
    assert_string_equal(text, words);
    assert_int_equal(st.st_mode & 07777, 0600);
}

void
ask(void)
{
    int pair[2];

    assert_true(channel_pair(pair));
    k->control_client = pair[0];
    to_client = pair[1];
    k->control_asked = true;
    keeper_rotate_tick(k);
}

void
assert_said(enum control_kind kind, uint32_t number, const char *text)
{
    uint8_t packet[CONTROL_PACKET_MAX];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(to_client, packet, sizeof(packet), fds, 0);
    struct control_answer a;

    assert_true(n > 0 && control_get_answer(packet, (size_t)n, &a));
    if (a.kind != kind || a.number != number || strstr(a.text, text) == NULL)
        fail_msg("kind %u, number %u: %s", a.kind, a.number, a.text);
    if (kind == CONTROL_STEP)
        return;
    assert_true(channel_recv(to_client, packet, sizeof(packet), fds, 0) == 0);
    (void)close(to_client);
    to_client = -1;
    assert_false(k->control_asked);
}

void
assert_told(enum ipc_type type, const char *passwords)
{
    struct machine_secret *s = machine_secret_new();
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX];
    ssize_t n = channel_recv(to_netlogon, packet, sizeof(packet), fds, 0);
    const void *bytes;
    size_t len;

    assert_true(n > 0 && ipc_get_number(packet, (size_t)n, type, &run_told) && (fds[0] >= 0) == (passwords != NULL));
    if (passwords != NULL) {
        assert_int_equal(sealed_map(fds[0], MACHINE_SECRET_FILE_MAX, &bytes, &len), 0);
        assert_true(machine_secret_decode(bytes, len, s));
        assert_string_equal(secret_words(s), passwords);
        assert_int_equal(munmap((void *)(uintptr_t)bytes, len), 0);
    }
    channel_close_fds(fds);
    machine_secret_free(s);
}

void
assert_nothing_told(void)
{
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX];

    assert_true(channel_recv(to_netlogon, packet, sizeof(packet), fds, 0) < 0 && errno == EAGAIN);
}

static void
hear(const struct writer *w)
{
    int fds[CHANNEL_FDS_MAX] = { -1, -1, -1, -1 };

    assert_true(keeper_request(k, netlogon, w->data, w->len, fds));
}

void
holds(enum machine_slot slot)
{
    struct ipc_rotate_holds m = { .run = run_told, .slot = slot, .controller = CONTROLLER };
    uint8_t packet[512];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_rotate_holds(&w, &m);
    hear(&w);
}

void
ended(enum ipc_rotate_outcome outcome)
{
    struct ipc_rotate_end m = { .run = run_told, .outcome = outcome, .controller = CONTROLLER, .text = "so it is" };
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_rotate_end(&w, &m);
    hear(&w);
}

void
keytab_is_made(bool written)
{
    struct child *c = keeper_child(k, ROLE_KEYTAB);
    uint8_t packet[16];
    int fds[CHANNEL_FDS_MAX];
    uint32_t error;
    ssize_t n;
    pid_t pid;

    assert_non_null(c);
    n = channel_recv(c->channel, packet, sizeof(packet), fds, MAKER_MS);
    assert_true(n >= 0 || errno == ECONNRESET);
    if (n > 0)
        assert_true(keeper_request(k, c, packet, (size_t)n, fds));
    channel_close_fds(fds);
    (void)close(c->channel);
    pid = c->pid;
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    c->pid = 0;
    keeper_rotate_gone(k, ROLE_KEYTAB, pid);
    n = channel_recv(to_member, packet, sizeof(packet), fds, 0);
    assert_int_equal(written, n > 0 && ipc_get_number(packet, (size_t)n, IPC_KEYTAB, &error) && error == 0);
    channel_close_fds(fds);
}

void
assert_again_after(int64_t seconds)
{
    waited_ms += (seconds - 1) * 1000;
    keeper_rotate_tick(k);
    assert_nothing_told();
    waited_ms += 2 * 1000;
    keeper_rotate_tick(k);
    assert_told(IPC_ROTATE, NULL);
}
