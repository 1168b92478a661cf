/* lib/ndr/pac.h: PACs, whole, malformed and contradicting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ndr/pac.h"
#include "tests/unit/pac_builder.h"

static const struct pac_ticket ticket = { .client = "alice", .authtime = PAC_AUTHTIME };

/* Decodes an exact copy, so that ASan sees one byte too far. */
static struct logon_info *
decode(const uint8_t *data, size_t len, const struct pac_ticket *t, const char **why_out)
{
    uint8_t *exact = malloc(len);
    struct logon_info *info;

    assert_true(exact != NULL || len == 0);
    if (len > 0)
        memcpy(exact, data, len);
    info = pac_decode(NULL, exact, len, t, why_out);
    assert_true((info == NULL) == (*why_out != NULL));
    free(exact);
    return info;
}

static struct logon_info *
decode_spec(const struct pac_spec *spec)
{
    struct pac_built *built = malloc(sizeof(*built));
    struct logon_info *info;
    const char *why;

    assert_non_null(built);
    pac_build(spec, built);
    info = decode(built->data, built->len, &ticket, &why);
    if (info == NULL)
        fail_msg("refused: %s", why);
    free(built);
    return info;
}

/* -1 if the group is not there. */
static int64_t
attributes_of(const struct logon_info *info, const char *text)
{
    int64_t attributes = -1;

    for (size_t i = 0; i < info->n_groups; i++) {
        char group[SID_TEXT_MAX];

        if (strcmp(sid_text(&info->groups[i].sid, group), text) != 0)
            continue;
        assert_int_equal(attributes, -1);
        attributes = info->groups[i].attributes;
    }
    return attributes;
}

static void
a_whole_pac_says_who_it_is(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct logon_info *info = decode_spec(&spec);
    char text[SID_TEXT_MAX];

    (void)state;
    assert_string_equal(sid_text(&info->user, text), PAC_DOMAIN "-1104");
    assert_int_equal(info->primary_rid, 513);
    assert_int_equal(info->user_account_control, 0x210);
    assert_false(info->is_service_asserted);
    assert_false(logon_info_is_machine(info));
    assert_string_equal(info->account, "alice");
    assert_string_equal(info->full_name, "Alice \xc3\x84rger \xf0\x9f\x98\x80");
    assert_string_equal(info->logon_script, "");
    assert_string_equal(info->profile_path, "\\\\dc1\\profiles\\alice");
    assert_string_equal(info->home_directory, "");
    assert_string_equal(info->home_drive, "H:");
    assert_string_equal(info->logon_server, "DC1");
    assert_string_equal(info->domain_netbios, "CORP");
    assert_string_equal(info->domain_dns, "CORP.TEST");
    assert_string_equal(info->upn, "alice@corp.test");
    assert_true(info->logon_time == 1700000000);
    assert_true(info->logoff_time == INT64_MAX);
    assert_true(info->kickoff_time == INT64_MAX);
    assert_true(info->password_last_set == 1690000000);
    assert_true(info->password_can_change == 1690086400);
    assert_true(info->password_must_change == INT64_MAX);
    talloc_free(info);
}

static void
groups_of_every_list_are_there_once(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct logon_info *info = decode_spec(&spec);

    (void)state;
    assert_int_equal(info->n_groups, 6);
    assert_int_equal(attributes_of(info, PAC_DOMAIN "-513"), 7);
    assert_int_equal(attributes_of(info, PAC_DOMAIN "-1200"), 7);
    assert_int_equal(attributes_of(info, PAC_DOMAIN "-1201"), 0x17);
    assert_int_equal(attributes_of(info, PAC_DOMAIN "-1400"), 0x20000007);
    assert_int_equal(attributes_of(info, PAC_OTHER_DOMAIN "-1300"), 7);
    assert_int_equal(attributes_of(info, "S-1-18-1"), 7);
    for (size_t i = 1; i < info->n_groups; i++)
        assert_true(sid_compare(&info->groups[i - 1].sid, &info->groups[i].sid) < 0);
    talloc_free(info);
}

static void
a_group_in_two_lists_has_the_attributes_of_both(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct logon_info *info;

    (void)state;
    spec.groups[1].attributes = SE_GROUP_MANDATORY;
    spec.extra[0] = (struct pac_extra){ PAC_DOMAIN "-1200", SE_GROUP_USE_FOR_DENY_ONLY };
    spec.resource[0] = (struct pac_member){ 1200, SE_GROUP_RESOURCE };
    info = decode_spec(&spec);
    assert_int_equal(attributes_of(info, PAC_DOMAIN "-1200"),
                     SE_GROUP_MANDATORY | SE_GROUP_USE_FOR_DENY_ONLY | SE_GROUP_RESOURCE);
    assert_int_equal(info->n_groups, 4);
    talloc_free(info);
}

