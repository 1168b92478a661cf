#!/bin/sh
# The NSS module lives in other people's processes: it brings no library but libc and no symbol but its interface.
module=nss_authsod/.libs/libnss_authsod.so.2
command -v nm >/dev/null && command -v readelf >/dev/null || exit 77

needed=$(readelf -d "$module" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | tr '\n' ' ')
case $needed in
*lib?san*) exit 77 ;; # a build for the tests alone
"libc.so.6 ") ;;
*) echo "linked with: $needed"; exit 1 ;;
esac

expected='endgrent endpwent getgrent_r getgrgid_r getgrnam_r getpwent_r getpwnam_r getpwuid_r initgroups_dyn setgrent setpwent '
exported=$(nm -D --defined-only "$module" | sed 's/.* //; s/^_nss_authsod_//' | LC_ALL=C sort | tr '\n' ' ')
[ "$exported" = "$expected" ] || { echo "exported: $exported"; exit 1; }

# No state but the two files that are mapped: nothing else that could be written to after relocation, but what the linker
# puts there by itself.
state=$(nm "$module" | awk '$2 ~ /^[bBdD]$/ && $3 !~ /^(_|completed)/ { print $3 }' |
  grep -Ev '^(no_password|readers|map_place|local_place)$')
[ -z "$state" ] || { echo "state: $state"; exit 1; }
