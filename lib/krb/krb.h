/*
 * Logon over libkrb5.  libkrb5 speaks Kerberos; we do not.
 *
 * Everything here is blocking and straight-line: for workers and member.
 */
#ifndef AUTHSOD_KRB_KRB_H
#define AUTHSOD_KRB_KRB_H

#include <krb5/krb5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "lib/ndr/credentials.h"
#include "lib/ndr/logon_info.h"
#include "lib/proto/messages.h"

/* What PKINIT trusts (RFC 4556, [MS-PKCA]).  Lists are NULL-terminated; their items "FILE:/path" (PEM) or "DIR:/path". */
struct krb_pkinit {
    const char *const *anchors;       /* authorities: a KDC's certificate must lead to one of them */
    const char *const *intermediates; /* may be on the way there; empty: none */
    const char *const *crls;          /* empty: none */
    bool require_crl;                 /* a KDC's certificate without a list of its issuer's is not trusted */
    bool server_eku;                  /* the extended key usage of a TLS server will do; else a KDC's is required */
    const char *reply_key_module;     /* absolute path of clpreauth_authsod.so; NULL: nobody wants the AS reply key */
    const char *kdc_host;             /* DNS name of the KDC that gives the TGT (user_kdc, where there is one): its
                                       * certificate must have it, or the name krbtgt/REALM@REALM */
};

/* What the private profile pins. Strings are aliases. */
struct krb_target {
    const char *realm;       /* "CORP.TEST" */
    const char *domain_dns;  /* "corp.test" */
    const char *kdc;         /* address with optional port: "10.99.0.1", "[fd00::1]:88"; NULL: none is known */
    const char *fqdn;        /* this computer: "ws1.corp.test" */
    const char *computer;    /* its NetBIOS name: "WS1" */
    const char *user_realm;  /* "OTHER.TEST": of the person who logs on, where that is another one; else NULL */
    const char *user_kdc;    /* its KDC, as kdc */
    const struct krb_pkinit *pkinit; /* for krb_logon_card alone; NULL: no module but those for passwords is loaded */
    int timeout;             /* seconds for one request to the KDC, connecting included */
    int patience;            /* milliseconds, at most timeout, until the KDC has answered once; 0: no less than timeout */
};

/*
 * A context over a private profile in memory (no file of the system and no
 * environment variable is read): KDC pinned as kdc and primary_kdc, no DNS,
 * kdc_timesync 0, no rdns, AES enctypes only, canonicalize, no preauth module
 * but those for passwords, or with t->pkinit that for certificates alone.  Copies what it needs of t.
 * 0 or a libkrb5 code.  Freed with krb5_free_context.
 */
krb5_error_code krb_context_new(const struct krb_target *t, krb5_context *ctx_out);

/* A failure, as the log wants it and as the user gets it. */
struct krb_failure {
    enum err err;
    krb5_error_code code;    /* libkrb5's */
    uint32_t ntstatus;       /* from the e_data of the KRB-ERROR, 0 if none */
    bool proved;             /* the KDC had seen the right password when it said this */
    bool proved_unless_locked; /* ERR_REVOKED: proved, if the directory then names another reason than a lock */
    bool password_sent;      /* the KDC was sent what can count as a bad password: never ask again, whatever err is */
    bool armor_refused;      /* the KDC did not take the armour: worth one more try with a new TGT of the computer */
    bool no_service;         /* the KDC took the password, and has no ticket for this computer: it does not know its
                              * service principal, or has no encryption type in common with it */
    bool heard;              /* krb_logon_card: a KDC of the user's has answered something, or has taken the proof */
    bool armored;            /* krb_logon_card: what it said was protected by FAST */
    bool user_kdc;           /* it was the KDC of user_realm that did not answer */
    bool unknown_realm;      /* krb_verify: the client is of a realm that is not known to be trusted */
    int64_t clock_offset;    /* seconds that the KDC is ahead, for ERR_CLOCK; measured from the KRB-ERROR's stime */
    const char *step;        /* static: "AS exchange", "TGS exchange", "AP-REQ", "keytab" */
    char text[512];          /* libkrb5's own sentence, for the log */
};

struct krb_options {
    bool forwardable;        /* default of the configuration: true */
    bool renewable;          /* for renew_lifetime */
    int32_t lifetime;        /* seconds; 0: as long as the KDC gives */
    int32_t renew_lifetime;  /* seconds; 0: as long as the KDC gives */
    /* Called once, while the KDC works on the first request: for what will be needed whatever it answers. NULL: nothing. */
    void (*meanwhile)(void *arg);
    void *arg;
};

/* A key of AES. An enctype of 0: none. */
struct krb_key {
    krb5_enctype enctype;
    unsigned length;
    uint8_t bytes[32];
};

/* What a KDC may have taken for the AS reply key. */
#define KRB_REPLY_KEYS_MAX 2
struct krb_reply_keys {
    struct krb_key list[KRB_REPLY_KEYS_MAX];
    unsigned n;
};

