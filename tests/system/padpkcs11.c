/*
 * A PKCS#11 module: SoftHSM's tokens in readers with a PIN pad.  What a person
 * types there is the first line of /etc/softhsm/pad: a PIN, or "cancel" for the
 * key of that name.  A PIN from the computer is refused.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
#define TYPED "/etc/softhsm/pad"

static CK_FUNCTION_LIST_PTR softhsm;
static CK_FUNCTION_LIST list;

static CK_RV
get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = softhsm->C_GetTokenInfo(slot, info);

    if (rv == CKR_OK)
        info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
    return rv;
}

static CK_RV
log_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
    char typed[64] = "";
    FILE *f = fopen(TYPED, "re");

    if (pin != NULL || len != 0 || f == NULL || fgets(typed, sizeof(typed), f) == NULL)
        typed[0] = '\0';
    if (f != NULL)
        (void)fclose(f);
    typed[strcspn(typed, "\n")] = '\0';
    if (strcmp(typed, "cancel") == 0)
        return CKR_FUNCTION_CANCELED;
    return softhsm->C_Login(session, user, (CK_UTF8CHAR_PTR)typed, strlen(typed));
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list_out)
{
    void *handle = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle == NULL ? NULL : dlsym(handle, "C_GetFunctionList");
    CK_C_GetFunctionList get;
    CK_RV rv;

    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&get, &symbol, sizeof(get));
    rv = get(&softhsm);
    if (rv != CKR_OK)
        return rv;
    list = *softhsm;
    list.C_GetFunctionList = C_GetFunctionList;
    list.C_GetTokenInfo = get_token_info;
    list.C_Login = log_in;
    *list_out = &list;
    return CKR_OK;
}
