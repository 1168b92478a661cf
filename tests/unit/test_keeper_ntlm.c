/* daemon/keeper_ntlm: files with NT hashes, as they are in the file system. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/krb/ntlm_file.h"
#include "lib/krb/ntlm_line.h"
#include "lib/proto/sealed.h"
#include "tests/unit/keeper_files.h"

#define ALICE 200001U
#define BOB 200002U
#define TEAM 200513U
#define CCACHE "FILE:/tmp/krb5cc_200001_abcdef"
#define KEEP "[domain]\nname = corp.test\n[smartcard]\nnt_hash = keep\n"
#define DISCARD "[domain]\nname = corp.test\n"
#define LINE "CORP\\alice:200001:the hash:\n"
#define OTHER_LINE "another and longer line: CORP\\alice:200001:the other hash:\n"
#define PLANTED "what was there before\n"

static char path[PROTO_NTLM_FILE_MAX];

/* True if keeper takes the message; false: it ends the role. The descriptor is closed; -1: none comes along. */
static bool
takes(enum ipc_type type, uint32_t uid, uint32_t gid, int line)
{
    struct ipc_ccache m = { .uid = uid, .gid = gid, .user = "alice", .name = CCACHE };
    int fds[CHANNEL_FDS_MAX] = { line, -1, -1, -1 };
    uint8_t packet[2 * PROTO_TEXT_MAX];
    struct writer w = writer_init(packet, sizeof(packet));
    bool ok;

    ipc_put_ccache(&w, type, &m);
    assert_true(writer_ok(&w));
    ok = keeper_request(k, front, packet, w.len, fds);
    channel_close_fds(fds);
    return ok;
}

static bool
keeps(enum ipc_type type, const char *line)
{
    return takes(type, ALICE, TEAM, sealed_new("line", line, strlen(line)));
}

/* What the file holds; NULL: there is none. */
static const char *
text_of(const char *name)
{
    static char text[1024];
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd < 0)
        return NULL;
    n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    (void)close(fd);
    return text;
}

/* How a process of the user's, with no group of ours, fares with the file: the errno of open, 0 for success. */
static int
open_as(uint32_t uid, int how)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (setgroups(0, NULL) != 0 || setresgid(TEAM, TEAM, TEAM) != 0 || setresuid(uid, uid, uid) != 0)
            _exit(255);
        _exit(open(path, how | O_CLOEXEC) >= 0 ? 0 : errno);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
begin(void **state)
{
    int rc = setup(state);

    /* The folders that are the test's own reach so far (keeper_files.c). */
    assert_true(mkdir(AUTHSOD_RUNDIR, 0700) == 0 || errno == EEXIST);
    assert_int_equal(chmod(AUTHSOD_RUNDIR, 0755), 0);
    assert_int_equal(mkdir(PROTO_NTLM_FOLDER, 0700), 0);
    assert_int_equal(mount("test", PROTO_NTLM_FOLDER, "tmpfs", 0, "size=1m,mode=711"), 0);
    configure(KEEP);
    ntlm_file_path(ALICE, CCACHE, path);
    return rc;
}

static int
end(void **state)
{
    /* Also what a test that failed has left. */
    assert_int_equal(chdir("/"), 0);
    while (umount2(PROTO_NTLM_FOLDER, MNT_DETACH) == 0)
        ;
    (void)unlink(PROTO_NTLM_FOLDER);
    (void)ntlm_files_remove();
    (void)rmdir(PROTO_NTLM_FOLDER);
    return teardown(state);
}

#define NTLM_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void
its_user_may_read_it_and_nobody_else_and_root_alone_writes(void **state)
{
    struct stat st;

    (void)state;
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_string_equal(text_of(path), LINE);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_gid == 0);
    assert_int_equal(open_as(ALICE, O_RDONLY), 0);
    assert_int_equal(open_as(ALICE, O_WRONLY), EACCES);
    assert_int_equal(open_as(ALICE, O_RDWR), EACCES);
    assert_int_equal(open_as(BOB, O_RDONLY), EACCES);
    assert_int_equal(access(PROTO_NTLM_FOLDER "/.new", F_OK), -1);
}

