#include "lib/rpc/ntstatus.h"

#include <stddef.h>

#define SEVERITY_ERROR 0xc0000000U

static const struct {
    uint32_t status;
    const char *name;
} statuses[] = {
#define X(name, number) { number, "NT_STATUS_" #name },
    NTSTATUSES(X)
#undef X
};

bool
ntstatus_is_error(uint32_t status)
{
    return (status & SEVERITY_ERROR) == SEVERITY_ERROR;
}

const char *
ntstatus_name(uint32_t status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (statuses[i].status == status)
            return statuses[i].name;
    }
    return "?";
}
