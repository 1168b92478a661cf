/*
 * Conversations with a smart card: whether one is used, which certificate it
 * is, and how its PIN is asked for.  A choice is read here; a PIN never is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/front.h"
#include "lib/base/log.h"
#include "lib/base/visible.h"
#include "lib/proto/client.h"

static bool
is_nameless(const struct conversation *c)
{
    return c->begin.user[0] == '\0';
}

/* What the PAM file says goes before what the configuration says. */
static bool
is_wanted(const struct front *f, const struct conversation *c)
{
    switch (c->begin.card) {
    case PROTO_CARD_NEVER:
        return false;
    case PROTO_CARD_TRY:
    case PROTO_CARD_REQUIRE:
    case PROTO_CARD_ONLY:
        return true;
    case PROTO_CARD_DEFAULT:
        break;
    }
    return f->config->smartcard != CONFIG_SMARTCARD_OFF;
}

/* The readers are this computer's, and without an authority that is trusted no card is. */
static bool
can_be_used(const struct front *f, const struct conversation *c)
{
    return c->begin.rhost[0] == '\0' && f->config->anchors[0] != NULL;
}

bool
front_card_is_needed(const struct front *f, const struct conversation *c)
{
    switch (c->begin.card) {
    case PROTO_CARD_REQUIRE:
    case PROTO_CARD_ONLY:
        return true;
    case PROTO_CARD_DEFAULT:
    case PROTO_CARD_NEVER: /* a password that is there already is none the more a card */
        return f->config->smartcard == CONFIG_SMARTCARD_REQUIRE && can_be_used(f, c);
    case PROTO_CARD_TRY:
        break;
    }
    return false;
}

/* No card: err says why, to those who need one. */
static void
go_without(struct front *f, struct conversation *c, enum err err)
{
    if (front_card_is_needed(f, c))
        front_pam_end(f, c, err == ERR_NO_CARD && c->begin.card == PROTO_CARD_ONLY ? ERR_NOT_OURS : err, false, NULL);
    else if (is_nameless(c))
        front_pam_end(f, c, ERR_NOT_OURS, false, NULL);
    else
        front_pam_ask_password(f, c);
}

/*
 * A card may be needed that cannot be used.  Who comes over the network is
 * asked for a password all the same, or the silence would tell him which names
 * are worth guessing for.
 */
static void
not_used(struct front *f, struct conversation *c)
{
    if (c->begin.card == PROTO_CARD_REQUIRE && c->begin.rhost[0] != '\0' && !is_nameless(c))
        front_pam_ask_password(f, c);
    else if (c->begin.card == PROTO_CARD_REQUIRE)
        front_pam_end(f, c, c->begin.rhost[0] != '\0' ? ERR_CARD_REQUIRED : ERR_CARD_NOT_SET_UP, false, NULL);
    else
        go_without(f, c, c->begin.card == PROTO_CARD_NEVER ? ERR_CARD_UNASKED : ERR_NO_CARD);
}

/*
 * An unprivileged user has one card worker, or waits for one: there are only
 * four, a look can take seconds and a PIN at the reader as long as somebody
 * takes to type it, so without this he alone would keep everybody else's
 * waiting.  For a logon another one's look is soon over, and does not count.
 */
static bool
has_his_share(const struct front *f, const struct conversation *c)
{
    bool look = c->state != CONVERSATION_QUEUED;

    if (c->peer.uid == 0)
        return false;
    for (const struct conversation *o = f->conversations; o != NULL; o = o->next) {
        bool works = (look && o->state == CONVERSATION_LOOK) ||
                     (o->card != NULL && (o->state == CONVERSATION_QUEUED || o->state == CONVERSATION_RUNNING));

        if (o != c && o->peer.uid == c->peer.uid && works)
            return true;
    }
    return false;
}