/* The folder is made where there is none, and serves users whatever the umask is. */
static void
the_folder_is_made(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(umount(PROTO_NTLM_FOLDER), 0);
    assert_int_equal(rmdir(PROTO_NTLM_FOLDER), 0);
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_int_equal(lstat(PROTO_NTLM_FOLDER, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0711);
    assert_int_equal(open_as(ALICE, O_RDONLY), 0);
    assert_true(takes(IPC_NTLM_DROP, ALICE, TEAM, -1));
}

/* Who has it open reads what he began with. */
static void
it_is_replaced_whole(void **state)
{
    char old[sizeof(LINE)] = "";
    int fd;

    (void)state;
    assert_true(keeps(IPC_NTLM_KEEP, OTHER_LINE));
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(keeps(IPC_NTLM_KEEP, OTHER_LINE));
    assert_string_equal(text_of(path), OTHER_LINE);
    assert_int_equal(read(fd, old, sizeof(old)), sizeof(LINE) - 1);
    assert_string_equal(old, LINE);
    (void)close(fd);
    assert_int_equal(open_as(ALICE, O_RDONLY), 0);
}

static void
a_program_of_the_user_s_renews_what_there_is(void **state)
{
    (void)state;
    assert_true(keeps(IPC_NTLM_RENEW, LINE));
    assert_null(text_of(path));
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_true(keeps(IPC_NTLM_RENEW, OTHER_LINE));
    assert_string_equal(text_of(path), OTHER_LINE);
    assert_true(takes(IPC_NTLM_DROP, ALICE, TEAM, -1));
    assert_null(text_of(path));
    /* Once more is no mistake. */
    assert_true(takes(IPC_NTLM_DROP, ALICE, TEAM, -1));
}

static void
it_is_for_users_of_the_domain_alone(void **state)
{
    static const uint32_t ids[][2] = {
        { 0, 0 }, { 0, TEAM }, { 1001, TEAM }, { 199999, TEAM }, { 2000200000, TEAM }, { UINT32_MAX, TEAM },
        { ALICE, 0 }, { ALICE, 1500 }, { ALICE, 199999 }, { ALICE, UINT32_MAX },
    };
    const enum ipc_type types[] = { IPC_NTLM_KEEP, IPC_NTLM_RENEW, IPC_NTLM_DROP };

    (void)state;
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            if (takes(types[t], ids[i][0], ids[i][1], types[t] == IPC_NTLM_DROP ? -1 : sealed_new("line", LINE, 5)))
                fail_msg("%u: %u:%u", types[t], ids[i][0], ids[i][1]);
        }
    }
    /* And never without a line. */
    assert_false(takes(IPC_NTLM_KEEP, ALICE, TEAM, -1));
    assert_false(takes(IPC_NTLM_RENEW, ALICE, TEAM, -1));
}

static void
without_the_permission_there_are_none(void **state)
{
    (void)state;
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    keeper_ntlm_config(k);
    assert_string_equal(text_of(path), LINE);
    configure(DISCARD);
    keeper_ntlm_config(k);
    assert_null(text_of(path));
    /* front has another configuration a moment longer; who asks for another's id is found out all the same. */
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_null(text_of(path));
    assert_false(takes(IPC_NTLM_KEEP, 0, 0, sealed_new("line", LINE, 5)));
}

/* A file system that can be written, and is no tmpfs, whatever this computer's disks are. */
static void
nothing_is_written_where_it_might_be_on_a_disk(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at(run, ".upper"), 0711), 0);
    assert_int_equal(mkdir(at(run, ".work"), 0700), 0);
    assert_int_equal(chdir(run), 0);
    assert_int_equal(mount("test", PROTO_NTLM_FOLDER, "overlay", 0, "lowerdir=/etc,upperdir=.upper,workdir=.work"), 0);
    write_file(path, PLANTED);
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    /* Nor does a line stay there that is out of date by now. */
    assert_null(text_of(path));
    assert_int_equal(access(PROTO_NTLM_FOLDER "/.new", F_OK), -1);
    assert_int_equal(umount(PROTO_NTLM_FOLDER), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(at(run, ".upper")), 0);
    assert_int_equal(rmdir(at(run, ".work/work")), 0);
    assert_int_equal(rmdir(at(run, ".work")), 0);
}

/* In memory, and without POSIX ACLs: the user is not given the file itself instead. */
static void
nothing_is_written_that_the_user_could_not_read(void **state)
{
    (void)state;
    assert_int_equal(mount("test", PROTO_NTLM_FOLDER, "ramfs", 0, "mode=711"), 0);
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_null(text_of(path));
    assert_int_equal(access(PROTO_NTLM_FOLDER "/.new", F_OK), -1);
    assert_int_equal(umount(PROTO_NTLM_FOLDER), 0);
}

static void
a_link_in_place_of_the_folder_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(umount(PROTO_NTLM_FOLDER), 0);
    assert_int_equal(rmdir(PROTO_NTLM_FOLDER), 0);
    assert_int_equal(mkdir(at(run, ".elsewhere"), 0711), 0);
    assert_int_equal(symlink(at(run, ".elsewhere"), PROTO_NTLM_FOLDER), 0);
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_null(text_of(path));
    assert_false(ntlm_files_remove());
    assert_int_equal(unlink(PROTO_NTLM_FOLDER), 0);
    assert_true(ntlm_files_remove());
    assert_int_equal(rmdir(at(run, ".elsewhere")), 0);
}

