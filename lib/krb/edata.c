#include "lib/krb/edata.h"

#include <stdint.h>

#include "lib/base/ber.h"
#include "lib/krb/krb.h"

#define PA_FX_FAST 136
#define KERB_ERR_TYPE_EXTENDED 3 /* the data-type of [MS-KILE] 2.2.1; also the number of PA-PW-SALT */
#define KERB_EXT_ERROR_BYTES 12  /* status, reserved, flags: u32 each */

/* A whole INTEGER; UINT32_MAX for one that is negative or large, which no type of ours is. */
static uint32_t
read_type(struct reader *r)
{
    struct reader number = ber_enter(r, BER_INTEGER);
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
    struct reader type = ber_enter(&members, BER_CONTEXT(1));

    typed_out->type = read_type(&type);
    typed_out->value = reader_init(NULL, 0);
    if (reader_left(&members) > 0) {
        struct reader value = ber_enter(&members, BER_CONTEXT(2));

        typed_out->value = ber_enter(&value, BER_OCTETS);
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
    struct reader outer = ber_enter(&r, BER_SEQUENCE);
    bool found = false;

    if (!reader_done(&r))
        return false;
    if (typed_members(outer, typed_out))
        return typed_out->type == type;
    while (reader_left(&outer) > 0) {
        struct reader entry = ber_enter(&outer, BER_SEQUENCE);
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
edata_fast(const void *padata, size_t len, struct reader *value_out)
{
    struct typed typed;

    if (!edata_find(padata, len, PA_FX_FAST, &typed))
        return false;
    *value_out = typed.value;
    return true;
}

bool
edata_has_fast(const void *e_data, size_t len)
{
    struct reader value;

    return edata_fast(e_data, len, &value);
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
