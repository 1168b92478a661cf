/*
 * Every failure and every sentence of the product: one table.
 *
 * The daemon sends codes and values; the PAM module turns them into the
 * sentence in the user's language and into the PAM code.  The administrator's
 * detail (which DC, which step, the protocol's code) goes to the log where the
 * failure is seen, never into a message.
 *
 * X(NAME, number, PAM code, telling, sentence)
 *
 * Numbers are part of the local protocol: append, never reuse.
 * telling:
 *   ANYONE  says nothing about the account: may be told to everybody
 *   HERE    to somebody at this computer, and to a remote peer only once the
 *           password was proved; else ERR_DENIED is sent in its place
 * Sentence: %1, %2 stand for the message's values. Each has its German one in
 * po/de.po (test_pam_parts misses it otherwise).
 *
 * An expired password is PAM_AUTHTOK_EXPIRED and not PAM_NEW_AUTHTOK_REQD,
 * because "required" and "sufficient" in pam.conf(5) take the latter for a
 * success.
 */
#ifndef AUTHSOD_PROTO_MESSAGES_H
#define AUTHSOD_PROTO_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

/* Marks a sentence for xgettext; translated where it is shown. */
#define N_(s) s

#define AUTHSOD_ERRORS(X) \
    X(OK, 0, PAM_SUCCESS, ANYONE, "") \
    X(INTERNAL, 1, PAM_SYSTEM_ERR, ANYONE, N_("The logon failed inside the domain logon service. The system log says why.")) \
    X(NO_SERVICE, 2, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The domain logon service is not running.")) \
    X(BUSY, 3, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("Too many people are logging on at once. Try again in a moment.")) \
    X(TIMEOUT, 4, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The domain did not answer in time. Try again.")) \
    X(PROTOCOL, 5, PAM_SYSTEM_ERR, ANYONE, N_("The domain logon service and this program do not fit together. Restart the program after an upgrade.")) \
    X(NOT_OURS, 6, PAM_USER_UNKNOWN, ANYONE, "") \
    X(FORBIDDEN, 7, PAM_PERM_DENIED, ANYONE, N_("You may check your own password only.")) \
    X(CANCELLED, 8, PAM_CONV_ERR, ANYONE, N_("The logon was cancelled.")) \
    X(DENIED, 9, PAM_AUTH_ERR, ANYONE, N_("The user name or password is incorrect.")) \
    X(WRONG_PASSWORD, 10, PAM_AUTH_ERR, ANYONE, N_("The user name or password is incorrect.")) \
    X(UNKNOWN_PRINCIPAL, 11, PAM_USER_UNKNOWN, HERE, N_("The domain does not know this user.")) \
    X(LOCKED, 12, PAM_PERM_DENIED, HERE, N_("Your account is locked after too many wrong passwords. Wait a while or ask your administrator.")) \
    X(DISABLED, 13, PAM_ACCT_EXPIRED, HERE, N_("Your account is disabled. Ask your administrator.")) \
    X(ACCOUNT_EXPIRED, 14, PAM_ACCT_EXPIRED, HERE, N_("Your account has expired. Ask your administrator.")) \
    X(PASSWORD_EXPIRED, 15, PAM_AUTHTOK_EXPIRED, HERE, N_("Your password has expired. Change it on another computer of the domain or ask your administrator.")) \
    X(MUST_CHANGE, 16, PAM_AUTHTOK_EXPIRED, HERE, N_("You must change your password before you log on. Change it on another computer of the domain or ask your administrator.")) \
    X(LOGON_HOURS, 17, PAM_PERM_DENIED, HERE, N_("Your account may not log on at this time of day.")) \
    X(WORKSTATION, 18, PAM_PERM_DENIED, HERE, N_("Your account may not log on to this computer.")) \
    X(POLICY, 19, PAM_PERM_DENIED, HERE, N_("A policy of the domain does not let you log on here. Ask your administrator.")) \
    X(REVOKED, 20, PAM_PERM_DENIED, HERE, N_("Your account may not log on at present. Ask your administrator.")) \
    X(NO_KDC, 21, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("No domain controller of %1 answers. Check the network connection.")) \
    X(CLOCK, 22, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The clock of this computer differs from the domain's by %1. Set it right and try again.")) \
    X(NO_REALM, 23, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The domain %1 cannot be found.")) \
    X(NO_KEYTAB, 24, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("This computer has no key for the domain. Ask your administrator to join it again.")) \
    X(STALE_KEYTAB, 25, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("This computer's key for the domain is out of date. Ask your administrator to join it again.")) \
    X(NO_ENCTYPE, 26, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The domain offers no encryption that this computer accepts. Ask your administrator.")) \
    X(UNTRUSTED_KDC, 27, PAM_AUTH_ERR, ANYONE, N_("The domain controller that answered could not prove that it is one. The logon was refused. Tell your administrator.")) \
    X(BAD_PAC, 28, PAM_AUTH_ERR, ANYONE, N_("The domain's statement about your account cannot be trusted. The logon was refused. Tell your administrator.")) \
    X(WRONG_ACCOUNT, 29, PAM_AUTH_ERR, ANYONE, N_("The domain answered for another account. The logon was refused. Tell your administrator.")) \
    X(NO_FAST, 30, PAM_AUTH_ERR, ANYONE, N_("The domain controller did not protect the logon as it must. The logon was refused. Tell your administrator.")) \
    X(NOT_A_PERSON, 31, PAM_PERM_DENIED, HERE, N_("This account belongs to a computer or a domain and cannot log on.")) \
    X(NO_STATE, 32, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("Whether your account may log on cannot be found out at present. Try again later.")) \
    X(NO_CHANGE, 33, PAM_AUTHTOK_ERR, ANYONE, N_("A domain password cannot be changed here. Change it on another computer of the domain or ask your administrator.")) \
    X(NO_CCACHE, 34, PAM_CRED_ERR, ANYONE, N_("Your Kerberos tickets could not be stored. Network resources may ask for your password.")) \
    X(NO_TICKETS, 35, PAM_CRED_UNAVAIL, ANYONE, N_("There are no Kerberos tickets for this session.")) \
    X(NOT_CONFIGURED, 36, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("This computer is not set up for a domain.")) \
    X(CARD_REQUIRED, 37, PAM_PERM_DENIED, HERE, N_("You must log on with your smart card. Insert it and try again.")) \
    X(NO_CARD, 38, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("There is no smart card in the reader. Insert yours and try again.")) \
    X(NO_CARD_LOGON, 39, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The domain controller does not accept smart cards. Ask your administrator.")) \
    X(PIN_WRONG, 40, PAM_AUTH_ERR, ANYONE, N_("The PIN is incorrect.")) \
    X(PIN_LAST_TRY, 41, PAM_AUTH_ERR, ANYONE, N_("The PIN is incorrect. One more wrong PIN blocks the smart card.")) \
    X(PIN_LOCKED, 42, PAM_AUTH_ERR, ANYONE, N_("The smart card is blocked after too many wrong PINs. Ask your administrator to unblock it.")) \
    X(PIN_CHANGE, 43, PAM_AUTH_ERR, ANYONE, N_("The PIN of the smart card must be changed before it can be used. Ask your administrator.")) \
    X(CARD_REMOVED, 44, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The smart card is no longer in the reader. Insert it and try again.")) \
    X(CARD_FAILED, 45, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The smart card or its reader does not work. Insert the card again, or ask your administrator.")) \
    X(CARD_UNFIT, 46, PAM_AUTH_ERR, ANYONE, N_("The smart card has no certificate that is meant for logon here. Ask your administrator.")) \
    X(CARD_EXPIRED, 47, PAM_AUTH_ERR, ANYONE, N_("The certificate on the smart card has expired or is not valid yet. Ask your administrator.")) \
    X(CARD_REVOKED, 48, PAM_AUTH_ERR, ANYONE, N_("The certificate on the smart card has been revoked. Ask your administrator.")) \
    X(CARD_UNTRUSTED, 49, PAM_AUTH_ERR, ANYONE, N_("The issuer of the certificate on the smart card is not trusted. Ask your administrator.")) \
    X(CARD_NOT_YOURS, 50, PAM_AUTH_ERR, ANYONE, N_("The smart card does not belong to this account.")) \
    X(KDC_CERTIFICATE, 51, PAM_AUTH_ERR, ANYONE, N_("The domain controller's certificate cannot be trusted. The logon was refused. Tell your administrator.")) \
    X(CARD_UNKNOWN, 52, PAM_AUTH_ERR, ANYONE, N_("The smart card belongs to no account of the domain that can be used on this computer. Ask your administrator.")) \
    X(CARD_NOT_SET_UP, 53, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("Smart cards are required here, and this computer is not set up for them. Ask your administrator.")) \
    X(CARD_LATE, 54, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("The smart card or the domain did not answer in time. Try again.")) \
    X(CARD_BUSY, 55, PAM_AUTHINFO_UNAVAIL, ANYONE, N_("Another program of yours is using the smart card. Try again in a moment.")) \
    X(CARD_UNASKED, 56, PAM_PERM_DENIED, ANYONE, N_("You must log on with your smart card, and this program asks for a password only. Ask your administrator."))

enum err {
#define X(name, number, pam, telling, sentence) ERR_##name = (number),
    AUTHSOD_ERRORS(X)
#undef X
};

/* What the daemon asks and says; numbers are part of the local protocol. */
#define AUTHSOD_PROMPTS(X) \
    X(PASSWORD, 1, N_("Password: ")) \
    X(PIN, 2, N_("PIN for %1: ")) \
    X(CERTIFICATE, 3, N_("Which certificate? "))

enum prompt {
#define X(name, number, sentence) PROMPT_##name = (number),
    AUTHSOD_PROMPTS(X)
#undef X
};

#define AUTHSOD_NOTICES(X) \
    X(PASSWORD_EXPIRES_DAYS, 1, N_("Your password expires in %1 days.")) \
    X(PASSWORD_EXPIRES_TODAY, 2, N_("Your password expires today.")) \
    X(PASSWORD_EXPIRES_TOMORROW, 3, N_("Your password expires tomorrow.")) \
    X(NO_TICKETS_BY_NTLM, 4, N_("You have logged on without Kerberos tickets. Network resources may ask for your password.")) \
    X(PIN_AT_READER, 5, N_("Type the PIN for %1 at the reader.")) \
    X(PIN_LAST_TRY, 6, N_("One more wrong PIN blocks the smart card.")) \
    X(CHOICE_WRONG, 7, N_("Type a number from 1 to %1.")) \
    X(OFFLINE, 8, N_("No domain controller answers. You have logged on as this computer knows you, without Kerberos tickets."))

enum notice {
#define X(name, number, sentence) NOTICE_##name = (number),
    AUTHSOD_NOTICES(X)
#undef X
};

/* The name ("WRONG_PASSWORD"), for logs; "?" for a number that is not in the table. */
const char *err_name(uint32_t err);

/*
 * What may be told: err itself, or ERR_DENIED in its place.  proved: the
 * domain has confirmed the password; here: the person is at this computer
 * (no remote host).
 */
enum err err_for_peer(enum err err, bool proved, bool here);

#endif
