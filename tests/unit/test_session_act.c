/* daemon/session: which of logind's sessions are locked or ended. sd-bus is one of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "daemon/session.h"

#define ALICE 201103U
#define BOB 201104U
#define LEADER 77U

/* What logind says. */
struct entry {
    const char *id; /* its path, too; NULL ends the list */
    uint32_t uid, leader;
    const char *class; /* "mute": it does not say; "gone": it has ended; "stubborn": a user's, and it refuses */
    int remote;
};

static const struct entry *sessions;
static size_t at;          /* in the list that is read */
static char called[256];   /* "LockSession mine LockSession second" */
static char dummy;

int
sd_bus_open_system(sd_bus **bus_out)
{
    *bus_out = (sd_bus *)(void *)&dummy;
    return 0;
}

int
sd_bus_set_method_call_timeout(sd_bus *bus, uint64_t us)
{
    (void)bus;
    (void)us;
    return 0;
}

sd_bus *
sd_bus_close_unref(sd_bus *bus)
{
    (void)bus;
    return NULL;
}

sd_bus_message *
sd_bus_message_unref(sd_bus_message *m)
{
    (void)m;
    return NULL;
}

int
sd_bus_message_enter_container(sd_bus_message *m, char type, const char *contents)
{
    (void)m;
    assert_int_equal(type, 'a');
    assert_string_equal(contents, "(susso)");
    return 1;
}

int
sd_bus_message_read(sd_bus_message *m, const char *types, ...)
{
    const struct entry *e = &sessions[at];
    va_list ap;

    (void)m;
    assert_string_equal(types, "(susso)");
    if (e->id == NULL)
        return 0;
    at++;
    va_start(ap, types);
    *va_arg(ap, const char **) = e->id;
    *va_arg(ap, uint32_t *) = e->uid;
    *va_arg(ap, const char **) = "somebody";
    *va_arg(ap, const char **) = "seat0";
    *va_arg(ap, const char **) = e->id;
    va_end(ap);
    return 1;
}

static const struct entry *
find(const char *id)
{
    const struct entry *e = sessions;

    while (e->id != NULL && strcmp(e->id, id) != 0)
        e++;
    assert_non_null(e->id);
    return e;
}

int
sd_bus_call_method(sd_bus *bus, const char *destination, const char *path, const char *interface, const char *member,
                   sd_bus_error *error, sd_bus_message **reply_out, const char *types, ...)
{
    size_t n = strlen(called);
    const char *id;
    va_list ap;

    (void)bus;
    (void)path;
    assert_string_equal(destination, "org.freedesktop.login1");
    assert_string_equal(interface, "org.freedesktop.login1.Manager");
    if (strcmp(member, "ListSessions") == 0) {
        *reply_out = (sd_bus_message *)(void *)&dummy;
        at = 0;
        return 1;
    }
    assert_string_equal(types, "s");
    va_start(ap, types);
    id = va_arg(ap, const char *);
    va_end(ap);
    (void)snprintf(called + n, sizeof(called) - n, "%s%s %s", n == 0 ? "" : " ", member, id);
    if (strcmp(find(id)->class, "stubborn") != 0)
        return 1;
    (void)sd_bus_error_set_const(error, SD_BUS_ERROR_ACCESS_DENIED, "Access denied");
    return -EACCES;
}

/* Does logind say anything of it? 0, or what it fails with. */
static int
says(const struct entry *e, sd_bus_error *error)
{
    if (strcmp(e->class, "mute") == 0)
        (void)sd_bus_error_set_const(error, SD_BUS_ERROR_ACCESS_DENIED, "Not now");
    else if (strcmp(e->class, "gone") == 0)
        (void)sd_bus_error_set_const(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "No such session");
    else
        return 0;
    return -EACCES;
}

