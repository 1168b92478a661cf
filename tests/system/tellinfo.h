/* What a probe says of logon information, a field a line: for comparison with what sambaread says. */
#ifndef AUTHSOD_TESTS_TELLINFO_H
#define AUTHSOD_TESTS_TELLINFO_H

#include "lib/ndr/logon_info.h"

void tellinfo(const struct logon_info *info);

#endif
