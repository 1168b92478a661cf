#include "lib/rpc/failure.h"

#include <stddef.h>

#include "lib/rpc/ntstatus.h"

enum code_kind { CODE_NOTHING, CODE_ERRNO, CODE_REASON, CODE_FAULT, CODE_NTSTATUS, CODE_WIN32, CODE_FLAGS };

static const struct {
    const char *name;
    const char *text;
    enum code_kind kind;
} errors[] = {
#define X(name, text, code) { #name, text, CODE_##code },
    RPC_ERRORS(X)
#undef X
};

struct code {
    uint32_t code;
    const char *name;
};

/* C706 appendix E and [MS-RPCE] 3.2.2.5: what faults and the endpoint mapper say. */
static const struct code faults[] = {
    { 0x00000005, "access denied" },
    { 0x00000057, "invalid parameter" },
    { 0x000006bb, "server too busy" },
    { 0x000006d1, "procedure number out of range" },
    { 0x000006e4, "cannot support" },
    { 0x000006f7, "bad stub data" },
    { 0x00000721, "security package error" },
    { 0x16c9a0d6, "ept_s_not_registered" },
    { 0x1c000008, "nca_s_rpc_version_mismatch" },
    { 0x1c000009, "nca_s_unspec_reject" },
    { 0x1c00000c, "nca_s_manager_not_entered" },
    { 0x1c00000d, "nca_s_fault_cancel" },
    { 0x1c000012, "nca_s_fault_unspec" },
    { 0x1c000013, "nca_s_fault_remote_comm_failure" },
    { 0x1c00001a, "nca_s_fault_context_mismatch" },
    { 0x1c00001b, "nca_s_fault_remote_no_memory" },
    { 0x1c00001c, "nca_s_invalid_pres_context_id" },
    { 0x1c00001d, "nca_s_unsupported_authn_level" },
    { 0x1c00001f, "nca_s_invalid_checksum" },
    { 0x1c000020, "nca_s_invalid_crc" },
    { 0x1c000024, "nca_s_fault_object_not_found" },
    { 0x1c010001, "nca_s_comm_failure" },
    { 0x1c010002, "nca_s_op_rng_error" },
    { 0x1c010003, "nca_s_unk_if" },
    { 0x1c01000b, "nca_s_proto_error" },
    { 0x1c010013, "nca_s_out_args_too_big" },
    { 0x1c010014, "nca_s_server_too_busy" },
    { 0x1c010017, "nca_s_unsupported_type" },
};

/* C706 12.6.3.1: a result's reason in bind_ack; from REASON_NAK on a bind_nak's. */
static const struct code reasons[] = {
    { 0, "reason not specified" },
    { 1, "abstract syntax not supported" },
    { 2, "transfer syntax not supported" },
    { 3, "local limit exceeded" },
    { 0x10000, "bind_nak: reason not specified" },
    { 0x10001, "bind_nak: temporary congestion" },
    { 0x10002, "bind_nak: local limit exceeded" },
    { 0x10004, "bind_nak: protocol version not supported" },
    { 0x10008, "bind_nak: authentication type not recognized" },
    { 0x10009, "bind_nak: invalid checksum" },
};

/* [MS-ERREF] 2.2: NET_API_STATUS */
static const struct code win32s[] = {
    { 5, "ERROR_ACCESS_DENIED" },
    { 50, "ERROR_NOT_SUPPORTED" },
    { 87, "ERROR_INVALID_PARAMETER" },
    { 1004, "ERROR_INVALID_FLAGS" },
    { 1210, "ERROR_INVALID_COMPUTERNAME" },
    { 1212, "ERROR_INVALID_DOMAINNAME" },
    { 1311, "ERROR_NO_LOGON_SERVERS" },
    { 1355, "ERROR_NO_SUCH_DOMAIN" },
    { 1792, "ERROR_NETLOGON_NOT_STARTED" },
};

bool
rpc_fail(struct rpc_failure *f, enum rpc_error error, uint32_t code, const char *step)
{
    f->error = error;
    f->code = code;
    f->step = step;
    return false;
}

static bool
is_known(enum rpc_error error)
{
    return (unsigned)error < sizeof(errors) / sizeof(errors[0]);
}

const char *
rpc_error_name(enum rpc_error error)
{
    return is_known(error) ? errors[error].name : "?";
}

const char *
rpc_error_text(enum rpc_error error)
{
    return is_known(error) ? errors[error].text : "?";
}

static const char *
find(const struct code *codes, size_t n, uint32_t code)
{
    for (size_t i = 0; i < n; i++) {
        if (codes[i].code == code)
            return codes[i].name;
    }
    return "?";
}

#define FIND(codes, code) find(codes, sizeof(codes) / sizeof((codes)[0]), code)

const char *
rpc_code_name(const struct rpc_failure *f)
{
    if (!is_known(f->error))
        return "?";
    switch (errors[f->error].kind) {
    case CODE_FAULT:
        return FIND(faults, f->code);
    case CODE_REASON:
        return FIND(reasons, f->code);
    case CODE_WIN32:
        return FIND(win32s, f->code);
    case CODE_NTSTATUS:
        return ntstatus_name(f->code);
    case CODE_NOTHING:
    case CODE_ERRNO:
    case CODE_FLAGS:
        break;
    }
    return "";
}