void
front_card_begin(struct front *f, struct conversation *c)
{
    static const struct proto_order wait = { .type = PROTO_WAIT };

    if (!is_wanted(f, c) || !can_be_used(f, c)) {
        not_used(f, c);
    } else if (f->stopping) {
        front_pam_end(f, c, ERR_NO_SERVICE, false, NULL);
    } else if (has_his_share(f, c)) {
        go_without(f, c, ERR_CARD_BUSY);
    } else {
        front_pam_order(c, &wait);
        c->state = CONVERSATION_LOOK;
        front_pool_run(f, c);
    }
}

void
front_card_unseen(struct front *f, struct conversation *c, enum err err)
{
    if (c->gone)
        front_pam_free(f, c);
    else
        go_without(f, c, err);
}

/* Whose choice it is: without a name everybody's who sits here, and an unprivileged program's its own user's. */
static uint32_t
chooser(const struct conversation *c)
{
    if (!is_nameless(c))
        return c->who.uid;
    return c->peer.uid == 0 ? IPC_ANYBODY : c->peer.uid;
}

/* What list has of uid; else the place for it: a free one, or the oldest. */
static struct last_card *
last_of(struct last_card list[static FRONT_LAST_CARDS], uint32_t uid)
{
    struct last_card *place = &list[0];

    for (size_t i = 0; i < FRONT_LAST_CARDS; i++) {
        struct last_card *l = &list[i];

        if (l->at != 0 && l->uid == uid)
            return l;
        if (l->at < place->at)
            place = l;
    }
    return place;
}

static void
remember(struct last_card list[static FRONT_LAST_CARDS], uint32_t uid, const struct ipc_card *card)
{
    struct last_card *l = last_of(list, uid);

    l->uid = uid;
    memcpy(l->hash, card->key.hash, sizeof(l->hash));
    l->at = front_clock();
}

static bool
is_last(struct last_card list[static FRONT_LAST_CARDS], uint32_t uid, const struct ipc_card *card)
{
    const struct last_card *l = last_of(list, uid);

    return l->at != 0 && l->uid == uid && memcmp(l->hash, card->key.hash, sizeof(l->hash)) == 0;
}

/* For the next time that the computer is started. Where directory is not there, this one has it still. */
static void
keep(struct front *f, uint32_t uid, const struct ipc_card *card)
{
    struct ipc_last_card m = { .uid = uid };
    uint8_t packet[64];
    struct writer w = writer_init(packet, sizeof(packet));

    memcpy(m.hash, card->key.hash, sizeof(m.hash));
    ipc_put_last_card(&w, &m);
    (void)front_ask(f, &w, false);
}

void
front_card_used(struct front *f, const struct conversation *c)
{
    if (c->card == NULL || c->old_ids)
        return;
    remember(f->last_cards, c->who.uid, c->card);
    remember(f->used_cards, c->who.uid, c->card);
    keep(f, c->who.uid, c->card);
    /* Who gave no name has chosen it, too, where there was a choice. */
    if (chooser(c) != c->who.uid && is_last(f->last_cards, chooser(c), c->card))
        keep(f, chooser(c), c->card);
}

void
front_card_forget(struct front *f)
{
    memset(f->last_cards, 0, sizeof(f->last_cards));
    memset(f->used_cards, 0, sizeof(f->used_cards));
    for (struct conversation *c = f->conversations; c != NULL; c = c->next)
        c->old_ids = true;
}

/*
 * directory reads what the network sends, so this may be a lie: it orders a
 * list that a person sees whole, and is kept out of used_cards.  What we know
 * ourselves is newer, and stays.
 */
bool
front_card_told(struct front *f, const uint8_t *packet, size_t len)
{
    static struct ipc_last_cards m;

    if (!ipc_get_last_cards(packet, len, &m))
        return false;
    for (uint32_t i = 0; i < m.n; i++) {
        struct last_card *l = last_of(f->last_cards, m.cards[i].uid);

        if (l->at != 0)
            continue;
        l->uid = m.cards[i].uid;
        memcpy(l->hash, m.cards[i].hash, sizeof(l->hash));
        l->at = (int64_t)(m.n - i); /* older than any of ours, in their order */
    }
    return true;
}

