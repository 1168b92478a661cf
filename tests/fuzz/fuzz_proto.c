/* lib/proto: each message of the local protocol. What is accepted must be written again to the same bytes. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#include "lib/proto/control.h"
#include "lib/proto/proto.h"

static uint8_t again[PROTO_PACKET_MAX];

static struct writer
begin(void)
{
    return writer_init(again, sizeof(again));
}

static void
same(const struct writer *w, const uint8_t *data, size_t size)
{
    FUZZ_REQUIRE(writer_ok(w) && w->len == size && memcmp(again, data, size) == 0);
}

static void
get(const uint8_t *data, size_t size)
{
    char name[PROTO_NAME_MAX + 1] = "";
    struct writer w = begin();
    struct proto_get g;

    if (!proto_get_get(data, size, &g))
        return;
    if (g.by == PROTO_BY_NAME)
        memcpy(name, g.name, g.name_len);
    proto_put_get(&w, g.kind, g.by, name, g.id);
    same(&w, data, size);
}

static void
begin_message(const uint8_t *data, size_t size)
{
    struct writer w = begin();
    struct proto_begin b;

    if (!proto_get_begin(data, size, &b))
        return;
    proto_put_begin(&w, &b);
    same(&w, data, size);
}

static void
answer(const uint8_t *data, size_t size)
{
    struct writer w = begin();
    const char *secret;
    size_t n;

    if (!proto_get_answer(data, size, &secret, &n))
        return;
    proto_put_answer(&w, secret, n);
    same(&w, data, size);
}

/* Which certificate, as front reads it. */
static void
choice(const uint8_t *data, size_t size)
{
    for (unsigned n = 1; n <= PROTO_VALUES_MAX + 4; n++) {
        struct writer w = begin();
        char text[8];
        unsigned place;

        if (!proto_get_choice(data, size, n, &place)) {
            FUZZ_REQUIRE(place == 0);
            continue;
        }
        FUZZ_REQUIRE(place >= 1 && place <= n);
        (void)snprintf(text, sizeof(text), "%u", place);
        proto_put_answer(&w, text, strlen(text));
        same(&w, data, size);
    }
}

static void
order(const uint8_t *data, size_t size)
{
    struct writer w = begin();
    struct proto_order o;

    if (!proto_get_order(data, size, &o))
        return;
    proto_put_order(&w, &o);
    same(&w, data, size);
}

static void
done(const uint8_t *data, size_t size)
{
    struct writer w = begin();
    struct proto_done d;

    if (!proto_get_done(data, size, &d))
        return;
    proto_put_done(&w, &d);
    same(&w, data, size);
}

static void
control(const uint8_t *data, size_t size)
{
    struct writer w = begin();
    enum control_request what;
    struct control_answer a;

    if (control_get_request(data, size, &what)) {
        control_put_request(&w, what);
        same(&w, data, size);
    }
    w = begin();
    if (control_get_answer(data, size, &a)) {
        control_put_answer(&w, (enum control_kind)a.kind, a.number, a.text);
        same(&w, data, size);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > PROTO_PACKET_MAX)
        return 0;
    (void)proto_peek(data, size);
    get(data, size);
    begin_message(data, size);
    answer(data, size);
    choice(data, size);
    order(data, size);
    done(data, size);
    control(data, size);
    return 0;
}
