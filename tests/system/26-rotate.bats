# The computer's password is replaced, by the service that runs. Whatever goes
# wrong in the middle of it, people can log on, by Kerberos and by NTLM, and one
# more try brings computer and domain together. Runs in a lab that is up, on a
# computer of its own.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2119,SC2120,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

notice='You have logged on without Kerberos tickets.'
day=86400

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_new rot 160 &&
    member_local_user "$BOX" &&
    join &&
    in_member "$BOX" sed -i -E '/authsod/! s/^((passwd|group):.*)\<files/\1authsod [TRYAGAIN=return] files/' /etc/nsswitch.conf &&
    in_member "$BOX" env DEBIAN_FRONTEND=noninteractive pam-auth-update --force --package --enable authsod mkhomedir &&
    member_hurry "$BOX" &&
    printf '[domain]\nname = corp.test\ntimeout = 2s\n' >"$LAB/hosts/$BOX/etc/authsod/authsod.conf" &&
    member_start "$BOX" &&
    in_member "$BOX" id alice &&
    in_member "$BOX" id bob
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_stop "$BOX"
  samba_tool dc1 computer delete "$BOX"
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_service=authsod-hurry
  account=${BOX^^}$
  etc=$LAB/hosts/$BOX/etc
  member_is_up "$BOX" || member_start "$BOX"
  mark=$(member_log_mark "$BOX")
}

teardown() {
  let_go
  lab_unblock "$BOX"
  in_member "$BOX" nft 'add table inet lose; delete table inet lose'
} >&2

join() {
  printf '%s\n' "$LAB_ADMIN_PASSWORD" | in_member "$BOX" timeout 60 authsodctl join "$LAB_DOMAIN" --password-stdin
}

ctl() {
  in_member "$BOX" timeout 60 authsodctl "$@"
}

# says STATUS TEXT: what `run` saw.
says() {
  [ "$status" -eq "$1" ] && [[ $output == *"$2"* ]] || {
    echo "status $status: $output"
    return 1
  }
}

logged() {
  member_logged_since "$BOX" "$mark" "$1" || { tail -c "+$mark" "$(member_log "$BOX")"; return 1; }
}

# secret KEY: one of what the machine secret says: "slots" ("current previous"), "kvno".
secret() {
  python3 - "$etc/authsod/machine-secret" "$1" <<'END'
import struct, sys
data, at = open(sys.argv[1], 'rb').read(), 12
for _ in range(4):
    at += 4 + struct.unpack_from('<I', data, at)[0]
names, kvnos = ['', 'current', 'previous', 'pending'], {}
n, at = struct.unpack_from('<I', data, at)[0], at + 4
for _ in range(n):
    slot, kvno, when, length = struct.unpack_from('<IIQI', data, at)
    kvnos[names[slot]] = kvno
    at += 20 + length
print(' '.join(kvnos) if sys.argv[2] == 'slots' else kvnos['current'])
END
}

# age DAYS: the passwords are so much older than they are.
age() {
  python3 - "$etc/authsod/machine-secret" "$(($1 * day))" <<'END'
import struct, sys
data, at = bytearray(open(sys.argv[1], 'rb').read()), 12
for _ in range(4):
    at += 4 + struct.unpack_from('<I', data, at)[0]
n, at = struct.unpack_from('<I', data, at)[0], at + 4
for _ in range(n):
    when, length = struct.unpack_from('<QI', data, at + 8)
    struct.pack_into('<Q', data, at + 8, when - int(sys.argv[2]))
    at += 20 + length
open(sys.argv[1], 'r+b').write(data)
END
}

domain_kvno() {
  dc_get "$account" msDS-KeyVersionNumber
}

# hold, let_go: keeper does not settle what is open, as long as somebody else is at the membership.
hold() {
  exec {held}<"$LAB/hosts/$BOX/run/authsod.membership.lock"
  flock -n "$held"
}

let_go() {
  [ -z "${held:-}" ] || exec {held}<&-
  held=
}

