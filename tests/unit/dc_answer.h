/* What a domain controller sends, for tests: NETLOGON_SAM_LOGON_RESPONSE_EX, and the CLDAP answer around it. */
#ifndef AUTHSOD_TESTS_UNIT_DC_ANSWER_H
#define AUTHSOD_TESTS_UNIT_DC_ANSWER_H

#include <string.h>

#include "lib/base/ber.h"
#include "lib/base/buf.h"
#include "lib/directory/locator.h"

/* DNS labels without compression. */
static inline void
put_labels(struct writer *w, const char *name)
{
    while (name[0] != '\0') {
        size_t n = strcspn(name, ".");

        writer_u8(w, (uint8_t)n);
        writer_bytes(w, name, n);
        name += n + (name[n] == '.' ? 1 : 0);
    }
    writer_u8(w, 0);
}

static inline void
put_netlogon(struct writer *w, const struct netlogon_answer *a)
{
    writer_u16(w, 23);
    writer_u16(w, 0);
    writer_u32(w, a->flags);
    writer_bytes(w, a->domain_guid, sizeof(a->domain_guid));
    put_labels(w, a->forest);
    put_labels(w, a->domain_dns);
    put_labels(w, a->dc_host);
    put_labels(w, a->domain_netbios);
    put_labels(w, a->dc_netbios);
    put_labels(w, "");
    put_labels(w, a->dc_site);
    put_labels(w, a->client_site);
    writer_u32(w, 5);
    writer_u32(w, 0xffffffff);
}

static inline void
put_search_done(struct writer *w, uint32_t message_id)
{
    size_t message = ber_begin(w, BER_SEQUENCE), done;

    ber_put_uint(w, BER_INTEGER, message_id);
    done = ber_begin(w, 0x65);
    ber_put_uint(w, BER_ENUMERATED, 0);
    ber_put_text(w, BER_OCTETS, "");
    ber_put_text(w, BER_OCTETS, "");
    ber_end(w, done);
    ber_end(w, message);
}

static inline void
put_cldap_answer(struct writer *w, uint32_t message_id, const char *attribute, const void *value, size_t len)
{
    size_t message = ber_begin(w, BER_SEQUENCE), entry, attributes, one, set;

    ber_put_uint(w, BER_INTEGER, message_id);
    entry = ber_begin(w, 0x64);
    ber_put_text(w, BER_OCTETS, "");
    attributes = ber_begin(w, BER_SEQUENCE);
    one = ber_begin(w, BER_SEQUENCE);
    ber_put_text(w, BER_OCTETS, attribute);
    set = ber_begin(w, BER_SET);
    ber_put_bytes(w, BER_OCTETS, value, len);
    ber_end(w, set);
    ber_end(w, one);
    ber_end(w, attributes);
    ber_end(w, entry);
    ber_end(w, message);
    put_search_done(w, message_id);
}

#endif
