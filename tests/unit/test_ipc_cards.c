/* daemon/ipc: the messages about smart cards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/only_whole.h"

static uint8_t packet[CHANNEL_PACKET_MAX];

static struct sid
alice(void)
{
    struct sid sid;

    assert_true(sid_parse("S-1-5-21-1-2-3-1104", &sid));
    return sid;
}

static struct ipc_card_key
a_key(uint8_t n)
{
    struct ipc_card_key key;

    memset(key.token, n, sizeof(key.token));
    memset(key.hash, n + 1, sizeof(key.hash));
    return key;
}

static void
job_with_card_round_trip(void **state)
{
    struct ipc_job in = { .job = 3, .with_card = true, .principal = "alice", .dc = { .address = "10.0.0.1" } };
    const size_t with_card = 1 + 4 + 4 + 5 + 4 + 4 + 1 + 1;
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_job out;

    (void)state;
    in.card = a_key(7);
    in.user = alice();
    in.uid = 201103;
    for (int pin_pad = 0; pin_pad <= 1; pin_pad++) {
        in.pin_pad = pin_pad;
        w = writer_init(packet, sizeof(packet));
        ipc_put_job(&w, &in);
        assert_true(ipc_get_job(packet, w.len, &out));
        assert_true(out.with_card);
        assert_int_equal(out.pin_pad, pin_pad);
        assert_memory_equal(&out.card, &in.card, sizeof(in.card));
        assert_true(sid_equal(&out.user, &in.user));
        assert_int_equal(out.uid, 201103);
        assert_string_equal(out.dc.address, "10.0.0.1");
        ONLY_WHOLE(w.len, ipc_get_job(packet, n, &out));
    }
    /* No bools; a card that is not announced. */
    packet[with_card + 1] = 2;
    assert_false(ipc_get_job(packet, w.len, &out));
    packet[with_card + 1] = 1;
    packet[with_card] = 2;
    assert_false(ipc_get_job(packet, w.len, &out));
    packet[with_card] = 0;
    assert_false(ipc_get_job(packet, w.len, &out));
}

static struct ipc_cards two_cards = {
    .job = 7,
    .n = 2,
    .cards = { { .token = "Token", .name = "J\xc3\xbcrgen", .issuer = "Corp CA", .not_after = 1800000000,
                 .upn = "alice@corp.test", .pin_last_try = true },
               { .token = "T", .name = "B", .pin_pad = true, .pin_locked = true } },
};

static size_t
put_cards(const struct ipc_cards *m)
{
    struct writer w = writer_init(packet, sizeof(packet));

    ipc_put_cards(&w, m);
    assert_true(writer_ok(&w));
    return w.len;
}

static void
cards_round_trip(void **state)
{
    struct ipc_cards out;
    size_t len;

    (void)state;
    two_cards.cards[0].key = a_key(1);
    two_cards.cards[1].key = a_key(3);
    len = put_cards(&two_cards);
    assert_true(ipc_get_cards(packet, len, &out));
    assert_int_equal(out.job, 7);
    assert_int_equal(out.n, 2);
    assert_memory_equal(&out.cards[0].key, &two_cards.cards[0].key, sizeof(out.cards[0].key));
    assert_string_equal(out.cards[0].token, "Token");
    assert_string_equal(out.cards[0].name, "J\xc3\xbcrgen");
    assert_string_equal(out.cards[0].issuer, "Corp CA");
    assert_true(out.cards[0].not_after == 1800000000);
    assert_string_equal(out.cards[0].upn, "alice@corp.test");
    assert_true(out.cards[0].pin_last_try && !out.cards[0].pin_pad && !out.cards[0].pin_locked);
    assert_true(out.cards[1].pin_pad && out.cards[1].pin_locked && !out.cards[1].pin_last_try);
    assert_string_equal(out.cards[1].issuer, "");
    ONLY_WHOLE(len, ipc_get_cards(packet, n, &out));
    /* Why there is none, and only then. */
    for (uint32_t err = 0; err < 60; err++) {
        const struct ipc_cards none = { .job = 7, .unfit = err };
        bool is_why = err == ERR_NO_CARD || (err >= ERR_CARD_FAILED && err <= ERR_CARD_UNTRUSTED) ||
                      err == ERR_CARD_NOT_SET_UP;

        if (ipc_get_cards(packet, put_cards(&none), &out) != is_why)
            fail_msg("unfit, for %s", err_name(err));
    }
}