# logs_on USER: with the right password; $output is what was said.
logs_on() {
  run member_do "$BOX" authsod-hurry "$1" "Passw0rd-$1" authenticate
  [ "$status" -eq 0 ] || { echo "$1: $output"; tail -c "+$mark" "$(member_log "$BOX")"; return 1; }
}

by_kerberos() {
  logs_on alice && [[ $output != *"$notice"* ]]
}

# people_log_on: by Kerberos, as soon as it is tried again; and by NTLM, where the KDC cannot be reached.
people_log_on() {
  lab_wait 10 by_kerberos || return 1
  lab_block_port "$BOX" 88 reject
  logs_on bob && [[ $output == *"$notice"* ]] || { echo "not by NTLM: $output"; return 1; }
  lab_unblock "$BOX"
}

# in_order: computer and domain have one password, and nothing is open.
in_order() {
  run ctl testjoin
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  [[ $(secret slots) != *pending* ]] && [ "$(secret kvno)" = "$(domain_kvno)" ] || {
    echo "$(secret slots), $(secret kvno), domain $(domain_kvno)"
    return 1
  }
  [ -z "$(find "$etc" -name '.krb5.keytab.*' -o -name '.machine-secret.*')" ]
}

# at PID CALLS WHAT: strace does WHAT ("signal=KILL:when=3") to the process at its system calls.
at() {
  strace -qq -o /dev/null -p "$1" -e trace="$2" -e inject="$2:$3" 2>/dev/null 3>&- &
  tracer=$!
  lab_wait 5 grep -q "^TracerPid:	[1-9]" "/proc/$1/status"
}

no_more() {
  kill "$tracer" 2>/dev/null || true
  wait "$tracer" 2>/dev/null || true
}

@test "root replaces the password: the domain, the machine secret and the keytab have the new one" {
  before=$(secret kvno)
  run -0 ctl rotate
  says 0 'The domain has taken it, on dc1.corp.test'
  [ "$(secret slots)" = 'current previous' ]
  [ "$(secret kvno)" -eq $((before + 1)) ]
  in_order
  [ "$(stat -c '%a %U' "$etc/authsod/machine-secret" "$etc/krb5.keytab" | sort -u)" = '600 root' ]
  # Tickets under the keys of before are still opened.
  run -0 in_member "$BOX" klist -k
  [ "$(grep -c "^ *$before host/$BOX.corp.test@" <<<"$output")" -eq 2 ]
  [ "$(grep -c "^ *$((before + 1)) $account@" <<<"$output")" -eq 2 ]
  people_log_on
  # The ticket that the computer had before serves on.
  run ! logged 'the computer.s own logon failed'
  run -0 --separate-stderr ctl rotate --json
  [ "$(python3 -c 'import json, sys; d = json.loads(sys.argv[1]); print(d["result"], d["kvno"], d["controller"])' "$output")" = \
    "ok $((before + 2)) dc1.corp.test" ]
  run -0 --separate-stderr ctl status --json
  [[ $output == *'"password_age_days": 0'*'"password_due": "20'*'"password_pending": false'* ]]
  # No password, nor anything made of one, is in the log.
  run ! grep -aF "$(strings -n 100 "$etc/authsod/machine-secret" | head -n 1)" "$(member_log "$BOX")"
}

@test "a password that is old is replaced by itself; the one before goes when no ticket can need it" {
  ctl rotate
  before=$(secret kvno)
  age 26
  member_stop "$BOX"
  member_start "$BOX"
  # Not old enough to be replaced; the one before is not needed any more.
  lab_wait 5 logged 'the previous password and its keys have gone'
  [ "$(secret slots)" = current ]
  [ "$(in_member "$BOX" klist -k | awk -v n="$before" '/@CORP.TEST/ && $1 != n' | wc -l)" -eq 0 ]
  in_order
  age 5
  member_reload "$BOX"
  lab_wait 5 logged "the computer's new password is in force, key version $((before + 1))"
  [ "$(secret slots)" = 'current previous' ]
  people_log_on
  in_order
  # Never, if that is wanted.
  age 100
  printf '[domain]\nname = corp.test\ntimeout = 2s\npassword_lifetime = 0\n' >"$etc/authsod/authsod.conf"
  member_reload "$BOX"
  lab_wait 5 logged 'the previous password and its keys have gone'
  [ "$(secret kvno)" -eq $((before + 1)) ]
  run -0 ctl status
  says 0 'Replaced: never'
  printf '[domain]\nname = corp.test\ntimeout = 2s\n' >"$etc/authsod/authsod.conf"
  hold
  member_reload "$BOX"
  let_go
  run -0 ctl rotate
}