struct krb_logon {
    krb5_creds tgt;          /* address list cleared, so that forwarding works */
    krb5_creds host;         /* for host/<fqdn> */
    krb5_data ap_req;        /* for member */
    krb5_principal client;   /* as the KDC canonicalized it */
    struct krb_reply_keys reply_keys; /* of krb_logon_card with a reply_key_module; else none */
    bool twice;              /* krb_logon_card has made the AS exchange twice, for the log; set where it failed, too */
};

/*
 * AS exchange (with the computer's NetBIOS name as address), TGS exchange for
 * host/<fqdn>, AP-REQ; all on one TCP connection where the KDC keeps it.  With
 * armor (a TGT of the computer, NULL for none) FAST is used, and an answer
 * without it is ERR_NO_FAST.  One AS exchange, ever: a wrong password
 * is counted once.  Never prompts and never changes an expired password.
 * name: "alice" with the realm of t, or an enterprise name
 * ("alice@brand.example") if enterprise; never parsed.  password is not kept.
 * For a person of another realm (t->user_realm) the AS exchange is with its
 * KDC; the TGS exchange is with both, and so is one for an armour that it
 * understands, a TGT of the computer's from that realm.
 * An armour that is not valid now is refused before anything is sent
 * (armor_refused).  ERR_NO_KDC with password_sent false: another domain
 * controller may be tried.
 */
bool krb_logon_password(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
                        const char *password, const krb5_creds *armor, const struct krb_options *o,
                        struct krb_logon *logon_out, struct krb_failure *failure_out);
/* Erases the keys. */
void krb_logon_done(krb5_context ctx, struct krb_logon *logon);

/* A key on a token. No other part of this process may have the module open (card_close): libkrb5 initializes it. */
struct krb_card {
    const char *module;      /* absolute path of the PKCS#11 module, without ':' */
    unsigned long slot;      /* CK_SLOT_ID */
    const uint8_t *id;       /* CKA_ID of the certificate and its key */
    size_t id_len;
    const char *pin;         /* that has been found right; NULL: typed at the reader */
};

/*
 * krb_logon_password with a certificate in place of the password: PKINIT in the
 * AS exchange.  ctx is of a t with pkinit.  No password is asked for or sent:
 * failure_out->password_sent is false, and with ERR_NO_KDC another controller
 * may be tried; where a PIN has been typed at the reader it is ERR_TIMEOUT.
 * The PIN is given to the module once, and once more where a KDC that has proved
 * itself has not found the key that both agreed on: Samba up to 4.18, in one of 256 logons.
 * Where that second exchange fails, too, however it does, the failure is the first one's, ERR_UNTRUSTED_KDC.
 * Failures of its own: ERR_CARD_EXPIRED, ERR_CARD_UNTRUSTED, ERR_CARD_REVOKED,
 * ERR_CARD_UNFIT (the KDC's words on the certificate; libkrb5 looks at its dates
 * and its way to an anchor before), ERR_CARD_NOT_YOURS
 * (another account's), ERR_KDC_CERTIFICATE (the KDC's own: an alarm, nothing
 * else may be tried), ERR_NO_CARD_LOGON (the KDC does not do it),
 * ERR_CARD_REMOVED (the token is not there), ERR_CARD_FAILED (no key, or it does
 * not sign; a PIN that the module does not take), ERR_INTERNAL (libkrb5's module for PKINIT is not installed;
 * what pkinit names cannot be read).  Where the PIN is typed at the reader,
 * ERR_PIN_WRONG, ERR_PIN_LOCKED, ERR_PIN_CHANGE and ERR_CANCELLED, too.
 * Words of the KDC that FAST did not protect are no reason for anything but a
 * refusal.
 */
bool krb_logon_card(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
                    const struct krb_card *card, const krb5_creds *armor, const struct krb_options *o,
                    struct krb_logon *logon_out, struct krb_failure *failure_out);

/*
 * The NT hash in the CREDENTIAL_INFO (bytes, of pac_credentials) of a ticket for
 * somebody who logged on with those keys ([MS-PAC] 2.6).  NULL, or why there is
 * none: a static string for the log, and nt_out is zeroed.
 */
#define KRB_CREDENTIAL_INFO_MAX 4096 /* what KDCs send has 148 bytes */
const char *krb_nt_hash(krb5_context ctx, const struct krb_reply_keys *keys, const void *bytes, size_t len,
                        uint8_t nt_out[NT_HASH_BYTES]);

/*
 * The computer's own logon with its keytab (principal COMPUTER$@REALM): a TGT
 * that is not forwardable nor renewable.  *fast_out: the protected part of the
 * answer offered FAST.  What the KDC finds wrong with the computer's account
 * or key is ERR_STALE_KEYTAB.  Where the newest key of the account is not the
 * one, up to two other versions are tried of which host/<fqdn> has keys.
 */
bool krb_computer_tgt(krb5_context ctx, const struct krb_target *t, krb5_keytab keytab, int32_t lifetime,
                      krb5_creds *tgt_out, bool *fast_out, struct krb_failure *failure_out);

