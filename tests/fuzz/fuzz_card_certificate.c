/* lib/card: a certificate as a token gives it, and the texts beside it. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/base/utf8.h"
#include "lib/card/certificate.h"
#include "lib/card/proof.h"
#include "lib/card/text.h"

static void
require_visible(const char *text)
{
    const char *end = text + strlen(text);
    uint32_t c;

    while (text < end)
        FUZZ_REQUIRE(utf8_get(&text, end, &c) && utf8_is_visible(c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct certificate_rules rules = { .now = 1767225600, .logon_eku = true, .rsa_bits_min = 2048 };
    static const uint8_t challenge[PROOF_CHALLENGE_BYTES];
    const struct proof proof = { .len = 256 };
    TALLOC_CTX *mem = talloc_new(NULL);
    struct certificate_facts facts;
    const char *label = card_text(mem, data, size);

    FUZZ_REQUIRE(label != NULL);
    require_visible(label);
    if (certificate_read(mem, data, size, &facts)) {
        require_visible(facts.subject);
        require_visible(facts.issuer);
        require_visible(facts.name);
        if (facts.upn != NULL) {
            FUZZ_REQUIRE(facts.upn_good && strchr(facts.upn, '@') != NULL);
            require_visible(facts.upn);
        }
        if (certificate_judge(&facts, &rules) == CERTIFICATE_FIT)
            FUZZ_REQUIRE(!facts.ca && facts.logon_eku && facts.key == CERTIFICATE_KEY_RSA);
        FUZZ_REQUIRE(!proof_verify(data, size, challenge, &proof));
    } else {
        FUZZ_REQUIRE(facts.subject == NULL && facts.upn == NULL);
    }
    talloc_free(mem);
    return 0;
}
