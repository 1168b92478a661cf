/*
 * Bytes to and from the pinned KDC: TCP ([RFC 4120] 7.2.2), to a numeric
 * address, with one deadline a request.  libkrb5's own transport would ask
 * plugins for the KDC, connect anew for every request and wait as long as it sees fit.
 */
#ifndef AUTHSOD_KRB_KDC_H
#define AUTHSOD_KRB_KDC_H

#include <krb5/krb5.h>
#include <stdbool.h>

#include "lib/krb/krb.h"

#define KDC_REPLY_MAX (1U << 20)

struct kdc {
    const char *address; /* alias; as in struct krb_target */
    int timeout;         /* seconds */
    int patience;        /* as in struct krb_target; 0 once it has answered */
    int fd;              /* the connection, kept from request to request; -1: none */
    void (*meanwhile)(void *arg); /* called once when a request has been sent, before its answer is waited for */
    void *arg;
};

struct kdc kdc_init(const struct krb_target *t);
/* That of t->user_realm. */
struct kdc kdc_init_user(const struct krb_target *t);
void kdc_done(struct kdc *kdc);

/*
 * Sends request and gives the KDC's answer, freed with krb5_free_data_contents.
 * once: the KDC must not see this request twice, so it is not repeated on a new
 * connection where the KDC turns out to have ended the old one.
 * 0, ENOMEM, or KRB5_KDC_UNREACH whose error message in ctx says more.
 */
krb5_error_code kdc_exchange(krb5_context ctx, struct kdc *kdc, const krb5_data *request, bool once,
                             krb5_data *reply_out);

#endif
