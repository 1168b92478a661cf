#include "lib/sid/sid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AUTHORITY_HEX_DIGITS 12
#define NT_AUTHORITY 5
#define NT_NON_UNIQUE 21 /* the first sub-authority of every domain's SID */
#define DOMAIN_SUBS 4

bool
sid_read(struct reader *r, struct sid *sid_out)
{
    struct sid sid = { 0 };
    uint8_t revision = reader_u8(r);

    memset(sid_out, 0, sizeof(*sid_out));
    sid.n_subs = reader_u8(r);
    if (revision != 1 || sid.n_subs > SID_SUBS_MAX)
        reader_fail(r);
    sid.authority = (uint64_t)reader_u16_be(r) << 32;
    sid.authority |= reader_u32_be(r);
    for (size_t i = 0; i < sid.n_subs && !r->failed; i++)
        sid.subs[i] = reader_u32(r);
    if (r->failed)
        return false;
    *sid_out = sid;
    return true;
}

void
sid_write(struct writer *w, const struct sid *sid)
{
    writer_u8(w, 1);
    writer_u8(w, sid->n_subs);
    for (int shift = 40; shift >= 0; shift -= 8)
        writer_u8(w, (uint8_t)(sid->authority >> shift));
    for (size_t i = 0; i < sid->n_subs; i++)
        writer_u32(w, sid->subs[i]);
}

/* Decimal without leading zeros, up to UINT32_MAX; moves *s behind it. */
static bool
parse_decimal(const char **s, uint32_t *value_out)
{
    const char *p = *s;
    uint64_t value = 0;

    if (*p < '0' || *p > '9' || (*p == '0' && p[1] >= '0' && p[1] <= '9'))
        return false;
    for (; *p >= '0' && *p <= '9' && value <= UINT32_MAX; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    if (value > UINT32_MAX)
        return false;
    *s = p;
    *value_out = (uint32_t)value;
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* [MS-DTYP] 2.4.2.1: decimal below 2^32, else 0x and 12 digits. */
static bool
parse_authority(const char **s, uint64_t *authority_out)
{
    uint64_t value = 0;
    uint32_t decimal;

    if (strncmp(*s, "0x", 2) != 0) {
        if (!parse_decimal(s, &decimal))
            return false;
        *authority_out = decimal;
        return true;
    }
    *s += 2;
    for (size_t i = 0; i < AUTHORITY_HEX_DIGITS; i++) {
        int digit = hex_digit(**s);

        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
        (*s)++;
    }
    *authority_out = value;
    return true;
}

bool
sid_parse(const char *text, struct sid *sid_out)
{
    struct sid sid = { 0 };
    const char *p = text;

    memset(sid_out, 0, sizeof(*sid_out));
    if (strncmp(p, "S-1-", 4) != 0)
        return false;
    p += 4;
    if (!parse_authority(&p, &sid.authority))
        return false;
    while (*p == '-') {
        p++;
        if (sid.n_subs == SID_SUBS_MAX || !parse_decimal(&p, &sid.subs[sid.n_subs]))
            return false;
        sid.n_subs++;
    }
    if (*p != '\0')
        return false;
    *sid_out = sid;
    return true;
}

const char *
sid_text(const struct sid *sid, char text[static SID_TEXT_MAX])
{
    size_t len;

    if (sid->authority > UINT32_MAX)
        len = (size_t)snprintf(text, SID_TEXT_MAX, "S-1-0x%012" PRIx64, sid->authority);
    else
        len = (size_t)snprintf(text, SID_TEXT_MAX, "S-1-%" PRIu64, sid->authority);
    for (size_t i = 0; i < sid->n_subs && len < SID_TEXT_MAX; i++)
        len += (size_t)snprintf(text + len, SID_TEXT_MAX - len, "-%" PRIu32, sid->subs[i]);
    return text;
}

bool
sid_equal(const struct sid *a, const struct sid *b)
{
    return sid_compare(a, b) == 0;
}

int
sid_compare(const void *a, const void *b)
{
    const struct sid *x = a, *y = b;

    if (x->authority != y->authority)
        return x->authority < y->authority ? -1 : 1;
    if (x->n_subs != y->n_subs)
        return x->n_subs < y->n_subs ? -1 : 1;
    for (size_t i = 0; i < x->n_subs; i++) {
        if (x->subs[i] != y->subs[i])
            return x->subs[i] < y->subs[i] ? -1 : 1;
    }
    return 0;
}

bool
sid_append(struct sid *sid, uint32_t rid)
{
    if (sid->n_subs >= SID_SUBS_MAX)
        return false;
    sid->subs[sid->n_subs] = rid;
    sid->n_subs++;
    return true;
}

bool
sid_split(const struct sid *sid, struct sid *domain_out, uint32_t *rid_out)
{
    struct sid domain = *sid;

    memset(domain_out, 0, sizeof(*domain_out));
    *rid_out = 0;
    if (sid->n_subs == 0)
        return false;
    domain.n_subs--;
    *rid_out = domain.subs[domain.n_subs];
    domain.subs[domain.n_subs] = 0;
    *domain_out = domain;
    return true;
}

bool
sid_is_domain(const struct sid *sid)
{
    return sid->authority == NT_AUTHORITY && sid->n_subs == DOMAIN_SUBS && sid->subs[0] == NT_NON_UNIQUE;
}

bool
sid_in_domain(const struct sid *sid, const struct sid *domain)
{
    struct sid own;
    uint32_t rid;

    return sid_is_domain(domain) && sid_split(sid, &own, &rid) && sid_equal(&own, domain);
}