has_role() {
  [ -n "$(member_roles "$BOX" "$1")" ]
}

# killed_at ROLE CALL LEAST: kill -9 of that process at each call of that kind while the password is replaced, the first
# time at the first of them; at least so many. keeper's end is that of all.
killed_at() {
  local n role=$1 calls=$2 least=$3 pid slots
  for n in {1..60}; do
    member_is_up "$BOX" || member_start "$BOX"
    # What was open has been settled, and netlogon is there.
    lab_wait 5 has_role netlogon
    pid=$([ "$role" = keeper ] && member_pid "$BOX" || member_roles "$BOX" "$role")
    at "$pid" "$calls" "signal=KILL:when=$n"
    run ctl rotate
    no_more
    [ "$status" -ne 0 ] || break
    hold
    if [ "$role" = keeper ]; then
      lab_wait 10 member_has_no_roles "$BOX"
      member_start "$BOX"
    else
      lab_wait 5 has_role "$role"
    fi
    slots=$(secret slots)
    mark=$(member_log_mark "$BOX")
    people_log_on || { echo "killed at $n ($slots)"; return 1; }
    let_go
    ctl rotate >/dev/null || { echo "no rotation after the kill at $n ($slots)"; return 1; }
    in_order || { echo "killed at $n ($slots)"; return 1; }
    echo "killed at $n: $slots"
    # Who keeps ending is started again later and later.
    [ "$role" = keeper ] || member_kill "$BOX"
  done
  echo "$n times"
  [ "$n" -gt "$least" ] && [ "$n" -lt 60 ]
}

# Each of four files is synced, takes its name, and its folder is synced.
@test "keeper is killed at each sync of the files" {
  killed_at keeper fsync 8
}

@test "keeper is killed at each new name of a file" {
  killed_at keeper rename 4
}

@test "netlogon is killed at each packet to the controller" {
  killed_at netlogon sendto 6
}

@test "netlogon is killed at each message to keeper" {
  killed_at netlogon sendmsg 3
}

@test "authsodctl is killed: the service goes on" {
  before=$(secret kvno)
  pid=$(member_roles "$BOX" netlogon)
  kill -STOP "$pid"
  run in_member "$BOX" timeout --signal=KILL 1 authsodctl rotate
  [ "$status" -ne 0 ]
  kill -CONT "$pid"
  lab_wait 10 logged 'new password is in force'
  [ "$(secret kvno)" -eq $((before + 1)) ]
  in_order
}

# lost RULE: of what goes to and comes from the controller, while a new password is on its way. It is the only long packet.
lose() {
  in_member "$BOX" nft -f - <<END
table inet lose {
  chain out { type filter hook output priority filter; tcp dport 49152-65535 ip length > 600 $1; }
  chain in { type filter hook input priority filter; ct mark 7 $2; }
}
END
}

found_again() {
  in_member "$BOX" nft delete table inet lose
}

@test "the new password is lost on its way, or the answer is" {
  local before out in has
  while read -r out in has; do
    before=$(domain_kvno)
    lose "${out//_/ }" "${in//_/ }"
    run ctl rotate
    says 26 'It is not known whether the domain has taken the new password'
    found_again
    [ "$(domain_kvno)" -eq $((before + has)) ]
    [ "$(secret slots)" = 'current previous pending' ]
    hold
    member_kill "$BOX"
    member_start "$BOX"
    people_log_on
    let_go
    run -0 ctl rotate
    # One of before is not made anew; it is the one that comes into force.
    [ "$(domain_kvno)" -eq $((before + 1)) ]
    in_order
  done <<'END'
drop accept 0
reject_with_tcp_reset accept 0
ct_mark_set_7 drop 1
END
}

