#!/bin/sh
# The PAM module lives in other people's processes: it exports the PAM entries and nothing else, loads nothing but
# libpam and libc, and keeps no state.
set -eu
module=pam_authsod/.libs/pam_authsod.so

exported=$(nm -D --defined-only "$module" | sed 's/.* //; s/@.*//' | LC_ALL=C sort | tr '\n' ' ')
expected='pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok pam_sm_close_session pam_sm_open_session pam_sm_setcred '
[ "$exported" = "$expected" ] || { echo "exported: $exported"; exit 1; }

needed=$(readelf -d "$module" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | LC_ALL=C sort | tr '\n' ' ')
case $needed in
*lib?san*) exit 0 ;; # a build for the tests alone: the rest is the sanitizers'
"libc.so.6 libpam.so.0 ") ;;
*) echo "linked with: $needed"; exit 1 ;;
esac

# Nothing that could be written to after relocation, but what the linker puts there by itself.
state=$(nm "$module" | awk '$2 ~ /^[bBdD]$/ && $3 !~ /^(_|completed)/ { print $3 }')
[ -z "$state" ] || { echo "state: $state"; exit 1; }
