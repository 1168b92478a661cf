/*
 * lib/directory: the values of entries.  First byte: which call; second: which
 * attribute has the rest as its value, beside others that are good.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/base/log.h"
#include "lib/directory/text.h"
#include "tests/unit/fake_directory.h"

static uint8_t good_sid[SID_BINARY_MAX];

static const char *const attributes[] = {
    "objectSid", "primaryGroupID", "sAMAccountName", "userPrincipalName", "displayName", "cn", "userAccountControl",
    "msDS-User-Account-Control-Computed", "lockoutTime", "accountExpires", "pwdLastSet",
    "msDS-UserPasswordExpiryTimeComputed", "logonHours", "tokenGroups", "memberOf",
};
#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static struct fake_value
good_value(size_t i)
{
    static const char *const texts[N_ATTRIBUTES] = { NULL, "513", "alice", "a@b", "Alice", "alice", "512",
                                                     "0",  "0",   "0",     "1",   "1", NULL, NULL,
                                                     "CN=x,DC=corp,DC=test" };

    if (texts[i] != NULL)
        return (struct fake_value){ attributes[i], texts[i], strlen(texts[i]) };
    return (struct fake_value){ attributes[i], good_sid, strcmp(attributes[i], "logonHours") == 0 ? 21 : 28 };
}

static void
call(struct directory *d, unsigned which)
{
    struct dir_group group = { .dn = "CN=x" }, *g = NULL;
    struct dir_user *u = NULL;
    struct sid *sids = NULL;
    const char **names = NULL;
    struct sid account = d->domain_sid;
    size_t n = 0;

    FUZZ_REQUIRE(sid_append(&account, 1103));
    switch (which % 5) {
    case 0:
        if (directory_user_by_sid(d, d, &d->domain_sid, &u) != ERR_OK)
            (void)directory_user_by_account(d, d, "alice", &u);
        if (u != NULL) {
            FUZZ_REQUIRE(sid_in_domain(&u->sid, &d->domain_sid) && u->primary_rid != 0);
            FUZZ_REQUIRE(text_ok(u->account, strlen(u->account)) && text_ok(u->upn, strlen(u->upn)));
            FUZZ_REQUIRE(text_ok(u->full_name, strlen(u->full_name)));
            FUZZ_REQUIRE(!u->state.must_change || !u->state.password_expired);
        }
        break;
    case 1:
        if (directory_group_by_account(d, d, "alice", &g) == ERR_OK)
            FUZZ_REQUIRE(text_ok(g->account, strlen(g->account)));
        break;
    case 2:
        if (directory_token_groups(d, d, "CN=x", &sids, &n) == ERR_OK)
            FUZZ_REQUIRE(n > 0);
        break;
    case 4:
        if (directory_resource_groups(d, d, &account, 1, &sids, &n) == ERR_OK) {
            FUZZ_REQUIRE(n <= 1);
            FUZZ_REQUIRE(n == 0 || sid_in_domain(&sids[0], &d->domain_sid));
        }
        break;
    default:
        if (directory_members(d, d, &group, 2, &names, &n) == ERR_OK)
            FUZZ_REQUIRE(n <= 2 && (n == 0 || text_ok(names[0], strlen(names[0]))));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_directory f;
    struct fake_value values[N_ATTRIBUTES + 1] = { { NULL, NULL, 0 } };

    if (size < 2 || size > 4096)
        return 0;
    log_init("fuzz_ldap", LOG_LEVEL_ALARM);
    (void)fake_sid(1103, good_sid, sizeof(good_sid));
    fake_directory_init(&f, 50);
    for (size_t i = 0; i < N_ATTRIBUTES; i++) {
        values[i] = good_value(i);
        if (i == data[1] % N_ATTRIBUTES)
            values[i] = (struct fake_value){ attributes[i], data + 2, size - 2 };
    }
    for (uint32_t id = 1; id <= 3; id++) {
        fake_entry(&f, id, "CN=alice,DC=corp,DC=test", values);
        fake_result(&f, id, 0, NULL);
    }
    fake_send(&f);
    call(f.d, data[0]);
    fake_directory_done(&f);
    return 0;
}
