#include "lib/directory/text.h"

#include <string.h>

#include "lib/base/utf8.h"

bool
text_ok(const char *s, size_t n)
{
    const char *end = s + n;
    uint32_t c;

    while (s < end) {
        if (!utf8_get(&s, end, &c) || utf8_is_control(c))
            return false;
    }
    return true;
}

/* Appends a label. False if it does not fit or holds what it may not. */
static bool
append_label(const uint8_t *label, size_t n, bool dots, char *buf, size_t *len)
{
    size_t dot = *len > 0 ? 1 : 0;

    if (n + dot > DNS_NAME_SIZE - 1 - *len || (!dots && memchr(label, '.', n) != NULL))
        return false;
    if (dot > 0)
        buf[(*len)++] = '.';
    memcpy(buf + *len, label, n);
    *len += n;
    return true;
}

#define NO_POINTER SIZE_MAX

/*
 * The labels at r up to the root or a pointer, whose offset it gives; r has
 * failed if they are malformed.
 */
static size_t
read_labels(struct reader *r, bool dots, char *buf, size_t *len)
{
    for (;;) {
        uint8_t n = reader_u8(r);
        const uint8_t *label;

        if ((n & 0xc0) == 0xc0)
            return (size_t)(n & 0x3f) << 8 | reader_u8(r);
        if (n == 0)
            return NO_POINTER;
        if (n > 63)
            reader_fail(r);
        label = reader_bytes(r, n);
        if (label == NULL)
            return NO_POINTER;
        if (!append_label(label, n, dots, buf, len))
            reader_fail(r);
    }
}

bool
dns_name_read(struct reader *r, size_t first, bool dots, char buf[static DNS_NAME_SIZE])
{
    size_t limit = r->pos, len = 0, to;
    bool malformed;

    to = read_labels(r, dots, buf, &len);
    malformed = r->failed;
    /* Each pointer must be lower than the one before it, so this ends. */
    while (!malformed && to != NO_POINTER) {
        struct reader there;

        if (to < first || to >= limit)
            break;
        limit = to;
        there = reader_at(r, to, r->len - to);
        to = read_labels(&there, dots, buf, &len);
        malformed = there.failed;
    }
    buf[len] = '\0';
    if (malformed || to != NO_POINTER || !text_ok(buf, len)) {
        reader_fail(r);
        buf[0] = '\0';
        return false;
    }
    return true;
}
