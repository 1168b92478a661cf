#include "lib/ndr/validation_info.h"

#include <string.h>

#include "lib/ndr/ndr.h"
#include "lib/sid/name.h"

#define SESSION_KEY_BYTES 16
#define MEMBERSHIP_BYTES 8         /* GROUP_MEMBERSHIP: RID and attributes */
#define SID_AND_ATTRIBUTES_BYTES 8 /* pointer and attributes */
#define PADDING_MAX 7              /* a buffer's size may be rounded up to 8 */
#define EXPANSION_STRINGS 10       /* of level 6, for nothing yet */

/* The one that has resource groups of its own, and those of Netlogon, which has them among the extra SIDs. */
enum form { FORM_PAC, FORM_SAM_INFO2, FORM_SAM_INFO4 };

/* The fixed part: what the pointees are decoded by. */
struct heads {
    struct ndr_string account;
    struct ndr_string full_name;
    struct ndr_string logon_script;
    struct ndr_string profile_path;
    struct ndr_string home_directory;
    struct ndr_string home_drive;
    struct ndr_string logon_server;
    struct ndr_string domain_netbios;
    struct ndr_string domain_dns;
    struct ndr_string upn;
    struct ndr_string expansion[EXPANSION_STRINGS];
    uint32_t user_rid;
    uint32_t n_groups;
    uint32_t n_extra;
    uint32_t n_resource;
    bool has_groups;
    bool has_domain;
    bool has_extra;
    bool has_resource_domain;
    bool has_resource;
};

static int64_t
read_time(struct reader *r)
{
    return filetime_seconds(ndr_hyper(r));
}

static uint32_t
read_count(struct reader *r)
{
    uint32_t n = ndr_u32(r);

    if (n > LOGON_GROUPS_MAX)
        reader_fail(r);
    return n;
}

static void
read_tail_heads(struct heads *h, struct reader *r, enum form form)
{
    if (form == FORM_PAC) {
        h->has_resource_domain = ndr_pointer(r);
        h->n_resource = read_count(r);
        h->has_resource = ndr_pointer(r);
    }
    if (form == FORM_SAM_INFO4) {
        h->domain_dns = ndr_string_head(r);
        h->upn = ndr_string_head(r);
        for (size_t i = 0; i < EXPANSION_STRINGS; i++)
            h->expansion[i] = ndr_string_head(r);
    }
}

static void
read_heads(struct logon_info *info, struct heads *h, struct reader *r, enum form form)
{
    info->logon_time = read_time(r);
    info->logoff_time = read_time(r);
    info->kickoff_time = read_time(r);
    info->password_last_set = read_time(r);
    info->password_can_change = read_time(r);
    info->password_must_change = read_time(r);
    h->account = ndr_string_head(r);
    h->full_name = ndr_string_head(r);
    h->logon_script = ndr_string_head(r);
    h->profile_path = ndr_string_head(r);
    h->home_directory = ndr_string_head(r);
    h->home_drive = ndr_string_head(r);
    (void)ndr_u16(r); /* LogonCount */
    (void)ndr_u16(r); /* BadPasswordCount */
    h->user_rid = ndr_u32(r);
    info->primary_rid = ndr_u32(r);
    h->n_groups = read_count(r);
    h->has_groups = ndr_pointer(r);
    (void)ndr_u32(r); /* UserFlags: that a list is there says it better */
    (void)reader_bytes(r, SESSION_KEY_BYTES);
    h->logon_server = ndr_string_head(r);
    h->domain_netbios = ndr_string_head(r);
    h->has_domain = ndr_pointer(r);
    (void)ndr_hyper(r); /* Reserved1 */
    info->user_account_control = ndr_u32(r);
    (void)ndr_u32(r);   /* SubAuthStatus */
    (void)ndr_hyper(r); /* LastSuccessfulILogon */
    (void)ndr_hyper(r); /* LastFailedILogon */
    (void)ndr_u32(r);   /* FailedILogonCount */
    (void)ndr_u32(r);   /* Reserved3 */
    h->n_extra = read_count(r);
    h->has_extra = ndr_pointer(r);
    read_tail_heads(h, r, form);
}

/* GROUP_MEMBERSHIPs; the RID waits in subs[0] for its domain's SID, which comes later. */
static void
read_memberships(struct reader *r, bool present, uint32_t n, struct logon_group *groups)
{
    if (!present) {
        if (n > 0)
            reader_fail(r);
        return;
    }
    if (ndr_conformance(r, LOGON_GROUPS_MAX, MEMBERSHIP_BYTES) != n)
        reader_fail(r);
    for (size_t i = 0; i < n && !r->failed; i++) {
        groups[i].sid.subs[0] = ndr_u32(r);
        groups[i].attributes = ndr_u32(r);
    }
}

static bool
place_memberships(struct logon_group *groups, uint32_t n, const struct sid *domain)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t rid = groups[i].sid.subs[0];

        groups[i].sid = *domain;
        if (!sid_append(&groups[i].sid, rid))
            return false;
    }
    return true;
}