/* The one that was chosen last comes first. */
static void
put_last_first(struct front *f, const struct conversation *c, struct ipc_cards *cards)
{
    const struct last_card *l = last_of(f->last_cards, chooser(c));
    struct ipc_card card;

    if (l->at == 0 || l->uid != chooser(c))
        return;
    for (uint32_t i = 0; i < cards->n; i++) {
        if (memcmp(cards->cards[i].key.hash, l->hash, sizeof(l->hash)) != 0)
            continue;
        card = cards->cards[i];
        memmove(&cards->cards[1], &cards->cards[0], i * sizeof(card));
        cards->cards[0] = card;
        return;
    }
}

/* "2027-05-01"; "" for what is no time of a calendar. */
static void
put_date(int64_t t, char out[static 16])
{
    time_t when = (time_t)t;
    struct tm tm;

    out[0] = '\0';
    if (gmtime_r(&when, &tm) != NULL && tm.tm_year >= 0 && tm.tm_year < 9999 - 1900)
        (void)strftime(out, 16, "%Y-%m-%d", &tm);
}

/* With the issuer where another one has the same name, token and date. */
static void
describe(const struct ipc_cards *cards, uint32_t i, char out[static 256])
{
    const struct ipc_card *card = &cards->cards[i];
    char name[sizeof(card->name)], issuer[97], date[16], other[16];
    bool twin = false;

    put_date(card->not_after, date);
    for (uint32_t k = 0; k < cards->n; k++) {
        put_date(cards->cards[k].not_after, other);
        twin = twin || (k != i && strcmp(cards->cards[k].name, card->name) == 0 &&
                        strcmp(cards->cards[k].token, card->token) == 0 && strcmp(other, date) == 0);
    }
    /* What people are told is cut between characters, so that all has room. */
    (void)visible_text(name, twin ? 65 : sizeof(name), card->name);
    (void)visible_text(issuer, sizeof(issuer), twin ? card->issuer : "");
    (void)snprintf(out, 256, "%s (%s%s%s%s%s)", name, card->token, issuer[0] != '\0' ? ", " : "", issuer,
                   date[0] != '\0' ? ", " : "", date);
}

static void
ask_which(struct front *f, struct conversation *c, const struct ipc_cards *cards)
{
    struct proto_order ask = { .type = PROTO_ASK, .how = PROTO_HOW_CHOICE, .code = PROMPT_CERTIFICATE };

    c->cards = talloc_memdup(c, cards, sizeof(*cards));
    if (c->cards == NULL) {
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
        return;
    }
    put_last_first(f, c, c->cards);
    ask.n_values = c->cards->n;
    for (uint32_t i = 0; i < c->cards->n; i++)
        describe(c->cards, i, ask.values[i]);
    front_pam_ask(f, c, &ask, CONVERSATION_CHOICE);
}

/* It would refuse every PIN. */
static void
locked(struct front *f, struct conversation *c)
{
    static const struct proto_order say = { .type = PROTO_SAY, .is_error = true, .code = ERR_PIN_LOCKED };

    if (!front_card_is_needed(f, c)) {
        TALLOC_FREE(c->card);
        front_pam_order(c, &say);
    }
    go_without(f, c, ERR_PIN_LOCKED);
}

/*
 * May its PIN be tried?  Each wrong one brings the card nearer to its end, and
 * who runs a program here, by ssh for example, need not have put it in: so an
 * unprivileged program is asked for the PIN of a card only if that is his.  That
 * somebody has chosen it says nothing of whose it is; a logon does, if we have
 * seen it ourselves: the store's word for it is directory's.
 */
static bool
may_try(struct front *f, const struct conversation *c)
{
    return !is_nameless(c) && (c->peer.uid == 0 || is_last(f->used_cards, c->peer.uid, c->card));
}

