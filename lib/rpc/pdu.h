/*
 * The protocol data units of connection-oriented DCE/RPC (C706 12.6,
 * [MS-RPCE] 2.2.2): what a client sends, and what it may be answered.  Little-
 * endian data representation only.  No state, no I/O.
 */
#ifndef AUTHSOD_RPC_PDU_H
#define AUTHSOD_RPC_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

#define PDU_HEADER_BYTES 16
#define PDU_TRAILER_BYTES 8        /* sec_trailer, without the token */
#define PDU_CALL_HEADER_BYTES 24   /* of request and response */
#define PDU_FRAGMENT_MAX 5840      /* bytes of one, in both directions: what every implementation offers */
#define PDU_FRAGMENT_MIN 1432      /* what every implementation must take (C706 12.6.3.1) */

enum pdu_type {
    PDU_REQUEST = 0,
    PDU_RESPONSE = 2,
    PDU_FAULT = 3,
    PDU_BIND = 11,
    PDU_BIND_ACK = 12,
    PDU_BIND_NAK = 13,
};

#define PDU_FIRST_FRAGMENT 0x01U
#define PDU_LAST_FRAGMENT 0x02U
#define PDU_HEADER_SIGN 0x04U      /* in bind and bind_ack: [MS-RPCE] 2.2.2.3 */
#define PDU_DID_NOT_EXECUTE 0x20U

/* An interface's identifier; the UUID as it is on the wire. */
struct pdu_syntax {
    uint8_t uuid[16];
    uint16_t major;
    uint16_t minor;
};

extern const struct pdu_syntax pdu_ndr32;

/* sec_trailer ([MS-RPCE] 2.2.2.11) and the token behind it. */
struct pdu_auth {
    uint8_t type;
    uint8_t level;
    uint8_t pad;            /* bytes before the trailer that belong to nothing */
    uint32_t context;
    const uint8_t *token;   /* alias of the fragment */
    size_t token_len;       /* 0: there is no trailer */
};

/* A fragment from a server. */
struct pdu {
    enum pdu_type type;
    uint8_t flags;
    uint32_t call_id;
    struct pdu_auth auth;
    /* bind_ack */
    uint16_t max_send;      /* bytes of a fragment that the server takes */
    uint16_t result;        /* of the one context: 0 accepted */
    uint16_t reason;        /* also of bind_nak */
    struct pdu_syntax transfer;
    /* response */
    uint16_t context;
    size_t stub_at;         /* offset in the fragment */
    size_t stub_len;        /* padding included */
    /* fault */
    uint32_t status;
};

/*
 * The whole fragment's length by its first PDU_HEADER_BYTES bytes; 0 if they
 * are no header of ours: another version or representation, a length that is
 * none or more than PDU_FRAGMENT_MAX.
 */
size_t pdu_length(const uint8_t header[static PDU_HEADER_BYTES]);

/*
 * Decodes a whole fragment of len bytes.  NULL, or what is wrong (a static
 * string): a type that no server sends a client, lengths that do not fit into
 * each other, a bind_ack that does not answer one context.
 */
const char *pdu_read(struct pdu *pdu_out, const uint8_t *data, size_t len);

/* A bind for one context with NDR32; token of an authentication type, or NULL. */
struct pdu_bind {
    uint32_t call_id;
    const struct pdu_syntax *interface;
    struct pdu_auth auth;   /* token_len 0: none */
};
void pdu_write_bind(struct writer *w, const struct pdu_bind *bind);

/* One fragment of a request. */
struct pdu_request {
    uint32_t call_id;
    uint8_t flags;
    uint16_t opnum;
    uint32_t hint;          /* bytes of stub that are still to come, with this fragment's */
    const uint8_t *stub;
    size_t stub_len;
    struct pdu_auth auth;   /* token_len 0: none; token NULL: that many zero bytes, to be filled in; pad is set here */
};

/*
 * With a trailer the stub is padded to a multiple of 16 bytes ([MS-RPCE]
 * 2.2.2.11).  *sealed_len_out: bytes of stub and padding, which begin at
 * PDU_CALL_HEADER_BYTES.
 */
void pdu_write_request(struct writer *w, const struct pdu_request *request, size_t *sealed_len_out);

#endif
