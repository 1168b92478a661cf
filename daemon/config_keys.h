/*
 * The keys of the configuration: one table, and the parser of each kind of
 * value.  For daemon/config*.c only.
 */
#ifndef AUTHSOD_DAEMON_CONFIG_KEYS_H
#define AUTHSOD_DAEMON_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

enum config_key_id {
    KEY_NAME,
    KEY_REALM,
    KEY_COMPUTER,
    KEY_FQDN,
    KEY_CONTROLLERS,
    KEY_SITE,
    KEY_KEYTAB,
    KEY_TIMEOUT,
    KEY_TRUSTED,
    KEY_PASSWORD_LIFETIME,
    KEY_FAST,
    KEY_NTLM_FALLBACK,
    KEY_SMARTCARD,
    KEY_FORWARDABLE,
    KEY_RENEWABLE,
    KEY_LIFETIME,
    KEY_RENEW_LIFETIME,
    KEY_WORKERS,
    KEY_DEADLINE,
    KEY_CCACHE,
    KEY_PASSWORD_WARNING,
    KEY_PKCS11_MODULE,
    KEY_ANCHORS,
    KEY_INTERMEDIATES,
    KEY_CRLS,
    KEY_REQUIRE_CRL,
    KEY_REQUIRE_EKU,
    KEY_KDC_EKU,
    KEY_OFFLINE_SMARTCARD,
    KEY_NT_HASH,
    KEY_CARD_REMOVAL,
    KEY_NAME_FORMAT,
    KEY_HOME,
    KEY_SHELL,
    KEY_GECOS,
    KEY_RESERVED_NAMES,
    KEY_RANGE_LOWER,
    KEY_RANGE_UPPER,
    KEY_RANGE_SIZE,
    KEY_CACHE_REFRESH,
    KEY_CACHE_END,
    KEY_NEGATIVE,
    KEY_MEMBERS_MAX,
    KEY_LEVEL,
    KEY_COUNT
};

enum config_kind {
    CONFIG_WORD,     /* one of words; number is its index */
    CONFIG_NUMBER,   /* decimal, min to max */
    CONFIG_DURATION, /* seconds, min to max: "90", "15m", "1h30m", "7d" */
    CONFIG_TEXT,     /* checked and brought into its one form by check */
    CONFIG_LIST,     /* items between blanks or commas, each like a CONFIG_TEXT */
};

/* Changes text in place (letter case); gives NULL, or why it is impossible (a static string). */
typedef const char *config_check_fn(char *text);

struct config_key {
    const char *section;
    const char *name;
    enum config_kind kind;
    const char *fallback;     /* the default as it would be written; NULL: none, or found out by the caller */
    const char *unset;        /* where there is no default: what happens then, in words */
    int64_t min, max;
    const char *const *words; /* NULL-terminated */
    config_check_fn *check;
};

extern const struct config_key config_keys[KEY_COUNT];

struct config_value {
    int64_t number;
    const char *text;        /* CONFIG_TEXT; NULL where nothing is set */
    const char **list;       /* CONFIG_LIST: NULL-terminated, a talloc array */
    size_t n;                /* its items */
    unsigned line;           /* that set it; 0: the default */
};

/*
 * Parses one value into *value, the strings under mem; a list grows by the
 * items of text.  Gives NULL, or the reason (under mem) as it stands after
 * "`key` ".  An impossible value leaves *value as it was.
 */
const char *config_value_parse(TALLOC_CTX *mem, const struct config_key *key, const char *text,
                               struct config_value *value);

/* The key of that name in section; NULL where there is none. */
const struct config_key *config_key_find(const char *section, const char *name);

/* True where some key is in section. */
bool config_section_known(const char *section);

/* What somebody who wrote word in section probably meant: the name of a key of that section, or (section NULL) of a
 * section. NULL where nothing is near. */
const char *config_suggest(const char *section, const char *word);

#endif