static void
the_primary_group_is_there_though_no_list_has_it(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct logon_info *info;

    (void)state;
    memset(spec.groups, 0, sizeof(spec.groups));
    memset(spec.extra, 0, sizeof(spec.extra));
    memset(spec.resource, 0, sizeof(spec.resource));
    spec.resource_domain = NULL;
    info = decode_spec(&spec);
    assert_int_equal(info->n_groups, 1);
    assert_int_equal(attributes_of(info, PAC_DOMAIN "-513"), 7);
    talloc_free(info);
}

static void
s4u_is_told(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct logon_info *info;

    (void)state;
    spec.extra[0].sid = "S-1-18-2";
    info = decode_spec(&spec);
    assert_true(info->is_service_asserted);
    assert_int_equal(attributes_of(info, "S-1-18-2"), 7);
    talloc_free(info);
}

/* What differs between the makes and ages of domain controllers. */
static void
pacs_of_every_make_are_accepted(void **state)
{
    static const uint32_t oldest[PAC_ORDER_MAX] = { 1, 10, 6, 7 };
    static const uint32_t plain[PAC_ORDER_MAX] = { 1, 10, 12, 6, 7 };
    static const uint32_t reversed[PAC_ORDER_MAX] = { 7, 6, 18, 17, 12, 10, 1 };
    static const uint32_t strange[PAC_ORDER_MAX] = { 13, 14, 14, 14, 0x80000001, 1, 10, 6, 7 };
    struct pac_spec spec = pac_spec_alice();
    struct logon_info *info;

    (void)state;
    memcpy(spec.order, oldest, sizeof(oldest));
    info = decode_spec(&spec);
    assert_string_equal(info->upn, "");
    assert_string_equal(info->domain_dns, "");
    talloc_free(info);
    memcpy(spec.order, strange, sizeof(strange));
    talloc_free(decode_spec(&spec));
    memcpy(spec.order, plain, sizeof(plain));
    spec.upn_flags = 1;
    info = decode_spec(&spec);
    assert_string_equal(info->upn, "alice@corp.test");
    talloc_free(info);
    memcpy(spec.order, reversed, sizeof(reversed));
    spec.upn_flags = 3;
    spec.sizes_are_rounded = true;
    spec.strings_have_nul = false;
    talloc_free(decode_spec(&spec));
    spec = pac_spec_alice();
    spec.full_name = NULL;
    spec.logon_script = NULL;
    spec.profile_path = NULL;
    spec.home_drive = NULL;
    spec.logon_server = NULL;
    spec.domain_netbios = NULL;
    spec.upn = "";
    info = decode_spec(&spec);
    assert_string_equal(info->domain_netbios, "");
    talloc_free(info);
}

static void
an_enterprise_name_is_not_compared(void **state)
{
    static const struct pac_ticket any = { .client = "", .authtime = PAC_AUTHTIME };
    struct pac_spec spec = pac_spec_alice();
    struct pac_built *built = malloc(sizeof(*built));
    const char *why;

    (void)state;
    assert_non_null(built);
    spec.client = "alice@brand.example";
    pac_build(&spec, built);
    assert_null(decode(built->data, built->len, &ticket, &why));
    assert_string_equal(why, "CLIENT_INFO names another client than the ticket");
    talloc_free(decode(built->data, built->len, &any, &why));
    assert_null(why);
    free(built);
}

#define NOT_LOGON_INFO "LOGON_INFO is malformed"
#define NOT_UPN "UPN_DNS_INFO is malformed"
#define DELEGATED "the ticket was got by delegation (S4U_DELEGATION_INFO): no password was asked for it"

