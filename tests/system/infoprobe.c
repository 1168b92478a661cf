/*
 * infoprobe LEVEL: decodes the validation information, of level 3 or 6, in an
 * answer to NetrLogonSamLogonEx on stdin, and says what is in it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/ndr/validation_info.h"
#include "tests/system/tellinfo.h"

#define HEAD_BYTES 8 /* level, pointer */
#define TAIL_MIN 9   /* Authoritative, ExtraFlags, status */
#define TAIL_MAX 12

int
main(int argc, char **argv)
{
    static uint8_t bytes[1U << 20];
    size_t n = fread(bytes, 1, sizeof(bytes), stdin);
    struct reader r = reader_init(bytes, n);
    struct logon_info *info = talloc_zero(NULL, struct logon_info);
    const char *why = "infoprobe LEVEL";

    (void)reader_bytes(&r, HEAD_BYTES);
    if (argc == 2)
        why = validation_sam_info_read(info, &r, (uint16_t)atoi(argv[1]));
    if (why == NULL && (reader_left(&r) < TAIL_MIN || reader_left(&r) > TAIL_MAX))
        why = "it does not end where it should";
    if (why == NULL)
        tellinfo(info);
    else
        fprintf(stderr, "infoprobe: %s\n", why);
    talloc_free(info);
    return why == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
