/* Which certificates people have logged on with last. */
#include <string.h>

#include "lib/proto/proto.h"
#include "lib/store/store_db.h"

static bool
trim(struct store *s)
{
    struct query q = query_init(s, STMT_TRIM_CARDS);

    query_put_int(&q, 1, STORE_CARDS_MAX);
    return query_run(&q);
}

bool
store_put_card(struct store *s, const struct store_card *c)
{
    struct query q;

    if (!store_has_cards(s) || (!store_id_ok(c->uid) && c->uid != STORE_ANYBODY) || !store_change_begin(s))
        return false;
    q = query_init(s, STMT_PUT_CARD);
    query_put_int(&q, 1, c->uid);
    query_put_blob(&q, 2, c->hash, sizeof(c->hash));
    return store_change_end(s, query_run(&q) && trim(s));
}

size_t
store_cards(struct store *s, struct store_card cards_out[static STORE_CARDS_MAX])
{
    struct query q;
    bool malformed = false;
    size_t n = 0;

    if (!store_has_cards(s))
        return 0;
    q = query_init(s, STMT_CARDS);
    while (n < STORE_CARDS_MAX && query_row(&q)) {
        size_t len;
        uint32_t uid = (uint32_t)query_int(&q, 0, PROTO_ID_MIN, STORE_ANYBODY);
        const uint8_t *hash = query_blob(&q, 1, &len);

        if (!q.malformed && len == STORE_HASH_BYTES) {
            cards_out[n].uid = uid;
            memcpy(cards_out[n].hash, hash, STORE_HASH_BYTES);
            n++;
        } else {
            malformed = true;
        }
        q.malformed = false;
    }
    q.malformed = malformed;
    (void)query_done(&q);
    return n;
}
