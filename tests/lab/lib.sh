# The test lab's functions. Source this inside a lab (see enter):
#
#   tests/lab/enter bash -c '. tests/lab/lib.sh; lab_up; in_member ws1 id'
#
# Every function prints nothing on success unless its contract says so, says on
# stderr what went wrong, and returns nonzero on failure. What it knows is kept
# in files below $LAB, so functions may be called from several shells.
# shellcheck shell=bash

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab_top=$(cd "$lab_dir/../.." && pwd)

# The standard domain. LAB_ADMIN_PASSWORD is the one of every Administrator;
# any other account NAME made by accounts.py has the password Passw0rd-NAME.
LAB_REALM=CORP.TEST
LAB_DOMAIN=corp.test
LAB_NETBIOS=CORP
LAB_DC_ADDR=10.99.0.1
LAB_WS1_ADDR=10.99.0.11
LAB_ADMIN_PASSWORD='Adm1n-Pass!'

# Directories of the real machine that every computer of the lab sees and may
# write to, besides this source tree: a colon-separated list.
: "${AUTHSOD_LAB_SHOW:=}"
# Where polkit-packages put what it fetched.
lab_packages=${AUTHSOD_LAB_PACKAGES:-$lab_top/build-test/polkit-packages}
# Where provisioned domains are kept for the next lab.
: "${AUTHSOD_LAB_CACHE:=/var/cache/authsod-lab}"

# lab_fail TEXT...: says TEXT on stderr; always returns 1.
lab_fail() {
  echo "lab: $*" >&2
  return 1
}

# lab_say TEXT...: a progress line on stderr, if LAB_VERBOSE is set.
lab_say() {
  [ -z "${LAB_VERBOSE:-}" ] || echo "lab: $*" >&2
}

# lab_wait SECONDS CMD...: runs CMD until it succeeds. Fails when SECONDS have
# passed. CMD's output is thrown away.
lab_wait() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

if [ ! -d "${LAB:-/nonexistent}/hosts" ]; then
  lab_fail "not in a lab; run this by tests/lab/enter"
  # shellcheck disable=SC2317 # exit is for a script that was run, not sourced
  return 1 2>/dev/null || exit 1
fi

. "$lab_dir/host.sh"
. "$lab_dir/dc.sh"
. "$lab_dir/samba.sh"
. "$lab_dir/account.sh"
. "$lab_dir/member.sh"
. "$lab_dir/rogue.sh"
. "$lab_dir/pki.sh"
. "$lab_dir/reader.sh"
. "$lab_dir/bus.sh"
. "$lab_dir/fault.sh"
. "$lab_dir/trust.sh"

# lab_up: the standard lab: the switch, dc1 (realm CORP.TEST with the accounts
# of accounts.py) and its member ws1. Does nothing if it is there already.
lab_up() {
  [ ! -e "$LAB/hosts/ws1" ] || return 0
  lab_switch || return 1
  lab_dc dc1 "$LAB_REALM" "$LAB_NETBIOS" "$LAB_DC_ADDR" || return 1
  lab_member ws1 "$LAB_WS1_ADDR" "$LAB_DOMAIN" || return 1
}
