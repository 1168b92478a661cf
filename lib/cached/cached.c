#include "lib/cached/cached.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "lib/cached/cached_private.h"

#define FRESH_SECONDS 3600

static bool
hash_of(const uint8_t *bytes, size_t len, uint8_t hash[static CACHED_HASH_BYTES])
{
    return EVP_Digest(bytes, len, hash, NULL, EVP_sha256(), NULL) == 1;
}

static bool
is_card(const struct cached_card *card, const uint8_t *der, size_t len)
{
    return card->der_len == len && memcmp(card->der, der, len) == 0;
}

/* One certificate. Of those before it it must be none. */
static bool
parse_card(struct reader *r, struct cached_cards *cards)
{
    struct cached_card *card = &cards->cards[cards->n];
    uint64_t taken = reader_u64(r);

    card->der_len = reader_u32(r);
    if (taken > INT64_MAX || card->der_len == 0 || card->der_len > CACHED_CERTIFICATE_MAX)
        return false;
    card->taken = (int64_t)taken;
    card->der = reader_bytes(r, card->der_len);
    if (card->der == NULL)
        return false;
    for (uint32_t i = 0; i < cards->n; i++) {
        if (is_card(&cards->cards[i], card->der, card->der_len))
            return false;
    }
    cards->n++;
    return true;
}

/* All but the hash; certificates are aliases into r. */
static bool
parse_body(struct reader *r, const struct sid *user, struct cached_cards *cards)
{
    char of_user[SID_TEXT_MAX], said[SID_TEXT_MAX];
    const uint8_t *magic = reader_bytes(r, CACHED_MAGIC_BYTES);
    uint32_t n;

    if (magic == NULL || memcmp(magic, CACHED_MAGIC, CACHED_MAGIC_BYTES) != 0 || reader_u32(r) != CACHED_VERSION ||
        !reader_str_copy(r, said, sizeof(said)) || strcmp(said, sid_text(user, of_user)) != 0)
        return false;
    n = reader_u32(r);
    if (n == 0 || n > CACHED_CARDS_MAX)
        return false;
    while (cards->n < n) {
        if (!parse_card(r, cards))
            return false;
    }
    return reader_done(r);
}

/* Takes the bytes, a talloc'd block, for itself. */
static struct cached_cards *
parse_owned(TALLOC_CTX *mem, const struct sid *user, uint8_t *bytes, size_t len)
{
    struct cached_cards *cards = NULL;
    uint8_t hash[CACHED_HASH_BYTES];
    struct reader r;
    int error = EBADMSG;

    if (len <= CACHED_HASH_BYTES || len > CACHED_FILE_MAX)
        goto done;
    error = ENOMEM;
    cards = talloc_zero(mem, struct cached_cards);
    if (cards == NULL || !hash_of(bytes, len - CACHED_HASH_BYTES, hash))
        goto done;
    r = reader_init(bytes, len - CACHED_HASH_BYTES);
    error = EBADMSG;
    if (memcmp(hash, bytes + r.len, CACHED_HASH_BYTES) == 0 && parse_body(&r, user, cards))
        error = 0;

done:
    if (error == 0) {
        (void)talloc_steal(cards, bytes);
        return cards;
    }
    talloc_free(cards);
    talloc_free(bytes);
    errno = error;
    return NULL;
}

