#include "tests/unit/fake_controller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ndr/ndr.h"
#include "lib/rpc/netlogon_crypt.h"
#include "lib/rpc/netlogon_ndr.h"
#include "lib/rpc/pdu.h"
#include "tests/unit/netlogon_builder.h"

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
read_bytes(struct reader *r, uint8_t *out, size_t n)
{
    const uint8_t *p = reader_bytes(r, n);

    must(p != NULL);
    memcpy(out, p, n);
}

/* Steps over LOGONSRV_HANDLE, unique or not, which must be what the client calls the controller. */
static void
step_over_server(struct reader *r, bool unique)
{
    const char *server;

    if (unique)
        must(ndr_pointer(r));
    server = ndr_text(NULL, r);
    must(server != NULL && strcmp(server, "\\\\dc1.corp.test") == 0);
}

static void
step_over_text(struct reader *r, const char *expected)
{
    const char *text = ndr_text(NULL, r);

    must(text != NULL && strcmp(text, expected) == 0);
}

static void
step_over_account(struct reader *r)
{
    step_over_text(r, "WS1$");
    must(ndr_u16(r) == 2);
    step_over_text(r, "WS1");
}

static void
answer_challenge(struct controller *dc, struct reader *r, struct writer *out)
{
    step_over_server(r, true);
    step_over_text(r, "WS1");
    read_bytes(r, dc->client_challenge, 8);
    must(reader_done(r));
    memcpy(dc->challenge, dc->way == REFLECTS ? dc->client_challenge : (const uint8_t *)"\1\2\3\4\5\6\7\10", 8);
    writer_bytes(out, dc->challenge, 8);
    writer_u32(out, dc->way == NO_CHALLENGE ? NTSTATUS_ACCESS_DENIED : 0);
}

/* The session key that this password of the computer's makes, and the credential that the client must have then. */
static bool
make_key(struct controller *dc, const char *password, uint8_t expected[static 8])
{
    uint8_t hash[16];

    return nt_hash(password, hash) && netlogon_session_key(hash, dc->client_challenge, dc->challenge, dc->key) &&
           netlogon_credential(dc->key, dc->client_challenge, expected);
}

/* Which password the client has tried. */
static void
note_try(struct controller *dc)
{
    unsigned n = dc->calls[CALL_AUTHENTICATE] - 1;
    uint8_t expected[8];

    if (dc->guesses == NULL || n >= TRIES_MAX)
        return;
    (void)snprintf(dc->tries[n], sizeof(dc->tries[n]), "?");
    for (size_t i = 0; dc->guesses[i] != NULL; i++) {
        must(make_key(dc, dc->guesses[i], expected));
        if (memcmp(expected, dc->client_credential, 8) == 0)
            (void)snprintf(dc->tries[n], sizeof(dc->tries[n]), "%s", dc->guesses[i]);
    }
}

static void
answer_authenticate(struct controller *dc, struct reader *r, struct writer *out)
{
    uint32_t flags, status = dc->way == DENIES       ? NTSTATUS_ACCESS_DENIED
                             : dc->way == NO_ACCOUNT ? NTSTATUS_NO_TRUST_SAM_ACCOUNT
                                                     : NTSTATUS_SUCCESS;
    uint8_t expected[8], credential[8];

    step_over_server(r, true);
    step_over_account(r);
    read_bytes(r, dc->client_credential, 8);
    flags = ndr_u32(r);
    must(reader_done(r) && flags == NETLOGON_NEGOTIATE);
    note_try(dc);
    must(make_key(dc, dc->way == OTHER_PASSWORD ? "another" : dc->password[0] != '\0' ? dc->password : CONTROLLER_PASSWORD, expected));
    if (dc->way != OTHER_PASSWORD && memcmp(expected, dc->client_credential, 8) != 0)
        status = NTSTATUS_ACCESS_DENIED;
    memcpy(dc->chain.stored, dc->client_credential, 8);
    must(netlogon_credential(dc->key, dc->challenge, credential));
    if (dc->way == REFLECTS)
        memcpy(credential, dc->client_credential, 8);
    if (dc->way == NO_AES)
        flags &= ~NETLOGON_NEGOTIATE_AES;
    if (dc->way == NO_SECURE_RPC)
        flags &= ~NETLOGON_NEGOTIATE_SECURE_RPC;
    writer_bytes(out, credential, 8);
    writer_u32(out, flags);
    writer_u32(out, 1105);
    writer_u32(out, status);
    if (dc->way == MALFORMED_ANSWER)
        writer_u8(out, 0);
}

