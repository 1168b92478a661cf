#include "lib/rpc/epm.h"

#include <string.h>

#include "lib/base/net.h"
#include "lib/ndr/ndr.h"
#include "lib/ndr/ndr_write.h"

#define OP_MAP 3
#define NOT_REGISTERED 0x16c9a0d6U
#define TOWERS_MAX 4
#define TOWER_BYTES 75           /* of ours: five floors */
#define HANDLE_BYTES 20          /* a context handle */
#define FLOORS_MIN 4

/* A floor's protocol, C706 appendix I */
#define FLOOR_UUID 0x0d
#define FLOOR_RPC_CONNECTION 0x0b
#define FLOOR_TCP 0x07
#define FLOOR_IP 0x09

static const struct pdu_syntax epm_interface = {
    .uuid = { 0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa },
    .major = 3,
};

static void
put_syntax_floor(struct writer *w, const struct pdu_syntax *syntax)
{
    writer_u16(w, 1 + sizeof(syntax->uuid) + 2);
    writer_u8(w, FLOOR_UUID);
    writer_bytes(w, syntax->uuid, sizeof(syntax->uuid));
    writer_u16(w, syntax->major);
    writer_u16(w, 2);
    writer_u16(w, syntax->minor);
}

/* A floor whose right side is n zero bytes: that is what is asked for. */
static void
put_floor(struct writer *w, uint8_t protocol, uint16_t n)
{
    writer_u16(w, 1);
    writer_u8(w, protocol);
    writer_u16(w, n);
    for (size_t i = 0; i < n; i++)
        writer_u8(w, 0);
}

void
epm_write_request(struct writer *w, const struct pdu_syntax *interface)
{
    ndr_put_pointer(w, false); /* any object */
    ndr_put_pointer(w, true);
    ndr_put_u32(w, TOWER_BYTES);
    ndr_put_u32(w, TOWER_BYTES);
    writer_u16(w, 5);
    put_syntax_floor(w, interface);
    put_syntax_floor(w, &pdu_ndr32);
    put_floor(w, FLOOR_RPC_CONNECTION, 2);
    put_floor(w, FLOOR_TCP, 2);
    put_floor(w, FLOOR_IP, 4);
    ndr_put_align(w, 4);
    for (size_t i = 0; i < HANDLE_BYTES; i++)
        writer_u8(w, 0);
    ndr_put_u32(w, TOWERS_MAX);
}

/* One floor: its two sides. */
struct floor_sides {
    struct reader left;
    struct reader right;
};

static struct floor_sides
read_floor(struct reader *r)
{
    struct floor_sides floor;

    floor.left = reader_sub(r, reader_u16(r));
    floor.right = reader_sub(r, reader_u16(r));
    return floor;
}

static bool
is_syntax(struct reader *r, const struct pdu_syntax *syntax)
{
    struct floor_sides floor = read_floor(r);
    uint8_t protocol = reader_u8(&floor.left);
    const uint8_t *uuid = reader_bytes(&floor.left, sizeof(syntax->uuid));
    uint16_t major = reader_u16(&floor.left);

    return reader_done(&floor.left) && protocol == FLOOR_UUID && major == syntax->major &&
           memcmp(uuid, syntax->uuid, sizeof(syntax->uuid)) == 0;
}

/* Steps over a floor of that protocol; false for another. */
static bool
is_protocol(struct reader *r, uint8_t protocol, struct reader *right_out)
{
    struct floor_sides floor = read_floor(r);

    *right_out = floor.right;
    return reader_u8(&floor.left) == protocol && reader_done(&floor.left) && !floor.right.failed;
}

/* The port of one tower; 0 if it is of another kind. Fails r if it is no tower. */
static uint16_t
read_tower(struct reader *r, const struct pdu_syntax *interface)
{
    uint16_t n = reader_u16(r), port;
    struct reader right, floors = *r;

    for (size_t i = 0; i < n && !r->failed; i++)
        (void)read_floor(r);
    if (!reader_done(r))
        reader_fail(r);
    if (r->failed || n < FLOORS_MIN || !is_syntax(&floors, interface) || !is_syntax(&floors, &pdu_ndr32) ||
        !is_protocol(&floors, FLOOR_RPC_CONNECTION, &right) || !is_protocol(&floors, FLOOR_TCP, &right))
        return 0;
    port = reader_u16_be(&right);
    return reader_done(&right) ? port : 0;
}

/* The towers behind their pointers. */
static uint16_t
read_towers(struct reader *r, uint32_t n, const struct pdu_syntax *interface)
{
    uint16_t port = 0;

    for (size_t i = 0; i < n && !r->failed; i++) {
        uint32_t maximum = ndr_u32(r), length = ndr_u32(r);
        struct reader tower = reader_sub(r, length);
        uint16_t found;

        if (maximum != length)
            reader_fail(r);
        found = read_tower(&tower, interface);
        if (tower.failed)
            reader_fail(r);
        if (port == 0)
            port = found;
    }
    return port;
}

const char *
epm_read_answer(const uint8_t *stub, size_t len, const struct pdu_syntax *interface, uint16_t *port_out,
                uint32_t *status_out)
{
    struct reader r = reader_init(stub, len);
    uint32_t n, maximum, offset, actual, status;
    uint16_t port;

    *port_out = 0;
    *status_out = 0;
    (void)reader_bytes(&r, HANDLE_BYTES);
    n = ndr_u32(&r);
    maximum = ndr_u32(&r);
    offset = ndr_u32(&r);
    actual = ndr_u32(&r);
    if (n > TOWERS_MAX || actual != n || actual > maximum || offset != 0)
        reader_fail(&r);
    for (size_t i = 0; i < actual && !r.failed; i++) {
        if (!ndr_pointer(&r))
            reader_fail(&r);
    }
    port = read_towers(&r, actual, interface);
    status = ndr_u32(&r);
    if (!reader_done(&r))
        return "ept_map's answer is malformed";
    *status_out = status;
    if (status == 0)
        *port_out = port;
    return NULL;
}

bool
epm_map(const struct sockaddr_storage *server, const struct pdu_syntax *interface,
        struct sockaddr_storage *endpoint_out, int64_t deadline, struct rpc_failure *f)
{
    struct sockaddr_storage mapper = *server;
    uint8_t in[EPM_REQUEST_MAX];
    struct writer w = writer_init(in, sizeof(in));
    struct rpc_call call = { .step = "ept_map", .opnum = OP_MAP, .in = in };
    struct rpc_stub stub;
    struct rpc *c;
    uint32_t status = 0;
    uint16_t port = 0;
    bool ok = false;

    address_set_port(&mapper, EPM_PORT);
    epm_write_request(&w, interface);
    call.in_len = w.len;
    c = rpc_connect(NULL, &mapper, &epm_interface, NULL, deadline, f);
    if (c == NULL)
        return false;
    if (!rpc_call(c, &call, c, &stub, deadline, f))
        goto done;
    if (epm_read_answer(stub.data, stub.len, interface, &port, &status) != NULL) {
        (void)rpc_fail(f, RPC_MALFORMED, 0, call.step);
    } else if (port == 0) {
        (void)rpc_fail(f, RPC_NO_ENDPOINT, status != 0 ? status : NOT_REGISTERED, call.step);
    } else {
        *endpoint_out = *server;
        address_set_port(endpoint_out, port);
        ok = true;
    }
done:
    talloc_free(c);
    return ok;
}