@test "a disk that is full, or a file that cannot be written" {
  local keeper before rename
  # Each file takes its name by one rename: the pending password, its keys, the account's keys, the password in force.
  for rename in 1 2 3 4; do
    keeper=$(member_pid "$BOX")
    before=$(domain_kvno)
    at "$keeper" rename "error=ENOSPC:when=$rename"
    run ctl rotate
    no_more
    says 4 'cannot be written: No space left on device'
    if [ "$rename" -le 2 ]; then
      # The domain has heard of nothing.
      [ "$(domain_kvno)" -eq "$before" ]
      [[ $(secret slots) != *pending* ]]
    else
      [ "$(domain_kvno)" -eq $((before + 1)) ]
      [[ $(secret slots) == *pending* ]]
    fi
    hold
    member_kill "$BOX"
    member_start "$BOX"
    people_log_on
    let_go
    run -0 ctl rotate
    in_order
  done
}

@test "nothing that it needs is there: said in words, and nothing is changed" {
  before=$(secret kvno)
  lab_block_port "$BOX" 135 reject
  run ctl rotate
  says 25 'There is no secure channel with the domain, and nothing has changed'
  lab_unblock "$BOX"
  hold
  run ctl rotate
  says 24 'Somebody else is changing the membership'
  run join
  says 24 'The membership is being changed'
  let_go
  run -3 in_member "$BOX" setpriv --reuid 1000 --regid 1000 --clear-groups authsodctl rotate
  [ "$(stat -c '%a %U' "$LAB/hosts/$BOX/run/authsod/control.sock")" = '600 root' ]
  mv "$etc/authsod/machine-secret" "$etc/authsod/kept"
  run ctl rotate
  says 19 'joined by another program'
  mark=$(member_log_mark "$BOX")
  member_reload "$BOX"
  lab_wait 5 logged 'there is no machine secret .*: the computer.s password is not replaced'
  mv "$etc/authsod/kept" "$etc/authsod/machine-secret"
  member_stop "$BOX"
  run ctl rotate
  says 23 'The service is not running'
  [ "$(secret kvno)" -eq "$before" ]
  member_start "$BOX"
  in_order
}

@test "a join that was ended in the middle: its files are left for authsodctl, which finishes it" {
  local fresh=/etc/authsod/.machine-secret.0123456789abcdef before
  before=$(secret kvno)
  in_member "$BOX" cp -p /etc/authsod/machine-secret "$fresh"
  python3 - "$(in_member "$BOX" stat -c %i "$fresh")" "$fresh" /etc/authsod/machine-secret >"$etc/authsod/.joining" <<'END'
import struct, sys
sys.stdout.buffer.write(b'authsodk' + struct.pack('<II', 1, 1) +
                        b''.join(struct.pack('<I', len(n)) + n.encode() for n in sys.argv[2:]) +
                        struct.pack('<Q', int(sys.argv[1])))
END
  chmod 600 "$etc/authsod/.joining"
  run ctl rotate
  says 24 'authsodctl testjoin finishes it'
  member_kill "$BOX"
  member_start "$BOX"
  lab_wait 10 logged 'a join was ended in the middle'
  in_member "$BOX" test -e "$fresh"
  run -0 ctl testjoin
  [[ $output == *'Finished an earlier join'* ]]
  run ! in_member "$BOX" test -e "$fresh"
  ctl rotate
  [ "$(secret kvno)" -eq $((before + 1)) ]
}

@test "a join that is newer than what the service knows: it goes on with that" {
  ctl rotate
  join
  # The keys are read again once a second.
  lab_wait 5 logs_on alice
  people_log_on
  run -0 ctl rotate
  in_order
  [ "$(secret slots)" = 'current previous' ]
}
