/*
 * The configuration, /etc/authsod/authsod.conf.  keeper reads the file and
 * hands its text to the roles; each parses it itself.  Every key is in
 * authsod.conf(5).
 */
#ifndef AUTHSOD_DAEMON_CONFIG_H
#define AUTHSOD_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <talloc.h>

#include "lib/base/log.h"

#define CONFIG_PATH AUTHSOD_CONFDIR "/authsod.conf"
#define CONFIG_MAX (256U << 10) /* bytes of the file */
#define CONFIG_ERRORS_MAX 50    /* errors told of one file; one more says that there are others */
#define CONFIG_HOME_MAX 1023    /* bytes of a home directory, its NUL not counted */
#define CONFIG_TRUSTED_AUTO "auto"
#define CONFIG_TRUSTED_NONE "none"
#define CONFIG_GECOS_MAX 255    /* bytes of a comment field, its NUL not counted */

enum config_fast { CONFIG_FAST_TRY, CONFIG_FAST_REQUIRE, CONFIG_FAST_NEVER };

enum config_fallback { CONFIG_FALLBACK_UNAVAILABLE, CONFIG_FALLBACK_NEVER };

enum config_smartcard { CONFIG_SMARTCARD_AUTO, CONFIG_SMARTCARD_REQUIRE, CONFIG_SMARTCARD_OFF };

enum config_card_removal { CONFIG_REMOVAL_IGNORE, CONFIG_REMOVAL_LOCK, CONFIG_REMOVAL_LOGOFF };

enum config_name_format { CONFIG_NAME_SHORT, CONFIG_NAME_QUALIFIED };

struct config_value;

/* Strings and lists belong to the struct. None is NULL but where that is said. */
struct config {
    /* [domain] */
    const char *name;                  /* DNS name, lower case; "" where this computer is in no domain */
    const char *realm;                 /* "" only where name is */
    const char *computer;              /* NetBIOS name, upper case, at most 15 bytes; "" only where name is */
    const char *fqdn;                  /* lower case; "" only where name is */
    const char *const *controllers;    /* NULL-terminated */
    const char *site;                  /* "": as the domain says */
    const char *keytab;                /* absolute path */
    int timeout;                       /* seconds for one request to a DC */
    const char *const *trusted;        /* CONFIG_TRUSTED_AUTO or _NONE alone, or DNS names; NULL-terminated, not empty */
    int32_t password_lifetime;         /* seconds after which the computer's password is replaced; 0: never */
    /* [logon] */
    enum config_fast fast;
    enum config_fallback ntlm_fallback;
    enum config_smartcard smartcard;   /* as set; without anchors there are none */
    bool forwardable;
    bool renewable;
    int32_t lifetime;                  /* seconds; 0: the KDC's */
    int32_t renew_lifetime;            /* seconds; 0: the KDC's */
    unsigned workers;
    int deadline;                      /* seconds for a logon */
    const char *ccache;                /* template in krb5.conf's terms; NULL: default_ccache_name of krb5.conf */
    int password_warning;              /* seconds before a password expires; 0: no warning */
    /* [smartcard]: lists of absolute paths, NULL-terminated, empty where nothing is set */
    const char *pkcs11_module;         /* absolute path; NULL: p11-kit's configuration */
    const char *const *anchors;
    const char *const *intermediates;
    const char *const *crls;
    bool require_crl;
    bool require_eku;                  /* a user's certificate must have an extended key usage for logon */
    bool kdc_eku_server;               /* a KDC's certificate may have that of a TLS server */
    bool offline_smartcard;            /* a card that the domain took before lets in while no controller answers */
    bool keep_nt_hash;                 /* which a KDC gives to who logs on with a card */
    enum config_card_removal card_removal; /* what becomes of a session whose card is pulled */
    /* [identity] */
    enum config_name_format name_format;
    const char *home;                  /* template for config_expand_home */
    const char *shell;
    const char *gecos;                 /* template for config_expand_gecos */
    const char *const *reserved_names; /* lower case, sorted by strcmp, NULL-terminated */
    size_t n_reserved;
    uint32_t range_lower;
    uint32_t range_upper;              /* the first id past the range */
    uint32_t range_size;
    int cache_refresh;                 /* seconds after which a record is refreshed */
    int cache_end;                     /* seconds after which it is served no more */
    int negative;                      /* seconds for "no such name" */
    unsigned members_max;
    /* [log] */
    enum log_level log_level;

    const struct config_value *values; /* all of the above, as config_describe wants it */
};

/* One sentence without a newline: "authsod.conf:12: unknown key `fsat` in [logon]; did you mean `fast`?" */
typedef void config_error_fn(void *arg, const char *message);

/*
 * Parses len bytes of text.  All errors are told: those of a line in the order
 * of the lines, then values that do not fit together.  path is used in them
 * alone.  Defaults that follow from this computer's name ask the kernel for
 * it.  NULL where there was any error.
 */
struct config *config_parse(TALLOC_CTX *mem, const char *text, size_t len, const char *path, config_error_fn *fn,
                            void *arg);

/* config_parse for a computer called hostname. */
struct config *config_parse_as(TALLOC_CTX *mem, const char *text, size_t len, const char *path, const char *hostname,
                               config_error_fn *fn, void *arg);

/*
 * The bytes of the file, under mem: a regular file of root (or of the caller),
 * writable by its owner alone, of at most CONFIG_MAX bytes.  NULL after an
 * error was told.
 */
char *config_read(TALLOC_CTX *mem, const char *path, size_t *len_out, config_error_fn *fn, void *arg);

/* config_read and config_parse. */
struct config *config_load(TALLOC_CTX *mem, const char *path, config_error_fn *fn, void *arg);

/* True if no user or group of the domain may have that name (lower case, without a domain). */
bool config_is_reserved(const struct config *c, const char *name);

/*
 * Writes the effective configuration, defaults included: as text that
 * config_parse reads to the same values, or as one JSON object (durations in
 * seconds).  False if the stream failed.
 */
bool config_describe(const struct config *c, FILE *out, bool json);

/* What stands for the placeholders of a template. */
struct config_names {
    const char *user;      /* %u, canonical name */
    const char *domain;    /* %d, DNS name */
    const char *netbios;   /* %n */
    const char *full_name; /* %f */
    uint32_t uid;          /* %U */
};

/*
 * The home directory of a user.  NULL (and the reason, a static string, in
 * *why_out) unless it is an absolute path in which no component is empty, "."
 * or "..", UTF-8 without control characters and ':', of at most
 * CONFIG_HOME_MAX bytes, and every value that it took was there and had no '/'.
 */
char *config_expand_home(TALLOC_CTX *mem, const char *templ, const struct config_names *v, const char **why_out);

/*
 * The comment field of a user.  What must not stand in passwd(5) (control
 * characters, ':', bytes that are no UTF-8) becomes a space; cut between characters to
 * CONFIG_GECOS_MAX bytes.  NULL only where templ is malformed or memory is out.
 */
char *config_expand_gecos(TALLOC_CTX *mem, const char *templ, const struct config_names *v);

#endif
