/*
 * The short-lived child that has become the user and writes, or removes, the
 * user's credential cache (design, 2 step 7).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/role.h"
#include "lib/base/log.h"
#include "lib/krb/ccache.h"

static void
tell(uint32_t code, const char *name)
{
    uint8_t packet[PROTO_TEXT_MAX + 64];
    struct writer w = writer_init(packet, sizeof(packet));
    struct ipc_ccache_done m = { .code = code };

    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    ipc_put_ccache_done(&w, &m);
    (void)channel_send(FD_KEEPER, packet, w.len, NULL, 0, true);
}

/* The template: the configuration's, else the one of the system's krb5.conf, else NULL. */
static const char *
find_template(TALLOC_CTX *mem, const struct config *c)
{
    return c->ccache != NULL ? c->ccache : ccache_system_template(mem);
}

static int
store(TALLOC_CTX *mem, krb5_context ctx, const struct config *c, const char *name, const char *user)
{
    bool reuse = name[0] != '\0', fell_back = false;
    krb5_error_code code = 0;
    const char *why = NULL;
    krb5_creds tgt;
    char *made;

    memset(&tgt, 0, sizeof(tgt));
    if (!ccache_from_memfd(ctx, FD_CREDENTIALS, &tgt)) {
        log_error("the tickets handed down cannot be read");
        tell(EINVAL, "");
        return EXIT_FAILURE;
    }
    if (!reuse)
        name = ccache_name(mem, find_template(mem, c), (uint32_t)getuid(), user, &why);
    if (name == NULL) {
        log_error("default_ccache_name cannot be used: %s", why);
        krb5_free_cred_contents(ctx, &tgt);
        tell(EINVAL, "");
        return EXIT_FAILURE;
    }
    made = ccache_store(mem, ctx, name, reuse, &tgt, &fell_back, &code);
    krb5_free_cred_contents(ctx, &tgt);
    if (made == NULL)
        log_error("the credential cache %s of %s cannot be written: code %d (%s)", name, user, (int)code,
                  error_message(code));
    else if (fell_back)
        log_warning("%s's key ring has no room for the tickets: they are in %s", user, made);
    tell(made == NULL ? (uint32_t)code : 0, made == NULL ? "" : made);
    return made == NULL ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
ccache_main(int argc, char **argv)
{
    TALLOC_CTX *mem = talloc_new(NULL);
    struct config *c = role_begin(mem, ROLE_CCACHE);
    krb5_context ctx = NULL;
    int status = EXIT_FAILURE;
    krb5_error_code code;

    if (argc != 3 || krb5_init_context(&ctx) != 0) {
        tell(EINVAL, "");
        goto done;
    }
    if (strcmp(argv[0], "destroy") == 0) {
        code = ccache_destroy(ctx, argv[1]);
        tell((uint32_t)code, argv[1]);
        status = code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } else {
        status = store(mem, ctx, c, argv[1], argv[2]);
    }

done:
    if (ctx != NULL)
        krb5_free_context(ctx);
    talloc_free(mem);
    return status;
}
