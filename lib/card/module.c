/* PKCS#11 modules: loaded, initialized, and let go. */
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/visible.h"
#include "lib/card/card_private.h"

#define WHY_MAX 256

bool
left_out_add(TALLOC_CTX *mem, struct card_left_out **list, size_t *n, const char *what, const char *why)
{
    char text[WHY_MAX];
    struct card_left_out *grown = talloc_realloc(mem, *list, struct card_left_out, (unsigned)*n + 1), *last;

    if (grown == NULL)
        return false;
    *list = grown;
    last = &grown[*n];
    last->slot = false;
    (void)visible_text(text, sizeof(text), what);
    last->what = talloc_strdup(mem, text);
    (void)visible_text(text, sizeof(text), why);
    last->why = talloc_strdup(mem, text);
    if (last->what == NULL || last->why == NULL)
        return false;
    *n += 1;
    log_debug("card: %s is left out: %s", last->what, last->why);
    return true;
}

/* p11-kit's own sentence where it has one, which is for the last call only. */
static const char *
why(CK_RV code)
{
    const char *message = p11_kit_message();

    return message != NULL && message[0] != '\0' ? message : p11_kit_strerror(code);
}

static char *
module_path(struct cards *c, CK_FUNCTION_LIST *list)
{
    char *name = p11_kit_module_get_filename(list), *path = NULL;

    /* A name without a path is in p11-kit's folder of modules. */
    if (name != NULL)
        path = name[0] == '/' ? talloc_strdup(c, name) : talloc_asprintf(c, "%s/%s", AUTHSOD_P11_MODULE_PATH, name);
    free(name);
    return path;
}

static bool
add_module(struct cards *c, CK_FUNCTION_LIST *list, const char *path)
{
    CK_RV code;

    if (c->n_modules == CARD_MODULES_MAX)
        return left_out_add(c, &c->left_out, &c->n_left_out, path, "there are too many modules");
    code = p11_kit_module_initialize(list);
    if (code != CKR_OK)
        return left_out_add(c, &c->left_out, &c->n_left_out, path, why(code));
    c->modules[c->n_modules++] = (struct card_module){ .list = list, .path = path };
    log_debug("card: module %s", path);
    return true;
}

static bool
open_configured(struct cards *c)
{
    const char *said;

    c->configured = p11_kit_modules_load(NULL, 0);
    said = p11_kit_message();
    if (c->configured == NULL)
        return left_out_add(c, &c->left_out, &c->n_left_out, "p11-kit", said == NULL ? "no module loads" : said);
    /* One that did not load is in no list: p11-kit has the last one's name in its message. */
    if (said != NULL && said[0] != '\0' && !left_out_add(c, &c->left_out, &c->n_left_out, "p11-kit", said))
        return false;
    for (CK_FUNCTION_LIST **list = c->configured; *list != NULL; list++) {
        char *path;

        if ((p11_kit_module_get_flags(*list) & P11_KIT_MODULE_TRUSTED) != 0)
            continue;
        path = module_path(c, *list);
        if (path == NULL || !add_module(c, *list, path))
            return false;
    }
    return true;
}

static bool
open_single(struct cards *c, const char *path)
{
    const char *own = talloc_strdup(c, path);

    if (own == NULL)
        return false;
    if (path[0] != '/')
        return left_out_add(c, &c->left_out, &c->n_left_out, path, "the path is not absolute");
    c->single = p11_kit_module_load(path, 0);
    if (c->single == NULL)
        return left_out_add(c, &c->left_out, &c->n_left_out, path, why(CKR_GENERAL_ERROR));
    return add_module(c, c->single, own);
}

struct cards *
card_open(TALLOC_CTX *mem, const char *path)
{
    struct cards *c = talloc_zero(mem, struct cards);

    if (c == NULL)
        return NULL;
    p11_kit_be_quiet();
    if (path == NULL ? !open_configured(c) : !open_single(c, path)) {
        card_close(c);
        return NULL;
    }
    return c;
}

void
card_close(struct cards *c)
{
    if (c == NULL)
        return;
    while (c->n_modules > 0)
        (void)p11_kit_module_finalize(c->modules[--c->n_modules].list);
    if (c->configured != NULL)
        p11_kit_modules_release(c->configured);
    if (c->single != NULL)
        p11_kit_module_release(c->single);
    talloc_free(c);
}
