# A domain of a newer Samba than Debian 12's own: that of its backports, in a
# lab of its own. Nothing is installed on this machine.
# shellcheck shell=bash disable=SC2154 # top, work: tests/run

samba422_part() {
  local status=0 why
  selected samba422 || return 0
  build_need shipped || return 0
  build_need sanitizers || return 0
  say samba422
  why=$(timeout -k 5 180 "$top/tests/lab/samba-backports" "$BUILD/samba-backports" 2>"$work/output" </dev/null) || status=$?
  if [ "$status" -eq 77 ]; then
    printf '1..1\nok 1 - a domain of Samba 4.22 # SKIP %s\n' "$why" | show samba422
  elif [ "$status" -ne 0 ]; then
    verdict samba422 "$status" "$work/output"
  else
    SAMBA_PACKAGES=$BUILD/samba-backports samba422_run
  fi
}

samba422_run() {
  export SAMBA_PACKAGES AUTHSOD_LAB_SHOW=$BUILD AUTHSOD_BUILD=$BUILD/shipped AUTHSOD_BUILD_SANITIZERS=$BUILD/sanitizers
  export BATS_TEST_TIMEOUT=60
  tap_test samba422 300 "$top/tests/lab/enter" bats --tap --timing "$top/tests/system/samba422"
}