/*
 * A TGT for a password: an administrator's, or that of a computer's account
 * ("WS1$").  Neither forwardable nor renewable, for KRB_PASSWORD_TGT_LIFE
 * seconds.  One AS exchange, ever: a wrong password is counted once.  name and
 * enterprise as for krb_logon_password.  password is not kept.
 */
#define KRB_PASSWORD_TGT_LIFE 600
bool krb_password_tgt(krb5_context ctx, const struct krb_target *t, const char *name, bool enterprise,
                      const char *password, krb5_creds *tgt_out, struct krb_failure *failure_out);

/* A service ticket of the computer (TGS exchange with tgt), e.g. for "ldap/dc1.corp.test" in t's realm. */
bool krb_service_ticket(krb5_context ctx, const struct krb_target *t, const krb5_creds *tgt, const char *service,
                        krb5_creds *creds_out, struct krb_failure *failure_out);

/*
 * What member keeps to check AP-REQs: the computer's keys, and what it has
 * seen.  A context of its own; t is copied.  NULL if out of memory.
 */
struct krb_verifier *krb_verifier_new(TALLOC_CTX *mem, const struct krb_target *t);

/*
 * Takes the keys of host/<fqdn> (or, where there are none, COMPUTER$) over
 * from keytab: AES, of the newest key version and the one before.  Keys that
 * it had are dropped; what it has seen it remembers.  Failure: ERR_NO_KEYTAB.
 */
bool krb_verifier_keytab(struct krb_verifier *v, krb5_keytab keytab, struct krb_failure *failure_out);

/*
 * The realms whose users may log on here beside those of the own one, each with
 * the SID of the domain that it is (copied).  False without memory.
 */
struct krb_trusted {
    char realm[256];
    struct sid domain;
};
bool krb_verifier_trust(struct krb_verifier *v, const struct krb_trusted *trusted, size_t n);

/*
 * What member does with a worker's AP-REQ (design, 2 step 5): krb5_rd_req
 * for host/<fqdn>, a second use of an AP-REQ refused, realm checked, ticket
 * and authenticator of this very logon (not old ones), PAC there and its server
 * signature good, PAC decoded, neither S4U2self nor S4U2proxy.
 * A client of another realm must be of one that is trusted, and the PAC's user
 * an account of exactly that domain; of the groups those are left that are of
 * that domain: its KDC has nothing to say of anybody else's, and what our own
 * KDC may have added cannot be told from what came with the ticket.
 * expected: the SID that must be the PAC's (step 6), or NULL.
 * Failures: ERR_UNTRUSTED_KDC (the ticket is not under our key, the session key
 * does not fit, the ticket is old), ERR_STALE_KEYTAB (our key version is older
 * or newer than the ticket's), ERR_NO_KEYTAB, ERR_NO_ENCTYPE (the ticket's is
 * none of ours), ERR_BAD_PAC, ERR_WRONG_ACCOUNT, ERR_NOT_A_PERSON, ERR_CLOCK.
 * *client_out: "alice@CORP.TEST".
 */
bool krb_verify(struct krb_verifier *v, const void *ap_req, size_t len, const struct sid *expected, TALLOC_CTX *mem,
                struct logon_info **info_out, char **client_out, struct krb_failure *failure_out);

/*
 * krb_verify that also gives, of what it takes, the PAC's CREDENTIAL_INFO for
 * krb_nt_hash, under mem: for the process that has the AS reply key, which this
 * one never sees.  Empty: the KDC sent none, or one of more than
 * KRB_CREDENTIAL_INFO_MAX bytes.
 */
struct krb_sealed {
    uint8_t *bytes;
    size_t len;
};
bool krb_verify_sealed(struct krb_verifier *v, const void *ap_req, size_t len, const struct sid *expected,
                       TALLOC_CTX *mem, struct logon_info **info_out, char **client_out, struct krb_sealed *sealed_out,
                       struct krb_failure *failure_out);

/*
 * A KRB-ERROR's e_data to NTSTATUS ([MS-KILE] 2.2.1 KERB-EXT-ERROR, in a
 * KERB-ERROR-DATA or in one of a sequence of PA-DATA); 0 if it holds none that is an error.
 */
uint32_t krb_error_ntstatus(const void *e_data, size_t len);

/* NTSTATUS to our code; ERR_REVOKED for one that is not in the table. */
enum err krb_err_of_ntstatus(uint32_t ntstatus);

/* What the sentence of f->err has for its %1: the domain, the offset of the clock ("10:00 min"); else "". */
void krb_failure_value(const struct krb_failure *f, const char *domain_dns, char *buf, size_t size);

/*
 * For the log: f->text, then in brackets the protocol's own codes by name and
 * number: "... have been revoked (KDC_ERR_CLIENT_REVOKED 18, STATUS_ACCOUNT_DISABLED C0000072)".
 */
void krb_failure_describe(const struct krb_failure *f, char *buf, size_t size);

#endif
