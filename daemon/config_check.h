/*
 * What a text of the configuration must look like.  Each check takes one
 * value, may change its letter case in place, and gives NULL or a static
 * sentence that begins with "must".
 */
#ifndef AUTHSOD_DAEMON_CONFIG_CHECK_H
#define AUTHSOD_DAEMON_CONFIG_CHECK_H

#define CONFIG_NETBIOS_MAX 15 /* bytes of a computer's NetBIOS name */

/* A DNS name, lower-cased. */
const char *config_check_dns(char *text);

/* A Kerberos realm in DNS style; letter case kept. */
const char *config_check_realm(char *text);

/* A NetBIOS computer name, upper-cased. */
const char *config_check_netbios(char *text);

/* A DNS name (lower-cased) or a numeric address. */
const char *config_check_host(char *text);

/* A DNS name (lower-cased), or one of the words that stand for all domains and for none. */
const char *config_check_trusted(char *text);

/* A site's name, which becomes a label in DNS. */
const char *config_check_site(char *text);

/* An absolute path that may stand in passwd(5). */
const char *config_check_path(char *text);

/* A user or group name, lower-cased. */
const char *config_check_name(char *text);

/* Templates. */
const char *config_check_home(char *text);
const char *config_check_gecos(char *text);
const char *config_check_ccache(char *text);

#endif
