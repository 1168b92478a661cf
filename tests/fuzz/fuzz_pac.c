/* lib/ndr/pac.h: a PAC. Whatever is accepted must survive our own encoding. */
#include "tests/fuzz/fuzz.h"

#include "lib/ndr/pac.h"
#include "tests/unit/pac_builder.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pac_ticket ticket = { .client = "", .authtime = PAC_AUTHTIME };
    struct logon_info *info, *again;
    struct writer w;
    struct reader r;
    uint8_t *bytes;
    const char *why;

    info = pac_decode(NULL, data, size, &ticket, &why);
    FUZZ_REQUIRE((info == NULL) == (why != NULL));
    if (info == NULL)
        return 0;
    bytes = malloc(logon_info_size(info));
    if (bytes == NULL)
        abort();
    w = writer_init(bytes, logon_info_size(info));
    logon_info_write(&w, info);
    FUZZ_REQUIRE(writer_ok(&w) && w.len == logon_info_size(info));
    r = reader_init(bytes, w.len);
    again = logon_info_read(NULL, &r);
    FUZZ_REQUIRE(again != NULL);
    talloc_free(again);
    talloc_free(info);
    free(bytes);
    return 0;
}
