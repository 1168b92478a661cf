#include "lib/rpc/schannel.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"

/* NL_AUTH_MESSAGE */
#define MESSAGE_NEGOTIATE 0
#define MESSAGE_ANSWER 1
#define NAME_OEM_DOMAIN 0x1U
#define NAME_OEM_COMPUTER 0x2U
#define NAME_DNS_DOMAIN 0x4U
#define ANSWER_BYTES_MIN 8
#define ANSWER_BYTES_MAX 12 /* some have four bytes of nothing at its end */
#define DNS_LABEL_MAX 63

/* NL_AUTH_SHA2_SIGNATURE */
#define HEAD_BYTES 8           /* algorithms, a filler and flags */
#define HEAD_BYTES_CHECKED 6   /* without the flags, which are to be ignored */
#define SEQUENCE_BYTES 8
#define CHECKSUM_BYTES 8

static const uint8_t head[HEAD_BYTES] = { 0x13, 0, 0x1a, 0, 0xff, 0xff, 0, 0 }; /* HMAC-SHA256, AES-128 */

/* What is secret of it. */
struct keys {
    uint8_t session[NETLOGON_KEY_BYTES];
    uint8_t seal[NETLOGON_KEY_BYTES];
};

struct schannel {
    struct keys *keys;  /* owned, secret_new */
    uint64_t sequence;  /* of the next message, in whatever direction: both sides count all of them */
    bool initiator;
};

static int
schannel_destroy(struct schannel *s)
{
    secret_free(s->keys, sizeof(*s->keys));
    return 0;
}

struct schannel *
schannel_new(TALLOC_CTX *mem, const uint8_t key[static NETLOGON_KEY_BYTES], bool initiator)
{
    struct schannel *s = talloc_zero(mem, struct schannel);

    if (s == NULL)
        return NULL;
    s->initiator = initiator;
    s->keys = secret_new(sizeof(*s->keys));
    if (s->keys == NULL) {
        talloc_free(s);
        return NULL;
    }
    talloc_set_destructor(s, schannel_destroy);
    for (size_t i = 0; i < NETLOGON_KEY_BYTES; i++) {
        s->keys->session[i] = key[i];
        s->keys->seal[i] = key[i] ^ 0xf0;
    }
    return s;
}

static bool
is_ascii(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s >= 0x80)
            return false;
    }
    return true;
}

/* "corp.test" as labels with their lengths, ended by the root's empty one (RFC 1035 3.1). */
static void
put_dns_name(struct writer *w, const char *name)
{
    while (*name != '\0') {
        size_t n = strcspn(name, ".");

        if (n == 0 || n > DNS_LABEL_MAX) {
            w->failed = true;
            return;
        }
        writer_u8(w, (uint8_t)n);
        writer_bytes(w, name, n);
        name += n;
        if (*name == '.')
            name++;
    }
    writer_u8(w, 0);
}

size_t
schannel_token(const char *domain_netbios, const char *domain_dns, const char *computer, uint8_t *token, size_t size)
{
    struct writer w = writer_init(token, size < SCHANNEL_TOKEN_MAX ? size : SCHANNEL_TOKEN_MAX);
    bool by_dns = !is_ascii(domain_netbios);

    if (!is_ascii(computer))
        return 0;
    writer_u32(&w, MESSAGE_NEGOTIATE);
    writer_u32(&w, (by_dns ? NAME_DNS_DOMAIN : NAME_OEM_DOMAIN) | NAME_OEM_COMPUTER);
    if (!by_dns)
        writer_bytes(&w, domain_netbios, strlen(domain_netbios) + 1);
    writer_bytes(&w, computer, strlen(computer) + 1);
    if (by_dns)
        put_dns_name(&w, domain_dns);
    return writer_ok(&w) ? w.len : 0;
}

bool
schannel_token_is_answer(const uint8_t *token, size_t len)
{
    struct reader r = reader_init(token, len);

    return len >= ANSWER_BYTES_MIN && len <= ANSWER_BYTES_MAX && reader_u32(&r) == MESSAGE_ANSWER &&
           reader_u32(&r) == 0;
}

/* [MS-NRPC] 3.3.4.2.1: both halves big-endian, the low one first; the initiator's have a bit set. */
static void
put_sequence(uint64_t sequence, bool by_initiator, uint8_t bytes[static SEQUENCE_BYTES])
{
    for (size_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(sequence >> (24 - 8 * i));
        bytes[4 + i] = (uint8_t)(sequence >> (56 - 8 * i));
    }
    if (by_initiator)
        bytes[4] |= 0x80;
}

