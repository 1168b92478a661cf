#include "lib/membership/account.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"
#include "lib/membership/machine_secret.h"

#define UF_ACCOUNTDISABLE 0x00000002U
#define UF_PASSWD_NOTREQD 0x00000020U
#define ENCRYPTION_AES "24" /* AES128 and AES256, [MS-KILE] 2.2.7 */
#define PASSWORD_BYTES (2 * (MACHINE_PASSWORD_MAX + 2))

size_t
account_unicode_password(const char *password, uint8_t *buf, size_t size)
{
    struct writer w = writer_init(buf, size);

    writer_u16(&w, '"');
    for (; *password != '\0'; password++) {
        if ((unsigned char)*password > 0x7e)
            return 0;
        writer_u16(&w, (uint16_t)*password);
    }
    writer_u16(&w, '"');
    return writer_ok(&w) ? w.len : 0;
}

static struct dir_bytes
text(const char *s)
{
    struct dir_bytes v = { s, strlen(s) };

    return v;
}

/* The texts behind servicePrincipalName and the account's name. */
struct names {
    char text[MEMBERSHIP_NAMES][MEMBERSHIP_NAME_SIZE];
    struct dir_bytes values[MEMBERSHIP_NAMES];
};

static bool
make_names(const struct membership_names *n, struct names *out)
{
    for (int i = 0; i < MEMBERSHIP_NAMES; i++) {
        if (!membership_name(n, i, out->text[i]))
            return false;
        out->values[i] = text(out->text[i]);
    }
    return true;
}

static enum dir_write
impossible(struct account_result *out, const char *step)
{
    out->step = step;
    (void)snprintf(out->refusal.text, sizeof(out->refusal.text), "a value does not fit");
    return DIR_WRITE_REFUSED;
}

/* What is not everybody's to write: each by itself, and none is needed. */
static void
describe(struct directory *d, const struct account_wish *w, struct account_result *out)
{
    struct dir_bytes types = text(ENCRYPTION_AES), name = text(w->os_name), version = text(w->os_version);
    struct dir_change encryption = { DIR_CHANGE_REPLACE, "msDS-SupportedEncryptionTypes", &types, 1 };
    struct dir_change system[] = {
        { DIR_CHANGE_REPLACE, "operatingSystem", &name, 1 },
        { DIR_CHANGE_REPLACE, "operatingSystemVersion", &version, w->os_version[0] != '\0' },
    };
    struct dir_refusal ignored;

    out->encryption_set = directory_modify(d, out->dn, &encryption, 1, false, &ignored) == DIR_WRITE_OK;
    (void)directory_modify(d, out->dn, system, 2, false, &ignored);
}

static enum dir_write
add_account(struct directory *d, const struct account_wish *w, struct names *names, struct account_result *out)
{
    static const char control[] = "4096"; /* WORKSTATION_TRUST_ACCOUNT */
    uint8_t *password = secret_new(PASSWORD_BYTES);
    struct dir_bytes class = text("computer"), account = names->values[MEMBERSHIP_SERVICES], flags = text(control);
    struct dir_bytes host = text(w->names.fqdn), secret = { password, 0 };
    struct dir_change changes[] = {
        { DIR_CHANGE_ADD, "objectClass", &class, 1 },
        { DIR_CHANGE_ADD, "sAMAccountName", &account, 1 },
        { DIR_CHANGE_ADD, "userAccountControl", &flags, 1 },
        { DIR_CHANGE_ADD, "dNSHostName", &host, 1 },
        { DIR_CHANGE_ADD, "servicePrincipalName", names->values, MEMBERSHIP_SERVICES },
        { DIR_CHANGE_ADD, "unicodePwd", &secret, 1 },
    };
    enum dir_write write = DIR_WRITE_REFUSED;

    if (password != NULL)
        secret.len = account_unicode_password(w->password, password, PASSWORD_BYTES);
    if (secret.len == 0)
        (void)impossible(out, "password");
    else
        write = directory_add(d, out->dn, changes, sizeof(changes) / sizeof(changes[0]), &out->refusal);
    secret_free(password, PASSWORD_BYTES);
    return write;
}

enum dir_write
account_make(struct directory *d, TALLOC_CTX *mem, const struct account_wish *w, struct account_result *out)
{
    struct names names;
    enum dir_write write;

    memset(out, 0, sizeof(*out));
    out->step = "account";
    out->dn = directory_child_dn(mem, "CN", w->names.computer, w->container);
    if (out->dn == NULL || !make_names(&w->names, &names))
        return impossible(out, "account");
    write = add_account(d, w, &names, out);
    if (write != DIR_WRITE_OK)
        return write;
    out->made = out->password_set = true;
    describe(d, w, out);
    return DIR_WRITE_OK;
}

