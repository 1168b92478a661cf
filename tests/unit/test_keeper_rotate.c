/* daemon/keeper_rotate: the rotation step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/membership/replace_journal.h"
#include "tests/unit/rotation_stage.h"

#define DAY 86400
#define OLD (-40 * DAY) /* a password of that age is due to be replaced */
#define YOUNG (-3600)
#define HOUR_S 3600
#define SOON_S 300      /* while it is open which password the domain has, or the pending one could not be sent */

/* A rotation that has come as far as netlogon's part in it. */
static void
set_is_under_way(void)
{
    joined("a - -", YOUNG);
    ask();
    assert_told(IPC_ROTATE, NULL);
    holds(MACHINE_CURRENT);
    assert_said(CONTROL_STEP, CONTROL_CHANNEL, "current");
    assert_secret("a - new", 5);
    assert_nothing_told();
    keytab_is_made(true);
    assert_keytab("a - new");
    assert_said(CONTROL_STEP, CONTROL_PREPARED, "");
    assert_told(IPC_ROTATE_SET, "a - new");
}

static void
a_new_password_is_pending_before_the_domain_hears_of_it_and_in_force_after(void **state)
{
    (void)state;
    set_is_under_way();
    ended(IPC_ROTATE_TAKEN);
    assert_said(CONTROL_STEP, CONTROL_TAKEN, CONTROLLER);
    /* The keytab first. */
    assert_secret("a - new", 5);
    keytab_is_made(true);
    assert_keytab("new a -");
    assert_secret("new a -", 6);
    assert_said(CONTROL_DONE, 6, CONTROLLER);
    assert_nothing_told();
}

static void
an_old_password_is_replaced_without_anybody_s_asking(void **state)
{
    (void)state;
    joined("a - -", YOUNG);
    keeper_rotate_tick(k);
    assert_nothing_told();
    joined("a - -", OLD);
    assert_again_after(HOUR_S);
    holds(MACHINE_CURRENT);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "a - new");
    ended(IPC_ROTATE_TAKEN);
    keytab_is_made(true);
    assert_secret("new a -", 6);
    waited_ms += 2 * HOUR_S * 1000;
    keeper_rotate_tick(k);
    assert_nothing_told();
}

static void
a_pending_one_that_the_domain_has_is_put_in_force(void **state)
{
    (void)state;
    joined("a o p", YOUNG);
    keeper_rotate_tick(k);
    assert_told(IPC_ROTATE, NULL);
    holds(MACHINE_PENDING);
    keytab_is_made(true);
    assert_keytab("p a -");
    assert_secret("p a -", 6);
    assert_nothing_told();
}

static void
a_pending_one_that_the_domain_has_not_is_sent_again(void **state)
{
    (void)state;
    joined("a o p", YOUNG);
    keeper_rotate_tick(k);
    assert_told(IPC_ROTATE, NULL);
    holds(MACHINE_CURRENT);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "a o p");
    /* Another controller may have it: no refusal takes it back. */
    ended(IPC_ROTATE_REFUSED);
    assert_secret("a o p", 5);
}

static void
a_controller_that_has_the_previous_one(void **state)
{
    (void)state;
    joined("a o -", YOUNG);
    ask();
    assert_told(IPC_ROTATE, NULL);
    holds(MACHINE_PREVIOUS);
    assert_said(CONTROL_STEP, CONTROL_CHANNEL, "previous");
    assert_said(CONTROL_FAILED, CONTROL_NO_CHANNEL, "has not heard");
    assert_secret("a o -", 5);
    assert_keytab("joined");
    /* After so long the domain has gone back. */
    joined("a o -", OLD);
    assert_again_after(HOUR_S);
    holds(MACHINE_PREVIOUS);
    assert_secret("o a new", 4);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "o a new");
    ended(IPC_ROTATE_TAKEN);
    keytab_is_made(true);
    assert_secret("new o -", 5);
}

static void
the_previous_one_goes(void **state)
{
    (void)state;
    joined("a o -", -3 * DAY);
    keeper_rotate_tick(k);
    assert_told(IPC_ROTATE, NULL);
    holds(MACHINE_CURRENT);
    keytab_is_made(true);
    assert_keytab("a - - tidy");
    assert_secret("a - -", 5);
    assert_nothing_told();
}

static void
a_refusal_takes_the_new_one_back(void **state)
{
    (void)state;
    set_is_under_way();
    ended(IPC_ROTATE_REFUSED);
    assert_said(CONTROL_FAILED, CONTROL_REFUSED, "so it is, domain controller " CONTROLLER);
    assert_secret("a - -", 5);
}

static void
silence_leaves_it_open_and_is_followed_up_soon(void **state)
{
    (void)state;
    set_is_under_way();
    ended(IPC_ROTATE_UNKNOWN);
    assert_said(CONTROL_FAILED, CONTROL_UNKNOWN, "so it is");
    assert_secret("a - new", 5);
    assert_again_after(SOON_S);
    /* It ends, or does not answer, in the midst of it. */
    holds(MACHINE_CURRENT);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "a - new");
    keeper_rotate_gone(k, ROLE_NETLOGON, netlogon->pid);
    assert_again_after(SOON_S);
    holds(MACHINE_CURRENT);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "a - new");
    waited_ms += STAGE_S * 1000;
    keeper_rotate_tick(k);
    assert_nothing_told();
    assert_again_after(SOON_S);
    holds(MACHINE_PENDING);
    keytab_is_made(true);
    assert_secret("new a -", 6);
}

