/* The requests of lib/rpc/netlogon_ndr.h. */
#include "lib/rpc/netlogon_ndr.h"

#include <stdio.h>
#include <string.h>

#include "lib/ndr/ndr_write.h"

#define WORKSTATION_SECURE_CHANNEL 2  /* NETLOGON_SECURE_CHANNEL_TYPE, 2.2.1.3.13 */
#define INTERACTIVE_INFORMATION 1     /* NETLOGON_LOGON_INFO_CLASS, 2.2.1.4.16 */
#define INTERACTIVE_TRANSITIVE 5
#define CAPABILITIES_NEGOTIATED 1     /* QueryLevel, 3.5.4.4.10 */

/* LOGONSRV_HANDLE: "\\dc1.corp.test" */
static void
put_server(struct writer *w, const struct netlogon_names *names, bool unique)
{
    char server[NETLOGON_NAME_MAX + 3];

    if (strlen(names->controller) > NETLOGON_NAME_MAX)
        w->failed = true;
    (void)snprintf(server, sizeof(server), "\\\\%s", names->controller);
    if (unique)
        ndr_put_unique_text(w, server);
    else
        ndr_put_text(w, server);
}

static void
put_authenticator(struct writer *w, const struct netlogon_authenticator *authenticator)
{
    ndr_put_align(w, 4);
    writer_bytes(w, authenticator->credential, sizeof(authenticator->credential));
    writer_u32(w, authenticator->timestamp);
}

/* What is to be returned, empty. */
static void
put_no_authenticator(struct writer *w)
{
    const struct netlogon_authenticator none = { .timestamp = 0 };

    put_authenticator(w, &none);
}

void
netlogon_put_challenge(struct writer *w, const struct netlogon_names *names,
                       const uint8_t challenge[static NETLOGON_CREDENTIAL_BYTES])
{
    put_server(w, names, true);
    ndr_put_text(w, names->computer);
    writer_bytes(w, challenge, NETLOGON_CREDENTIAL_BYTES);
}

/* The account, what it is, and the computer's name. */
static void
put_account(struct writer *w, const struct netlogon_names *names)
{
    ndr_put_text(w, names->account);
    ndr_put_u16(w, WORKSTATION_SECURE_CHANNEL);
    ndr_put_text(w, names->computer);
}

void
netlogon_put_authenticate(struct writer *w, const struct netlogon_names *names,
                          const uint8_t credential[static NETLOGON_CREDENTIAL_BYTES], uint32_t flags)
{
    put_server(w, names, true);
    put_account(w, names);
    writer_bytes(w, credential, NETLOGON_CREDENTIAL_BYTES);
    ndr_put_u32(w, flags);
}

void
netlogon_put_capabilities(struct writer *w, const struct netlogon_names *names,
                          const struct netlogon_authenticator *authenticator)
{
    put_server(w, names, false);
    ndr_put_unique_text(w, names->computer);
    put_authenticator(w, authenticator);
    put_no_authenticator(w);
    ndr_put_u32(w, CAPABILITIES_NEGOTIATED);
}

/* NETLOGON_INTERACTIVE_INFO and what it points to */
static void
put_interactive(struct writer *w, const struct netlogon_logon *logon, const struct netlogon_hashes *hashes)
{
    ndr_put_string_head(w, logon->domain);
    ndr_put_u32(w, logon->parameter_control);
    ndr_put_u32(w, 0); /* Reserved: a logon's identifier, which nobody reads */
    ndr_put_u32(w, 0);
    ndr_put_string_head(w, logon->user);
    ndr_put_string_head(w, logon->workstation);
    writer_bytes(w, hashes->lm, sizeof(hashes->lm));
    writer_bytes(w, hashes->nt, sizeof(hashes->nt));
    ndr_put_string_body(w, logon->domain);
    ndr_put_string_body(w, logon->user);
    ndr_put_string_body(w, logon->workstation);
}

void
netlogon_put_logon(struct writer *w, const struct netlogon_names *names, const struct netlogon_logon *logon,
                   const struct netlogon_hashes *hashes, uint16_t level,
                   const struct netlogon_authenticator *authenticator)
{
    uint16_t class = logon->transitive ? INTERACTIVE_TRANSITIVE : INTERACTIVE_INFORMATION;

    put_server(w, names, true);
    ndr_put_unique_text(w, names->computer);
    if (authenticator != NULL) {
        ndr_put_pointer(w, true);
        put_authenticator(w, authenticator);
        ndr_put_pointer(w, true);
        put_no_authenticator(w);
    }
    ndr_put_u16(w, class);
    ndr_put_u16(w, class); /* the union's own */
    ndr_put_pointer(w, true);
    put_interactive(w, logon, hashes);
    ndr_put_u16(w, level);
    ndr_put_u32(w, 0); /* ExtraFlags */
}

void
netlogon_put_find_dc(struct writer *w, const struct netlogon_names *names, const char *domain, uint32_t flags)
{
    put_server(w, names, true);
    ndr_put_unique_text(w, NULL);   /* any account */
    ndr_put_u32(w, 0);
    ndr_put_unique_text(w, domain);
    ndr_put_pointer(w, false);      /* no GUID */
    ndr_put_unique_text(w, NULL);   /* any site */
    ndr_put_u32(w, flags);
}

void
netlogon_put_list_trusts(struct writer *w, const struct netlogon_names *names, uint32_t flags)
{
    put_server(w, names, true);
    ndr_put_u32(w, flags);
}

void
netlogon_put_set_password(struct writer *w, const struct netlogon_names *names,
                          const struct netlogon_authenticator *authenticator,
                          const uint8_t encrypted[static NETLOGON_PASSWORD_BYTES])
{
    put_server(w, names, true);
    put_account(w, names);
    put_authenticator(w, authenticator);
    ndr_put_align(w, 4);
    writer_bytes(w, encrypted, NETLOGON_PASSWORD_BYTES);
}
