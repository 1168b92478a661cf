/*
 * The Netlogon secure channel ([MS-NRPC]): a computer proves itself to a
 * domain controller, and the controller itself to the computer; then it
 * answers logons and tells of the domain's trusts.
 *
 * AES and secure RPC or nothing: a controller that offers less is refused
 * (RPC_WEAK), never negotiated down to.
 *
 * A session is what both sides agreed on.  Any number of connections, its
 * channels, may be bound with it, but authenticating the same computer anew
 * ends it (a controller keeps one session a computer).  The calls that take an
 * authenticator (all but NETLOGON_EX, netlogon_find_dc and
 * netlogon_list_trusts) must not be made on two channels at once, and after a
 * failure of one but RPC_ARGUMENT the session takes no more of them (RPC_DEAD):
 * nobody knows how far the controller's chain went.
 */
#ifndef AUTHSOD_RPC_NETLOGON_H
#define AUTHSOD_RPC_NETLOGON_H

#include "lib/ndr/logon_info.h"
#include "lib/rpc/nt_hash.h"
#include "lib/rpc/ntstatus.h"
#include "lib/rpc/rpc.h"

/* NegotiateFlags, [MS-NRPC] 3.1.4.2 */
#define NETLOGON_NEGOTIATE_AES 0x01000000U
#define NETLOGON_NEGOTIATE_SECURE_RPC 0x40000000U
#define NETLOGON_NEGOTIATE_REQUIRED (NETLOGON_NEGOTIATE_AES | NETLOGON_NEGOTIATE_SECURE_RPC)
#define NETLOGON_NEGOTIATE 0x612fffffU /* what is offered */

#define NETLOGON_NAME_MAX 255   /* bytes of a name in a request */
#define NETLOGON_TRUSTS_MAX 4096

/* Who talks to whom. Strings of the caller's, which netlogon_authenticate copies. */
struct netlogon_names {
    const char *account;        /* "WS1$" */
    const char *computer;       /* "WS1", ASCII */
    const char *domain_netbios; /* "CORP" */
    const char *domain_dns;     /* "corp.test" */
    const char *controller;     /* "dc1.corp.test", without backslashes */
};

struct netlogon_session;

/*
 * Authenticates the computer (NetrServerReqChallenge, NetrServerAuthenticate3:
 * 3.5.4.4.1, 3.5.4.4.2) at the controller's Netlogon endpoint (epm_map).
 * nt_hash: of the machine's password; not kept.  The session key is in memory
 * of lib/base/secret.h until talloc_free.  NULL with *f: RPC_STATUS with
 * ACCESS_DENIED (another password) or NO_TRUST_SAM_ACCOUNT (no such computer),
 * RPC_WEAK, RPC_IMPOSTOR.  Nobody vouches for a refusal: who stands between can
 * send one, too.
 */
struct netlogon_session *netlogon_authenticate(TALLOC_CTX *mem, const struct sockaddr_storage *endpoint,
                                               const struct netlogon_names *names,
                                               const uint8_t nt_hash[static NT_HASH_BYTES], int64_t deadline,
                                               struct rpc_failure *f);

/* What the controller agreed to, and the RID of the computer's account. */
uint32_t netlogon_flags(const struct netlogon_session *s);
uint32_t netlogon_rid(const struct netlogon_session *s);

/*
 * A sealed connection to Netlogon, or by another interface and endpoint to LSA.
 * NULL with *f: RPC_FAULT or RPC_BIND where the controller has forgotten the
 * session.  Ends before the session does.
 */
extern const struct pdu_syntax netlogon_interface;
struct rpc *netlogon_channel(TALLOC_CTX *mem, const struct netlogon_session *s, const struct sockaddr_storage *endpoint,
                             const struct pdu_syntax *interface, int64_t deadline, struct rpc_failure *f);

/*
 * NetrLogonGetCapabilities (3.5.4.4.10): over the sealed channel the controller
 * says what it negotiated.  False with RPC_DOWNGRADE if that is something else:
 * then somebody changed the negotiation on its way, and the session is not to
 * be used.
 */
bool netlogon_check_capabilities(struct netlogon_session *s, struct rpc *channel, int64_t deadline,
                                 struct rpc_failure *f);

/*
 * How a logon is asked for.  The second needs an authenticator, so a session
 * that another one has ended is told from a wrong password: without one, a
 * controller (Samba 4.17, seen) decrypts the NT hash with the other session's
 * key, says WRONG_PASSWORD and counts it.  Who cannot rule out another session
 * of the same computer asks with flags; it costs nothing but that such calls
 * wait for each other.
 */
