#include <config.h> /* not daemon/config.h */

#include "daemon/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/visible.h"

static void __attribute__((format(printf, 2, 3)))
fail(struct ipc_acted *m, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)visible_text(m->text, sizeof(m->text), text);
}

#ifdef HAVE_SD_BUS

#include <systemd/sd-bus.h>

#include "lib/proto/client.h"

#define LOGIND "org.freedesktop.login1"
#define SESSIONS_MAX 64
#define SESSION_ID_MAX 64

struct session {
    char id[SESSION_ID_MAX];
    uint32_t leader;
};

struct sessions {
    struct session sessions[SESSIONS_MAX]; /* somebody's at this computer */
    size_t n;
};

struct job {
    sd_bus *bus;
    const struct ipc_act *act;
    struct ipc_acted *acted;
    int64_t deadline;
};

/* What the bus says went wrong. */
static bool
fail_call(const struct job *j, const char *what, int rc, sd_bus_error *error)
{
    fail(j->acted, "%s: %s", what, error->message != NULL ? error->message : strerror(-rc));
    sd_bus_error_free(error);
    return false;
}

/*
 * Is it a person's, at this computer?  One that ends meanwhile is not; sessions
 * over the network, login screens and the like have nothing to do with a card here.
 * False where logind does not say.
 */
static bool
ask_where(const struct job *j, const char *path, uint32_t *leader_out, bool *here_out)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    char *class = NULL;
    int remote = 1;
    bool ok, gone;

    ok = sd_bus_get_property_trivial(j->bus, LOGIND, path, LOGIND ".Session", "Remote", &error, 'b', &remote) >= 0 &&
         sd_bus_get_property_trivial(j->bus, LOGIND, path, LOGIND ".Session", "Leader", &error, 'u', leader_out) >= 0 &&
         sd_bus_get_property_string(j->bus, LOGIND, path, LOGIND ".Session", "Class", &error, &class) >= 0;
    gone = sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT) > 0 ||
           sd_bus_error_has_name(&error, LOGIND ".NoSuchSession") > 0;
    *here_out = ok && remote == 0 && strncmp(class, "user", 4) == 0;
    if (!ok && !gone)
        fail(j->acted, "logind does not say where a session is: %s", error.message != NULL ? error.message : "no answer");
    sd_bus_error_free(&error);
    free(class);
    return ok || gone;
}

/*
 * Those of exactly that uid.  False where logind did not say all, unless the one
 * that the process opened is among what it said: no other one is asked for then.
 */
static bool
list(const struct job *j, struct sessions *out)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *id, *user, *seat, *path;
    bool said = true, here, found = false;
    uint32_t uid, leader;
    int rc = sd_bus_call_method(j->bus, LOGIND, "/org/freedesktop/login1", LOGIND ".Manager", "ListSessions", &error,
                                &reply, "");

    out->n = 0;
    if (rc >= 0)
        rc = sd_bus_message_enter_container(reply, 'a', "(susso)");
    while (rc >= 0 && out->n < SESSIONS_MAX &&
           (rc = sd_bus_message_read(reply, "(susso)", &id, &uid, &user, &seat, &path)) > 0) {
        if (uid != j->act->uid || strlen(id) >= SESSION_ID_MAX)
            continue;
        if (client_now() >= j->deadline || !ask_where(j, path, &leader, &here)) {
            said = false;
            continue;
        }
        if (!here)
            continue;
        found = found || leader == j->act->leader;
        out->sessions[out->n].leader = leader;
        (void)snprintf(out->sessions[out->n++].id, SESSION_ID_MAX, "%s", id);
    }
    sd_bus_message_unref(reply);
    if (rc < 0)
        return fail_call(j, "logind does not say which sessions there are", rc, &error);
    sd_bus_error_free(&error);
    if (found)
        j->acted->text[0] = '\0';
    else if (!said && j->acted->text[0] == '\0')
        fail(j->acted, "logind takes too long");
    return said || found;
}

/* The one that the process opened; where none is its, as after a su, all. */
static void
choose(const struct job *j, struct sessions *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->sessions[i].leader == j->act->leader) {
            s->sessions[0] = s->sessions[i];
            s->n = 1;
        }
    }
}

static void
carry_out(const struct job *j, const struct sessions *s)
{
    const char *method = j->act->kind == IPC_ACT_LOCK ? "LockSession" : "TerminateSession";

    for (size_t i = 0; i < s->n; i++) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char what[128];
        int rc;

        (void)snprintf(what, sizeof(what), "%s %s", method, s->sessions[i].id);
        if (client_now() >= j->deadline) {
            fail(j->acted, "%s: there was no more time", what);
            return;
        }
        rc = sd_bus_call_method(j->bus, LOGIND, "/org/freedesktop/login1", LOGIND ".Manager", method, &error, NULL, "s",
                                s->sessions[i].id);
        if (rc < 0)
            (void)fail_call(j, what, rc, &error);
        else
            j->acted->n++;
        sd_bus_error_free(&error);
    }
}

void
session_act(const struct ipc_act *m, struct ipc_acted *m_out)
{
    struct job j = { .act = m, .acted = m_out, .deadline = client_now() + SESSION_DEADLINE_MS };
    struct sessions s;
    int rc;

    memset(m_out, 0, sizeof(*m_out));
    rc = sd_bus_open_system(&j.bus);
    if (rc >= 0)
        rc = sd_bus_set_method_call_timeout(j.bus, SESSION_CALL_MS * 1000ULL);
    if (rc < 0) {
        fail(m_out, "the system's bus cannot be reached: %s", strerror(-rc));
    } else if (list(&j, &s)) {
        choose(&j, &s);
        carry_out(&j, &s);
    }
    sd_bus_close_unref(j.bus);
}

#else

void
session_act(const struct ipc_act *m, struct ipc_acted *m_out)
{
    (void)m;
    memset(m_out, 0, sizeof(*m_out));
    fail(m_out, "this authsodd was built without libsystemd");
}

#endif
