/*
 * Names of SIDs and SIDs of names, asked over a secure channel ([MS-LSAT]
 * 3.1.4.10, 3.1.4.5: LsarLookupSids3, LsarLookupNames4): for accounts of
 * trusted domains, which LDAP cannot name.  The channel is netlogon_channel
 * with lsa_interface and the endpoint that epm_map gives for it.
 */
#ifndef AUTHSOD_RPC_LSA_H
#define AUTHSOD_RPC_LSA_H

#include "lib/rpc/rpc.h"
#include "lib/sid/sid.h"

#define LSA_LOOKUP_MAX 1000        /* of one call */
#define LSA_DOMAINS_MAX 1000
#define LSA_NAME_MAX 1024          /* bytes of a name in a request */

/* SID_NAME_USE, [MS-LSAT] 2.2.13 */
enum lsa_kind {
    LSA_USER = 1,
    LSA_GROUP = 2,
    LSA_DOMAIN = 3,
    LSA_ALIAS = 4,
    LSA_WELL_KNOWN = 5,
    LSA_DELETED = 6,
    LSA_INVALID = 7,
    LSA_UNKNOWN = 8,
    LSA_COMPUTER = 9,
    LSA_LABEL = 10,
};

/* One answer, in the order of the question. */
struct lsa_account {
    enum lsa_kind kind;     /* LSA_UNKNOWN: nothing else counts */
    const char *name;       /* of lsa_lookup_sids; "" else. UTF-8 */
    const char *domain;     /* NetBIOS name, "" where none */
    struct sid domain_sid;  /* n_subs 0 where none */
    struct sid sid;         /* of lsa_lookup_names; n_subs 0 else */
};

extern const struct pdu_syntax lsa_interface;

/*
 * Each gives n accounts under mem; NULL with *f.  n: 1 to LSA_LOOKUP_MAX.
 * Names: "CORP\alice", "alice@corp.test", "alice"; UTF-8.  Nothing found is no
 * failure.
 */
struct lsa_account *lsa_lookup_sids(struct rpc *channel, const struct sid *sids, size_t n, TALLOC_CTX *mem,
                                    int64_t deadline, struct rpc_failure *f);
struct lsa_account *lsa_lookup_names(struct rpc *channel, const char *const *names, size_t n, TALLOC_CTX *mem,
                                     int64_t deadline, struct rpc_failure *f);

/*
 * Their stubs; a reader takes a whole one and gives NULL or what is wrong.
 * *accounts_out is NULL where *status_out says that there is no answer.
 */
void lsa_put_lookup_sids(struct writer *w, const struct sid *sids, size_t n);
const char *lsa_read_lookup_sids(TALLOC_CTX *mem, const uint8_t *stub, size_t len, size_t n,
                                 struct lsa_account **accounts_out, uint32_t *status_out);
void lsa_put_lookup_names(struct writer *w, const char *const *names, size_t n);
const char *lsa_read_lookup_names(TALLOC_CTX *mem, const uint8_t *stub, size_t len, size_t n,
                                  struct lsa_account **accounts_out, uint32_t *status_out);

#endif
