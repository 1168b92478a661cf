#include <config.h> /* not daemon/config.h */

#include "daemon/config.h"

#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_check.h"
#include "daemon/config_keys.h"
#include "lib/base/buf.h"
#include "lib/base/utf8.h"

#define BLANKS " \t"

/* What the line before was, for lines that continue it. */
enum after { AFTER_NOTHING, AFTER_KEY, AFTER_BAD_KEY };

struct parse {
    TALLOC_CTX *mem;             /* of what must live on: the struct config */
    TALLOC_CTX *tmp;
    struct config_value *values; /* KEY_COUNT of them */
    struct reader text;
    const char *path;
    config_error_fn *fn;
    void *arg;
    unsigned errors;
    unsigned line;               /* that inih has now; 0 before the first */
    bool indented;               /* it begins with a blank */
    bool wants_key;              /* it must reach the handler, or it is no line at all */
    char *section;               /* NULL before the first, and inside an unknown one */
    bool ignored;                /* inside an unknown section, told already */
    enum after after;
    const struct config_key *last;
};

static void fail(struct parse *p, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
fail(struct parse *p, unsigned line, const char *fmt, ...)
{
    char *text, *message;
    va_list ap;

    p->errors++;
    if (p->errors > CONFIG_ERRORS_MAX + 1)
        return;
    if (p->errors > CONFIG_ERRORS_MAX) {
        text = talloc_strdup(p->tmp, "there are more errors");
    } else {
        va_start(ap, fmt);
        text = talloc_vasprintf(p->tmp, fmt, ap);
        va_end(ap);
    }
    if (line == 0 || p->errors > CONFIG_ERRORS_MAX)
        message = talloc_asprintf(p->tmp, "%s: %s", p->path, text);
    else
        message = talloc_asprintf(p->tmp, "%s:%u: %s", p->path, line, text);
    p->fn(p->arg, message == NULL ? "out of memory" : message);
}

/* A line "[name]": enters the section. */
static void
enter_section(struct parse *p, const char *start)
{
    size_t n = strcspn(start + 1, "]");
    const char *rest = start + 1 + n;
    const char *guess;

    p->after = AFTER_NOTHING;
    p->ignored = true;
    talloc_free(p->section);
    p->section = NULL;
    if (*rest != ']' || strchr("#;", rest[1 + strspn(rest + 1, BLANKS)]) == NULL) {
        fail(p, p->line, "a section stands alone in its line, as in `[domain]`");
        return;
    }
    p->section = talloc_strndup(p->tmp, start + 1, n);
    if (p->section == NULL) {
        fail(p, p->line, "out of memory");
        return;
    }
    p->ignored = !config_section_known(p->section);
    if (!p->ignored)
        return;
    guess = config_suggest(NULL, p->section);
    if (guess != NULL)
        fail(p, p->line, "unknown section [%s]; did you mean [%s]?", p->section, guess);
    else
        fail(p, p->line, "unknown section [%s]", p->section);
}

/* True if inih may see the line; else an error was told. */
static bool
line_ok(struct parse *p, const char *line, size_t n, size_t max)
{
    const char *at = line, *end = line + n;
    uint32_t c;

    while (at < end) {
        if (!utf8_get(&at, end, &c)) {
            fail(p, p->line, "the line is not UTF-8");
            return false;
        }
        if (utf8_is_control(c) && c != '\t') {
            fail(p, p->line, "there is a control character in the line");
            return false;
        }
    }
    if (n > max) {
        fail(p, p->line, "the line has more than %zu bytes; a list may go on in the next line, after a blank", max);
        return false;
    }
    return true;
}

/* A line that should have given a key and did not is told here, one line later. */
static void
end_line(struct parse *p)
{
    if (p->wants_key && !p->ignored)
        fail(p, p->line, "this is no `key = value`");
    p->wants_key = false;
}

/*
 * Gives inih the next line (ini_reader, as fgets).  size: its whole buffer.
 * What inih would take silently for something else (a line that does not fit,
 * text behind a section) is told and replaced here.
 */
static char *
next_line(char *buf, int size, void *arg)
{
    struct parse *p = arg;
    size_t left = reader_left(&p->text), n, max = (size_t)size - 3;
    const char *line, *end, *start;
    struct reader rest = p->text;

    end_line(p);
    if (left == 0)
        return NULL;
    line = (const char *)reader_bytes(&rest, left);
    end = memchr(line, '\n', left);
    n = end == NULL ? left : (size_t)(end - line);
    (void)reader_bytes(&p->text, end == NULL ? n : n + 1);
    p->line++;
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (!line_ok(p, line, n, max))
        n = 0;
    if (n > 0)
        memcpy(buf, line, n);
    buf[n] = '\0';

    start = buf + strspn(buf, BLANKS);
    p->indented = start != buf;
    p->wants_key = strchr("#;", *start) == NULL;
    if (*start == '[' && (!p->indented || p->after == AFTER_NOTHING)) {
        enter_section(p, start);
        p->wants_key = false;
        (void)memcpy(buf, "[-]", 4);
        n = 3;
    }
    buf[n] = '\n';
    buf[n + 1] = '\0';
    return buf;
}

static void
unknown_key(struct parse *p, const char *name)
{
    const char *guess = config_suggest(p->section, name);

    if (guess != NULL) {
        fail(p, p->line, "unknown key `%s` in [%s]; did you mean `%s`?", name, p->section, guess);
        return;
    }
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strcmp(config_keys[i].name, name) == 0) {
            fail(p, p->line, "unknown key `%s` in [%s]; it belongs in [%s]", name, p->section, config_keys[i].section);
            return;
        }
    }
    fail(p, p->line, "unknown key `%s` in [%s]", name, p->section);
}