/* The client's authenticator must follow; gives the credential to return. */
static void
take_authenticator(struct controller *dc, struct reader *r, uint8_t credential[static 8])
{
    uint8_t theirs[8], expected[8];
    uint32_t timestamp;

    reader_align(r, 4);
    read_bytes(r, theirs, 8);
    timestamp = reader_u32(r);
    must(netlogon_chain_next(&dc->chain, dc->key, timestamp, expected));
    must(memcmp(theirs, expected, 8) == 0);
    must(netlogon_chain_next(&dc->chain, dc->key, 1, credential));
    if (dc->way == WRONG_RETURN)
        credential[0] ^= 1;
}

static void
answer_capabilities(struct controller *dc, struct reader *r, struct writer *out)
{
    uint8_t credential[8];

    step_over_server(r, false);
    must(ndr_pointer(r));
    step_over_text(r, "WS1");
    take_authenticator(dc, r, credential);
    (void)reader_bytes(r, 12);
    must(ndr_u32(r) == 1 && reader_done(r));
    writer_bytes(out, credential, 8);
    writer_u32(out, 0);
    writer_u32(out, 1);
    writer_u32(out, dc->way == DOWNGRADED ? NETLOGON_NEGOTIATE & ~0x4000U : NETLOGON_NEGOTIATE);
    writer_u32(out, dc->way == NO_CAPABILITIES ? NTSTATUS_NOT_IMPLEMENTED : 0);
}

/* NETLOGON_INTERACTIVE_INFO: the names, and the NT hash under the session key. */
static void
check_interactive(struct controller *dc, struct reader *r)
{
    struct ndr_string domain = ndr_string_head(r), user, workstation;
    uint8_t nt[16], hash[16];
    const struct crypt_stream stream = { .data = nt, .len = 16 };
    const char *text;

    must(ndr_u32(r) == dc->control);
    (void)ndr_hyper(r);
    user = ndr_string_head(r);
    workstation = ndr_string_head(r);
    (void)reader_bytes(r, 16);
    read_bytes(r, nt, 16);
    must(crypt_aes_cfb8(dc->key, NULL, &stream, false) && nt_hash(CONTROLLER_USER_PASSWORD, hash) && memcmp(nt, hash, 16) == 0);
    text = ndr_string_body(NULL, r, &domain);
    must(text != NULL && strcmp(text, "CORP") == 0);
    text = ndr_string_body(NULL, r, &user);
    must(text != NULL && strcmp(text, "alice") == 0);
    text = ndr_string_body(NULL, r, &workstation);
    must(text != NULL && strcmp(text, "WS1") == 0);
}

static void
answer_logon(struct controller *dc, struct reader *r, struct writer *out, bool with_flags)
{
    struct built_logon spec;
    uint8_t credential[8];
    struct built places;
    uint16_t level;

    step_over_server(r, true);
    must(ndr_pointer(r));
    step_over_text(r, "WS1");
    if (with_flags) {
        must(ndr_pointer(r));
        take_authenticator(dc, r, credential);
        must(ndr_pointer(r));
        (void)reader_bytes(r, 12);
    }
    must(ndr_u16(r) == 1 && ndr_u16(r) == 1 && ndr_pointer(r));
    check_interactive(dc, r);
    level = ndr_u16(r);
    (void)ndr_u32(r);
    must(reader_done(r));
    spec = built_alice(dc->way == OTHER_LEVEL ? 3 : level);
    spec.credential = with_flags ? credential : NULL;
    if (dc->way == ENDED) {
        memset(credential, 0, sizeof(credential));
        spec.status = NTSTATUS_ACCESS_DENIED;
    }
    if (dc->way == WRONG_PASSWORD)
        spec.status = NTSTATUS_WRONG_PASSWORD;
    if (dc->way == LEVEL_3_ONLY && level == 6)
        spec.status = NTSTATUS_INVALID_INFO_CLASS;
    spec.has_info = spec.status == 0;
    build_logon(out, &spec, &places);
}

