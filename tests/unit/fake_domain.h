/*
 * A child process that plays name servers and domain controllers on loopback
 * addresses, for tests of the locator.
 */
#ifndef AUTHSOD_TESTS_UNIT_FAKE_DOMAIN_H
#define AUTHSOD_TESTS_UNIT_FAKE_DOMAIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/directory/locator_private.h"

#define FAKE_RECORDS_MAX 80

enum fake_dns {
    FAKE_DNS_NONE,         /* no such server */
    FAKE_DNS_GOOD,
    FAKE_DNS_SILENT,
    FAKE_DNS_SHUT,         /* nobody listens on its port */
    FAKE_DNS_FAILS,        /* SERVFAIL */
    FAKE_DNS_OLD,          /* FORMERR for EDNS */
    FAKE_DNS_CUTS,         /* everything by TCP only */
    FAKE_DNS_CUTS_NO_TCP,  /* the same, but TCP is silent */
    FAKE_DNS_FORGED_FIRST, /* answers of another id and to another question before the right one */
};

struct fake_record {
    const char *name;
    int type;              /* DNS_TYPE_ */
    const char *data;      /* "0 100 389 dc1.corp.test", or an address */
};

enum fake_dc_kind {
    FAKE_DC_GOOD,
    FAKE_DC_SILENT,
    FAKE_DC_MALFORMED,
    FAKE_DC_WRONG_ID,
    FAKE_DC_OTHER_PORT,    /* answers from a port that was not asked */
};

struct fake_dc {
    const char *address;
    enum fake_dc_kind kind;
    struct netlogon_answer answer;
};

struct fake_domain {
    enum fake_dns dns[DNS_SERVERS_MAX];           /* all NONE: one that is GOOD */
    struct fake_record records[FAKE_RECORDS_MAX]; /* ended by one without name */
    struct fake_dc dcs[4];                        /* ended by one without address */
};

struct fake {
    pid_t pid;
    struct locator_setting setting;
};

/* False where a loopback address can't be had (no IPv6). The test fails on anything else. */
bool fake_start(const struct fake_domain *domain, struct fake *fake_out);
void fake_stop(struct fake *fake);

#endif
