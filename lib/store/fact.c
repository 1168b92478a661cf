/* What is known beside users and groups: facts and domains. */
#include "lib/store/store_db.h"

bool
store_put_fact(struct store *s, const char *key, const char *value)
{
    struct query q;

    if (!store_change_begin(s))
        return false;
    q = query_init(s, value[0] == '\0' ? STMT_DROP_FACT : STMT_PUT_FACT);
    query_put_text(&q, 1, key);
    if (value[0] != '\0')
        query_put_text(&q, 2, value);
    return store_change_end(s, query_run(&q));
}

char *
store_fact(struct store *s, TALLOC_CTX *mem, const char *key)
{
    struct query q = query_init(s, STMT_FACT);
    char *value = NULL;

    query_put_text(&q, 1, key);
    if (query_row(&q))
        value = talloc_strdup(mem, query_text(&q, 0));
    if (!query_done(&q))
        TALLOC_FREE(value);
    return value;
}

/* Gives the row of another SID that has the name dns a name of its own. */
static bool
clear_domain(struct store *s, const char *dns, const struct sid *sid)
{
    struct query q = query_init(s, STMT_CLEAR_DOMAIN);

    query_put_sid(&q, 1, sid);
    query_put_text(&q, 2, dns);
    return query_run(&q);
}

bool
store_put_domain(struct store *s, const char *dns, const char *netbios, const struct sid *sid)
{
    struct query q;

    if (dns[0] == '\0' || !store_change_begin(s))
        return false;
    if (!clear_domain(s, dns, sid))
        return store_change_end(s, false);
    q = query_init(s, STMT_PUT_DOMAIN);
    query_put_sid(&q, 1, sid);
    query_put_text(&q, 2, dns);
    query_put_text(&q, 3, netbios);
    return store_change_end(s, query_run(&q));
}

void
store_domains(struct store *s, store_domain_fn *fn, void *arg)
{
    struct query q = query_init(s, STMT_DOMAINS);
    bool malformed = false;

    while (query_row(&q)) {
        const char *dns = query_text(&q, 0), *netbios = query_text(&q, 1);
        struct sid sid = query_sid(&q, 2);

        if (!q.malformed)
            fn(arg, dns, netbios, &sid);
        malformed = malformed || q.malformed;
        q.malformed = false;
    }
    q.malformed = malformed;
    (void)query_done(&q);
}