/* A few bytes of alice's PAC changed. Offsets in LOGON_INFO count from its type header; [MS-PAC] 2.5. */
static const struct {
    enum pac_place place;
    size_t offset;
    unsigned bytes;
    uint64_t value;
    const char *why;
} patches[] = {
    { AT_START, 0, 4, 0, "no LOGON_INFO" },
    { AT_START, 0, 4, 65, "the header is malformed" },
    { AT_START, 0, 4, UINT32_MAX, "the header is malformed" },
    { AT_START, 4, 4, 1, "the header is malformed" },
    { AT_START, 8, 4, 77, "no LOGON_INFO" },
    { AT_START, 8, 4, 10, "a second CLIENT_INFO" },
    { AT_START, 24, 4, 1, "a second LOGON_INFO" },
    { AT_START, 24, 4, 77, "no CLIENT_INFO" },
    { AT_START, 8 + 16 * 6, 4, 77, "no server checksum" },
    { AT_START, 8 + 16 * 7, 4, 77, "no KDC checksum" },
    { AT_START, 8 + 16 * 7, 4, 6, "a second server checksum" },
    { AT_START, 8 + 16 * 6, 4, 7, "a second KDC checksum" },
    { AT_START, 8 + 16 * 5, 4, 12, "a second UPN_DNS_INFO" },
    { AT_START, 8 + 16 * 5, 4, 17, "a second ATTRIBUTES_INFO" },
    { AT_START, 8 + 16 * 5, 4, 18, "a second REQUESTOR" },
    { AT_START, 8 + 16 * 5, 4, 11, DELEGATED },
    { AT_START, 8 + 16 * 7, 4, 11, DELEGATED },
    { AT_START, 24, 4, 11, DELEGATED },
    { AT_START, 12, 4, UINT32_MAX, "a buffer reaches past the end" },
    { AT_START, 12, 4, 0x10000, "a buffer reaches past the end" },
    { AT_START, 16, 8, 0, "a buffer is not where a buffer may be" },
    { AT_START, 16, 8, 160, "a buffer is not where a buffer may be" },
    { AT_START, 16, 8, 172, "a buffer is not where a buffer may be" },
    { AT_START, 16, 8, 0x100000, "a buffer is not where a buffer may be" },
    { AT_START, 16, 8, UINT64_MAX - 7, "a buffer is not where a buffer may be" },
    { AT_START, 16, 8, 0x100000000 + 168, "a buffer is not where a buffer may be" },
    { AT_START, 8 + 16 * 5 + 4, 4, UINT32_MAX, "a buffer reaches past the end" }, /* one that is skipped */
    { AT_START, 8 + 16 * 6 + 4, 4, 15, "a checksum is too short" },
    { AT_START, 8 + 16 * 7 + 4, 4, 0, "a checksum is too short" },

    { AT_LOGON_INFO, 0, 1, 2, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 1, 1, 0, NOT_LOGON_INFO },               /* big-endian */
    { AT_LOGON_INFO, 2, 2, 16, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 8, 4, 0, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 8, 4, 240, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 8, 4, UINT32_MAX, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 16, 4, 0, NOT_LOGON_INFO },              /* the whole is a NULL pointer */
    { AT_LOGON_INFO, 68, 2, 9, NOT_LOGON_INFO },              /* account: odd length */
    { AT_LOGON_INFO, 68, 2, 14, NOT_LOGON_INFO },             /* longer than its maximum */
    { AT_LOGON_INFO, 68, 2, 8, NOT_LOGON_INFO },              /* not what the array says */
    { AT_LOGON_INFO, 70, 2, 14, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 72, 4, 0, NOT_LOGON_INFO },              /* length without pointer */
    { AT_LOGON_INFO, 72, 4, 1, NULL },                        /* any referent but NULL will do */
    { AT_LOGON_INFO, 236, 4, 5, NOT_LOGON_INFO },             /* its array: maximum */
    { AT_LOGON_INFO, 236, 4, UINT32_MAX, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 240, 4, 1, NOT_LOGON_INFO },             /* offset */
    { AT_LOGON_INFO, 244, 4, 4, NOT_LOGON_INFO },             /* actual */
    { AT_LOGON_INFO, 244, 4, 0x80000005, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 248, 2, 0, NOT_LOGON_INFO },             /* NUL */
    { AT_LOGON_INFO, 248, 2, 0xd800, NOT_LOGON_INFO },        /* half a pair */
    { AT_LOGON_INFO, 248, 2, 0xdc00, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 256, 2, 0xdbff, NOT_LOGON_INFO },        /* half a pair at the end */
    { AT_LOGON_INFO, 248, 2, 'A', NULL },
    { AT_LOGON_INFO, 248, 2, 'b', "UPN_DNS_INFO has another account name than LOGON_INFO" },
    { AT_LOGON_INFO, 120, 4, 0, "LOGON_INFO has RID 0" },
    { AT_LOGON_INFO, 120, 4, 1105, "UPN_DNS_INFO is about another account than LOGON_INFO" },
    { AT_LOGON_INFO, 124, 4, 0, "LOGON_INFO has RID 0" },
    { AT_LOGON_INFO, 128, 4, 2, NOT_LOGON_INFO },             /* GroupCount */
    { AT_LOGON_INFO, 128, 4, 4, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 128, 4, LOGON_GROUPS_MAX + 1, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 128, 4, LOGON_GROUPS_MAX, "LOGON_INFO has too many groups" },
    { AT_LOGON_INFO, 128, 4, 4096, NOT_LOGON_INFO },          /* more than there are bytes */
    { AT_LOGON_INFO, 128, 4, UINT32_MAX, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 132, 4, 0, NOT_LOGON_INFO },             /* count without pointer */
    { AT_LOGON_INFO, 172, 4, 0, NOT_LOGON_INFO },             /* LogonDomainId is NULL: what follows is shifted */
    { AT_LOGON_INFO, 216, 4, 1, NOT_LOGON_INFO },             /* SidCount */
    { AT_LOGON_INFO, 216, 4, 3, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 216, 4, UINT32_MAX, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 220, 4, 0, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 224, 4, 0, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 228, 4, 0, NOT_LOGON_INFO },             /* ResourceGroupCount */
    { AT_LOGON_INFO, 228, 4, 2, NOT_LOGON_INFO },
    { AT_LOGON_INFO, 232, 4, 0, NOT_LOGON_INFO },
    { AT_GROUPS, 0, 4, 0, NOT_LOGON_INFO },
    { AT_GROUPS, 0, 4, 2, NOT_LOGON_INFO },
    { AT_GROUPS, 0, 4, UINT32_MAX, NOT_LOGON_INFO },
    { AT_EXTRA, 0, 4, 3, NOT_LOGON_INFO },
    { AT_EXTRA, 0, 4, 0x20000002, NOT_LOGON_INFO },
    { AT_EXTRA, 4, 4, 0, NOT_LOGON_INFO },                    /* a NULL SID */
    { AT_EXTRA, 20, 4, 2, NOT_LOGON_INFO },                   /* the first SID: its conformance */
    { AT_EXTRA, 24, 1, 2, NOT_LOGON_INFO },                   /* revision */
    { AT_EXTRA, 25, 1, 0, NOT_LOGON_INFO },                   /* count */
    { AT_EXTRA, 25, 1, 16, NOT_LOGON_INFO },
    { AT_RESOURCE, 0, 4, 0, NOT_LOGON_INFO },
    { AT_RESOURCE, 0, 4, 2, NOT_LOGON_INFO },
    { AT_DOMAIN, 0, 4, 5, NOT_LOGON_INFO },
    { AT_DOMAIN, 0, 4, UINT32_MAX, NOT_LOGON_INFO },
    { AT_DOMAIN, 4, 1, 0, NOT_LOGON_INFO },
    { AT_DOMAIN, 5, 1, 255, NOT_LOGON_INFO },
    { AT_DOMAIN, 11, 1, 18, "LOGON_INFO has no domain SID" },
    { AT_DOMAIN, 12, 4, 32, "LOGON_INFO has no domain SID" },
    { AT_DOMAIN, 16, 4, 1, "UPN_DNS_INFO is about another account than LOGON_INFO" },
    { AT_RESOURCE_DOMAIN, 12, 4, 32, "LOGON_INFO has resource groups without a domain SID" },

    { AT_CLIENT, 0, 8, 0, "CLIENT_INFO is of another time than the ticket" },
    { AT_CLIENT, 0, 8, UINT64_MAX, "CLIENT_INFO is of another time than the ticket" },
    { AT_CLIENT, 8, 2, 9, "CLIENT_INFO is malformed" },
    { AT_CLIENT, 8, 2, 12, "CLIENT_INFO is malformed" },
    { AT_CLIENT, 8, 2, 0xffff, "CLIENT_INFO is malformed" },
    { AT_CLIENT, 8, 2, 0, "CLIENT_INFO is malformed" },       /* ten bytes left over */
    { AT_CLIENT, 8, 2, 8, "CLIENT_INFO names another client than the ticket" },
    { AT_CLIENT, 10, 2, 0, "CLIENT_INFO is malformed" },
    { AT_CLIENT, 10, 2, 0xd83d, "CLIENT_INFO is malformed" },
    { AT_CLIENT, 10, 2, 'A', "CLIENT_INFO names another client than the ticket" },

    { AT_UPN, 0, 2, 31, NOT_UPN },
    { AT_UPN, 0, 2, 0xffff, NOT_UPN },
    { AT_UPN, 2, 2, 0xfff0, NOT_UPN },
    { AT_UPN, 2, 2, 0, NOT_UPN },                             /* into its own head */
    { AT_UPN, 2, 2, 19, NOT_UPN },
    { AT_UPN, 4, 2, 0x7ffe, NOT_UPN },
    { AT_UPN, 6, 2, 4, NOT_UPN },
    { AT_UPN, 12, 2, 3, NOT_UPN },                            /* SAM name */
    { AT_UPN, 12, 2, 0, "UPN_DNS_INFO has another account name than LOGON_INFO" },
    { AT_UPN, 12, 2, 8, "UPN_DNS_INFO has another account name than LOGON_INFO" },
    { AT_UPN, 14, 2, 0xffff, NOT_UPN },
    { AT_UPN, 16, 2, 0, NOT_UPN },                            /* SID */
    { AT_UPN, 16, 2, 24, NOT_UPN },
    { AT_UPN, 18, 2, 16, NOT_UPN },
    { AT_UPN, 18, 2, 0xfff8, NOT_UPN },
    { AT_UPN, 24, 2, 0, NOT_UPN },                            /* NUL in the UPN */

    { AT_ATTRIBUTES, 0, 4, 0, "ATTRIBUTES_INFO is malformed" },
    { AT_ATTRIBUTES, 0, 4, 33, "ATTRIBUTES_INFO is malformed" },
    { AT_ATTRIBUTES, 0, 4, UINT32_MAX, "ATTRIBUTES_INFO is malformed" },
    { AT_REQUESTOR, 0, 1, 2, "REQUESTOR is malformed" },
    { AT_REQUESTOR, 1, 1, 6, "REQUESTOR is malformed" },
    { AT_REQUESTOR, 1, 1, 2, "REQUESTOR is malformed" },
    { AT_REQUESTOR, 24, 4, 500, "REQUESTOR is another account than LOGON_INFO's" },
};