/* One byte of two_cards replaced: the first card's fields, from their lengths on. */
static void
cards_are_checked(void **state)
{
    enum { HEAD = 13, KEY = 128, TOKEN = HEAD + KEY, NAME = TOKEN + 9, ISSUER = NAME + 11, AFTER = ISSUER + 11,
           UPN = AFTER + 8, PAD = UPN + 19, NEXT = PAD + 3, TOKEN2 = NEXT + KEY };
    static const struct {
        size_t at;
        uint8_t value;
        const char *why;
    } spoilt[] = {
        { 5, ERR_NO_CARD, "cards, and that there are none" },
        { 9, 0, "cards that are not announced" },
        { 9, 1, "a card that is not announced" },
        { 9, 3, "a card that is not there" },
        { 9, IPC_CARDS_MAX + 1, "too many" },
        { 12, 0x80, "two thousand million" },
        { TOKEN, 6, "a token that ends late" },
        { TOKEN + 4, 0, "a NUL in the token" },
        { TOKEN + 4, 0x1b, "an escape in the token" },
        { TOKEN + 1, 1, "a token that is too long" },
        { NAME + 4, '\n', "a line's end in the name" },
        { NAME + 6, 'x', "half a character in the name" },
        { ISSUER + 4, 0x7f, "a control character in the issuer" },
        { UPN + 4, '\r', "a control character in the UPN" },
        { PAD, 2, "a bool of 2" },
        { PAD + 1, 2, "a bool of 2" },
        { PAD + 2, 0xff, "a bool of 255" },
        { TOKEN2, 0, "no token" },
    };
    struct ipc_cards out, nobody = two_cards;

    (void)state;
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        size_t len = put_cards(&two_cards);

        assert_true(packet[spoilt[i].at] != spoilt[i].value);
        packet[spoilt[i].at] = spoilt[i].value;
        if (ipc_get_cards(packet, len, &out))
            fail_msg("%s", spoilt[i].why);
    }
    nobody.cards[1].name[0] = '\0';
    assert_false(ipc_get_cards(packet, put_cards(&nobody), &out));
    nobody = two_cards;
    nobody.cards[0].token[0] = '\0';
    assert_false(ipc_get_cards(packet, put_cards(&nobody), &out));
}

static void
a_look_has_a_number(void **state)
{
    struct writer w = writer_init(packet, sizeof(packet));
    uint32_t job;

    (void)state;
    ipc_put_number(&w, IPC_LOOK, 7);
    assert_true(ipc_get_number(packet, w.len, IPC_LOOK, &job));
    assert_int_equal(job, 7);
    ONLY_WHOLE(w.len, ipc_get_number(packet, n, IPC_LOOK, &job));
    assert_false(ipc_get_cards(packet, w.len, &(struct ipc_cards){ 0 }));
    assert_false(ipc_get_job(packet, w.len, &(struct ipc_job){ 0 }));
}

static void
watched_cards_round_trip(void **state)
{
    static struct ipc_watch in = { .n = 2 }, out;
    struct ipc_card_is card = { .there = true }, card_out;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    memset(in.cards[0].token, 1, sizeof(in.cards[0].token));
    memset(in.cards[1].token, 2, sizeof(in.cards[1].token));
    in.cards[1].gone = true;
    ipc_put_watch(&w, &in);
    assert_true(ipc_get_watch(packet, w.len, &out));
    assert_int_equal(out.n, 2);
    assert_memory_equal(out.cards, in.cards, 2 * sizeof(in.cards[0]));
    ONLY_WHOLE(w.len, ipc_get_watch(packet, n, &out));
    /* No bool, more than there are, more than there may be. */
    packet[w.len - 1] = 2;
    assert_false(ipc_get_watch(packet, w.len, &out));
    packet[w.len - 1] = 1;
    packet[1] = 3;
    assert_false(ipc_get_watch(packet, w.len, &out));
    packet[1] = IPC_WATCH_MAX + 1;
    assert_false(ipc_get_watch(packet, sizeof(packet), &out));
    memset(card.token, 3, sizeof(card.token));
    w = writer_init(packet, sizeof(packet));
    ipc_put_card_is(&w, &card);
    assert_true(ipc_get_card_is(packet, w.len, &card_out) && card_out.there);
    assert_memory_equal(card_out.token, card.token, sizeof(card.token));
    ONLY_WHOLE(w.len, ipc_get_card_is(packet, n, &card_out));
    packet[w.len - 1] = 2;
    assert_false(ipc_get_card_is(packet, w.len, &card_out));
}

