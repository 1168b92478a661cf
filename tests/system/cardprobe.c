/*
 * lib/card against real PKCS#11 modules, for tests/system/55-card.bats and 58-reader.bats.
 *
 *   cardprobe [OPTION]... [COMMAND ARG...]...
 *
 *   --module PATH   in place of p11-kit's configuration
 *   --now SECONDS   since 1970, in place of the clock
 *   --no-eku        no extended key usage for logon is required
 *   --elliptic      keys on elliptic curves can be used
 *   --bits N        shorter RSA keys are too small (2048)
 *   --anchors PATH, --intermediates PATH, --crls PATH
 *                   files or folders of PEM; with the first one issuers are judged, too
 *   --hold          waits for a line of input between the look of pin or sign and the PIN
 *   --require-crl   whoever has no list in force of an issuer's is not fit
 *
 *   look                    what is there
 *   pin LABEL PIN           tries it on the token with that label
 *   sign LABEL ID PIN       a challenge, with the certificate of that id (hexadecimal)
 *   wait                    for a line of input
 *   reopen                  closes all modules and opens them again
 *
 * Each line says what it is about and what there is to tell.  Exit status: 0 if
 * every step did its work, 1 if not, 2 for a mistake in the command.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/card/card.h"
#include "lib/card/chain.h"

struct probe {
    const char *module;
    struct certificate_rules rules;
    const char *anchors;
    const char *intermediates;
    const char *crls;
    bool require_crl;
    bool hold;
    TALLOC_CTX *mem;
    struct cards *cards;
};

static void
print_hex(const char *what, const uint8_t *p, size_t n)
{
    printf(" %s=", what);
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
}

static bool
is_id(const struct card_certificate *c, const char *hex)
{
    char text[2 * CARD_ID_MAX + 1] = "";

    for (size_t i = 0; i < c->id_len; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", c->id[i]);
    return strcmp(text, hex) == 0;
}

static void
tell_certificate(const struct card_token *t, const struct card_certificate *c)
{
    static const char *const kinds[] = { "OTHER", "RSA", "EC" }, *const keys[] = { "HIDDEN", "THERE", "MISSING" };

    printf("certificate token=\"%s\"", t->label);
    print_hex("id", c->id, c->id_len);
    printf(" label=\"%s\" unfit=%s private=%s why=\"%s\"", c->label, certificate_unfit_name(c->unfit), keys[c->key],
           c->why);
    if (c->unfit != CERTIFICATE_UNREADABLE) {
        printf(" kind=%s bits=%u subject=\"%s\" issuer=\"%s\" name=\"%s\" upn=\"%s\" from=%" PRId64 " to=%" PRId64,
               kinds[c->facts.key], c->facts.key_bits, c->facts.subject, c->facts.issuer, c->facts.name,
               c->facts.upn == NULL ? "" : c->facts.upn, c->facts.not_before, c->facts.not_after);
        print_hex("sha256", c->facts.hash, sizeof(c->facts.hash));
    }
    printf("\n");
}

static void
tell_token(const struct card_token *t)
{
    printf("token label=\"%s\" module=%s slot=%lu manufacturer=\"%s\" model=\"%s\" serial=\"%s\" login=%d pad=%d low=%d "
           "last_try=%d locked=%d to_change=%d min=%lu max=%lu\n",
           t->label, t->module, t->slot, t->manufacturer, t->model, t->serial, t->login_required, t->pin_pad,
           t->pin.low, t->pin.last_try, t->pin.locked, t->pin.to_change, t->pin_min, t->pin_max);
    for (size_t i = 0; i < t->n_certificates; i++)
        tell_certificate(t, &t->certificates[i]);
}

static bool
look(struct probe *p)
{
    const struct card_view *view = card_look(p->cards, p->mem, &p->rules);

    if (view == NULL)
        return false;
    for (size_t i = 0; i < view->n_left_out; i++)
        printf("left_out what=\"%s\" why=\"%s\"\n", view->left_out[i].what, view->left_out[i].why);
    for (size_t i = 0; i < view->n_tokens; i++)
        tell_token(&view->tokens[i]);
    printf("look OK tokens=%zu left_out=%zu\n", view->n_tokens, view->n_left_out);
    return true;
}

static void
wait_for_line(void)
{
    int c;

    printf("waiting\n");
    do
        c = getchar();
    while (c != '\n' && c != EOF);
}

static struct card_token *
find_token(struct probe *p, const char *label)
{
    const struct card_view *view = card_look(p->cards, p->mem, &p->rules);

    for (size_t i = 0; view != NULL && i < view->n_tokens; i++) {
        if (strcmp(view->tokens[i].label, label) != 0)
            continue;
        if (p->hold)
            wait_for_line();
        return &view->tokens[i];
    }
    printf("token NONE label=\"%s\"\n", label);
    return NULL;
}

static void
tell_outcome(const char *what, const struct card_token *t, const struct card_failure *f)
{
    printf("%s %s low=%d last_try=%d locked=%d step=%s code=%lx text=\"%s\"\n", what,
           f->error == CARD_NONE ? "OK" : card_error_name(f->error), t->pin.low, t->pin.last_try, t->pin.locked,
           f->step[0] == '\0' ? "-" : f->step, f->code, card_code_text(f->code));
}

static bool
check_pin(struct probe *p, const char *label, const char *pin)
{
    struct card_token *t = find_token(p, label);
    struct card_failure f;
    bool good;

    if (t == NULL)
        return false;
    good = card_check_pin(p->cards, t, pin, &f);
    tell_outcome("pin", t, &f);
    for (size_t i = 0; good && i < t->n_certificates; i++)
        tell_certificate(t, &t->certificates[i]);
    return good;
}

static bool
sign(struct probe *p, const char *label, const char *id, const char *pin)
{
    struct card_token *t = find_token(p, label);
    uint8_t challenge[PROOF_CHALLENGE_BYTES];
    struct card_failure f;
    struct proof proof;

    if (t == NULL || !proof_challenge(challenge))
        return false;
    for (size_t i = 0; i < t->n_certificates; i++) {
        const struct card_certificate *c = &t->certificates[i];
        bool good;

        if (!is_id(c, id))
            continue;
        good = card_sign(p->cards, t, c, pin, challenge, &proof, &f);
        tell_outcome("sign", t, &f);
        if (good)
            printf("proof bytes=%zu verified=%d\n", proof.len, proof_verify(c->der, c->der_len, challenge, &proof));
        return good;
    }
    printf("sign NONE id=%s\n", id);
    return false;
}

static bool
reopen(struct probe *p)
{
    card_close(p->cards);
    p->cards = card_open(p->mem, p->module);
    return p->cards != NULL;
}

/* Gives how many of the n words it took; 0 for a mistake. */
static int
run(struct probe *p, int n, char **words, bool *good)
{
    if (strcmp(words[0], "look") == 0) {
        *good &= look(p);
        return 1;
    }
    if (strcmp(words[0], "wait") == 0) {
        wait_for_line();
        return 1;
    }
    if (strcmp(words[0], "reopen") == 0) {
        *good &= reopen(p);
        return 1;
    }
    if (strcmp(words[0], "pin") == 0 && n >= 3) {
        *good &= check_pin(p, words[1], words[2]);
        return 3;
    }
    if (strcmp(words[0], "sign") == 0 && n >= 4) {
        *good &= sign(p, words[1], words[2], words[3]);
        return 4;
    }
    return 0;
}

