/*
 * The endpoint mapper (C706 chapter 6 and appendix I, [MS-RPCE] 2.2.1.2): on
 * which TCP port of a server is an interface?  Nobody vouches for the answer:
 * who is behind the port has to prove itself.
 */
#ifndef AUTHSOD_RPC_EPM_H
#define AUTHSOD_RPC_EPM_H

#include "lib/rpc/rpc.h"

#define EPM_PORT 135
#define EPM_REQUEST_MAX 256

/* The port (any in *server is ignored): at *endpoint_out the server's address with it. False with *f. */
bool epm_map(const struct sockaddr_storage *server, const struct pdu_syntax *interface,
             struct sockaddr_storage *endpoint_out, int64_t deadline, struct rpc_failure *f);

/* ept_map's request; fails w if it does not fit. */
void epm_write_request(struct writer *w, const struct pdu_syntax *interface);

/*
 * ept_map's answer: the port of the first tower that is the interface with
 * NDR32 over TCP.  NULL, or what is wrong; *status_out is ept_map's own (0, or
 * the reason why there is no tower), *port_out 0 unless all is well.
 */
const char *epm_read_answer(const uint8_t *stub, size_t len, const struct pdu_syntax *interface, uint16_t *port_out,
                            uint32_t *status_out);

#endif
