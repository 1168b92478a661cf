#include "daemon/trusts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_check.h"
#include "lib/sid/name.h"

static bool
is_dns_name(const char *dns)
{
    char copy[TRUST_DNS_MAX + 1];

    (void)snprintf(copy, sizeof(copy), "%s", dns);
    /* In lower case already, and of more than one label: "corp" is how a NetBIOS name looks. */
    return strchr(dns, '.') != NULL && config_check_dns(copy) == NULL && strcmp(copy, dns) == 0;
}

static bool
is_netbios_name(const char *netbios)
{
    struct name n;

    return name_parse(netbios, strlen(netbios), &n) && n.form == NAME_SHORT && strcmp(n.whole, netbios) == 0 &&
           strchr(netbios, '.') == NULL;
}

bool
trust_names_ok(const char *dns, const char *netbios)
{
    return is_dns_name(dns) && is_netbios_name(netbios);
}

/* Another domain that could be taken for this one. */
static bool
clashes(const struct trusts *t, const struct trust *trust)
{
    if (sid_equal(&t->own, &trust->sid))
        return true;
    for (size_t i = 0; i < t->n; i++) {
        const struct trust *other = &t->list[i];

        if (strcmp(other->dns, trust->dns) == 0 || strcmp(other->netbios, trust->netbios) == 0 ||
            sid_equal(&other->sid, &trust->sid))
            return true;
    }
    return false;
}

/* The own domain's users have a way of their own. */
static bool
is_called_like_own(const struct config *c, const struct trust *trust)
{
    return c != NULL && strcmp(c->name, trust->dns) == 0;
}

bool
trusts_add(struct trusts *t, const struct config *c, const struct trust *trust)
{
    if (t->n == TRUSTS_MAX || !trust_names_ok(trust->dns, trust->netbios) ||
        !sid_is_domain(&trust->sid) || clashes(t, trust) || is_called_like_own(c, trust))
        return false;
    t->list[t->n++] = *trust;
    return true;
}

bool
trusts_are_wanted(const struct config *c)
{
    return c->name[0] != '\0' && strcmp(c->trusted[0], CONFIG_TRUSTED_NONE) != 0;
}

bool
trusts_may_be(const struct config *c, const char *dns)
{
    if (!trusts_are_wanted(c))
        return false;
    for (size_t i = 0; c->trusted[i] != NULL; i++) {
        if (strcmp(c->trusted[i], CONFIG_TRUSTED_AUTO) == 0 || strcmp(c->trusted[i], dns) == 0)
            return true;
    }
    return false;
}

const struct trust *
trusts_by_word(const struct trusts *t, const char *word)
{
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->list[i].dns, word) == 0 || strcmp(t->list[i].netbios, word) == 0)
            return &t->list[i];
    }
    return NULL;
}

const struct trust *
trusts_by_domain(const struct trusts *t, const struct sid *domain)
{
    for (size_t i = 0; i < t->n; i++) {
        if (sid_equal(&t->list[i].sid, domain))
            return &t->list[i];
    }
    return NULL;
}

const struct trust *
trusts_by_account(const struct trusts *t, const struct sid *account)
{
    struct sid domain;
    uint32_t rid;

    return sid_split(account, &domain, &rid) ? trusts_by_domain(t, &domain) : NULL;
}

void
trust_realm(const char *dns, char realm_out[static TRUST_DNS_MAX + 1])
{
    size_t n = 0;

    for (; dns[n] != '\0' && n < TRUST_DNS_MAX; n++)
        realm_out[n] = (char)(dns[n] >= 'a' && dns[n] <= 'z' ? dns[n] - 'a' + 'A' : dns[n]);
    realm_out[n] = '\0';
}

/* The own domain's SID, "-" where it is not known. */
static const char *
own_text(const struct trusts *t, char text[static SID_TEXT_MAX])
{
    return t->own.n_subs == 0 ? "-" : sid_text(&t->own, text);
}

static bool
parse_own(const char *text, struct trusts *t)
{
    return strcmp(text, "-") == 0 || (sid_parse(text, &t->own) && sid_is_domain(&t->own));
}

