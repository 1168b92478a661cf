#include "lib/card/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/card/asn1_time.h"
#include "lib/card/name.h"

static bool
read_names(TALLOC_CTX *mem, X509 *x, struct certificate_facts *facts)
{
    facts->subject = name_text(mem, X509_get_subject_name(x));
    facts->issuer = name_text(mem, X509_get_issuer_name(x));
    facts->name = name_common(mem, X509_get_subject_name(x));
    if (facts->subject == NULL || facts->issuer == NULL || facts->name == NULL)
        return false;
    if (facts->name[0] == '\0')
        facts->name = facts->subject;
    return true;
}

/* Whole, visible, and a name before and behind the last '@'. */
static bool
upn_ok(const char *upn, size_t n)
{
    const char *end = upn + n, *at = n == 0 ? NULL : memrchr(upn, '@', n);
    uint32_t c;

    if (n > CERTIFICATE_UPN_MAX || at == NULL || at == upn || at == end - 1)
        return false;
    while (upn < end) {
        if (!utf8_get(&upn, end, &c) || !utf8_is_visible(c))
            return false;
    }
    return true;
}

static bool
is_upn(const GENERAL_NAME *name)
{
    return name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == NID_ms_upn;
}

static bool
take_upn(TALLOC_CTX *mem, const ASN1_TYPE *value, struct certificate_facts *facts)
{
    const char *text;
    size_t n;

    /* Two of them would leave open who it is. */
    if (facts->upn != NULL || !facts->upn_good || value->type != V_ASN1_UTF8STRING) {
        facts->upn = NULL;
        facts->upn_good = false;
        return true;
    }
    text = (const char *)ASN1_STRING_get0_data(value->value.utf8string);
    n = (size_t)ASN1_STRING_length(value->value.utf8string);
    facts->upn_good = upn_ok(text, n);
    if (!facts->upn_good)
        return true;
    facts->upn = talloc_strndup(mem, text, n);
    return facts->upn != NULL;
}

/* False if it is malformed; a bad UPN in it is not. */
static bool
read_alternative_names(TALLOC_CTX *mem, X509 *x, struct certificate_facts *facts)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
    bool good = names != NULL || critical == -1;

    facts->upn_good = true;
    for (int i = 0; good && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (is_upn(name))
            good = take_upn(mem, name->d.otherName->value, facts);
    }
    GENERAL_NAMES_free(names);
    return good;
}

static bool
read_usages(X509 *x, struct certificate_facts *facts)
{
    int critical;
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(x, NID_ext_key_usage, &critical, NULL);
    bool good = usages != NULL || critical == -1;

    for (int i = 0; good && i < sk_ASN1_OBJECT_num(usages); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i));

        facts->logon_eku |= nid == NID_ms_smartcard_login || nid == NID_pkInitClientAuth;
    }
    EXTENDED_KEY_USAGE_free(usages);
    facts->signs = (X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE) != 0;
    /* Also one whose keyUsage does not let it. */
    facts->ca = X509_check_ca(x) != 0 || (X509_get_extension_flags(x) & EXFLAG_CA) != 0;
    return good && (X509_get_extension_flags(x) & EXFLAG_INVALID) == 0;
}

static void
read_key(X509 *x, struct certificate_facts *facts)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    int bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);

    facts->key = CERTIFICATE_KEY_OTHER;
    facts->key_bits = bits < 0 ? 0 : (unsigned)bits;
    if (key != NULL && EVP_PKEY_is_a(key, "RSA") && facts->key_bits <= CERTIFICATE_RSA_BITS_MAX)
        facts->key = CERTIFICATE_KEY_RSA;
    if (key != NULL && EVP_PKEY_is_a(key, "EC"))
        facts->key = CERTIFICATE_KEY_EC;
}

bool
certificate_read(TALLOC_CTX *mem, const uint8_t *der, size_t len, struct certificate_facts *facts_out)
{
    TALLOC_CTX *tmp = talloc_new(NULL);
    struct certificate_facts facts = { 0 };
    const uint8_t *p = der;
    X509 *x = NULL;
    bool good = false;

    *facts_out = facts;
    /* What fails here is told by our return, not to whoever looks at libcrypto's errors next. */
    (void)ERR_set_mark();
    if (tmp == NULL || len == 0 || len > CERTIFICATE_MAX)
        goto done;
    x = d2i_X509(NULL, &p, (long)len);
    if (x == NULL || p != der + len || EVP_Digest(der, len, facts.hash, NULL, EVP_sha256(), NULL) != 1)
        goto done;
    if (!asn1_seconds(X509_get0_notBefore(x), &facts.not_before) || !asn1_seconds(X509_get0_notAfter(x), &facts.not_after) ||
        !read_names(tmp, x, &facts) || !read_usages(x, &facts) || !read_alternative_names(tmp, x, &facts))
        goto done;
    read_key(x, &facts);
    (void)talloc_steal(mem, tmp);
    tmp = NULL;
    *facts_out = facts;
    good = true;

done:
    X509_free(x);
    (void)ERR_pop_to_mark();
    talloc_free(tmp);
    return good;
}

enum certificate_unfit
certificate_judge(const struct certificate_facts *facts, const struct certificate_rules *rules)
{
    if (facts->ca)
        return CERTIFICATE_CA;
    if (facts->key == CERTIFICATE_KEY_OTHER || (facts->key == CERTIFICATE_KEY_EC && !rules->elliptic))
        return CERTIFICATE_KEY_KIND;
    if (facts->key == CERTIFICATE_KEY_RSA && facts->key_bits < rules->rsa_bits_min)
        return CERTIFICATE_KEY_SMALL;
    if (facts->key == CERTIFICATE_KEY_EC && facts->key_bits < CERTIFICATE_EC_BITS_MIN)
        return CERTIFICATE_KEY_SMALL;
    if (!facts->signs)
        return CERTIFICATE_NO_SIGNATURE;
    if (rules->logon_eku && !facts->logon_eku)
        return CERTIFICATE_NO_EKU;
    if (!facts->upn_good)
        return CERTIFICATE_BAD_UPN;
    if (rules->now < facts->not_before)
        return CERTIFICATE_NOT_YET;
    if (rules->now > facts->not_after)
        return CERTIFICATE_EXPIRED;
    return CERTIFICATE_FIT;
}

static const struct {
    const char *name;
    const char *text;
} unfits[] = {
#define X(name, text) { #name, text },
    CERTIFICATE_UNFIT(X)
#undef X
};

const char *
certificate_unfit_name(enum certificate_unfit unfit)
{
    return (size_t)unfit < sizeof(unfits) / sizeof(unfits[0]) ? unfits[unfit].name : "?";
}

const char *
certificate_unfit_text(enum certificate_unfit unfit)
{
    return (size_t)unfit < sizeof(unfits) / sizeof(unfits[0]) ? unfits[unfit].text : "?";
}