static void
answer_password(struct controller *dc, struct reader *r, struct writer *out)
{
    uint8_t credential[8], secret[NETLOGON_PASSWORD_BYTES];
    const struct crypt_stream stream = { .data = secret, .len = sizeof(secret) };
    static const uint8_t expected[] = { 'n', 0, 0xe4, 0, 'c', 0, 'h', 0, 's', 0, 't', 0, 'e', 0, 's', 0 };

    step_over_server(r, true);
    step_over_account(r);
    take_authenticator(dc, r, credential);
    read_bytes(r, secret, sizeof(secret));
    must(reader_done(r) && crypt_aes_cfb8(dc->key, NULL, &stream, false));
    must(secret[512] == sizeof(expected) && secret[513] == 0 && secret[514] == 0 && secret[515] == 0);
    must(memcmp(secret + 512 - sizeof(expected), expected, sizeof(expected)) == 0);
    writer_bytes(out, credential, 8);
    writer_u32(out, 0);
    writer_u32(out, dc->way == PASSWORD_REFUSED ? NTSTATUS_PASSWORD_RESTRICTION : 0);
}

void
controller_answer(void *arg, uint16_t opnum, const uint8_t *in, size_t len, struct writer *out)
{
    struct controller *dc = arg;
    struct reader r = reader_init(in, len);
    struct built places;

    must(opnum < CALLS);
    dc->last = opnum;
    dc->calls[opnum]++;
    switch (opnum) {
    case CALL_CHALLENGE: answer_challenge(dc, &r, out); break;
    case CALL_AUTHENTICATE: answer_authenticate(dc, &r, out); break;
    case CALL_CAPABILITIES: answer_capabilities(dc, &r, out); break;
    case CALL_LOGON_EX: answer_logon(dc, &r, out, false); break;
    case CALL_LOGON: answer_logon(dc, &r, out, true); break;
    case CALL_SET_PASSWORD: answer_password(dc, &r, out); break;
    case CALL_FIND_DC: build_dc(out, 0, &places); break;
    case CALL_TRUSTS: build_trusts(out, 0, &places); break;
    default: abort();
    }
}

/* The whole fragment is a fault now: access denied. */
static void
make_fault(struct fake_fragment *f)
{
    struct writer w = writer_init(f->data, sizeof(f->data));

    w.len = 2;
    writer_u8(&w, PDU_FAULT);
    writer_u8(&w, PDU_FIRST_FRAGMENT | PDU_LAST_FRAGMENT);
    w.len = 8;
    writer_u32(&w, 32);
    w.len = PDU_HEADER_BYTES;
    writer_u64(&w, 32);
    writer_u32(&w, 5);
    writer_u32(&w, 0);
    f->len = w.len;
}

void
controller_spoil(void *arg, struct fake_fragment *fragment)
{
    struct controller *dc = arg;
    bool is_bind = fragment->number == 0, is_sealed = (fragment->data[10] | fragment->data[11]) != 0;
    unsigned at = !is_bind ? dc->last : is_sealed ? AT_SEALED_BIND : AT_BIND;

    if (is_bind)
        dc->connections++;
    if (dc->spoil == SPOIL_NOTHING || at != dc->spoil_at)
        return;
    if (dc->spoil == SPOIL_FAULT)
        make_fault(fragment);
    else
        fragment->len = 0;
    fragment->hang_up = dc->spoil == SPOIL_HANG_UP;
}