struct cached_cards *
cached_parse(TALLOC_CTX *mem, const struct sid *user, const uint8_t *bytes, size_t len)
{
    uint8_t *copy;

    if (len == 0 || len > CACHED_FILE_MAX) {
        errno = EBADMSG;
        return NULL;
    }
    copy = talloc_memdup(mem, bytes, len);
    if (copy == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    return parse_owned(mem, user, copy, len);
}

struct cached_cards *
cached_read(int folder, TALLOC_CTX *mem, const struct sid *user)
{
    char name[SID_TEXT_MAX];
    size_t len;
    uint8_t *bytes = cached_load(folder, mem, sid_text(user, name), &len);

    return bytes == NULL ? NULL : parse_owned(mem, user, bytes, len);
}

/* As cached_replace, the user's file. */
static bool
put(int folder, TALLOC_CTX *mem, const struct sid *user, const struct cached_cards *cards)
{
    uint8_t *bytes = talloc_size(mem, CACHED_FILE_MAX);
    struct writer w = writer_init(bytes, bytes == NULL ? 0 : CACHED_FILE_MAX - CACHED_HASH_BYTES);
    char name[SID_TEXT_MAX];

    writer_bytes(&w, CACHED_MAGIC, CACHED_MAGIC_BYTES);
    writer_u32(&w, CACHED_VERSION);
    writer_str(&w, sid_text(user, name));
    writer_u32(&w, cards->n);
    for (uint32_t i = 0; i < cards->n; i++) {
        writer_u64(&w, (uint64_t)cards->cards[i].taken);
        writer_u32(&w, (uint32_t)cards->cards[i].der_len);
        writer_bytes(&w, cards->cards[i].der, cards->cards[i].der_len);
    }
    if (!writer_ok(&w) || !hash_of(bytes, w.len, bytes + w.len)) {
        errno = ENOMEM;
        return false;
    }
    return cached_replace(folder, name, bytes, w.len + CACHED_HASH_BYTES);
}

/* A time in the future is of a clock that was set back since. */
static bool
says_so_already(const struct cached_cards *cards, const uint8_t *der, size_t len, int64_t now)
{
    const struct cached_card *first = &cards->cards[0];

    return is_card(first, der, len) && first->taken <= now && now - first->taken < FRESH_SECONDS;
}

bool
cached_take(int folder, const struct sid *user, const uint8_t *der, size_t len, int64_t now)
{
    struct cached_cards *old, fresh = { .n = 1, .cards = { { .taken = now, .der = der, .der_len = len } } };
    TALLOC_CTX *tmp = NULL;
    bool good = false;
    int error = EINVAL;

    if (len == 0 || len > CACHED_CERTIFICATE_MAX || now < 0)
        goto done;
    error = ENOMEM;
    tmp = talloc_new(NULL);
    if (tmp == NULL)
        goto done;
    old = cached_read(folder, tmp, user);
    error = errno;
    if (old == NULL && error != ENOENT && error != EBADMSG)
        goto done;
    good = old != NULL && says_so_already(old, der, len, now);
    if (good)
        goto done;
    for (uint32_t i = 0; old != NULL && i < old->n && fresh.n < CACHED_CARDS_MAX; i++) {
        if (!is_card(&old->cards[i], der, len))
            fresh.cards[fresh.n++] = old->cards[i];
    }
    good = put(folder, tmp, user, &fresh);
    error = errno;
    if (good && old == NULL)
        cached_trim(folder, user);

done:
    talloc_free(tmp);
    errno = error;
    return good;
}

/*
 * What is left without the certificate of that hash.  One whose hash cannot be
 * made may be it.
 */
static struct cached_cards
others(const struct cached_cards *cards, const uint8_t hash[static CACHED_HASH_BYTES])
{
    struct cached_cards left = { .n = 0 };
    uint8_t own[CACHED_HASH_BYTES];

    for (uint32_t i = 0; i < cards->n; i++) {
        const struct cached_card *card = &cards->cards[i];

        if (hash_of(card->der, card->der_len, own) && memcmp(own, hash, CACHED_HASH_BYTES) != 0)
            left.cards[left.n++] = *card;
    }
    return left;
}

bool
cached_forget(int folder, const struct sid *user, const uint8_t hash[CACHED_HASH_BYTES])
{
    TALLOC_CTX *tmp = hash == NULL ? NULL : talloc_new(NULL);
    struct cached_cards *cards = tmp == NULL ? NULL : cached_read(folder, tmp, user), left = { .n = 0 };
    char name[SID_TEXT_MAX];
    bool kept = false;

    if (cards != NULL) {
        left = others(cards, hash);
        kept = left.n == cards->n || (left.n > 0 && put(folder, tmp, user, &left));
    }
    talloc_free(tmp);
    return kept || unlinkat(folder, sid_text(user, name), 0) == 0 || errno == ENOENT;
}
