/* lib/ndr/logon_info.h: our own encoding. There is one for each value: what is read is written the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/ndr/logon_info.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_init(data, size);
    struct logon_info *info = logon_info_read(NULL, &r);
    struct writer w;
    uint8_t *bytes;

    if (info == NULL)
        return 0;
    bytes = malloc(logon_info_size(info));
    if (bytes == NULL)
        abort();
    w = writer_init(bytes, logon_info_size(info));
    logon_info_write(&w, info);
    FUZZ_REQUIRE(writer_ok(&w) && w.len == size && memcmp(bytes, data, size) == 0);
    talloc_free(info);
    free(bytes);
    return 0;
}
