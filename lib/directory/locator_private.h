/* The locator with its surroundings as an argument, so that tests can make their own. Internal to lib/directory. */
#ifndef AUTHSOD_DIRECTORY_LOCATOR_PRIVATE_H
#define AUTHSOD_DIRECTORY_LOCATOR_PRIVATE_H

#include "lib/directory/dns.h"
#include "lib/directory/locator.h"

struct locator_setting {
    struct dns dns;
    uint16_t ldap_port;
};

enum err locator_find_with(const struct locator_setting *setting, const struct locator_query *q, struct dc *dc_out);

#endif
