/*
 * SoftHSM with faults, for tests/system/57-card-logon.bats: a PKCS#11 module that
 * passes every call on, but where the file /tmp/faulty_pkcs11 has "crash NAME",
 * "hang NAME" or "remove NAME": the call of that name (C_Login) kills the
 * process, does not come back, or finds no token.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ORDERS "/tmp/faulty_pkcs11"
#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list);

static CK_FUNCTION_LIST *real, faulty;

static CK_RV
fault(const char *name)
{
    char order[16] = "", where[32] = "";
    FILE *f = fopen(ORDERS, "re");

    if (f == NULL)
        return CKR_OK;
    if (fscanf(f, "%15s %31s", order, where) != 2)
        where[0] = '\0';
    (void)fclose(f);
    if (strcmp(where, name) != 0)
        return CKR_OK;
    if (strcmp(order, "crash") == 0)
        (void)raise(SIGSEGV);
    while (strcmp(order, "hang") == 0)
        (void)pause();
    return strcmp(order, "remove") == 0 ? CKR_DEVICE_REMOVED : CKR_OK;
}

static CK_RV
get_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
    CK_RV code = fault("C_GetSlotList");

    return code != CKR_OK ? code : real->C_GetSlotList(present, list, n);
}

static CK_RV
login(CK_SESSION_HANDLE session, CK_USER_TYPE who, CK_UTF8CHAR *pin, CK_ULONG n)
{
    CK_RV code = fault("C_Login");

    return code != CKR_OK ? code : real->C_Login(session, who, pin, n);
}

/* libkrb5 alone signs. */
static CK_RV
sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *signature, CK_ULONG *n)
{
    CK_RV code = fault("C_Sign");

    return code != CKR_OK ? code : real->C_Sign(session, data, len, signature, n);
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get;
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");

    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&get, &symbol, sizeof(get));
    if (get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    faulty = *real;
    faulty.C_GetFunctionList = C_GetFunctionList;
    faulty.C_GetSlotList = get_slot_list;
    faulty.C_Login = login;
    faulty.C_Sign = sign;
    *list = &faulty;
    return CKR_OK;
}