void
front_card_not_his(struct front *f, struct conversation *c, enum err err)
{
    if (!is_nameless(c) && !front_card_is_needed(f, c)) {
        TALLOC_FREE(c->card);
        front_pam_ask_password(f, c);
    } else {
        front_pam_end(f, c, err, false, NULL);
    }
}

/* The certificate is settled: whose is it? */
static void
take_card(struct front *f, struct conversation *c, const struct ipc_card *card)
{
    c->card = talloc_memdup(c, card, sizeof(*card));
    TALLOC_FREE(c->cards);
    if (c->card == NULL)
        front_pam_end(f, c, ERR_INTERNAL, false, NULL);
    else if (c->card->pin_locked)
        locked(f, c);
    else if (may_try(f, c))
        front_card_ask_pin(f, c);
    else if (c->card->upn[0] != '\0')
        front_pam_who(f, c, c->card->upn);
    else if (!is_nameless(c))
        front_card_not_his(f, c, ERR_CARD_NOT_YOURS);
    else /* the module asks for the name, but where it takes nobody's but the card's */
        front_pam_end(f, c, c->begin.card == PROTO_CARD_ONLY ? ERR_CARD_UNFIT : ERR_NOT_OURS, false, NULL);
}

void
front_card_seen(struct front *f, struct conversation *c, const struct ipc_cards *cards)
{
    c->worker = NULL;
    if (cards == NULL) {
        log_set_logon(c->id);
        log_error("a card worker did not say what cards there are");
        log_set_logon(0);
    }
    if (c->gone)
        front_pam_free(f, c);
    else if (cards == NULL)
        go_without(f, c, ERR_CARD_FAILED);
    else if (cards->n == 0)
        go_without(f, c, (enum err)cards->unfit);
    else if (cards->n == 1)
        take_card(f, c, &cards->cards[0]);
    else
        ask_which(f, c, cards);
}

void
front_card_chosen(struct front *f, struct conversation *c)
{
    uint8_t packet[64];
    ssize_t n = recv(c->watch.fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);
    struct ipc_card card;
    unsigned place;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || (size_t)n > sizeof(packet) || !proto_get_choice(packet, (size_t)n, c->cards->n, &place)) {
        front_pam_end(f, c, ERR_CANCELLED, false, NULL);
        return;
    }
    card = c->cards->cards[place - 1];
    if (!c->old_ids)
        remember(f->last_cards, chooser(c), &card);
    take_card(f, c, &card);
}

void
front_card_ask_pin(struct front *f, struct conversation *c)
{
    struct proto_order order = { .type = PROTO_SAY, .code = NOTICE_PIN_LAST_TRY };

    if (c->card->pin_last_try)
        front_pam_order(c, &order);
    order.n_values = 1;
    (void)snprintf(order.values[0], sizeof(order.values[0]), "%s", c->card->token);
    if (!c->card->pin_pad) {
        order.type = PROTO_ASK;
        order.how = PROTO_HOW_SECRET;
        order.code = PROMPT_PIN;
        front_pam_ask(f, c, &order, CONVERSATION_ANSWER);
        return;
    }
    order.code = NOTICE_PIN_AT_READER;
    if (f->stopping) {
        front_pam_end(f, c, ERR_NO_SERVICE, false, NULL);
    } else if (front_pam_deaf(f, c)) {
        front_pam_order(c, &order);
        c->started = client_now();
        front_card_run(f, c);
    }
}

void
front_card_run(struct front *f, struct conversation *c)
{
    c->state = CONVERSATION_QUEUED; /* and no look any more */
    if (has_his_share(f, c))
        front_pam_end(f, c, ERR_CARD_BUSY, false, NULL);
    else
        front_pool_run(f, c);
}

const char *
front_card_text(const struct conversation *c, char *buf, size_t size)
{
    if (c->card == NULL)
        buf[0] = '\0';
    else
        (void)snprintf(buf, size, " by smart card (%s, issued by %s)", c->card->name,
                       c->card->issuer[0] != '\0' ? c->card->issuer : "?");
    return buf;
}
