/* The computer's NT hash: what keeper hands over, and what is made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/netlogon.h"
#include "lib/base/log.h"
#include "lib/base/secret.h"
#include "lib/krb/krb.h"
#include "lib/membership/machine_secret.h"
#include "lib/proto/client.h"
#include "lib/proto/sealed.h"

#define KEEPER_MS 5000

/*
 * Of the passwords in a machine secret: the pending one first.  Where that one
 * works it is in force; that the current one works proves nothing, if the
 * controller takes the one before, too.
 */
static void
take_passwords(struct netlogon_role *n, const struct machine_secret *s)
{
    static const enum machine_slot order[] = { MACHINE_PENDING, MACHINE_CURRENT, MACHINE_PREVIOUS };

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && n->keys->n < NETLOGON_KEYS_MAX; i++) {
        const char *text = s->slots[order[i]].text;

        if (text[0] != '\0' && nt_hash(text, n->keys->hash[n->keys->n]))
            n->keys->slot[n->keys->n++] = order[i];
    }
}

/* Whose machine secret it is: a computer that was renamed, or has moved, has another one's. */
static bool
is_ours(const struct config *c, const struct machine_secret *s)
{
    size_t len = strlen(c->computer);

    return strcasecmp(s->realm, c->realm) == 0 && strncasecmp(s->account, c->computer, len) == 0 &&
           strcmp(s->account + len, "$") == 0;
}

void
netlogon_take_secret(struct netlogon_role *n, int fd)
{
    struct machine_secret *s = machine_secret_new();
    const void *bytes = NULL;
    size_t len = 0;

    if (s == NULL || sealed_map(fd, MACHINE_SECRET_FILE_MAX, &bytes, &len) != 0 || !machine_secret_decode(bytes, len, s))
        (void)snprintf(n->keys_text, sizeof(n->keys_text), "the machine secret " MACHINE_SECRET_PATH " is damaged");
    else if (!is_ours(n->config, s))
        (void)snprintf(n->keys_text, sizeof(n->keys_text), "the machine secret " MACHINE_SECRET_PATH
                       " is of another computer, %.31s in %.100s", s->account, s->realm);
    else
        take_passwords(n, s);
    if (bytes != NULL)
        (void)munmap((void *)(uintptr_t)bytes, len);
    machine_secret_free(s);
}

/* The newest arcfour-hmac key of the computer's account. False with a code of libkrb5. */
static krb5_error_code
find_key(krb5_context ctx, krb5_keytab keytab, krb5_const_principal account, struct netlogon_keys *keys)
{
    krb5_keytab_entry e;
    krb5_kt_cursor cursor;
    krb5_kvno newest = 0;
    krb5_error_code code = krb5_kt_start_seq_get(ctx, keytab, &cursor);

    if (code != 0)
        return code;
    for (code = krb5_kt_next_entry(ctx, keytab, &e, &cursor); code == 0;
         code = krb5_kt_next_entry(ctx, keytab, &e, &cursor)) {
        if (e.key.enctype == ENCTYPE_ARCFOUR_HMAC && e.key.length == NT_HASH_BYTES &&
            (keys->n == 0 || e.vno > newest) && krb5_principal_compare(ctx, e.principal, account)) {
            memcpy(keys->hash[0], e.key.contents, NT_HASH_BYTES);
            keys->n = 1;
            newest = e.vno;
        }
        (void)krb5_free_keytab_entry_contents(ctx, &e);
    }
    (void)krb5_kt_end_seq_get(ctx, keytab, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

static krb5_error_code
search_keytab(krb5_context ctx, const struct config *c, int fd, struct netlogon_keys *keys)
{
    krb5_principal account = NULL;
    krb5_keytab keytab = NULL;
    krb5_error_code code;
    char name[64];

    (void)snprintf(name, sizeof(name), "%s$", c->computer);
    code = krb5_build_principal(ctx, &account, (unsigned)strlen(c->realm), c->realm, name, NULL);
    (void)snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", fd);
    if (code == 0)
        code = krb5_kt_resolve(ctx, name, &keytab);
    if (code == 0)
        code = find_key(ctx, keytab, account, keys);
    if (keytab != NULL)
        (void)krb5_kt_close(ctx, keytab);
    krb5_free_principal(ctx, account);
    return code;
}

void
netlogon_take_keytab(struct netlogon_role *n, uint32_t error, int fd)
{
    const struct config *c = n->config;
    struct krb_target t = { .realm = c->realm, .domain_dns = c->name, .fqdn = c->fqdn, .computer = c->computer,
                            .timeout = c->timeout };
    krb5_context ctx = NULL;
    krb5_error_code code = 0;
    const char *text;

    if (fd >= 0)
        code = krb_context_new(&t, &ctx);
    if (fd >= 0 && code == 0)
        code = search_keytab(ctx, c, fd, n->keys);
    if (n->keys->n == 0) {
        text = fd < 0 ? role_keytab_error((int)error) : code != 0 ? krb5_get_error_message(ctx, code) : NULL;
        (void)snprintf(n->keys_text, sizeof(n->keys_text),
                       "there is no machine secret " MACHINE_SECRET_PATH ", and the keytab %.80s has no arcfour-hmac "
                       "key of %s$%s%.60s", c->keytab, c->computer, text == NULL ? "" : ": ", text == NULL ? "" : text);
        if (fd >= 0 && code != 0)
            krb5_free_error_message(ctx, text);
    }
    if (ctx != NULL)
        krb5_free_context(ctx);
}

void
netlogon_read_keys(struct netlogon_role *n)
{
    uint8_t packet[1024];
    struct writer w = writer_init(packet, sizeof(packet));
    int fds[CHANNEL_FDS_MAX];
    ssize_t len;
    unsigned type;

    secret_erase(n->keys, sizeof(*n->keys));
    n->keys_text[0] = '\0';
    n->keys_at = client_now();
    ipc_put_empty(&w, IPC_GET_SECRET);
    if (!channel_send(FD_KEEPER, packet, w.len, NULL, 0, true))
        exit(EXIT_FAILURE);
    /* Other messages of keeper's may come before the answer. */
    do {
        len = channel_recv(FD_KEEPER, packet, sizeof(packet), fds, KEEPER_MS);
        type = len <= 0 ? 0 : ipc_type(packet, (size_t)len);
        if (len <= 0 || !netlogon_keeper_message(n, packet, (size_t)len, fds)) {
            log_error("keeper does not answer");
            exit(EXIT_FAILURE);
        }
        channel_close_fds(fds);
    } while (type != IPC_MACHINE_SECRET && type != IPC_KEYTAB);
    n->keys_known = true;
}
