/* Lists of revoked certificates: which of them can be used (RFC 5280 5, 6.3). */
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "lib/card/asn1_time.h"
#include "lib/card/chain_private.h"

#define DIGEST_BITS_MIN 224 /* half of it is what a signature is worth: level 2 of OpenSSL's, 112 */

/* RSASSA-PSS says its digest in parameters (RFC 4055 3.1); none is SHA-1. */
static int
pss_digest(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *digest = NULL;
    RSA_PSS_PARAMS *params;
    const void *value;
    int type, nid = NID_undef;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE)
        return NID_undef;
    params = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    if (params != NULL && params->hashAlgorithm != NULL) {
        X509_ALGOR_get0(&digest, NULL, NULL, params->hashAlgorithm);
        nid = OBJ_obj2nid(digest);
    }
    RSA_PSS_PARAMS_free(params);
    return nid;
}

static bool
signature_is_strong(const X509_CRL *crl)
{
    int signature = X509_CRL_get_signature_nid(crl), digest = NID_undef;
    const X509_ALGOR *algorithm;
    const EVP_MD *md;

    /* These two have theirs built in. */
    if (signature == NID_ED25519 || signature == NID_ED448)
        return true;
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    if (signature == NID_rsassaPss)
        digest = pss_digest(algorithm);
    else
        (void)OBJ_find_sigid_algs(signature, &digest, NULL);
    md = digest == NID_undef ? NULL : EVP_get_digestbynid(digest);
    return md != NULL && EVP_MD_get_size(md) * 8 >= DIGEST_BITS_MIN;
}

/* Does it have an extension that nobody here understands, and that one has to? */
static bool
is_strange(const X509_CRL *crl)
{
    bool strange = false;

    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *e = X509_CRL_get_ext(crl, i);
        int kind = OBJ_obj2nid(X509_EXTENSION_get_object(e));

        strange |= X509_EXTENSION_get_critical(e) && kind != NID_issuing_distribution_point && kind != NID_delta_crl &&
                   kind != NID_crl_number && kind != NID_authority_key_identifier;
    }
    return strange;
}

/*
 * Does it say of some only that they are revoked, and of none that it is not?
 * False with *good_out false where its scope cannot be read, which OpenSSL
 * takes for none at all.
 */
static bool
is_partial(const X509_CRL *crl, bool *good_out)
{
    int critical;
    ISSUING_DIST_POINT *scope = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
    bool partial = X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;

    *good_out = scope != NULL || critical == -1;
    if (scope != NULL)
        partial |= scope->onlysomereasons != NULL || scope->indirectCRL > 0;
    ISSUING_DIST_POINT_free(scope);
    return *good_out && partial;
}

/*
 * Is it one of several that its issuer has, or strange?  Among whole lists
 * OpenSSL takes one, the newest for example: such a one is asked by itself, too.
 */
static bool
is_one_of_several(const X509_CRL *crl)
{
    ISSUING_DIST_POINT *scope = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
    bool several = scope != NULL && (scope->distpoint != NULL || scope->onlyuser > 0 || scope->onlyCA > 0);

    ISSUING_DIST_POINT_free(scope);
    return several || is_strange(crl);
}

/* What keeps a list from being used for what issuer issued; NULL for nothing. */
static const char *
unusable(X509_CRL *crl, X509 *issuer, int64_t now, bool last_lists, bool *partial_out)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    int64_t from, to;
    bool readable;

    *partial_out = is_partial(crl, &readable);
    if (key == NULL || X509_CRL_verify(crl, key) != 1)
        return "its list of revoked certificates is signed wrongly";
    if (!signature_is_strong(crl))
        return "its list of revoked certificates is signed with a weak digest";
    if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
        return "it may not sign lists of revoked certificates";
    if (!readable)
        return "its list of revoked certificates has a scope that cannot be read";
    if (!asn1_seconds(X509_CRL_get0_lastUpdate(crl), &from) || !asn1_seconds(X509_CRL_get0_nextUpdate(crl), &to))
        return "its list of revoked certificates does not say when it is in force";
    if (now < from)
        return "its list of revoked certificates is not in force yet";
    /* As OpenSSL has it: the second itself is over. */
    if (now >= to && !last_lists)
        return "its list of revoked certificates has expired";
    return NULL;
}

/* Was a made later than b?  Both say when. */
static bool
is_newer(const X509_CRL *a, const X509_CRL *b)
{
    int64_t a_made = 0, b_made = 0;

    return asn1_seconds(X509_CRL_get0_lastUpdate(a), &a_made) && asn1_seconds(X509_CRL_get0_lastUpdate(b), &b_made) &&
           a_made > b_made;
}

static bool
choose_of(STACK_OF(X509_CRL) *all, X509 *issuer, int64_t now, bool last_lists, STACK_OF(X509_CRL) *whole,
          STACK_OF(X509_CRL) *partial, char why[static CHAIN_WHY_MAX])
{
    const X509_NAME *name = X509_get_subject_name(issuer);
    const char *reason = NULL;
    X509_CRL *last = NULL;
    bool found = false;

    for (int i = 0; i < sk_X509_CRL_num(all); i++) {
        X509_CRL *crl = sk_X509_CRL_value(all, i);
        const char *against;
        bool some, several;

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), name) != 0)
            continue;
        against = unusable(crl, issuer, now, last_lists, &some);
        if (against != NULL) {
            reason = reason == NULL ? against : reason;
            continue;
        }
        several = is_one_of_several(crl);
        found |= !some;
        if (last_lists && !some && !several) {
            last = last == NULL || is_newer(crl, last) ? crl : last;
            continue;
        }
        if ((!some && sk_X509_CRL_push(whole, crl) == 0) ||
            ((some || several) && sk_X509_CRL_push(partial, crl) == 0))
            return false;
    }
    if (last != NULL && (sk_X509_CRL_push(whole, last) == 0 || sk_X509_CRL_push(partial, last) == 0))
        return false;
    if (!found && reason != NULL)
        why_add_name(why, name, reason);
    return true;
}

bool
crl_choose(STACK_OF(X509_CRL) *all, STACK_OF(X509) *chain, int64_t now, bool last_lists, STACK_OF(X509_CRL) *whole,
           STACK_OF(X509_CRL) *partial, char why[static CHAIN_WHY_MAX])
{
    int n = sk_X509_num(chain);

    /* An authority that was given as the certificate is its own issuer. */
    for (int i = n > 1 ? 1 : 0; i < n; i++) {
        if (!choose_of(all, sk_X509_value(chain, i), now, last_lists, whole, partial, why))
            return false;
    }
    return true;
}

bool
crl_revokes(STACK_OF(X509_CRL) *lists, X509 *x)
{
    for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
        X509_CRL *crl = sk_X509_CRL_value(lists, i);
        X509_REVOKED *entry;

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(x)) == 0 &&
            X509_CRL_get0_by_cert(crl, &entry, x) == 1)
            return true;
    }
    return false;
}
