/*
 * What libkrb5's module for PKINIT did, as its trace tells it.  The codes that
 * come out of an AS exchange do not: whatever is wrong with a card is one, and
 * that the KDC's certificate is not trusted is lost behind the prompt for a
 * password that follows.  The trace is in English in every locale, but for the
 * words behind a number.
 */
#ifndef AUTHSOD_KRB_PKINIT_SEEN_H
#define AUTHSOD_KRB_PKINIT_SEEN_H

#include <krb5/krb5.h>
#include <stdbool.h>

struct pkinit_seen {
    bool traced;             /* libkrb5 was built to tell anything */
    bool is_missing;         /* the module could not be loaded */
    bool is_offered;         /* the KDC takes certificates, it says */
    bool has_asked;          /* the module was to make the request */
    krb5_error_code request; /* what came of that */
    bool has_answer;         /* the module was given the KDC's answer */
    krb5_error_code reply;   /* what it thinks of that */
    bool reads_trust;        /* the last that was heard of it: it reads certificates and lists that are trusted */
    char last[128];          /* that in its words */
    char text[512];          /* of the failure in request or reply, or of is_missing */
};

/* For krb5_set_trace_callback, with a struct pkinit_seen. */
void pkinit_see(krb5_context ctx, const krb5_trace_info *info, void *seen);

/*
 * True where an AS exchange that ended with code is worth a second one: the KDC
 * has proved itself by its certificate, and its answer does not open with the key
 * that both have agreed on, so libkrb5 went on to ask for a password.  So it is,
 * once in 256 times, with Samba up to 4.18, which cuts a number in its key
 * agreement short when that begins with zeros.  error: of the KRB-ERROR that was
 * the KDC's last answer, 0 for none.  has_pin: the PIN is at hand; nobody types
 * one twice for this.
 */
bool pkinit_is_key_cut(const struct pkinit_seen *seen, krb5_error_code error, krb5_error_code code, bool has_pin);

#endif