enum netlogon_method {
    NETLOGON_EX,         /* NetrLogonSamLogonEx, 3.5.4.5.1 */
    NETLOGON_WITH_FLAGS, /* NetrLogonSamLogonWithFlags, 3.5.4.5.2: also where the other is refused */
};

/* NETLOGON_LOGON_IDENTITY_INFO and NETLOGON_INTERACTIVE_INFO (2.2.1.4.15, 2.2.1.4.3); strings are UTF-8. */
struct netlogon_logon {
    enum netlogon_method method;
    bool transitive;            /* may be passed on over more than one trust */
    const char *user;           /* sAMAccountName, or a UPN with domain "" */
    const char *domain;
    const char *workstation;    /* this computer's NetBIOS name: the controller checks where the user may log on */
    const uint8_t *nt_hash;     /* NT_HASH_BYTES; the caller erases it */
    uint32_t parameter_control; /* 2.2.1.4.15 */
};

struct netlogon_verdict {
    uint32_t status;            /* NTSTATUS */
    bool authoritative;         /* false: the controller asks to try another domain */
    uint32_t extra_flags;
    struct logon_info *info;    /* where status is success; NULL else */
};

/*
 * The controller's verdict on a password.  True if there is one, whatever it
 * is; info under mem.  Validation level 6, and 3 where the controller does not
 * know that (one bad password is counted once: a level is refused before the
 * password is looked at).  Level 3 tells neither domain_dns nor UPN.
 */
bool netlogon_logon(struct netlogon_session *s, struct rpc *channel, const struct netlogon_logon *logon,
                    TALLOC_CTX *mem, struct netlogon_verdict *verdict_out, int64_t deadline, struct rpc_failure *f);

/* DsrGetDcNameEx2 (3.5.4.3.1): DOMAIN_CONTROLLER_INFOW. Strings are "" where not told. */
struct netlogon_dc {
    const char *name;           /* "\\dc1.corp.test" */
    const char *address;        /* "\\10.99.0.1" */
    uint32_t address_type;      /* 1: IP, 2: NetBIOS */
    uint8_t domain_guid[16];
    const char *domain;
    const char *forest;
    uint32_t flags;
    const char *dc_site;
    const char *client_site;
};
/* domain NULL: the controller's own. The answer is under mem; NULL with *f (RPC_WIN32: what the controller says). */
struct netlogon_dc *netlogon_find_dc(const struct netlogon_session *s, struct rpc *channel, const char *domain,
                                     uint32_t flags, TALLOC_CTX *mem, int64_t deadline, struct rpc_failure *f);

/* DsrEnumerateDomainTrusts (3.5.4.7.1): DS_DOMAIN_TRUSTSW */
#define NETLOGON_TRUST_IN_FOREST 0x1U
#define NETLOGON_TRUST_OUTBOUND 0x2U
#define NETLOGON_TRUST_TREE_ROOT 0x4U
#define NETLOGON_TRUST_PRIMARY 0x8U
#define NETLOGON_TRUST_NATIVE 0x10U
#define NETLOGON_TRUST_INBOUND 0x20U
#define NETLOGON_TRUST_ANY 0x3fU
#define NETLOGON_NO_PARENT UINT32_MAX

struct netlogon_trust {
    const char *netbios;        /* UTF-8, "" where not told */
    const char *dns;
    uint32_t flags;             /* NETLOGON_TRUST codes: direction, and what it is to the controller's domain */
    uint32_t parent;            /* index of the parent domain in the forest, or NETLOGON_NO_PARENT */
    uint32_t type;              /* [MS-ADTS] 6.1.6.7.15: 1 downlevel, 2 Active Directory, 3 MIT */
    uint32_t attributes;        /* [MS-ADTS] 6.1.6.7.9 */
    struct sid sid;             /* a domain's; n_subs 0 where not told */
    uint8_t guid[16];
};
struct netlogon_trusts {
    struct netlogon_trust *list;
    size_t n;
};
struct netlogon_trusts *netlogon_list_trusts(const struct netlogon_session *s, struct rpc *channel, uint32_t flags,
                                             TALLOC_CTX *mem, int64_t deadline, struct rpc_failure *f);

/*
 * NetrServerPasswordSet2 (3.5.4.4.5): the computer's new password.  False with
 * *f: RPC_STATUS is a refusal and the old one stays; any other failure leaves
 * open which one the controller has.
 */
bool netlogon_set_password(struct netlogon_session *s, struct rpc *channel, const char *password, int64_t deadline,
                           struct rpc_failure *f);

#endif