/* The default, with what text adds to it: "+foo bar". */
static const char *
start_list(struct parse *p, const struct config_key *key, const char *text, struct config_value *value)
{
    if (text[0] != '+' || key->fallback == NULL)
        return text;
    (void)config_value_parse(p->mem, key, key->fallback, value);
    return text + 1;
}

static void
take_value(struct parse *p, const struct config_key *key, const char *text)
{
    struct config_value *value = &p->values[key - config_keys];
    const char *reason;

    if (text[0] == '\0') {
        fail(p, p->line, "`%s` has no value; leave the line out for the default", key->name);
        return;
    }
    if (key->kind == CONFIG_LIST && value->n == 0)
        text = start_list(p, key, text, value);
    reason = config_value_parse(p->mem, key, text, value);
    if (reason != NULL)
        fail(p, p->line, "`%s` %s", key->name, reason);
}

/* A line that begins with a blank belongs to the key before it. */
static void
take_continuation(struct parse *p, const char *text)
{
    char *copy;

    if (p->after == AFTER_BAD_KEY)
        return;
    if (p->last->kind != CONFIG_LIST) {
        fail(p, p->line, "the line begins with a blank, so it would go on with `%s`, which is no list", p->last->name);
        return;
    }
    /* inih cuts comments off the first line of a value, and not off these. */
    copy = talloc_strdup(p->tmp, text);
    for (char *c = copy; c != NULL && *c != '\0'; c++) {
        if (*c == ';' && (c == copy || strchr(BLANKS, c[-1]) != NULL)) {
            *c = '\0';
            break;
        }
    }
    if (copy != NULL && copy[strspn(copy, BLANKS)] != '\0')
        take_value(p, p->last, copy);
}

/* ini_handler: a key with its value, or a line that continues one. */
static int
handle(void *arg, const char *section, const char *name, const char *text)
{
    struct parse *p = arg;
    const struct config_key *key;
    unsigned *line;

    (void)section; /* cut by inih: next_line knows it whole */
    p->wants_key = false;
    if (p->ignored)
        return 1;
    if (p->indented && p->after != AFTER_NOTHING) {
        take_continuation(p, text);
        return 1;
    }
    p->after = AFTER_BAD_KEY;
    if (p->section == NULL) {
        fail(p, p->line, "`%s` stands before the first section", name);
        return 1;
    }
    key = config_key_find(p->section, name);
    if (key == NULL) {
        unknown_key(p, name);
        return 1;
    }
    line = &p->values[key - config_keys].line;
    if (*line != 0) {
        fail(p, p->line, "`%s` is set in line %u already", name, *line);
        return 1;
    }
    *line = p->line;
    p->after = AFTER_KEY;
    p->last = key;
    take_value(p, key, text);
    return 1;
}

static void
take_defaults(struct parse *p)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (p->values[i].line == 0 && config_keys[i].fallback != NULL)
            (void)config_value_parse(p->mem, &config_keys[i], config_keys[i].fallback, &p->values[i]);
    }
}

/* Whatever list was given. */
static void
reserve_root(struct parse *p)
{
    const char *reason = config_value_parse(p->mem, &config_keys[KEY_RESERVED_NAMES], "root",
                                            &p->values[KEY_RESERVED_NAMES]);

    if (reason != NULL)
        fail(p, p->values[KEY_RESERVED_NAMES].line, "`%s` %s", config_keys[KEY_RESERVED_NAMES].name, reason);
}