static void
each_malformed_pac_is_refused_for_its_reason(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct pac_built *built = malloc(sizeof(*built));

    (void)state;
    assert_non_null(built);
    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        struct logon_info *info;
        const char *why;
        uint8_t *at;

        pac_build(&spec, built);
        at = built->data + built->place[patches[i].place] + patches[i].offset;
        for (unsigned b = 0; b < patches[i].bytes; b++)
            at[b] = (uint8_t)(patches[i].value >> (8 * b));
        info = decode(built->data, built->len, &ticket, &why);
        if ((why == NULL) != (patches[i].why == NULL) || (why != NULL && strcmp(why, patches[i].why) != 0))
            fail_msg("patch %zu (place %d, offset %zu): '%s', not '%s'", i, (int)patches[i].place, patches[i].offset,
                     why == NULL ? "accepted" : why, patches[i].why == NULL ? "accepted" : patches[i].why);
        talloc_free(info);
    }
    free(built);
}

static void
refuse(const struct pac_spec *spec, const char *expected)
{
    struct pac_built *built = malloc(sizeof(*built));
    const char *why;

    assert_non_null(built);
    pac_build(spec, built);
    assert_null(decode(built->data, built->len, &ticket, &why));
    assert_string_equal(why, expected);
    free(built);
}

