#include "lib/ndr/logon_info.h"

#include <stdlib.h>
#include <string.h>

#define ENCODING_VERSION 1
#define FILETIME_NEVER 0x7fffffffffffffffULL
#define FILETIME_PER_SECOND 10000000ULL
#define FILETIME_1970 11644473600LL /* seconds from 1601 to 1970 */
#define GROUP_BYTES_MIN 12          /* of a group's encoding: the shortest SID and the attributes */

/* S-1-18-2, SERVICE_ASSERTED_IDENTITY ([MS-DTYP] 2.4.2.4) */
static const struct sid service_asserted = { .n_subs = 1, .authority = 18, .subs = { 2 } };

int64_t
filetime_seconds(uint64_t filetime)
{
    int64_t seconds = (int64_t)(filetime / FILETIME_PER_SECOND) - FILETIME_1970;

    if (filetime == 0)
        return 0;
    if (filetime >= FILETIME_NEVER)
        return INT64_MAX;
    return seconds < 1 ? 1 : seconds;
}

bool
logon_group_is_active(const struct logon_group *g)
{
    return (g->attributes & (SE_GROUP_ENABLED | SE_GROUP_USE_FOR_DENY_ONLY)) == SE_GROUP_ENABLED;
}

bool
logon_info_is_machine(const struct logon_info *info)
{
    return (info->user_account_control & (USER_INTERDOMAIN_TRUST_ACCOUNT | USER_WORKSTATION_TRUST_ACCOUNT |
                                          USER_SERVER_TRUST_ACCOUNT)) != 0;
}

static int
group_compare(const void *a, const void *b)
{
    const struct logon_group *x = a, *y = b;

    return sid_compare(&x->sid, &y->sid);
}

static bool
add_primary(struct logon_info *info)
{
    struct logon_group primary = { .attributes = SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED };
    struct logon_group *groups;
    uint32_t rid;

    if (!sid_split(&info->user, &primary.sid, &rid) || !sid_is_domain(&primary.sid))
        return false;
    (void)sid_append(&primary.sid, info->primary_rid);
    for (size_t i = 0; i < info->n_groups; i++) {
        if (sid_equal(&info->groups[i].sid, &primary.sid))
            return true;
    }
    if (info->n_groups >= LOGON_GROUPS_MAX)
        return false;
    groups = talloc_realloc(info, info->groups, struct logon_group, (unsigned)info->n_groups + 1);
    if (groups == NULL)
        return false;
    groups[info->n_groups] = primary;
    info->groups = groups;
    info->n_groups++;
    return true;
}

static bool
has_group(const struct logon_info *info, const struct sid *sid)
{
    const struct logon_group key = { .sid = *sid };

    return bsearch(&key, info->groups, info->n_groups, sizeof(key), group_compare) != NULL;
}

bool
logon_info_keep_domain(struct logon_info *info, const struct sid *domain)
{
    size_t kept = 0;

    if (!sid_is_domain(domain) || !sid_in_domain(&info->user, domain))
        return false;
    for (size_t i = 0; i < info->n_groups; i++) {
        if (sid_in_domain(&info->groups[i].sid, domain))
            info->groups[kept++] = info->groups[i];
    }
    info->n_groups = kept;
    return true;
}

bool
logon_info_settle_groups(struct logon_info *info)
{
    size_t kept = 0;

    if (info->n_groups > LOGON_GROUPS_MAX || !add_primary(info))
        return false;
    qsort(info->groups, info->n_groups, sizeof(info->groups[0]), group_compare);
    for (size_t i = 1; i < info->n_groups; i++) {
        if (sid_equal(&info->groups[kept].sid, &info->groups[i].sid)) {
            info->groups[kept].attributes |= info->groups[i].attributes;
            continue;
        }
        kept++;
        info->groups[kept] = info->groups[i];
    }
    info->n_groups = kept + 1;
    info->is_service_asserted = has_group(info, &service_asserted);
    return true;
}

#define N_TEXTS 10
#define N_TIMES 6

/* The strings and times in the order of their encoding. */
static void
list_texts(struct logon_info *info, const char **texts[static N_TEXTS])
{
    const char **all[N_TEXTS] = { &info->account,      &info->full_name,    &info->domain_netbios, &info->domain_dns,
                                  &info->upn,          &info->logon_server, &info->logon_script,   &info->profile_path,
                                  &info->home_directory, &info->home_drive };

    memcpy(texts, all, sizeof(all));
}

