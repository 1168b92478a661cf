#include "lib/card/name.h"

#include "lib/base/visible.h"
#include "lib/card/certificate.h"

/* n bytes of text as a visible string, cut where it is too long. */
static const char *
show(TALLOC_CTX *mem, const void *p, size_t n)
{
    char text[CERTIFICATE_TEXT_MAX];
    char *raw = talloc_strndup(mem, p == NULL ? "" : p, n);
    const char *shown = NULL;

    if (raw != NULL) {
        (void)visible_text(text, sizeof(text), raw);
        shown = talloc_strdup(mem, text);
    }
    talloc_free(raw);
    return shown;
}

const char *
name_text(TALLOC_CTX *mem, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const char *shown = NULL;
    char *text;
    long n;

    /* RFC 2253, but other letters than ASCII's as they are. */
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        n = BIO_get_mem_data(bio, &text);
        shown = show(mem, text, n < 0 ? 0 : (size_t)n);
    }
    BIO_free(bio);
    return shown;
}

const char *
name_common(TALLOC_CTX *mem, const X509_NAME *name)
{
    const char *shown = NULL;
    unsigned char *text = NULL;
    int at = -1, last = -1, n;

    while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0)
        last = at;
    if (last < 0)
        return talloc_strdup(mem, "");
    n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    shown = show(mem, text, n < 0 ? 0 : (size_t)n);
    OPENSSL_free(text);
    return shown;
}