static void
contradictions_are_refused(void **state)
{
    struct pac_spec spec = pac_spec_alice();

    (void)state;
    spec.authtime++;
    refuse(&spec, "CLIENT_INFO is of another time than the ticket");
    spec = pac_spec_alice();
    spec.client = "bob";
    refuse(&spec, "CLIENT_INFO names another client than the ticket");
    spec = pac_spec_alice();
    spec.upn_sid = PAC_OTHER_DOMAIN "-1104";
    refuse(&spec, "UPN_DNS_INFO is about another account than LOGON_INFO");
    spec.upn_sid = PAC_DOMAIN;
    refuse(&spec, "UPN_DNS_INFO is about another account than LOGON_INFO");
    spec = pac_spec_alice();
    spec.sam_name = "alice2";
    refuse(&spec, "UPN_DNS_INFO has another account name than LOGON_INFO");
    spec = pac_spec_alice();
    spec.requestor = PAC_DOMAIN "-1105";
    refuse(&spec, "REQUESTOR is another account than LOGON_INFO's");
    spec = pac_spec_alice();
    spec.account = "";
    refuse(&spec, "LOGON_INFO has no account name");
    spec.account = NULL;
    refuse(&spec, "LOGON_INFO has no account name");
    spec = pac_spec_alice();
    spec.domain = NULL;
    refuse(&spec, "LOGON_INFO has no domain SID");
    spec.domain = "S-1-5-32";
    refuse(&spec, "LOGON_INFO has no domain SID");
    spec.domain = "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15";
    refuse(&spec, "LOGON_INFO has no domain SID");
    spec = pac_spec_alice();
    spec.resource_domain = NULL;
    refuse(&spec, "LOGON_INFO has resource groups without a domain SID");
}