static void
without_a_session_nothing_is_changed(void **state)
{
    (void)state;
    joined("a - -", YOUNG);
    for (int i = 0; i < 4; i++) {
        if (i == 3)
            assert_int_equal(shutdown(to_netlogon, SHUT_RDWR), 0);
        ask();
        if (i < 3)
            assert_told(IPC_ROTATE, NULL);
        if (i == 0)
            ended(IPC_ROTATE_UNSENT);
        if (i == 1)
            keeper_rotate_gone(k, ROLE_NETLOGON, netlogon->pid);
        waited_ms += i == 2 ? STAGE_S * 1000 : 0;
        keeper_rotate_tick(k);
        assert_said(CONTROL_FAILED, CONTROL_NO_CHANNEL, i == 0 ? "so it is" : "netlogon");
        assert_secret("a - -", 5);
        assert_keytab("joined");
    }
}

static void
what_netlogon_says_out_of_turn_changes_nothing(void **state)
{
    (void)state;
    joined("a - -", YOUNG);
    holds(MACHINE_CURRENT);
    ended(IPC_ROTATE_TAKEN);
    ask();
    assert_told(IPC_ROTATE, NULL);
    holds(MACHINE_CURRENT);
    /* While the keytab is made. */
    ended(IPC_ROTATE_TAKEN);
    holds(MACHINE_PENDING);
    assert_secret("a - new", 5);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "a - new");
    holds(MACHINE_PENDING);
    assert_secret("a - new", 5);
    ended(IPC_ROTATE_TAKEN);
    keytab_is_made(true);
    assert_secret("new a -", 6);
}

static void
an_answer_to_an_earlier_run_counts_for_nothing(void **state)
{
    uint32_t first;

    (void)state;
    set_is_under_way();
    first = run_told;
    waited_ms += STAGE_S * 1000;
    keeper_rotate_tick(k);
    assert_said(CONTROL_FAILED, CONTROL_UNKNOWN, "does not answer");
    ask();
    assert_told(IPC_ROTATE, NULL);
    assert_int_not_equal(run_told, first);
    for (int i = 0; i < 2; i++) {
        uint32_t second = run_told;

        run_told = first;
        ended(IPC_ROTATE_UNSENT);
        ended(IPC_ROTATE_REFUSED);
        ended(IPC_ROTATE_TAKEN);
        holds(MACHINE_PENDING);
        assert_null(keeper_child(k, ROLE_KEYTAB));
        assert_secret("a - new", 5);
        run_told = second;
        if (i > 0)
            break;
        holds(MACHINE_CURRENT);
        assert_said(CONTROL_STEP, CONTROL_CHANNEL, "current");
        keytab_is_made(true);
        assert_said(CONTROL_STEP, CONTROL_PREPARED, "");
        assert_told(IPC_ROTATE_SET, "a - new");
        assert_int_equal(run_told, second);
    }
    ended(IPC_ROTATE_TAKEN);
    keytab_is_made(true);
    assert_secret("new a -", 6);
}

static void
what_could_not_be_sent_is_sent_soon(void **state)
{
    (void)state;
    set_is_under_way();
    ended(IPC_ROTATE_UNSENT);
    assert_said(CONTROL_FAILED, CONTROL_NO_CHANNEL, "so it is");
    assert_secret("a - new", 5);
    assert_again_after(SOON_S);
    holds(MACHINE_CURRENT);
    /* netlogon takes no message. */
    assert_int_equal(shutdown(to_netlogon, SHUT_RDWR), 0);
    keytab_is_made(true);
    (void)close(to_netlogon);
    (void)close(netlogon->channel);
    netlogon->pid = 0;
    netlogon = add_child(ROLE_NETLOGON, &to_netlogon);
    assert_again_after(SOON_S);
    holds(MACHINE_CURRENT);
    keytab_is_made(true);
    assert_told(IPC_ROTATE_SET, "a - new");
}

static void
no_room_for_the_pending_one(void **state)
{
    (void)state;
    joined("a - -", YOUNG);
    ask();
    assert_told(IPC_ROTATE, NULL);
    fill_disk(AUTHSOD_CONFDIR);
    holds(MACHINE_CURRENT);
    assert_said(CONTROL_STEP, CONTROL_CHANNEL, "current");
    assert_said(CONTROL_FAILED, CONTROL_FILES, MACHINE_SECRET_PATH " cannot be written");
    empty_disk(AUTHSOD_CONFDIR);
    assert_null(keeper_child(k, ROLE_KEYTAB));
    assert_nothing_told();
    assert_secret("a - -", 5);
    assert_keytab("joined");
}

