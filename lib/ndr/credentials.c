#include "lib/ndr/credentials.h"

#include <stdbool.h>
#include <string.h>

#include "lib/ndr/ndr.h"

#define PACKAGES_MAX 16
#define SUPPLEMENTAL_CRED_BYTES 16 /* SECPKG_SUPPLEMENTAL_CRED: the string's head, size, pointer */
#define CREDENTIAL_BYTES_MAX 65536
#define HAS_NT_OWF 2U              /* NTLM_SUPPLEMENTAL_CREDENTIAL's Flags */
#define LM_HASH_BYTES 16
#define PADDING_MAX 7              /* a serialized body is rounded up to 8 */

static const char malformed[] = "CREDENTIAL_DATA is malformed";

/* SECPKG_SUPPLEMENTAL_CRED ([MS-PAC] 2.6.3), until its pointees come. */
struct package {
    struct ndr_string name;
    uint32_t size;
    bool present;
};

const char *
credential_info_read(struct reader bytes, struct credential_info *info_out)
{
    uint32_t version = reader_u32(&bytes);

    info_out->enctype = reader_u32(&bytes);
    info_out->len = reader_left(&bytes);
    info_out->data = reader_bytes(&bytes, info_out->len);
    if (bytes.failed || info_out->len == 0)
        return "CREDENTIAL_INFO is malformed";
    return version == 0 ? NULL : "CREDENTIAL_INFO has a version that we do not know";
}

/* An alias of the characters; none, and failed, if counts contradict the head. */
static const uint8_t *
read_name(struct reader *r, const struct ndr_string *head)
{
    uint32_t maximum, offset, actual;

    if (!head->present)
        return NULL;
    maximum = ndr_u32(r);
    offset = ndr_u32(r);
    actual = ndr_u32(r);
    if (maximum != head->maximum / 2U || offset != 0 || actual != head->length / 2U)
        reader_fail(r);
    return reader_bytes(r, head->length);
}

static bool
is_ntlm(const uint8_t *name, size_t len)
{
    static const uint8_t ntlm[] = { 'N', 0, 'T', 0, 'L', 0, 'M', 0 };

    return name != NULL && len == sizeof(ntlm) && memcmp(name, ntlm, sizeof(ntlm)) == 0;
}

/* NTLM_SUPPLEMENTAL_CREDENTIAL ([MS-PAC] 2.6.4). */
static const char *
read_ntlm(struct reader r, uint8_t nt_out[NT_HASH_BYTES])
{
    uint32_t version = reader_u32(&r);
    uint32_t flags = reader_u32(&r);
    const uint8_t *nt;

    (void)reader_bytes(&r, LM_HASH_BYTES);
    nt = reader_bytes(&r, NT_HASH_BYTES);
    if (!reader_done(&r) || nt == NULL)
        return "the NTLM credential is malformed";
    if (version != 0)
        return "the NTLM credential has a version that we do not know";
    if ((flags & HAS_NT_OWF) == 0)
        return "the NTLM credential has no NT hash";
    memcpy(nt_out, nt, NT_HASH_BYTES);
    return NULL;
}

static size_t
read_heads(struct reader *r, struct package *packages)
{
    uint32_t n, count;

    if (!ndr_pointer(r))
        reader_fail(r);
    n = ndr_conformance(r, PACKAGES_MAX, SUPPLEMENTAL_CRED_BYTES);
    count = ndr_u32(r);
    if (count != n)
        reader_fail(r);
    for (uint32_t i = 0; i < n; i++) {
        packages[i].name = ndr_string_head(r);
        packages[i].size = ndr_u32(r);
        packages[i].present = ndr_pointer(r);
        if (packages[i].size > 0 && !packages[i].present)
            reader_fail(r);
    }
    return r->failed ? 0 : n;
}

static struct reader
read_credential(struct reader *r, const struct package *package)
{
    uint32_t n = package->present ? ndr_conformance(r, CREDENTIAL_BYTES_MAX, 1) : 0;

    if (n != package->size)
        reader_fail(r);
    return reader_sub(r, n);
}

const char *
credential_data_nt_hash(const uint8_t *data, size_t len, uint8_t nt_out[NT_HASH_BYTES])
{
    struct reader r = reader_init(data, len), body = ndr_body(&r), ntlm = { 0 };
    struct package packages[PACKAGES_MAX] = { 0 };
    size_t n = read_heads(&body, packages), found = 0;

    memset(nt_out, 0, NT_HASH_BYTES);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *name = read_name(&body, &packages[i].name);
        struct reader credential = read_credential(&body, &packages[i]);

        if (is_ntlm(name, packages[i].name.length)) {
            ntlm = credential;
            found++;
        }
    }
    /* Ciphers that fill up to their blocks leave some behind. */
    if (r.failed || body.failed || reader_left(&body) > PADDING_MAX || reader_left(&r) > PADDING_MAX)
        return malformed;
    if (found != 1)
        return found == 0 ? "CREDENTIAL_DATA has nothing for NTLM" : "CREDENTIAL_DATA has NTLM twice";
    return read_ntlm(ntlm, nt_out);
}
