#include "tests/unit/fake_pkinit.h"

krb5_error_code clpreauth_pkinit_initvt(krb5_context ctx, int major, int minor, krb5_plugin_vtable vtable);

static krb5_error_code
process(krb5_context ctx, krb5_clpreauth_moddata moddata, krb5_clpreauth_modreq modreq,
        krb5_get_init_creds_opt *options, krb5_clpreauth_callbacks callbacks, krb5_clpreauth_rock rock,
        krb5_kdc_req *request, krb5_data *body, krb5_data *previous, krb5_pa_data *pa, krb5_prompter_fct prompter,
        void *prompter_data, krb5_pa_data ***pa_out)
{
    static krb5_octet bytes[] = "the key of PKINIT, thirty-two...";
    const krb5_keyblock key = { .magic = KV5M_KEYBLOCK, .enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32,
                                .contents = bytes };

    (void)moddata;
    (void)options;
    (void)request;
    (void)body;
    (void)previous;
    (void)pa;
    (void)prompter;
    (void)prompter_data;
    (void)pa_out;
    ((struct fake_pkinit *)modreq)->callbacks = callbacks;
    return callbacks->set_as_key(ctx, rock, &key);
}

krb5_error_code
clpreauth_pkinit_initvt(krb5_context ctx, int major, int minor, krb5_plugin_vtable vtable)
{
    krb5_clpreauth_vtable table = (krb5_clpreauth_vtable)vtable;

    (void)ctx;
    (void)minor;
    if (major != 1)
        return KRB5_PLUGIN_VER_NOTSUPP;
    table->name = "pkinit";
    table->process = process;
    return 0;
}