/* Sets the password, or changes it, which needs the old one and no right over the account. */
static enum dir_write
set_password(struct directory *d, const struct account_wish *w, struct account_result *out)
{
    uint8_t *buf = secret_new(2 * (size_t)PASSWORD_BYTES), *old = buf == NULL ? NULL : buf + PASSWORD_BYTES;
    struct dir_bytes fresh = { buf, 0 }, former = { old, 0 };
    struct dir_change set = { DIR_CHANGE_REPLACE, "unicodePwd", &fresh, 1 };
    struct dir_change change[] = {
        { DIR_CHANGE_DELETE, "unicodePwd", &former, 1 },
        { DIR_CHANGE_ADD, "unicodePwd", &fresh, 1 },
    };
    enum dir_write write;

    out->step = "unicodePwd";
    if (buf != NULL)
        fresh.len = account_unicode_password(w->password, buf, PASSWORD_BYTES);
    if (buf != NULL && w->old_password != NULL)
        former.len = account_unicode_password(w->old_password, old, PASSWORD_BYTES);
    if (fresh.len == 0 || (w->old_password != NULL && former.len == 0))
        write = impossible(out, "unicodePwd");
    else if (w->old_password != NULL)
        write = directory_modify(d, out->dn, change, 2, false, &out->refusal);
    else
        write = directory_modify(d, out->dn, &set, 1, false, &out->refusal);
    /* An answer that did not come may have been a yes. */
    out->password_set = write == DIR_WRITE_OK || write == DIR_WRITE_LOST;
    secret_free(buf, 2 * (size_t)PASSWORD_BYTES);
    return write;
}

/* The names by which the domain finds the computer. */
static enum dir_write
set_names(struct directory *d, const struct account_wish *w, struct account_result *out)
{
    struct names names;
    struct dir_bytes host = text(w->names.fqdn);
    struct dir_change changes[] = {
        { DIR_CHANGE_REPLACE, "dNSHostName", &host, 1 },
        { DIR_CHANGE_ADD, "servicePrincipalName", names.values, MEMBERSHIP_SERVICES },
    };
    enum dir_write write;

    if (!make_names(&w->names, &names))
        return impossible(out, "servicePrincipalName");
    out->step = "dNSHostName";
    write = directory_modify(d, out->dn, &changes[0], 1, true, &out->refusal);
    if (write != DIR_WRITE_OK)
        return write;
    out->step = "servicePrincipalName";
    return directory_modify(d, out->dn, &changes[1], 1, true, &out->refusal);
}

static enum dir_write
set_control(struct directory *d, const char *dn, uint32_t control, struct dir_refusal *r)
{
    char digits[16];
    struct dir_bytes value;
    struct dir_change change = { DIR_CHANGE_REPLACE, "userAccountControl", &value, 1 };

    (void)snprintf(digits, sizeof(digits), "%u", (unsigned)control);
    value = text(digits);
    return directory_modify(d, dn, &change, 1, false, r);
}

enum dir_write
account_take(struct directory *d, TALLOC_CTX *mem, const struct dir_computer *c, const struct account_wish *w,
             struct account_result *out)
{
    enum dir_write write;

    memset(out, 0, sizeof(*out));
    out->dn = talloc_strdup(mem, c->dn);
    if (out->dn == NULL)
        return impossible(out, "account");
    write = set_names(d, w, out);
    if (write != DIR_WRITE_OK)
        return write;
    if (c->is_disabled || (c->control & UF_PASSWD_NOTREQD) != 0) {
        out->step = "userAccountControl";
        write = set_control(d, out->dn, c->control & ~(UF_ACCOUNTDISABLE | UF_PASSWD_NOTREQD), &out->refusal);
        /* Whoever logs on as the account itself finds it enabled, and may not write this. */
        if (write != DIR_WRITE_OK && (c->is_disabled || write != DIR_WRITE_DENIED))
            return write;
    }
    describe(d, w, out);
    return set_password(d, w, out);
}

enum dir_write
account_remove(struct directory *d, const char *dn, struct dir_refusal *r)
{
    enum dir_write write = directory_delete(d, dn, false, r);

    return write == DIR_WRITE_NOT_LEAF ? directory_delete(d, dn, true, r) : write;
}

enum dir_write
account_disable(struct directory *d, const struct dir_computer *c, struct dir_refusal *r)
{
    return set_control(d, c->dn, c->control | UF_ACCOUNTDISABLE, r);
}
