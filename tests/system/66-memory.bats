# Secrets stay out of swap. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  # Nobody's tickets are there, and nothing is remembered, at the start.
  member_up ws1
  member_stop ws1
  member_start ws1
}

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
}

# is_locked ROLE NAME: the role's process has a mapping of that memfd, all of
# it locked.
is_locked() {
  awk -v name="/memfd:$2" '
    /^[0-9a-f]+-/ { here = $6 == name }
    here && /^Rss:/ { rss = $2 }
    here && /^Locked:/ { locked = $2; if (locked > 0 && locked >= rss) found = 1 }
    END { exit !found }' "/proc/$(member_roles ws1 "$1")/smaps"
}

# may_lock: is root here allowed to lock memory without limit?
may_lock() {
  (ulimit -l unlimited) 2>/dev/null
}

@test "the keytab and tickets that wait for their session are locked into memory" {
  is_locked member keytab
  run ! is_locked front tickets
  member_pam ws1 alice Passw0rd-alice authenticate
  is_locked front tickets
}

@test "roles that see secrets are locked into memory, or a warning says that they are not" {
  local role locked warnings
  warnings=$(grep -c 'memory cannot be locked' "$(member_log ws1)" || true)
  # Of ccache the last one: locks are not inherited.
  for role in member directory netlogon logon ccache; do
    locked=$(awk '/^VmLck:/ { print $2 }' "/proc/$(member_roles ws1 "$role" | sort -n | tail -n 1)/status")
    echo "$role: $locked kB; $warnings warnings"
    if may_lock; then
      [ "$locked" -gt 1000 ]
      [ "$warnings" -eq 0 ]
    else
      [ "$warnings" -ge 1 ]
    fi
  done
}

@test "all of authsodd, idle, needs at most 24 MiB" {
  local pss=0 pid
  for pid in $(member_pid ws1) $(member_roles ws1); do
    pss=$((pss + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")))
  done
  echo "$pss kB"
  [ "$pss" -le $((24 * 1024)) ]
}
