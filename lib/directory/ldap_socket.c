/* libldap's way to the socket: its own one writes with write(), and a peer that has gone then raises SIGPIPE. */
#include "lib/directory/ldap_private.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ber_socket_t
socket_of(Sockbuf_IO_Desc *io)
{
    ber_socket_t fd = -1;

    (void)ber_sockbuf_ctrl(io->sbiod_sb, LBER_SB_OPT_GET_FD, &fd);
    return fd;
}

static int
io_setup(Sockbuf_IO_Desc *io, void *arg)
{
    (void)io;
    (void)arg;
    return 0;
}

static int
io_remove(Sockbuf_IO_Desc *io)
{
    (void)io;
    return 0;
}

static int
io_ctrl(Sockbuf_IO_Desc *io, int option, void *arg)
{
    (void)io;
    (void)option;
    (void)arg;
    return 0;
}

static ber_slen_t
io_read(Sockbuf_IO_Desc *io, void *buf, ber_len_t len)
{
    return recv(socket_of(io), buf, len, 0);
}

static ber_slen_t
io_write(Sockbuf_IO_Desc *io, void *buf, ber_len_t len)
{
    return send(socket_of(io), buf, len, MSG_NOSIGNAL);
}

static int
io_close(Sockbuf_IO_Desc *io)
{
    return close(socket_of(io));
}

bool
dir_add_socket_io(Sockbuf *sb)
{
    static Sockbuf_IO io = { io_setup, io_remove, io_ctrl, io_read, io_write, io_close };

    return ber_sockbuf_add_io(sb, &io, LBER_SBIOD_LEVEL_PROVIDER, NULL) == 0;
}