static void
list_times(struct logon_info *info, int64_t *times[static N_TIMES])
{
    int64_t *all[N_TIMES] = { &info->logon_time,        &info->logoff_time,         &info->kickoff_time,
                              &info->password_last_set, &info->password_can_change, &info->password_must_change };

    memcpy(times, all, sizeof(all));
}

static size_t
sid_size(const struct sid *sid)
{
    return 8 + sizeof(uint32_t) * sid->n_subs;
}

size_t
logon_info_size(const struct logon_info *info)
{
    struct logon_info copy = *info;
    const char **texts[N_TEXTS];
    size_t size = 1 + sid_size(&info->user) + 3 * sizeof(uint32_t) + N_TIMES * sizeof(uint64_t);

    list_texts(&copy, texts);
    for (size_t i = 0; i < N_TEXTS; i++)
        size += sizeof(uint32_t) + strlen(*texts[i]);
    for (size_t i = 0; i < info->n_groups; i++)
        size += sid_size(&info->groups[i].sid) + sizeof(uint32_t);
    return size;
}

void
logon_info_write(struct writer *w, const struct logon_info *info)
{
    struct logon_info copy = *info;
    const char **texts[N_TEXTS];
    int64_t *times[N_TIMES];

    list_texts(&copy, texts);
    list_times(&copy, times);
    writer_u8(w, ENCODING_VERSION);
    sid_write(w, &info->user);
    writer_u32(w, info->primary_rid);
    writer_u32(w, info->user_account_control);
    for (size_t i = 0; i < N_TEXTS; i++)
        writer_str(w, *texts[i]);
    for (size_t i = 0; i < N_TIMES; i++)
        writer_u64(w, (uint64_t)*times[i]);
    writer_u32(w, (uint32_t)info->n_groups);
    for (size_t i = 0; i < info->n_groups; i++) {
        sid_write(w, &info->groups[i].sid);
        writer_u32(w, info->groups[i].attributes);
    }
}

static const char *
read_text(TALLOC_CTX *mem, struct reader *r)
{
    size_t n;
    const char *s = reader_str(r, LOGON_TEXT_MAX, &n);
    char *text = s == NULL ? NULL : talloc_strndup(mem, s, n);

    if (text == NULL)
        reader_fail(r);
    return text;
}

static int64_t
read_time(struct reader *r)
{
    uint64_t seconds = reader_u64(r);

    if (seconds > INT64_MAX) {
        reader_fail(r);
        return 0;
    }
    return (int64_t)seconds;
}

static void
read_groups(struct logon_info *info, struct reader *r)
{
    uint32_t n = reader_u32(r);

    if (n > LOGON_GROUPS_MAX || n > reader_left(r) / GROUP_BYTES_MIN)
        reader_fail(r);
    if (r->failed)
        return;
    info->groups = talloc_zero_array(info, struct logon_group, n);
    if (info->groups == NULL)
        reader_fail(r);
    for (size_t i = 0; i < n && !r->failed; i++) {
        (void)sid_read(r, &info->groups[i].sid);
        info->groups[i].attributes = reader_u32(r);
        if (i > 0 && group_compare(&info->groups[i - 1], &info->groups[i]) >= 0)
            reader_fail(r);
    }
    info->n_groups = n;
}

/* What every other field depends on: an account of a domain, with a name and its primary group. */
static bool
is_complete(const struct logon_info *info)
{
    struct sid domain;
    uint32_t rid;

    if (!sid_split(&info->user, &domain, &rid) || !sid_is_domain(&domain) || rid == 0 || info->account[0] == '\0')
        return false;
    return sid_append(&domain, info->primary_rid) && has_group(info, &domain);
}

struct logon_info *
logon_info_read(TALLOC_CTX *mem, struct reader *r)
{
    struct logon_info *info = talloc_zero(mem, struct logon_info);
    const char **texts[N_TEXTS];
    int64_t *times[N_TIMES];

    if (info == NULL)
        return NULL;
    list_texts(info, texts);
    list_times(info, times);
    if (reader_u8(r) != ENCODING_VERSION)
        reader_fail(r);
    (void)sid_read(r, &info->user);
    info->primary_rid = reader_u32(r);
    info->user_account_control = reader_u32(r);
    for (size_t i = 0; i < N_TEXTS; i++)
        *texts[i] = read_text(info, r);
    for (size_t i = 0; i < N_TIMES; i++)
        *times[i] = read_time(r);
    read_groups(info, r);
    if (!reader_done(r) || !is_complete(info)) {
        talloc_free(info);
        return NULL;
    }
    info->is_service_asserted = has_group(info, &service_asserted);
    return info;
}
