/* Is a card still there? */
#include <string.h>

#include "lib/card/card_private.h"

/* What a module says of a slot that has no card which it can use: no failure of its own. */
static bool
is_empty(CK_RV code)
{
    return code == CKR_TOKEN_NOT_PRESENT || code == CKR_TOKEN_NOT_RECOGNIZED || code == CKR_DEVICE_REMOVED;
}

/* False if the module failed. */
static bool
glance_at(const struct card_module *m, struct card_glance *g)
{
    CK_SLOT_ID slots[CARD_SLOTS_MAX];
    CK_ULONG n = 0;
    bool good = m->list->C_GetSlotList(CK_TRUE, NULL, &n) == CKR_OK;

    /* Asked without a list a module looks anew for readers. */
    n = CARD_SLOTS_MAX;
    if (!good || m->list->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK || n > CARD_SLOTS_MAX)
        return false;
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        CK_RV code;

        memset(&info, 0, sizeof(info));
        code = m->list->C_GetTokenInfo(slots[i], &info);
        if (code == CKR_OK && g->n_tokens < CARD_TOKENS_MAX) {
            token_identity(&info, g->tokens[g->n_tokens].identity);
            g->tokens[g->n_tokens++].module = m->path;
        } else if (!is_empty(code)) {
            good = false;
        }
    }
    return good;
}

void
card_glance(const struct cards *c, struct card_glance *g_out)
{
    memset(g_out, 0, sizeof(*g_out));
    g_out->incomplete = c->n_left_out > 0 || c->n_modules == 0;
    for (size_t i = 0; i < c->n_modules; i++) {
        g_out->failed[i] = !glance_at(&c->modules[i], g_out);
        g_out->incomplete = g_out->incomplete || g_out->failed[i];
    }
}

enum card_presence
card_presence(const struct cards *c, const struct card_glance *g, const uint8_t identity[static 96], const char *module,
              const char **module_out)
{
    for (size_t i = 0; i < g->n_tokens; i++) {
        if (memcmp(g->tokens[i].identity, identity, 96) == 0) {
            *module_out = g->tokens[i].module;
            return CARD_THERE;
        }
    }
    if (module == NULL)
        return g->incomplete ? CARD_UNKNOWN : CARD_AWAY;
    for (size_t i = 0; i < c->n_modules; i++) {
        if (strcmp(c->modules[i].path, module) == 0)
            return g->failed[i] ? CARD_UNKNOWN : CARD_AWAY;
    }
    return CARD_UNKNOWN;
}
