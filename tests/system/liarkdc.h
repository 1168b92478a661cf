/* What liarkdc.c (who is lied to, and how) and liarkdc_reply.c (the replies) share. */
#ifndef AUTHSOD_TESTS_SYSTEM_LIARKDC_H
#define AUTHSOD_TESTS_SYSTEM_LIARKDC_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stddef.h>

/* One lie about a logon; nothing set is the truth, as the domain's KDC would tell it. */
struct lie {
    const char *name;
    bool random_key;         /* the ticket is under a key of nobody's, the PAC too */
    bool newer_key;          /* the same with a key version that the computer does not have */
    bool replayed;           /* the ticket was captured: another session key is in it */
    bool of_bob;             /* ticket and PAC are bob's, the rest says alice */
    bool other_realm;        /* the ticket's client is alice@OTHER.TEST */
    bool old;                /* the ticket is of ten minutes ago */
    int pacs;                /* one more than the ticket has; 0: one */
    bool pac_of_bob;         /* all of the PAC but the client's name */
    bool no_logon_info;
    bool damaged;            /* a byte of the PAC was changed after it was signed */
    bool cut;                /* the PAC ends in its middle */
    bool unsigned_pac;       /* the server checksum is under another key */
    bool upn_of_bob;         /* UPN_DNS_INFO has bob's SID */
    bool client_is_bob;      /* CLIENT_INFO has bob's name */
    bool without_password;   /* S-1-18-2: made by S4U2self */
    bool machine;            /* the account is a computer's */
    bool asks_for_password;  /* the AS-REQ is answered with a wish for an encrypted timestamp, outside FAST */
    bool refuses_armor;      /* the AS-REQ is answered as if the armour could not be read */
};

struct liar {
    krb5_context ctx;
    krb5_keyblock computer_key;  /* host/ws1.corp.test's own */
    krb5_kvno kvno;
    krb5_keyblock tgs_key;       /* of our krbtgt: nobody else's */
    krb5_keyblock other_key;
    const char *alice_sid, *bob_sid;
    const char *captured;        /* file with a ticket of an earlier logon, DER */
};

/* Marks our own TGTs. */
#define LIAR_KVNO 77

void require(bool holds, const char *what);

/* Everything that an AS-REQ or TGS-REQ in alice's name gets, freed with krb5_free_data. NULL if it is not for us. */
krb5_data *liar_as_reply(struct liar *l, const struct lie *lie, const krb5_data *request);
krb5_data *liar_tgs_reply(struct liar *l, const struct lie *lie, const krb5_data *request);

/* Keeps the ticket of a genuine reply for host/ws1 in l->captured. */
void liar_capture(struct liar *l, const krb5_data *reply);

#endif