/* Sets a value that follows from others; the sentence names the host name, which the person did not write here. */
static void
derive(struct parse *p, enum config_key_id id, const char *text)
{
    const struct config_key *key = &config_keys[id];
    const char *reason;

    if (text == NULL || p->values[id].line != 0)
        return;
    reason = config_value_parse(p->mem, key, text, &p->values[id]);
    if (reason != NULL)
        fail(p, 0, "`%s` is not set, and what follows from the host name %s", key->name, reason);
}

static void
derive_all(struct parse *p, const char *hostname)
{
    const char *name = p->values[KEY_NAME].text;
    char *realm;
    size_t n;

    if (name == NULL)
        return;
    realm = talloc_strdup(p->tmp, name);
    for (char *c = realm; c != NULL && *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    derive(p, KEY_REALM, realm);
    /* Windows cuts a long host name like this, and so does adcli. */
    n = strcspn(hostname, ".");
    derive(p, KEY_COMPUTER, talloc_strndup(p->tmp, hostname, n > CONFIG_NETBIOS_MAX ? CONFIG_NETBIOS_MAX : n));
    derive(p, KEY_FQDN, strchr(hostname, '.') != NULL ? hostname : talloc_asprintf(p->tmp, "%s.%s", hostname, name));
}

/* Values that are possible alone, and impossible together. */
static void
check_together(struct parse *p)
{
    const struct config_value *v = p->values;

    if (v[KEY_RANGE_UPPER].number - v[KEY_RANGE_LOWER].number < v[KEY_RANGE_SIZE].number)
        fail(p, v[KEY_RANGE_UPPER].line, "from `range_lower` to `range_upper` there is no room for one `range_size`");
    if (v[KEY_CACHE_END].number < v[KEY_CACHE_REFRESH].number)
        fail(p, v[KEY_CACHE_END].line, "`cache_end` is before `cache_refresh`");
    if (v[KEY_SMARTCARD].number == CONFIG_SMARTCARD_REQUIRE && v[KEY_ANCHORS].n == 0)
        fail(p, v[KEY_SMARTCARD].line, "`smartcard = require` needs `anchors` in [smartcard]");
#ifndef HAVE_SD_BUS
    if (v[KEY_CARD_REMOVAL].number != CONFIG_REMOVAL_IGNORE)
        fail(p, v[KEY_CARD_REMOVAL].line, "`card_removal` must be ignore: this authsodd was built without libsystemd");
#endif
    for (size_t i = 0; i < v[KEY_TRUSTED].n && v[KEY_TRUSTED].n > 1; i++) {
        if (strchr(v[KEY_TRUSTED].list[i], '.') == NULL) {
            fail(p, v[KEY_TRUSTED].line, "`%s` in `trusted` stands alone or not at all", v[KEY_TRUSTED].list[i]);
            break;
        }
    }
    for (int i = 0; i < KEY_COUNT; i++) {
        if (v[KEY_NAME].line == 0 && v[i].line != 0 && config_keys[i].fallback == NULL &&
            strcmp(config_keys[i].section, "domain") == 0) {
            fail(p, v[i].line, "[domain] lacks `name`");
            break;
        }
    }
}

static int
by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *
text_or_empty(const struct config_value *value)
{
    return value->text == NULL ? "" : value->text;
}

static const char *const *
list_or_empty(const struct config_value *value)
{
    static const char *none[] = { NULL };

    return value->list == NULL ? none : value->list;
}

/* The struct that the daemon uses, from the table of values. */
static void
fill(struct config *c, struct config_value *v)
{
    qsort(v[KEY_RESERVED_NAMES].list, v[KEY_RESERVED_NAMES].n, sizeof(char *), by_text);
    c->name = text_or_empty(&v[KEY_NAME]);
    c->realm = text_or_empty(&v[KEY_REALM]);
    c->computer = text_or_empty(&v[KEY_COMPUTER]);
    c->fqdn = text_or_empty(&v[KEY_FQDN]);
    c->controllers = list_or_empty(&v[KEY_CONTROLLERS]);
    c->site = text_or_empty(&v[KEY_SITE]);
    c->keytab = v[KEY_KEYTAB].text;
    c->timeout = (int)v[KEY_TIMEOUT].number;
    c->trusted = v[KEY_TRUSTED].list;
    c->password_lifetime = (int32_t)v[KEY_PASSWORD_LIFETIME].number;
    c->fast = (enum config_fast)v[KEY_FAST].number;
    c->ntlm_fallback = (enum config_fallback)v[KEY_NTLM_FALLBACK].number;
    c->smartcard = (enum config_smartcard)v[KEY_SMARTCARD].number;
    c->forwardable = v[KEY_FORWARDABLE].number != 0;
    c->renewable = v[KEY_RENEWABLE].number != 0;
    c->lifetime = (int32_t)v[KEY_LIFETIME].number;
    c->renew_lifetime = (int32_t)v[KEY_RENEW_LIFETIME].number;
    c->workers = (unsigned)v[KEY_WORKERS].number;
    c->deadline = (int)v[KEY_DEADLINE].number;
    c->password_warning = (int)v[KEY_PASSWORD_WARNING].number;
    c->ccache = v[KEY_CCACHE].text;
    c->pkcs11_module = v[KEY_PKCS11_MODULE].text;
    c->anchors = list_or_empty(&v[KEY_ANCHORS]);
    c->intermediates = list_or_empty(&v[KEY_INTERMEDIATES]);
    c->crls = list_or_empty(&v[KEY_CRLS]);
    c->require_crl = v[KEY_REQUIRE_CRL].number != 0;
    c->require_eku = v[KEY_REQUIRE_EKU].number != 0;
    c->kdc_eku_server = v[KEY_KDC_EKU].number != 0;
    c->offline_smartcard = v[KEY_OFFLINE_SMARTCARD].number != 0;
    c->keep_nt_hash = v[KEY_NT_HASH].number != 0;
    c->card_removal = (enum config_card_removal)v[KEY_CARD_REMOVAL].number;
    c->name_format = (enum config_name_format)v[KEY_NAME_FORMAT].number;
    c->home = v[KEY_HOME].text;
    c->shell = v[KEY_SHELL].text;
    c->gecos = v[KEY_GECOS].text;
    c->reserved_names = v[KEY_RESERVED_NAMES].list;
    c->n_reserved = v[KEY_RESERVED_NAMES].n;
    c->range_lower = (uint32_t)v[KEY_RANGE_LOWER].number;
    c->range_upper = (uint32_t)v[KEY_RANGE_UPPER].number;
    c->range_size = (uint32_t)v[KEY_RANGE_SIZE].number;
    c->cache_refresh = (int)v[KEY_CACHE_REFRESH].number;
    c->cache_end = (int)v[KEY_CACHE_END].number;
    c->negative = (int)v[KEY_NEGATIVE].number;
    c->members_max = (unsigned)v[KEY_MEMBERS_MAX].number;
    c->log_level = (enum log_level)(LOG_LEVEL_ERROR + v[KEY_LEVEL].number);
    c->values = v;
}

struct config *
config_parse_as(TALLOC_CTX *mem, const char *text, size_t len, const char *path, const char *hostname,
                config_error_fn *fn, void *arg)
{
    static const char bom[] = { '\xef', '\xbb', '\xbf' };
    struct config *c = talloc_zero(mem, struct config);
    struct parse p = { .mem = c, .path = path, .fn = fn, .arg = arg };

    p.tmp = talloc_new(c);
    p.values = talloc_zero_array(c, struct config_value, KEY_COUNT);
    if (p.tmp == NULL || p.values == NULL) {
        fn(arg, "out of memory");
        TALLOC_FREE(c);
        return NULL;
    }
    p.text = reader_init(text, len);
    if (len >= sizeof(bom) && memcmp(text, bom, sizeof(bom)) == 0)
        (void)reader_bytes(&p.text, sizeof(bom));
    if (len > CONFIG_MAX)
        fail(&p, 0, "the file has more than %u bytes", CONFIG_MAX);
    else if (ini_parse_stream(next_line, &p, handle, &p) < 0)
        fail(&p, 0, "out of memory");
    take_defaults(&p);
    if (p.errors == 0) {
        reserve_root(&p);
        derive_all(&p, hostname);
        check_together(&p);
    }
    if (p.errors != 0) {
        talloc_free(c);
        return NULL;
    }
    talloc_free(p.tmp);
    fill(c, p.values);
    return c;
}

struct config *
config_parse(TALLOC_CTX *mem, const char *text, size_t len, const char *path, config_error_fn *fn, void *arg)
{
    char hostname[HOST_NAME_MAX + 1] = "";

    if (gethostname(hostname, sizeof(hostname) - 1) != 0)
        hostname[0] = '\0';
    return config_parse_as(mem, text, len, path, hostname, fn, arg);
}

bool
config_is_reserved(const struct config *c, const char *name)
{
    return c->n_reserved > 0 && bsearch(&name, c->reserved_names, c->n_reserved, sizeof(char *), by_text) != NULL;
}