/* The signature's first field, the confounder and the message, all of it plain. */
static bool
checksum(const struct schannel *s, const struct schannel_message *m, const uint8_t *signature,
         const uint8_t *confounder, uint8_t sum[static CHECKSUM_BYTES])
{
    const struct crypt_part parts[] = { { signature, HEAD_BYTES },
                                        { confounder, SCHANNEL_CONFOUNDER_BYTES },
                                        m->before,
                                        { m->data, m->len },
                                        m->after };
    uint8_t mac[HMAC_SHA256_BYTES] = { 0 };
    bool ok = crypt_hmac_sha256(s->keys->session, parts, sizeof(parts) / sizeof(parts[0]), mac);

    memcpy(sum, mac, CHECKSUM_BYTES);
    return ok;
}

/* Confounder and data are one stream, whose start is the plain sequence number, twice. */
static bool
seal_stream(const struct schannel *s, const struct schannel_message *m, const uint8_t sequence[static SEQUENCE_BYTES],
            uint8_t *confounder, bool encrypt)
{
    const struct crypt_stream stream = { confounder, SCHANNEL_CONFOUNDER_BYTES, m->data, m->len };
    uint8_t iv[2 * SEQUENCE_BYTES];

    memcpy(iv, sequence, SEQUENCE_BYTES);
    memcpy(iv + SEQUENCE_BYTES, sequence, SEQUENCE_BYTES);
    return crypt_aes_cfb8(s->keys->seal, iv, &stream, encrypt);
}

/* The sequence number is sealed by itself, with the checksum, twice, as its start. */
static bool
seal_sequence(const struct schannel *s, const uint8_t sum[static CHECKSUM_BYTES],
              uint8_t sequence[static SEQUENCE_BYTES], bool encrypt)
{
    const struct crypt_stream stream = { .data = sequence, .len = SEQUENCE_BYTES };
    uint8_t iv[2 * CHECKSUM_BYTES];

    memcpy(iv, sum, CHECKSUM_BYTES);
    memcpy(iv + CHECKSUM_BYTES, sum, CHECKSUM_BYTES);
    return crypt_aes_cfb8(s->keys->session, iv, &stream, encrypt);
}

bool
schannel_seal_with(struct schannel *s, const struct schannel_message *m,
                   const uint8_t confounder[static SCHANNEL_CONFOUNDER_BYTES],
                   uint8_t signature[static SCHANNEL_SIGNATURE_BYTES])
{
    uint8_t sequence[SEQUENCE_BYTES], sum[CHECKSUM_BYTES], sealed[SCHANNEL_CONFOUNDER_BYTES];
    struct writer w = writer_init(signature, SCHANNEL_SIGNATURE_BYTES);

    put_sequence(s->sequence, s->initiator, sequence);
    memcpy(sealed, confounder, sizeof(sealed));
    if (!checksum(s, m, head, confounder, sum) || !seal_stream(s, m, sequence, sealed, true) ||
        !seal_sequence(s, sum, sequence, true))
        return false;
    s->sequence++;
    memset(signature, 0, SCHANNEL_SIGNATURE_BYTES);
    writer_bytes(&w, head, sizeof(head));
    writer_bytes(&w, sequence, sizeof(sequence));
    writer_bytes(&w, sum, sizeof(sum));
    writer_bytes(&w, sealed, sizeof(sealed));
    return true;
}

bool
schannel_seal(struct schannel *s, const struct schannel_message *m, uint8_t signature[static SCHANNEL_SIGNATURE_BYTES])
{
    uint8_t confounder[SCHANNEL_CONFOUNDER_BYTES];

    return RAND_bytes(confounder, sizeof(confounder)) == 1 && schannel_seal_with(s, m, confounder, signature);
}

bool
schannel_unseal(struct schannel *s, const struct schannel_message *m, const uint8_t *signature, size_t signature_len)
{
    uint8_t expected[SEQUENCE_BYTES], sequence[SEQUENCE_BYTES], sum[CHECKSUM_BYTES],
    confounder[SCHANNEL_CONFOUNDER_BYTES];
    const uint8_t *their_sum = signature + HEAD_BYTES + SEQUENCE_BYTES;

    if (signature_len != SCHANNEL_SIGNATURE_BYTES || memcmp(signature, head, HEAD_BYTES_CHECKED) != 0)
        return false;
    put_sequence(s->sequence, !s->initiator, expected);
    memcpy(sequence, signature + HEAD_BYTES, sizeof(sequence));
    memcpy(confounder, their_sum + CHECKSUM_BYTES, sizeof(confounder));
    if (!seal_sequence(s, their_sum, sequence, false) || CRYPTO_memcmp(sequence, expected, sizeof(expected)) != 0)
        return false;
    if (!seal_stream(s, m, sequence, confounder, false) || !checksum(s, m, signature, confounder, sum))
        return false;
    if (CRYPTO_memcmp(sum, their_sum, sizeof(sum)) != 0)
        return false;
    s->sequence++;
    return true;
}
