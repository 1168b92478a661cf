#include "pam_authsod/choice.h"

#include <endian.h>
#include <security/pam_ext.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"
#include "lib/base/visible.h"
#include "pam_authsod/sentence.h"

/*
 * gdm's extension of PAM_BINARY_PROMPT.  The message is not bytes but structs
 * with pointers into this process: an application that names the extension in
 * its environment knows them.  A message begins with its size, in the order of
 * the network, and the place of the extension's name in that variable, from 0.
 */
#define GDM_VARIABLE "GDM_SUPPORTED_PAM_EXTENSIONS"
#define GDM_CHOICE "org.gnome.DisplayManager.UserVerifier.ChoiceList"
#define GDM_TYPES_MAX 255U

struct gdm_head {
    uint32_t size;
    unsigned char type;
};

struct gdm_item {
    const char *key;
    const char *text;
};

struct gdm_question {
    struct gdm_head head;
    const char *title;
    size_t n;
    struct gdm_item items[PROTO_VALUES_MAX];
};

struct gdm_reply {
    struct gdm_head head;
    char *key;             /* ours to free, as the reply is */
};

/* 1 to n, blanks around it left out; 0 for anything else. */
static unsigned
parse_place(const char *text, unsigned n)
{
    size_t start = strspn(text, " \t"), digits = strspn(text + start, "0123456789");
    unsigned place = 0;

    if (digits == 0 || digits > 3 || text[start + digits + strspn(text + start + digits, " \t\r\n")] != '\0')
        return 0;
    for (size_t i = 0; i < digits; i++)
        place = place * 10 + (unsigned)(text[start + i] - '0');
    return place <= n ? place : 0;
}

/*
 * True if the application has gdm's list, with the number of its type.  A
 * program with more rights than who runs it is not told so by his environment.
 */
static bool
gdm_type(unsigned char *type_out)
{
    const char *p = secure_getenv(GDM_VARIABLE);

    for (unsigned type = 0; p != NULL && *p != '\0' && type <= GDM_TYPES_MAX; type++) {
        size_t n = strcspn(p, " ");

        if (n == strlen(GDM_CHOICE) && strncmp(p, GDM_CHOICE, n) == 0) {
            *type_out = (unsigned char)type;
            return true;
        }
        p += n;
        p += strspn(p, " ");
    }
    return false;
}

/* The place that the reply names; frees it. */
static unsigned
take_reply(struct pam_response *response, unsigned n)
{
    struct gdm_reply *reply;
    unsigned place = 0;

    if (response == NULL)
        return 0;
    /* calloc or malloc made it: it is aligned. */
    reply = (struct gdm_reply *)(void *)response->resp;
    if (reply != NULL && be32toh(reply->head.size) >= sizeof(*reply) && reply->key != NULL) {
        place = parse_place(reply->key, n);
        free(reply->key);
    }
    free(reply);
    free(response);
    return place;
}

static enum choice_end
ask_gdm(const struct call *call, const struct proto_order *ask, const char *title, unsigned char type,
        unsigned *place_out)
{
    struct gdm_question question = { .head = { .type = type }, .title = title, .n = ask->n_values };
    const struct pam_message message = { .msg_style = PAM_BINARY_PROMPT, .msg = (const char *)(const void *)&question };
    const struct pam_message *messages[] = { &message };
    char keys[PROTO_VALUES_MAX][4], texts[PROTO_VALUES_MAX][256];
    struct pam_response *response = NULL;
    const void *item = NULL;
    const struct pam_conv *conv;
    int code;

    for (unsigned i = 0; i < ask->n_values; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%u", (i + 1) % 100);
        (void)visible_text(texts[i], sizeof(texts[i]), ask->values[i]);
        question.items[i] = (struct gdm_item){ keys[i], texts[i] };
    }
    question.head.size = htobe32((uint32_t)(offsetof(struct gdm_question, items) +
                                            ask->n_values * sizeof(question.items[0])));
    if (pam_get_item(call->pamh, PAM_CONV, &item) != PAM_SUCCESS || item == NULL)
        return CHOICE_GIVEN_UP;
    conv = item;
    if (conv->conv == NULL)
        return CHOICE_GIVEN_UP;
    code = conv->conv(1, messages, &response, conv->appdata_ptr);
    if (code != PAM_SUCCESS)
        return CHOICE_GIVEN_UP;
    *place_out = take_reply(response, ask->n_values);
    return *place_out != 0 ? CHOICE_MADE : CHOICE_WRONG;
}

/* The list is part of the question, so it is shown to who is otherwise told nothing, too. */
static void
show_list(const struct call *call, const struct proto_order *ask)
{
    char text[256];

    for (unsigned i = 0; i < ask->n_values; i++) {
        (void)visible_text(text, sizeof(text), ask->values[i]);
        (void)pam_prompt(call->pamh, PAM_TEXT_INFO, NULL, "%u. %s", i + 1, text);
    }
}

static void
tell_wrong(const struct call *call, unsigned n)
{
    char values[1][256], sentence[SENTENCE_MAX];

    (void)snprintf(values[0], sizeof(values[0]), "%u", n);
    if (!call->mute && sentence_notice(NOTICE_CHOICE_WRONG, 1, (char const (*)[256])values, sentence))
        (void)pam_prompt(call->pamh, PAM_ERROR_MSG, NULL, "%s", sentence);
}

static enum choice_end
ask_number(const struct call *call, const struct proto_order *ask, const char *sentence, unsigned *place_out)
{
    show_list(call, ask);
    for (unsigned i = 0; i < CHOICE_TRIES; i++) {
        char *typed = NULL;
        bool empty;

        if (pam_prompt(call->pamh, PAM_PROMPT_ECHO_ON, &typed, "%s", sentence) != PAM_SUCCESS || typed == NULL)
            return CHOICE_GIVEN_UP;
        *place_out = parse_place(typed, ask->n_values);
        empty = typed[0] == '\0';
        secret_erase_str(typed); /* it may be a PIN, too early */
        free(typed);
        if (*place_out != 0)
            return CHOICE_MADE;
        if (empty)
            return CHOICE_NONE;
        tell_wrong(call, ask->n_values);
    }
    return CHOICE_WRONG;
}

enum choice_end
choice_ask(const struct call *call, const struct proto_order *ask, const char *sentence, unsigned *place_out)
{
    unsigned char type;

    *place_out = 0;
    return gdm_type(&type) ? ask_gdm(call, ask, sentence, type, place_out)
                           : ask_number(call, ask, sentence, place_out);
}