static void
read_extra_sids(struct reader *r, const struct heads *h, struct logon_group *groups)
{
    if (!h->has_extra) {
        if (h->n_extra > 0)
            reader_fail(r);
        return;
    }
    if (ndr_conformance(r, LOGON_GROUPS_MAX, SID_AND_ATTRIBUTES_BYTES) != h->n_extra)
        reader_fail(r);
    for (size_t i = 0; i < h->n_extra && !r->failed; i++) {
        if (!ndr_pointer(r))
            reader_fail(r);
        groups[i].attributes = ndr_u32(r);
    }
    for (size_t i = 0; i < h->n_extra && !r->failed; i++)
        (void)ndr_sid(r, &groups[i].sid);
}

/* The strings and lists behind the fixed part, in the order of [MS-PAC] 2.5. */
static void
read_pointees(struct logon_info *info, const struct heads *h, struct reader *r, struct sid *domain_out,
              struct sid *resource_domain_out)
{
    struct logon_group *extra = info->groups + h->n_groups;

    info->account = ndr_string_body(info, r, &h->account);
    info->full_name = ndr_string_body(info, r, &h->full_name);
    info->logon_script = ndr_string_body(info, r, &h->logon_script);
    info->profile_path = ndr_string_body(info, r, &h->profile_path);
    info->home_directory = ndr_string_body(info, r, &h->home_directory);
    info->home_drive = ndr_string_body(info, r, &h->home_drive);
    read_memberships(r, h->has_groups, h->n_groups, info->groups);
    info->logon_server = ndr_string_body(info, r, &h->logon_server);
    info->domain_netbios = ndr_string_body(info, r, &h->domain_netbios);
    if (h->has_domain)
        (void)ndr_sid(r, domain_out);
    read_extra_sids(r, h, extra);
    if (h->has_resource_domain)
        (void)ndr_sid(r, resource_domain_out);
    read_memberships(r, h->has_resource, h->n_resource, extra + h->n_extra);
}

/* The strings of level 6; in a PAC they are elsewhere. */
static void
read_names(struct logon_info *info, const struct heads *h, struct reader *r, enum form form)
{
    info->domain_dns = "";
    info->upn = "";
    if (form != FORM_SAM_INFO4)
        return;
    info->domain_dns = ndr_string_body(info, r, &h->domain_dns);
    info->upn = ndr_string_body(info, r, &h->upn);
    for (size_t i = 0; i < EXPANSION_STRINGS; i++)
        (void)ndr_string_body(info, r, &h->expansion[i]);
}

static const char *
read_body(struct logon_info *info, const struct heads *h, struct reader *r, enum form form)
{
    struct sid domain = { 0 }, resource_domain = { 0 };

    read_pointees(info, h, r, &domain, &resource_domain);
    read_names(info, h, r, form);
    if (r->failed)
        return "LOGON_INFO is malformed";
    if (!sid_is_domain(&domain))
        return "LOGON_INFO has no domain SID";
    if (h->n_resource > 0 && !sid_is_domain(&resource_domain))
        return "LOGON_INFO has resource groups without a domain SID";
    info->user = domain;
    (void)sid_append(&info->user, h->user_rid);
    if (!place_memberships(info->groups, h->n_groups, &domain) ||
        !place_memberships(info->groups + h->n_groups + h->n_extra, h->n_resource, &resource_domain))
        return "LOGON_INFO has a group that is no SID";
    return NULL;
}

/* The structure that r stands before; leaves r behind it. */
static const char *
read_structure(struct logon_info *info, struct reader *r, enum form form)
{
    struct heads h = { 0 };
    const char *why;

    read_heads(info, &h, r, form);
    if (r->failed)
        return "LOGON_INFO is malformed";
    info->n_groups = (size_t)h.n_groups + h.n_extra + h.n_resource;
    if (info->n_groups > LOGON_GROUPS_MAX)
        return "LOGON_INFO has too many groups";
    if (info->n_groups > reader_left(r) / MEMBERSHIP_BYTES)
        return "LOGON_INFO is malformed";
    info->groups = talloc_zero_array(info, struct logon_group, (unsigned)info->n_groups);
    if (info->groups == NULL)
        return "no memory";
    why = read_body(info, &h, r, form);
    if (why != NULL)
        return why;
    if (h.user_rid == 0 || info->primary_rid == 0)
        return "LOGON_INFO has RID 0";
    if (info->account[0] == '\0' || strlen(info->account) > NAME_MAX_BYTES)
        return "LOGON_INFO has no account name";
    return NULL;
}

const char *
validation_info_read(struct logon_info *info, struct reader *r)
{
    struct reader body = ndr_body(r);
    const char *why;

    if (reader_left(r) > PADDING_MAX || !ndr_pointer(&body))
        return "LOGON_INFO is malformed";
    why = read_structure(info, &body, FORM_PAC);
    if (why != NULL)
        return why;
    if (reader_left(&body) > PADDING_MAX)
        return "LOGON_INFO has bytes after its end";
    return logon_info_settle_groups(info) ? NULL : "LOGON_INFO has too many groups";
}

const char *
validation_sam_info_read(struct logon_info *info, struct reader *r, uint16_t level)
{
    const char *why;

    if (level != VALIDATION_SAM_INFO2 && level != VALIDATION_SAM_INFO4)
        return "this validation level is none of ours";
    why = read_structure(info, r, level == VALIDATION_SAM_INFO4 ? FORM_SAM_INFO4 : FORM_SAM_INFO2);
    if (why != NULL)
        return why;
    return logon_info_settle_groups(info) ? NULL : "LOGON_INFO has too many groups";
}
