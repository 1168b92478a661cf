/* lib/card/chain.h: a certificate as a token gives it, against authorities and lists of our own. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/utf8.h"
#include "lib/card/chain.h"
#include "tests/fuzz/card_chain_pem.h"

#define NOW 1767225600 /* within the validity of what card_chain_pem.h has */
#define WEEK (7 * 86400)

/* As a file that is there until the process ends. */
static void
offer(const char *text, char path[static 32])
{
    int fd = memfd_create("pem", MFD_CLOEXEC);

    FUZZ_REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)snprintf(path, 32, "/proc/self/fd/%d", fd);
}

static struct chain *
open_chain(bool require_crl)
{
    static char root[32], between[32], crls[32];
    const char *const anchors[] = { root, NULL }, *const intermediates[] = { between, NULL },
                     *const lists[] = { crls, NULL };
    char why[CHAIN_WHY_MAX];
    struct chain *c;

    if (root[0] == '\0') {
        offer(chain_root_pem, root);
        offer(chain_between_pem, between);
        offer(chain_crls_pem, crls);
    }
    c = chain_new(NULL, anchors, intermediates, lists, require_crl, why);
    FUZZ_REQUIRE(c != NULL && why[0] == '\0');
    return c;
}

static void
require_visible(const char *why)
{
    const char *end = why + strnlen(why, CHAIN_WHY_MAX);
    uint32_t c;

    FUZZ_REQUIRE(end < why + CHAIN_WHY_MAX);
    while (why < end)
        FUZZ_REQUIRE(utf8_get(&why, end, &c) && utf8_is_visible(c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct chain *loose, *strict;
    char why[CHAIN_WHY_MAX];
    enum certificate_unfit unfit, strictly, later;
    struct certificate_facts facts;
    TALLOC_CTX *mem = talloc_new(NULL);

    if (loose == NULL)
        loose = open_chain(false);
    if (strict == NULL)
        strict = open_chain(true);
    unfit = chain_judge(loose, data, size, NOW, false, why);
    require_visible(why);
    strictly = chain_judge(strict, data, size, NOW, false, why);
    require_visible(why);
    /* Nobody but the two whom we made has a signature of ours. */
    if (unfit == CERTIFICATE_FIT)
        FUZZ_REQUIRE(certificate_read(mem, data, size, &facts) &&
                     (strcmp(facts.name, "Alice") == 0 || strcmp(facts.name, "Bob") == 0));
    FUZZ_REQUIRE(unfit == CERTIFICATE_FIT || unfit == CERTIFICATE_UNTRUSTED || unfit == CERTIFICATE_REVOKED);
    /* The root has a list in force, the other authority has not. */
    FUZZ_REQUIRE(strictly == unfit || strictly == CERTIFICATE_NO_CRL);
    /* A week later the root's list has run out. */
    later = chain_judge(strict, data, size, NOW + WEEK, false, why);
    require_visible(why);
    FUZZ_REQUIRE(later == CERTIFICATE_UNTRUSTED || later == CERTIFICATE_NO_CRL);
    later = chain_judge(strict, data, size, NOW + WEEK, true, why);
    require_visible(why);
    FUZZ_REQUIRE(later == strictly || later == CERTIFICATE_UNTRUSTED);
    talloc_free(mem);
    return 0;
}
