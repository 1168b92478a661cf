/* The CLDAP search that asks a domain controller who it is ([MS-ADTS] 6.3.3). */
#include "lib/directory/locator.h"

#include <string.h>
#include <strings.h>

#include "lib/base/ber.h"

#define SEARCH_REQUEST 0x63
#define SEARCH_ENTRY 0x64
#define SEARCH_DONE 0x65
#define FILTER_AND 0xa0
#define FILTER_EQUAL 0xa3
#define CONTROLS 0xa0

/* NETLOGON_NT_VERSION_5 and _5EX: the long answer, without addresses */
static const uint8_t nt_version[4] = { 0x06, 0, 0, 0 };

static void
put_equal(struct writer *w, const char *attribute, const void *value, size_t n)
{
    size_t begun = ber_begin(w, FILTER_EQUAL);

    ber_put_text(w, BER_OCTETS, attribute);
    ber_put_bytes(w, BER_OCTETS, value, n);
    ber_end(w, begun);
}

static void
put_search(struct writer *w, const char *domain_dns, const char *host)
{
    size_t filter, attributes;

    ber_put_text(w, BER_OCTETS, "");   /* the root DSE */
    ber_put_uint(w, BER_ENUMERATED, 0); /* this entry alone */
    ber_put_uint(w, BER_ENUMERATED, 0); /* no aliases */
    ber_put_uint(w, BER_INTEGER, 0);    /* no limit of entries */
    ber_put_uint(w, BER_INTEGER, 0);    /* nor of time */
    ber_put_uint(w, BER_BOOLEAN, 0);    /* values, too */
    filter = ber_begin(w, FILTER_AND);
    put_equal(w, "DnsDomain", domain_dns, strlen(domain_dns));
    if (host[0] != '\0')
        put_equal(w, "Host", host, strlen(host));
    put_equal(w, "NtVer", nt_version, sizeof(nt_version));
    ber_end(w, filter);
    attributes = ber_begin(w, BER_SEQUENCE);
    ber_put_text(w, BER_OCTETS, "Netlogon");
    ber_end(w, attributes);
}

size_t
cldap_request(uint8_t *buf, size_t size, uint32_t message_id, const char *domain_dns, const char *host)
{
    struct writer w = writer_init(buf, size);
    size_t message, search;

    message = ber_begin(&w, BER_SEQUENCE);
    ber_put_uint(&w, BER_INTEGER, message_id);
    search = ber_begin(&w, SEARCH_REQUEST);
    put_search(&w, domain_dns, host);
    ber_end(&w, search);
    ber_end(&w, message);
    return writer_ok(&w) ? w.len : 0;
}

static bool
is_netlogon(struct reader *type)
{
    static const char name[] = "netlogon";
    size_t n = reader_left(type);
    const uint8_t *p = reader_bytes(type, n);

    return p != NULL && n == sizeof(name) - 1 && strncasecmp((const char *)p, name, n) == 0;
}

/* The one value of the one Netlogon attribute in a PartialAttributeList. */
static bool
find_netlogon(struct reader *attributes, const uint8_t **value_out, size_t *len_out)
{
    bool found = false;

    while (reader_left(attributes) > 0) {
        struct reader attribute = ber_enter(attributes, BER_SEQUENCE);
        struct reader type = ber_enter(&attribute, BER_OCTETS);
        struct reader values = ber_enter(&attribute, BER_SET);
        struct reader value;

        if (!reader_done(&attribute))
            return false;
        if (!is_netlogon(&type))
            continue;
        value = ber_enter(&values, BER_OCTETS);
        if (!reader_done(&values) || found)
            return false;
        found = true;
        *len_out = reader_left(&value);
        *value_out = reader_bytes(&value, *len_out);
    }
    return found && reader_done(attributes);
}

/* One LDAPMessage's operation; controls after it are stepped over. */
static struct reader
enter_message(struct reader *r, uint32_t message_id, uint8_t operation)
{
    struct reader message = ber_enter(r, BER_SEQUENCE);
    struct reader content;

    if (ber_uint(&message, BER_INTEGER) != message_id)
        reader_fail(&message);
    content = ber_enter(&message, operation);
    if (ber_next_is(&message, CONTROLS))
        (void)ber_enter(&message, CONTROLS);
    if (!reader_done(&message))
        reader_fail(&content);
    return content;
}

bool
cldap_answer(const uint8_t *packet, size_t len, uint32_t message_id, const uint8_t **value_out, size_t *len_out)
{
    struct reader r = reader_init(packet, len), entry, attributes, done;
    const uint8_t *value = NULL;
    size_t value_len = 0;

    *value_out = NULL;
    *len_out = 0;
    entry = enter_message(&r, message_id, SEARCH_ENTRY);
    (void)ber_enter(&entry, BER_OCTETS);
    attributes = ber_enter(&entry, BER_SEQUENCE);
    if (!reader_done(&entry) || !find_netlogon(&attributes, &value, &value_len))
        return false;
    /* The searchResDone comes in the same datagram. */
    if (reader_left(&r) > 0) {
        done = enter_message(&r, message_id, SEARCH_DONE);
        if (done.failed)
            return false;
    }
    if (!reader_done(&r))
        return false;
    *value_out = value;
    *len_out = value_len;
    return true;
}
