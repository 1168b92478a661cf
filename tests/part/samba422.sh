# A domain of a newer Samba than Debian 12's own: that of its backports, in a
# lab of its own. Nothing is installed on this machine.
# shellcheck shell=bash disable=SC2154 # top, work: tests/run

samba422_part() {
  selected samba422 || return 0
  build_need shipped || return 0
  build_need sanitizers || return 0
  say samba422
  fetch samba422 samba-backports "$BUILD/samba-backports" || return 0
  if [ -n "$fetch_missing" ]; then
    printf '1..1\nok 1 - a domain of Samba 4.22 # SKIP %s\n' "$fetch_missing" | show samba422
  else
    SAMBA_PACKAGES=$BUILD/samba-backports samba422_run
  fi
}

samba422_run() {
  export SAMBA_PACKAGES AUTHSOD_LAB_SHOW=$BUILD AUTHSOD_BUILD=$BUILD/shipped AUTHSOD_BUILD_SANITIZERS=$BUILD/sanitizers
  export BATS_TEST_TIMEOUT=60
  tap_test samba422 300 "$top/tests/lab/enter" bats --tap --timing "$top/tests/system/samba422"
}