/* A memfd that can still be changed, a file, a pipe that holds nothing, what is too long, and what is empty. */
static int
bad_line(unsigned which)
{
    static char zeros[NTLM_LINE_MAX + 1];
    int fd = -1, pair[2];

    switch (which) {
    case 0:
        fd = memfd_create("line", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_int_equal(write(fd, LINE, 5), 5);
        return fd;
    case 1:
        write_file(at(run, ".line"), LINE);
        fd = open(at(run, ".line"), O_RDONLY | O_CLOEXEC);
        assert_int_equal(unlink(at(run, ".line")), 0);
        return fd;
    case 2:
        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        /* The end for writing stays open: reading would wait. */
        return pair[0];
    case 3:
        return sealed_new("line", zeros, sizeof(zeros));
    default:
        fd = memfd_create("line", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), 0);
        return fd;
    }
}

/* A worker has made it, and front has not looked at it: neither keeper nor front suffers from it. */
static void
a_line_that_is_not_sealed_or_too_long_is_not_taken(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 5; which++) {
        assert_true(keeps(IPC_NTLM_KEEP, LINE));
        assert_true(takes(IPC_NTLM_KEEP, ALICE, TEAM, bad_line(which)));
        /* Nor does the line of the logon before stay. */
        if (text_of(path) != NULL)
            fail_msg("%u: %s", which, text_of(path));
        assert_int_equal(access(PROTO_NTLM_FOLDER "/.new", F_OK), -1);
    }
}

static void
what_was_planted_is_replaced_and_not_followed(void **state)
{
    char target[128];
    struct stat st;

    (void)state;
    (void)snprintf(target, sizeof(target), "%s", at(run, ".target"));
    write_file(target, PLANTED);
    assert_int_equal(symlink(target, PROTO_NTLM_FOLDER "/.new"), 0);
    assert_int_equal(symlink(target, path), 0);
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_string_equal(text_of(path), LINE);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_string_equal(text_of(target), PLANTED);
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    /* A hard link, too. */
    assert_int_equal(unlink(path), 0);
    write_file(PROTO_NTLM_FOLDER "/planted", PLANTED);
    assert_int_equal(link(PROTO_NTLM_FOLDER "/planted", PROTO_NTLM_FOLDER "/.new"), 0);
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    assert_string_equal(text_of(PROTO_NTLM_FOLDER "/planted"), PLANTED);
    assert_int_equal(unlink(target), 0);
}

/* A full memory costs the file and no more. */
static void
what_cannot_be_written_is_not_there(void **state)
{
    (void)state;
    assert_true(keeps(IPC_NTLM_KEEP, LINE));
    fill_disk(PROTO_NTLM_FOLDER);
    assert_true(keeps(IPC_NTLM_KEEP, OTHER_LINE));
    assert_null(text_of(path));
    assert_int_equal(access(PROTO_NTLM_FOLDER "/.new", F_OK), -1);
    empty_disk(PROTO_NTLM_FOLDER);
    assert_true(keeps(IPC_NTLM_KEEP, OTHER_LINE));
    assert_string_equal(text_of(path), OTHER_LINE);
}

/* What front tells the module, and what keeper writes. */
static void
each_cache_has_a_file_of_its_own(void **state)
{
    char other[PROTO_NTLM_FILE_MAX];

    (void)state;
    assert_int_equal(strncmp(path, PROTO_NTLM_FOLDER "/200001.", sizeof(PROTO_NTLM_FOLDER "/200001.") - 1), 0);
    assert_int_equal(strlen(path), sizeof(PROTO_NTLM_FOLDER "/200001.") - 1 + 16);
    ntlm_file_path(BOB, CCACHE, other);
    assert_string_not_equal(path, other);
    ntlm_file_path(ALICE, CCACHE "x", other);
    assert_string_not_equal(path, other);
    ntlm_file_path(UINT32_MAX, "", other);
    assert_int_equal(strncmp(other, PROTO_NTLM_FOLDER "/4294967295.", sizeof(PROTO_NTLM_FOLDER "/4294967295.") - 1), 0);
    ntlm_file_path(ALICE, CCACHE, other);
    assert_string_equal(path, other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        NTLM_TEST(its_user_may_read_it_and_nobody_else_and_root_alone_writes),
        NTLM_TEST(the_folder_is_made),
        NTLM_TEST(it_is_replaced_whole),
        NTLM_TEST(a_program_of_the_user_s_renews_what_there_is),
        NTLM_TEST(it_is_for_users_of_the_domain_alone),
        NTLM_TEST(without_the_permission_there_are_none),
        NTLM_TEST(nothing_is_written_where_it_might_be_on_a_disk),
        NTLM_TEST(nothing_is_written_that_the_user_could_not_read),
        NTLM_TEST(a_link_in_place_of_the_folder_is_not_followed),
        NTLM_TEST(a_line_that_is_not_sealed_or_too_long_is_not_taken),
        NTLM_TEST(what_was_planted_is_replaced_and_not_followed),
        NTLM_TEST(what_cannot_be_written_is_not_there),
        NTLM_TEST(each_cache_has_a_file_of_its_own),
    };

    return cmocka_run_group_tests(tests, keeper_files_begin, keeper_files_end);
}
