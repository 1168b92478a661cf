/* Logons, and the computer's new password. */
#include "lib/rpc/netlogon_session.h"

#include <openssl/rand.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/ndr/ndr_write.h"
#include "lib/ndr/validation_info.h"

#define PASSWORD_BUFFER_BYTES (NETLOGON_PASSWORD_BYTES - 4)

static const struct netlogon_call sam_logon_ex = { "NetrLogonSamLogonEx", 39 };
static const struct netlogon_call sam_logon_with_flags = { "NetrLogonSamLogonWithFlags", 45 };
static const struct netlogon_call password_set2 = { "NetrServerPasswordSet2", 30 };

/* 3.5.4.5.1: both hashes are encrypted with the session key, each by itself. There is no LM hash. */
static bool
encrypt_hashes(const struct netlogon_session *s, const uint8_t *nt_hash, struct netlogon_hashes *out)
{
    const struct crypt_stream lm = { .data = out->lm, .len = sizeof(out->lm) };
    const struct crypt_stream nt = { .data = out->nt, .len = sizeof(out->nt) };

    memset(out->lm, 0, sizeof(out->lm));
    memcpy(out->nt, nt_hash, sizeof(out->nt));
    return crypt_aes_cfb8(s->keys->session, NULL, &lm, true) && crypt_aes_cfb8(s->keys->session, NULL, &nt, true);
}

/* One request at one level. */
static bool
ask(struct netlogon_session *s, struct rpc *channel, const struct netlogon_logon *logon,
    const struct netlogon_hashes *hashes, uint16_t level, TALLOC_CTX *mem, struct netlogon_verdict *out,
    int64_t deadline,
    struct rpc_failure *f)
{
    bool by_flags = logon->method == NETLOGON_WITH_FLAGS, ok;
    const struct netlogon_call *call = by_flags ? &sam_logon_with_flags : &sam_logon_ex;
    uint8_t in[NETLOGON_REQUEST_MAX], credential[NETLOGON_CREDENTIAL_BYTES];
    struct writer w = writer_init(in, sizeof(in));
    struct netlogon_authenticator authenticator = { .timestamp = 0 };
    struct rpc_stub stub;

    /* Names are anybody's: those that do not fit must not cost the chain. */
    netlogon_put_logon(&w, &s->names, logon, hashes, level, &authenticator);
    if (!writer_ok(&w))
        return rpc_fail(f, RPC_ARGUMENT, 0, call->step);
    w = writer_init(in, sizeof(in));
    if (by_flags && !netlogon_next(s, &authenticator, call->step, f))
        return false;
    netlogon_put_logon(&w, &s->names, logon, hashes, level, by_flags ? &authenticator : NULL);
    if (!netlogon_do(channel, call, &w, NULL, &stub, deadline, f))
        return false;
    ok = netlogon_read_logon(mem, stub.data, stub.len, level, by_flags ? credential : NULL, out) == NULL ||
         rpc_fail(f, RPC_MALFORMED, 0, call->step);
    talloc_free(stub.data);
    if (ok && by_flags && !netlogon_check_answer(s, credential, out->status, call->step, f)) {
        talloc_free(out->info);
        ok = false;
    }
    return ok;
}

bool
netlogon_logon(struct netlogon_session *s, struct rpc *channel, const struct netlogon_logon *logon, TALLOC_CTX *mem,
               struct netlogon_verdict *verdict_out, int64_t deadline, struct rpc_failure *f)
{
    struct netlogon_verdict v = { 0 };
    struct netlogon_hashes hashes;
    bool ok;

    memset(verdict_out, 0, sizeof(*verdict_out));
    if (!encrypt_hashes(s, logon->nt_hash, &hashes)) {
        secret_erase(&hashes, sizeof(hashes));
        return rpc_fail(f, RPC_CRYPTO, 0, sam_logon_ex.step);
    }
    ok = ask(s, channel, logon, &hashes, VALIDATION_SAM_INFO4, mem, &v, deadline, f);
    if (ok && v.status == NTSTATUS_INVALID_INFO_CLASS)
        ok = ask(s, channel, logon, &hashes, VALIDATION_SAM_INFO2, mem, &v, deadline, f);
    if (ok)
        *verdict_out = v;
    return ok;
}

/* NL_TRUST_PASSWORD, 2.2.1.3.7: the password at the end of random bytes, then its length. False if it does not fit. */
static bool
fill_password(uint8_t out[static NETLOGON_PASSWORD_BYTES], const char *password)
{
    uint8_t text[PASSWORD_BUFFER_BYTES];
    struct writer w = writer_init(text, sizeof(text));
    bool ok = RAND_bytes(out, PASSWORD_BUFFER_BYTES) == 1;

    utf16le_put(&w, password);
    ok = ok && writer_ok(&w) && w.len > 0;
    if (ok) {
        struct writer length = writer_init(out + PASSWORD_BUFFER_BYTES, 4);

        memcpy(out + PASSWORD_BUFFER_BYTES - w.len, text, w.len);
        writer_u32(&length, (uint32_t)w.len);
    }
    secret_erase(text, sizeof(text));
    return ok;
}

bool
netlogon_set_password(struct netlogon_session *s, struct rpc *channel, const char *password, int64_t deadline,
                      struct rpc_failure *f)
{
    const char *step = password_set2.step;
    uint8_t in[NETLOGON_REQUEST_MAX], secret[NETLOGON_PASSWORD_BYTES], credential[NETLOGON_CREDENTIAL_BYTES];
    const struct crypt_stream stream = { .data = secret, .len = sizeof(secret) };
    struct writer w = writer_init(in, sizeof(in));
    struct netlogon_authenticator authenticator;
    struct rpc_stub stub;
    uint32_t status;
    bool ok;

    ok = fill_password(secret, password) && crypt_aes_cfb8(s->keys->session, NULL, &stream, true);
    if (!ok) {
        secret_erase(secret, sizeof(secret));
        return rpc_fail(f, RPC_ARGUMENT, 0, step);
    }
    if (!netlogon_next(s, &authenticator, step, f))
        return false;
    netlogon_put_set_password(&w, &s->names, &authenticator, secret);
    if (!netlogon_do(channel, &password_set2, &w, NULL, &stub, deadline, f))
        return false;
    ok = netlogon_read_set_password(stub.data, stub.len, credential, &status) == NULL ||
         rpc_fail(f, RPC_MALFORMED, 0, step);
    talloc_free(stub.data);
    if (!ok || !netlogon_check_answer(s, credential, status, step, f))
        return false;
    return status == NTSTATUS_SUCCESS || rpc_fail(f, RPC_STATUS, status, step);
}
