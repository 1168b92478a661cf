/*
 * clpreauth_authsod.so: a client pre-authentication module of libkrb5 that is its
 * module for PKINIT, whole and unchanged, but for one thing: the AS reply key that
 * it sets is noted for who asked for it (lib/krb/reply_key.h).
 *
 * libkrb5 loads all modules that the profile names before it initializes the first:
 * so pkinit.so is there already, from where libkrb5 looks for it, and is looked up,
 * not loaded.  The profile names this one before pkinit: two that serve the same
 * pre-authentication types are not taken, the second one is left out.  Where
 * anything is not as we know it, this one is, and the logon is as without it.
 */
#include <dlfcn.h>
#include <krb5/clpreauth_plugin.h>
#include <link.h>
#include <string.h>

#include "lib/krb/reply_key.h"

#define CALLBACKS_VERSION 3 /* of libkrb5 1.17 to 1.22; another may have more of them than we can copy */

typedef krb5_error_code (*initvt_fn)(krb5_context, int, int, krb5_plugin_vtable);

krb5_error_code clpreauth_authsod_initvt(krb5_context ctx, int major, int minor, krb5_plugin_vtable vtable);

static krb5_clpreauth_process_fn pkinit_process; /* the same in every context */

/* What set_as_key is not told: for whom the module that calls it works. */
static _Thread_local struct {
    krb5_clpreauth_callbacks callbacks;
    struct reply_key_note *note;
} now;

static krb5_error_code
set_as_key(krb5_context ctx, krb5_clpreauth_rock rock, const krb5_keyblock *key)
{
    reply_key_set(&now.note->reply, key);
    reply_key_set(&now.note->armor, now.callbacks->fast_armor(ctx, rock));
    return now.callbacks->set_as_key(ctx, rock, key);
}

/* NULL: nobody asked. */
static struct reply_key_note *
find_note(krb5_context ctx, krb5_get_init_creds_opt *options)
{
    krb5_gic_opt_pa_data *list = NULL;
    struct reply_key_note *note = NULL;
    int n = 0;

    if (options == NULL || krb5_get_init_creds_opt_get_pa(ctx, options, &n, &list) != 0)
        return NULL;
    for (int i = 0; i < n; i++) {
        if (strcmp(list[i].attr, REPLY_KEY_ATTRIBUTE) == 0)
            note = reply_key_note_of(list[i].value);
    }
    krb5_get_init_creds_opt_free_pa(ctx, n, list);
    return note;
}

static krb5_error_code
process(krb5_context ctx, krb5_clpreauth_moddata moddata, krb5_clpreauth_modreq modreq,
        krb5_get_init_creds_opt *options, krb5_clpreauth_callbacks callbacks, krb5_clpreauth_rock rock,
        krb5_kdc_req *request, krb5_data *body, krb5_data *previous, krb5_pa_data *pa, krb5_prompter_fct prompter,
        void *prompter_data, krb5_pa_data ***pa_out)
{
    struct krb5_clpreauth_callbacks_st ours;
    struct reply_key_note *note = callbacks->vers == CALLBACKS_VERSION ? find_note(ctx, options) : NULL;
    krb5_error_code code;

    if (note != NULL) {
        ours = *callbacks;
        ours.set_as_key = set_as_key;
        now.callbacks = callbacks;
        now.note = note;
    }
    code = pkinit_process(ctx, moddata, modreq, options, note == NULL ? callbacks : &ours, rock, request, body,
                          previous, pa, prompter, prompter_data, pa_out);
    now.callbacks = NULL;
    now.note = NULL;
    return code;
}

static int
look_at(struct dl_phdr_info *info, size_t size, void *path_out)
{
    const char *slash = strrchr(info->dlpi_name, '/');

    (void)size;
    if (slash == NULL || strcmp(slash, "/pkinit.so") != 0)
        return 0;
    *(const char **)path_out = info->dlpi_name;
    return 1;
}

/* Of the pkinit.so that libkrb5 has loaded; NULL: none. */
static initvt_fn
find_pkinit(void)
{
    const char *path = NULL;
    initvt_fn found = NULL;
    void *handle, *symbol;

    (void)dl_iterate_phdr(look_at, &path);
    handle = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    symbol = handle == NULL ? NULL : dlsym(handle, "clpreauth_pkinit_initvt");
    if (symbol != NULL)
        memcpy(&found, &symbol, sizeof(found));
    /* libkrb5 keeps it as long as any context has it, and us. */
    if (handle != NULL)
        (void)dlclose(handle);
    return found;
}

krb5_error_code
clpreauth_authsod_initvt(krb5_context ctx, int major, int minor, krb5_plugin_vtable vtable)
{
    krb5_clpreauth_vtable table = (krb5_clpreauth_vtable)vtable;
    initvt_fn pkinit = major == 1 ? find_pkinit() : NULL;
    krb5_error_code code;

    if (pkinit == NULL)
        return KRB5_PLUGIN_VER_NOTSUPP;
    code = pkinit(ctx, major, minor, vtable);
    if (code != 0)
        return code;
    pkinit_process = table->process;
    table->process = process;
    return 0;
}