/* The own SID, then a line for each: SID, DNS name, NetBIOS name (which may hold blanks), direction. */
bool
trusts_text(const struct trusts *t, char *buf, size_t size)
{
    char sid[SID_TEXT_MAX];
    int n = snprintf(buf, size, "%s\n", own_text(t, sid));
    size_t len = 0;

    for (size_t i = 0; i <= t->n; i++) {
        if (n < 0 || (size_t)n >= size - len)
            return false;
        len += (size_t)n;
        if (i < t->n)
            n = snprintf(buf + len, size - len, "%s %s %s %s\n", sid_text(&t->list[i].sid, sid), t->list[i].dns,
                         t->list[i].mutual ? "both" : "out", t->list[i].netbios);
    }
    return true;
}

/* The next word at *p up to end, which is stepped over. False where there is none, or it is too long. */
static bool
take(const char **p, char end, char *buf, size_t size)
{
    const char *mark = strchr(*p, end);
    size_t n = mark == NULL ? size : (size_t)(mark - *p);

    if (n >= size)
        return false;
    memcpy(buf, *p, n);
    buf[n] = '\0';
    *p = mark + 1;
    return true;
}

static bool
take_line(const char **p, struct trust *out)
{
    char sid[SID_TEXT_MAX], direction[8];

    memset(out, 0, sizeof(*out));
    if (!take(p, ' ', sid, sizeof(sid)) || !sid_parse(sid, &out->sid) || !take(p, ' ', out->dns, sizeof(out->dns)) ||
        !take(p, ' ', direction, sizeof(direction)) || !take(p, '\n', out->netbios, sizeof(out->netbios)))
        return false;
    out->mutual = strcmp(direction, "both") == 0;
    return out->mutual || strcmp(direction, "out") == 0;
}

bool
trusts_of_text(const char *text, const struct config *c, struct trusts *t_out)
{
    char sid[SID_TEXT_MAX];
    struct trust trust;
    bool ok;

    memset(t_out, 0, sizeof(*t_out));
    ok = take(&text, '\n', sid, sizeof(sid)) && parse_own(sid, t_out);
    while (ok && *text != '\0') {
        ok = take_line(&text, &trust);
        if (ok && trusts_may_be(c, trust.dns))
            ok = trusts_add(t_out, c, &trust);
    }
    if (!ok)
        memset(t_out, 0, sizeof(*t_out));
    return ok;
}

void
trusts_write(struct writer *w, const struct trusts *t)
{
    char sid[SID_TEXT_MAX];

    writer_str(w, own_text(t, sid));
    writer_u32(w, (uint32_t)t->n);
    for (size_t i = 0; i < t->n; i++) {
        writer_str(w, t->list[i].dns);
        writer_str(w, t->list[i].netbios);
        writer_str(w, sid_text(&t->list[i].sid, sid));
        writer_u8(w, t->list[i].mutual);
    }
}

bool
trusts_read(struct reader *r, struct trusts *t_out)
{
    char sid[SID_TEXT_MAX];
    uint32_t n;

    memset(t_out, 0, sizeof(*t_out));
    if (reader_str_copy(r, sid, sizeof(sid)) && !parse_own(sid, t_out))
        reader_fail(r);
    n = reader_u32(r);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        struct trust trust = { 0 };
        uint8_t mutual;

        reader_str_copy(r, trust.dns, sizeof(trust.dns));
        reader_str_copy(r, trust.netbios, sizeof(trust.netbios));
        if (reader_str_copy(r, sid, sizeof(sid)) && !sid_parse(sid, &trust.sid))
            reader_fail(r);
        mutual = reader_u8(r);
        trust.mutual = mutual == 1;
        if (!r->failed && (mutual > 1 || !trusts_add(t_out, NULL, &trust)))
            reader_fail(r);
    }
    if (reader_done(r))
        return true;
    reader_fail(r);
    memset(t_out, 0, sizeof(*t_out));
    return false;
}
