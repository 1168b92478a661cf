#include "lib/krb/edata.h"

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/krb/krb.h"

#define DER_INTEGER 0x02
#define DER_OCTET_STRING 0x04
#define DER_SEQUENCE 0x30
#define DER_CONTEXT(n) (0xa0 | (n))

#define PA_FX_FAST 136
#define KERB_ERR_TYPE_EXTENDED 3 /* the data-type of [MS-KILE] 2.2.1; also the number of PA-PW-SALT */
#define KERB_EXT_ERROR_BYTES 12  /* status, reserved, flags: u32 each */

/* The contents of the next element, which must have this tag; a failed reader otherwise. Definite lengths only. */
static struct reader
der_element(struct reader *r, uint8_t tag)
{
    size_t n;

    if (reader_u8(r) != tag)
        reader_fail(r);
    n = reader_u8(r);
    if (n >= 0x80) {
        size_t bytes = n & 0x7f;

        /* Nothing that TCP brings us is longer than three bytes can say. */
        if (bytes == 0 || bytes > 3)
            reader_fail(r);
        for (n = 0; bytes > 0 && !r->failed; bytes--)
            n = n << 8 | reader_u8(r);
    }
    return reader_sub(r, n);
}

/* A whole INTEGER; UINT32_MAX for one that is negative or large, which no type of ours is. */
static uint32_t
der_type(struct reader *r)
{
    struct reader number = der_element(r, DER_INTEGER);
    size_t n = reader_left(&number);
    uint32_t v = 0;

    if (n == 0)
        reader_fail(r);
    if (n > 3 || (n > 0 && (number.data[0] & 0x80) != 0))
        return UINT32_MAX;
    while (reader_left(&number) > 0)
        v = v << 8 | reader_u8(&number);
    return v;
}

struct typed {
    uint32_t type;
    struct reader value; /* empty where the value is left out */
};

/*
 * PA-DATA and KERB-ERROR-DATA have one form: [1] INTEGER, [2] OCTET STRING.
 * Members is the inside of the SEQUENCE.  False if it is something else.
 */
static bool
typed_members(struct reader members, struct typed *typed_out)
{
    struct reader type = der_element(&members, DER_CONTEXT(1));

    typed_out->type = der_type(&type);
    typed_out->value = reader_init(NULL, 0);
    if (reader_left(&members) > 0) {
        struct reader value = der_element(&members, DER_CONTEXT(2));

        typed_out->value = der_element(&value, DER_OCTET_STRING);
        if (!reader_done(&value))
            return false;
    }
    return reader_done(&type) && reader_done(&members);
}

/* The first entry of type, in a sequence of entries or in one that stands alone. False if the bytes are neither. */
static bool
edata_find(const void *e_data, size_t len, uint32_t type, struct typed *typed_out)
{
    struct reader r = reader_init(e_data, len);
    struct reader outer = der_element(&r, DER_SEQUENCE);
    bool found = false;

    if (!reader_done(&r))
        return false;
    if (typed_members(outer, typed_out))
        return typed_out->type == type;
    while (reader_left(&outer) > 0) {
        struct reader entry = der_element(&outer, DER_SEQUENCE);
        struct typed typed;

        if (outer.failed || !typed_members(entry, &typed))
            return false;
        if (typed.type == type && !found) {
            *typed_out = typed;
            found = true;
        }
    }
    return found;
}

bool
edata_has_fast(const void *e_data, size_t len)
{
    struct typed typed;

    return edata_find(e_data, len, PA_FX_FAST, &typed);
}

uint32_t
krb_error_ntstatus(const void *e_data, size_t len)
{
    struct typed typed;
    uint32_t status;

    if (!edata_find(e_data, len, KERB_ERR_TYPE_EXTENDED, &typed))
        return 0;
    if (reader_left(&typed.value) != KERB_EXT_ERROR_BYTES)
        return 0;
    status = reader_u32(&typed.value);
    /* A salt of twelve bytes has this type too, but hardly an error's severity. */
    return status >> 30 == 3 ? status : 0;
}