static bool
parse(int argc, char **argv, struct probe *p)
{
    static const struct option options[] = {
        { "module", required_argument, NULL, 'm' }, { "now", required_argument, NULL, 'n' },
        { "no-eku", no_argument, NULL, 'u' },       { "elliptic", no_argument, NULL, 'e' },
        { "bits", required_argument, NULL, 'b' },   { "anchors", required_argument, NULL, 'A' },
        { "intermediates", required_argument, NULL, 'I' }, { "crls", required_argument, NULL, 'C' },
        { "require-crl", no_argument, NULL, 'R' },  { "hold", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    *p = (struct probe){ .rules = { .now = time(NULL), .logon_eku = true, .rsa_bits_min = 2048 } };
    while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        switch (c) {
        case 'm':
            p->module = optarg;
            break;
        case 'n':
            p->rules.now = strtoll(optarg, NULL, 10);
            break;
        case 'u':
            p->rules.logon_eku = false;
            break;
        case 'e':
            p->rules.elliptic = true;
            break;
        case 'b':
            p->rules.rsa_bits_min = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'A':
            p->anchors = optarg;
            break;
        case 'I':
            p->intermediates = optarg;
            break;
        case 'C':
            p->crls = optarg;
            break;
        case 'h':
            p->hold = true;
            break;
        case 'R':
            p->require_crl = true;
            break;
        default:
            return false;
        }
    }
    return true;
}

/* Where there are anchors. */
static bool
open_chain(struct probe *p)
{
    const char *const anchors[] = { p->anchors, NULL }, *const intermediates[] = { p->intermediates, NULL },
                     *const crls[] = { p->crls, NULL };
    char why[CHAIN_WHY_MAX];

    if (p->anchors == NULL)
        return true;
    p->rules.chain = chain_new(p->mem, anchors, intermediates, crls, p->require_crl, why);
    printf("chain %s why=\"%s\"\n", p->rules.chain == NULL ? "NONE" : "OK", why);
    return p->rules.chain != NULL;
}

int
main(int argc, char **argv)
{
    struct probe p;
    bool good = true;

    if (!parse(argc, argv, &p))
        return 2;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    p.mem = talloc_new(NULL);
    p.cards = card_open(p.mem, p.module);
    if (p.cards == NULL || !open_chain(&p))
        return 1;
    for (int taken; optind < argc; optind += taken) {
        taken = run(&p, argc - optind, argv + optind, &good);
        if (taken == 0 || p.cards == NULL)
            return taken == 0 ? 2 : 1;
    }
    card_close(p.cards);
    talloc_free(p.mem);
    return good ? 0 : 1;
}
