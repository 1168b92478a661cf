/*
 * authsodd with a front that was taken over, for tests/system/90-hostile.bats.
 * The other roles are as they are.  front answers keeper's pings, and asks for
 * what the file /tmp/traitor says: one word, and which process is meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/keeper.h"
#include "lib/proto/sealed.h"

#define ORDERS "/tmp/traitor"

static void
ask_for_cache(uint32_t uid, uint32_t gid, const char *user)
{
    uint8_t packet[2048];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache m = { .request = 1, .uid = uid, .gid = gid, .name = "FILE:/tmp/traitor.cache" };
    int fd = sealed_new("tickets", "x", 1);

    (void)snprintf(m.user, sizeof(m.user), "%s", user);
    ipc_put_ccache(&w, IPC_CCACHE_WRITE, &m);
    (void)channel_send(FD_KEEPER, packet, w.len, &fd, 1, true);
}

static void
obey(const char *order)
{
    static const uint8_t unknown[] = { 200, 1, 2, 3 };
    uint8_t packet[8];
    struct writer w = writer_init(packet, sizeof(packet));

    if (strcmp(order, "root") == 0)
        ask_for_cache(0, 0, "root");
    else if (strcmp(order, "local") == 0)
        ask_for_cache(1000, 1000, "localuser");
    else if (strcmp(order, "unknown") == 0)
        (void)channel_send(FD_KEEPER, unknown, sizeof(unknown), NULL, 0, true);
    ipc_put_number(&w, IPC_SPAWN, ROLE_LOGON);
    for (int i = 0; i < 500 && strcmp(order, "spawn") == 0; i++)
        (void)channel_send(FD_KEEPER, packet, w.len, NULL, 0, true);
}

static int
traitor_main(void)
{
    uint8_t packet[16384];
    char order[32] = "", last[32] = "";
    int who;

    for (;;) {
        int fds[CHANNEL_FDS_MAX];
        ssize_t n = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, 100);
        FILE *f = fopen(ORDERS, "r");

        /* What comes along is kept: a worker's channel is the worker's life. */
        if (n == 0 || (n > 0 && ipc_type(packet, (size_t)n) == IPC_STOP))
            return 0;
        if (n > 0 && ipc_type(packet, (size_t)n) == IPC_PING)
            (void)channel_send(FD_KEEPER, packet, (size_t)n, NULL, 0, true);
        if (f != NULL && fscanf(f, "%31s %d", order, &who) == 2 && who == getpid() && strcmp(order, last) != 0)
            obey(order);
        if (f != NULL)
            (void)fclose(f);
        memcpy(last, order, sizeof(last));
    }
}

int
main(int argc, char **argv)
{
    const char *role = argc > 1 && strncmp(argv[1], "--role=", 7) == 0 ? argv[1] + 7 : "";

    if (argc > 2 && strncmp(argv[2], "--as=", 5) == 0 && !role_as(argv[2] + 5))
        return 2;
    if (strcmp(role, "front") == 0)
        return traitor_main();
    if (strcmp(role, "logon") == 0)
        return logon_main();
    if (strcmp(role, "card") == 0)
        return card_main();
    if (strcmp(role, "watch") == 0)
        return watch_main();
    if (strcmp(role, "session") == 0)
        return session_main();
    if (strcmp(role, "member") == 0)
        return member_main();
    if (strcmp(role, "directory") == 0)
        return directory_main();
    if (strcmp(role, "netlogon") == 0)
        return netlogon_main();
    if (strcmp(role, "ccache") == 0)
        return ccache_main();
    if (strcmp(role, "keytab") == 0)
        return keytab_main();
    return keeper_main(AUTHSOD_CONFDIR "/authsod.conf", false);
}