static void
bytes_after_the_end_are_refused(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct pac_built *built = malloc(sizeof(*built));
    const char *why;

    (void)state;
    assert_non_null(built);
    /* LOGON_INFO last, and eight bytes more in its object, then in its buffer. */
    memset(spec.order, 0, sizeof(spec.order));
    memcpy(spec.order, (const uint32_t[]){ 10, 6, 7, 1 }, 4 * sizeof(uint32_t));
    pac_build(&spec, built);
    built->len += 8;
    built->data[8 + 16 * 3 + 4] = (uint8_t)(built->data[8 + 16 * 3 + 4] + 8);
    assert_null(decode(built->data, built->len, &ticket, &why));
    assert_string_equal(why, NOT_LOGON_INFO);
    built->data[built->place[AT_LOGON_INFO] + 8] = (uint8_t)(built->data[built->place[AT_LOGON_INFO] + 8] + 8);
    assert_null(decode(built->data, built->len, &ticket, &why));
    assert_string_equal(why, "LOGON_INFO has bytes after its end");
    free(built);
}

static void
a_pac_too_long_is_not_read(void **state)
{
    uint8_t *data = calloc(1, PAC_MAX_BYTES + 1);
    const char *why;

    (void)state;
    assert_non_null(data);
    assert_null(pac_decode(NULL, data, PAC_MAX_BYTES + 1, &ticket, &why));
    assert_string_equal(why, "it is too long");
    assert_null(pac_decode(NULL, data, PAC_MAX_BYTES, &ticket, &why));
    assert_string_equal(why, "no LOGON_INFO");
    assert_null(pac_decode(NULL, NULL, 0, &ticket, &why));
    free(data);
}

static void
no_part_of_a_pac_is_a_pac(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct pac_built *built = malloc(sizeof(*built));
    const char *why;

    (void)state;
    assert_non_null(built);
    pac_build(&spec, built);
    for (size_t n = 0; n < built->len; n++)
        assert_null(decode(built->data, n, &ticket, &why));
    free(built);
}

/* Whatever is accepted is whole: it survives our own, stricter encoding. */
static void
every_flipped_byte_is_refused_or_harmless(void **state)
{
    struct pac_spec spec = pac_spec_alice();
    struct pac_built *built = malloc(sizeof(*built));
    uint8_t bytes[8192];

    (void)state;
    assert_non_null(built);
    pac_build(&spec, built);
    for (size_t i = 0; i < built->len; i++) {
        uint8_t was = built->data[i];

        for (unsigned value = 0; value < 256; value++) {
            struct writer w = writer_init(bytes, sizeof(bytes));
            struct logon_info *info, *again;
            struct reader r;
            const char *why;

            built->data[i] = (uint8_t)value;
            info = decode(built->data, built->len, &ticket, &why);
            if (info == NULL)
                continue;
            logon_info_write(&w, info);
            assert_true(writer_ok(&w) && w.len == logon_info_size(info));
            r = reader_init(bytes, w.len);
            again = logon_info_read(NULL, &r);
            assert_non_null(again);
            assert_in_range(again->n_groups, 5, 7); /* two made one; the primary one more */
            talloc_free(again);
            talloc_free(info);
        }
        built->data[i] = was;
    }
    free(built);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_pac_says_who_it_is),
        cmocka_unit_test(groups_of_every_list_are_there_once),
        cmocka_unit_test(a_group_in_two_lists_has_the_attributes_of_both),
        cmocka_unit_test(the_primary_group_is_there_though_no_list_has_it),
        cmocka_unit_test(s4u_is_told),
        cmocka_unit_test(pacs_of_every_make_are_accepted),
        cmocka_unit_test(an_enterprise_name_is_not_compared),
        cmocka_unit_test(each_malformed_pac_is_refused_for_its_reason),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(bytes_after_the_end_are_refused),
        cmocka_unit_test(a_pac_too_long_is_not_read),
        cmocka_unit_test(no_part_of_a_pac_is_a_pac),
        cmocka_unit_test(every_flipped_byte_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
