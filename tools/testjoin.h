/* testjoin's parts. */
#ifndef AUTHSOD_TOOLS_TESTJOIN_H
#define AUTHSOD_TOOLS_TESTJOIN_H

#include "tools/net.h"

/*
 * Makes a secure channel with the domain controller of n (net_locate) by the
 * computer's password, and ends it.  text: with whom, or why not.
 */
bool testjoin_channel(const struct net *n, const char *password, char *text, size_t size);

#endif
