/* lib/krb: the tickets that one process hands another in a memfd. What is taken is whole, and comes out the same. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/krb/ccache.h"

static krb5_context
context(void)
{
    static krb5_context ctx;

    if (ctx == NULL)
        FUZZ_REQUIRE(krb5_init_context(&ctx) == 0);
    return ctx;
}

static void
check(krb5_creds *creds, const uint8_t *data, size_t size)
{
    krb5_data *again = NULL;

    FUZZ_REQUIRE(creds->client != NULL && creds->server != NULL && creds->ticket.length > 0);
    FUZZ_REQUIRE(krb5_marshal_credentials(context(), creds, &again) == 0);
    FUZZ_REQUIRE(again->length == size && memcmp(again->data, data, size) == 0);
    krb5_free_data(context(), again);
    krb5_free_cred_contents(context(), creds);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("tickets", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    krb5_creds creds;

    FUZZ_REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    /* Not before it is sealed. */
    FUZZ_REQUIRE(!ccache_from_memfd(context(), fd, &creds));
    FUZZ_REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
    if (ccache_from_memfd(context(), fd, &creds))
        check(&creds, data, size);
    (void)close(fd);
    return 0;
}
