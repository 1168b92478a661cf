/*
 * lib/cached: a user's file, however it was damaged.  What is accepted must be
 * written again to the same bytes.  No damage fits its hash, so the input is
 * also taken for what stands before one.
 */
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/cached/cached.h"

static const struct sid user = { .n_subs = 5, .authority = 5, .subs = { 21, 1, 2, 3, 1104 } };

static void
require_same(const struct cached_cards *cards, const uint8_t *body, size_t len)
{
    uint8_t *again = malloc(len);
    struct writer w = writer_init(again, len);
    char text[SID_TEXT_MAX];

    FUZZ_REQUIRE(again != NULL && cards->n >= 1 && cards->n <= CACHED_CARDS_MAX);
    writer_bytes(&w, "authsodc", 8);
    writer_u32(&w, 1);
    writer_str(&w, sid_text(&user, text));
    writer_u32(&w, cards->n);
    for (uint32_t i = 0; i < cards->n; i++) {
        const struct cached_card *card = &cards->cards[i];

        FUZZ_REQUIRE(card->taken >= 0 && card->der_len >= 1 && card->der_len <= CACHED_CERTIFICATE_MAX);
        writer_u64(&w, (uint64_t)card->taken);
        writer_strn(&w, (const char *)card->der, card->der_len);
    }
    FUZZ_REQUIRE(writer_ok(&w) && w.len == len && memcmp(again, body, len) == 0);
    free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    uint8_t *whole = malloc(size + CACHED_HASH_BYTES);
    struct cached_cards *cards = cached_parse(mem, &user, data, size);

    if (cards != NULL)
        require_same(cards, data, size - CACHED_HASH_BYTES);
    FUZZ_REQUIRE(whole != NULL);
    if (size > 0)
        memcpy(whole, data, size);
    FUZZ_REQUIRE(EVP_Digest(data, size, whole + size, NULL, EVP_sha256(), NULL) == 1);
    cards = cached_parse(mem, &user, whole, size + CACHED_HASH_BYTES);
    if (cards != NULL)
        require_same(cards, data, size);
    free(whole);
    talloc_free(mem);
    return 0;
}