int
sd_bus_get_property_trivial(sd_bus *bus, const char *destination, const char *path, const char *interface,
                            const char *member, sd_bus_error *error, char type, void *out)
{
    const struct entry *e = find(path);
    int rc = says(e, error);

    (void)bus;
    (void)destination;
    (void)interface;
    if (rc < 0)
        return rc;
    if (strcmp(member, "Remote") == 0 && type == 'b')
        memcpy(out, &e->remote, sizeof(e->remote));
    else if (strcmp(member, "Leader") == 0 && type == 'u')
        memcpy(out, &e->leader, sizeof(e->leader));
    else
        fail_msg("%s is asked for as %c", member, type);
    return 0;
}

int
sd_bus_get_property_string(sd_bus *bus, const char *destination, const char *path, const char *interface,
                           const char *member, sd_bus_error *error, char **out)
{
    const struct entry *e = find(path);
    int rc = says(e, error);

    (void)bus;
    (void)destination;
    (void)interface;
    assert_string_equal(member, "Class");
    if (rc < 0)
        return rc;
    *out = strdup(strcmp(e->class, "stubborn") == 0 ? "user" : e->class);
    return *out == NULL ? -ENOMEM : 0;
}

static void
they_are_chosen(void **state)
{
    static const struct {
        const char *what;
        struct entry sessions[5];
        const char *called, *text;
        uint32_t n;
    } cases[] = {
        { "its own", { { "a", ALICE, 1, "user", 0 }, { "mine", ALICE, LEADER, "user", 0 }, { "b", BOB, 2, "user", 0 } },
          "LockSession mine", "", 1 },
        { "none is its own",
          { { "a", ALICE, 1, "user", 0 }, { "b", BOB, LEADER, "user", 0 }, { "far", ALICE, 2, "user", 1 },
            { "c", ALICE, 3, "user-early", 0 } },
          "LockSession a LockSession c", "", 2 },
        { "no person's", { { "a", ALICE, 1, "manager", 0 }, { "b", ALICE, 2, "greeter", 0 } }, "", "", 0 },
        { "one has ended", { { "a", ALICE, 1, "gone", 0 }, { "b", ALICE, 2, "user", 0 } }, "LockSession b", "", 1 },
        { "nothing is said of one before its own", { { "a", ALICE, 1, "mute", 0 }, { "mine", ALICE, LEADER, "user", 0 } },
          "LockSession mine", "", 1 },
        { "nor of one behind it", { { "mine", ALICE, LEADER, "user", 0 }, { "a", ALICE, 1, "mute", 0 } },
          "LockSession mine", "", 1 },
        { "nothing is said of what may be its own", { { "a", ALICE, 1, "user", 0 }, { "mine", ALICE, LEADER, "mute", 0 } },
          "", "logind does not say where a session is: Not now", 0 },
        { "another user's is nobody's matter", { { "b", BOB, 1, "mute", 0 }, { "a", ALICE, 2, "user", 0 } },
          "LockSession a", "", 1 },
        { "it refuses", { { "mine", ALICE, LEADER, "stubborn", 0 }, { "a", ALICE, 1, "mute", 0 } }, "LockSession mine",
          "LockSession mine: Access denied", 0 },
    };
    const struct ipc_act act = { .kind = IPC_ACT_LOCK, .uid = ALICE, .leader = LEADER };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ipc_acted acted;

        sessions = cases[i].sessions;
        called[0] = '\0';
        session_act(&act, &acted);
        if (strcmp(called, cases[i].called) != 0 || strcmp(acted.text, cases[i].text) != 0 || acted.n != cases[i].n)
            fail_msg("%s: \"%s\", \"%s\", %u", cases[i].what, called, acted.text, acted.n);
    }
}

static void
they_are_ended(void **state)
{
    static const struct entry mine[] = { { "mine", ALICE, LEADER, "user", 0 }, { NULL, 0, 0, NULL, 0 } };
    const struct ipc_act act = { .kind = IPC_ACT_TERMINATE, .uid = ALICE, .leader = LEADER };
    struct ipc_acted acted;

    (void)state;
    sessions = mine;
    called[0] = '\0';
    session_act(&act, &acted);
    assert_string_equal(called, "TerminateSession mine");
    assert_string_equal(acted.text, "");
    assert_int_equal(acted.n, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_chosen),
        cmocka_unit_test(they_are_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