static void
an_act_is_checked(void **state)
{
    static const struct {
        struct ipc_act act;
        bool good;
    } cases[] = {
        { { IPC_ACT_LOCK, 1000, 2 }, true },      { { IPC_ACT_TERMINATE, 200500, 4711 }, true },
        { { 0, 1000, 2 }, false },                { { 3, 1000, 2 }, false },
        { { IPC_ACT_LOCK, 0, 2 }, false },        { { IPC_ACT_LOCK, 999, 2 }, false },
        { { IPC_ACT_LOCK, UINT32_MAX, 2 }, false }, { { IPC_ACT_LOCK, 1000, 0 }, false },
        { { IPC_ACT_LOCK, 1000, 1 }, false },
    };
    struct ipc_acted acted = { .n = 2, .text = "Access denied" }, acted_out;
    struct ipc_act out;
    struct writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_act(&w, &cases[i].act);
        if (ipc_get_act(packet, w.len, &out) != cases[i].good)
            fail_msg("case %zu", i);
        ONLY_WHOLE(w.len, ipc_get_act(packet, n, &out));
    }
    w = writer_init(packet, sizeof(packet));
    ipc_put_acted(&w, &acted);
    assert_true(ipc_get_acted(packet, w.len, &acted_out));
    assert_int_equal(acted_out.n, 2);
    assert_string_equal(acted_out.text, "Access denied");
    ONLY_WHOLE(w.len, ipc_get_acted(packet, n, &acted_out));
    /* What would forge a line of the log. */
    packet[w.len - 1] = '\n';
    assert_false(ipc_get_acted(packet, w.len, &acted_out));
}

static void
last_cards_round_trip(void **state)
{
    static struct ipc_last_cards in = { .n = 2, .cards = { { .uid = IPC_ANYBODY }, { .uid = PROTO_ID_MIN } } }, out;
    struct ipc_last_card one;
    struct writer w = writer_init(packet, sizeof(packet));

    (void)state;
    memset(in.cards[0].hash, 1, sizeof(in.cards[0].hash));
    memset(in.cards[1].hash, 2, sizeof(in.cards[1].hash));
    ipc_put_last_cards(&w, &in);
    assert_true(ipc_get_last_cards(packet, w.len, &out));
    assert_memory_equal(&out, &in, sizeof(out));
    ONLY_WHOLE(w.len, ipc_get_last_cards(packet, n, &out));
    for (size_t i = 0; i < 2; i++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_last_card(&w, &in.cards[i]);
        assert_true(ipc_get_last_card(packet, w.len, &one));
        assert_memory_equal(&one, &in.cards[i], sizeof(one));
        ONLY_WHOLE(w.len, ipc_get_last_card(packet, n, &one));
        assert_false(ipc_get_last_cards(packet, w.len, &out));
    }
    /* None, and as many as there may be. */
    for (in.n = 0; in.n <= IPC_LAST_CARDS_MAX; in.n += IPC_LAST_CARDS_MAX) {
        for (uint32_t i = 0; i < in.n; i++)
            in.cards[i].uid = PROTO_ID_MIN + i;
        w = writer_init(packet, sizeof(packet));
        ipc_put_last_cards(&w, &in);
        assert_true(ipc_get_last_cards(packet, w.len, &out));
        assert_int_equal(out.n, in.n);
        assert_memory_equal(out.cards, in.cards, in.n * sizeof(in.cards[0]));
    }
}

/* One byte of two cards' message replaced. */
static void
last_cards_are_checked(void **state)
{
    enum { CARD = 4 + IPC_HASH_BYTES, FIRST = 5, SECOND = FIRST + CARD };
    static const struct {
        size_t at;
        uint8_t value;
        const char *why;
    } spoilt[] = {
        { 0, IPC_LAST_CARD, "another message" },
        { 1, 0, "cards that are not announced" },
        { 1, 1, "a card that is not announced" },
        { 1, 3, "a card that is not there" },
        { 1, IPC_LAST_CARDS_MAX + 1, "too many" },
        { 4, 0x80, "two thousand million" },
        { FIRST + 1, 0x03, "the last id of the system's" },
        { SECOND + 1, 0, "an id of the system's" },
    };
    static const struct ipc_last_cards two = { .n = 2, .cards = { { .uid = 0x4e7 }, { .uid = 0x3e8 } } };
    static struct ipc_last_cards out;
    struct ipc_last_card one = { .uid = PROTO_ID_MIN - 1 };
    struct writer w;

    (void)state;
    for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
        w = writer_init(packet, sizeof(packet));
        ipc_put_last_cards(&w, &two);
        assert_true(ipc_get_last_cards(packet, w.len, &out));
        assert_true(packet[spoilt[i].at] != spoilt[i].value);
        packet[spoilt[i].at] = spoilt[i].value;
        if (ipc_get_last_cards(packet, w.len, &out))
            fail_msg("%s", spoilt[i].why);
    }
    w = writer_init(packet, sizeof(packet));
    ipc_put_last_card(&w, &one);
    assert_false(ipc_get_last_card(packet, w.len, &one));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(job_with_card_round_trip),
        cmocka_unit_test(cards_round_trip),
        cmocka_unit_test(cards_are_checked),
        cmocka_unit_test(a_look_has_a_number),
        cmocka_unit_test(watched_cards_round_trip),
        cmocka_unit_test(an_act_is_checked),
        cmocka_unit_test(last_cards_round_trip),
        cmocka_unit_test(last_cards_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