static void
no_keytab_before_the_domain_has_heard(void **state)
{
    static const char *const ways[] = { "fail", "die", "full", "hang" };

    (void)state;
    joined("a - -", YOUNG);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct child *c;

        write_file(keytab, ways[i]);
        ask();
        assert_told(IPC_ROTATE, NULL);
        holds(MACHINE_CURRENT);
        assert_said(CONTROL_STEP, CONTROL_CHANNEL, "current");
        assert_secret("a - new", 5);
        c = keeper_child(k, ROLE_KEYTAB);
        if (strcmp(ways[i], "full") == 0)
            fill_disk(run);
        if (strcmp(ways[i], "hang") == 0) {
            waited_ms += STAGE_S * 1000;
            keeper_rotate_tick(k);
            keeper_kill(c);
        }
        keytab_is_made(false);
        if (strcmp(ways[i], "full") == 0)
            empty_disk(run);
        assert_said(CONTROL_FAILED, CONTROL_FILES, keytab);
        assert_secret("a - -", 5);
        assert_keytab(ways[i]);
        assert_nothing_told();
    }
}

static void
no_keytab_when_the_domain_has_it(void **state)
{
    (void)state;
    set_is_under_way();
    write_file(keytab, "fail");
    ended(IPC_ROTATE_TAKEN);
    assert_said(CONTROL_STEP, CONTROL_TAKEN, CONTROLLER);
    keytab_is_made(false);
    assert_said(CONTROL_FAILED, CONTROL_FILES, keytab);
    /* It is found pending, and put in force then. */
    assert_secret("a - new", 5);
    write_file(keytab, "mended");
    assert_again_after(HOUR_S);
    holds(MACHINE_PENDING);
    keytab_is_made(true);
    assert_secret("new a -", 6);
}

static void
nothing_is_touched_while_others_are_at_it(void **state)
{
    int lock = membership_lock();

    (void)state;
    joined("a o p", OLD);
    assert_true(lock >= 0);
    ask();
    assert_said(CONTROL_FAILED, CONTROL_BUSY, "authsodctl is at work");
    (void)close(lock);
    /* A join that has died: its files wait beside ours. */
    write_file(MEMBERSHIP_JOURNAL_PATH, "x");
    write_file(MACHINE_SECRET_PATH "x", "y");
    assert_int_equal(rename(MACHINE_SECRET_PATH "x", AUTHSOD_CONFDIR "/.machine-secret.0123456789abcdef"), 0);
    ask();
    assert_said(CONTROL_FAILED, CONTROL_BUSY, "testjoin");
    assert_int_equal(access(AUTHSOD_CONFDIR "/.machine-secret.0123456789abcdef", F_OK), 0);
    assert_nothing_told();
    assert_secret("a o p", 5);
    assert_int_equal(unlink(MEMBERSHIP_JOURNAL_PATH), 0);
    /* What is left of one that has no journal goes. */
    assert_again_after(HOUR_S);
    assert_int_equal(access(AUTHSOD_CONFDIR "/.machine-secret.0123456789abcdef", F_OK), -1);
    /* The rotation holds them off. */
    assert_int_equal(membership_lock(), -1);
    ended(IPC_ROTATE_UNSENT);
    lock = membership_lock();
    assert_true(lock >= 0);
    (void)close(lock);
}

static void
without_a_machine_secret_that_can_be_trusted(void **state)
{
    (void)state;
    ask();
    assert_said(CONTROL_FAILED, CONTROL_NO_SECRET, "no machine secret");
    joined("a - -", OLD);
    assert_int_equal(chmod(MACHINE_SECRET_PATH, 0640), 0);
    ask();
    assert_said(CONTROL_FAILED, CONTROL_FILES, "can be read by others");
    assert_nothing_told();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ROTATION_TEST(a_new_password_is_pending_before_the_domain_hears_of_it_and_in_force_after),
        ROTATION_TEST(an_old_password_is_replaced_without_anybody_s_asking),
        ROTATION_TEST(a_pending_one_that_the_domain_has_is_put_in_force),
        ROTATION_TEST(a_pending_one_that_the_domain_has_not_is_sent_again),
        ROTATION_TEST(a_controller_that_has_the_previous_one),
        ROTATION_TEST(the_previous_one_goes),
        ROTATION_TEST(a_refusal_takes_the_new_one_back),
        ROTATION_TEST(silence_leaves_it_open_and_is_followed_up_soon),
        ROTATION_TEST(without_a_session_nothing_is_changed),
        ROTATION_TEST(what_netlogon_says_out_of_turn_changes_nothing),
        ROTATION_TEST(an_answer_to_an_earlier_run_counts_for_nothing),
        ROTATION_TEST(what_could_not_be_sent_is_sent_soon),
        ROTATION_TEST(no_room_for_the_pending_one),
        ROTATION_TEST(no_keytab_before_the_domain_has_heard),
        ROTATION_TEST(no_keytab_when_the_domain_has_it),
        ROTATION_TEST(nothing_is_touched_while_others_are_at_it),
        ROTATION_TEST(without_a_machine_secret_that_can_be_trusted),
    };

    return cmocka_run_group_tests(tests, keeper_files_begin, keeper_files_end);
}
