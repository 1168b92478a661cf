# authsodd itself: its roles as /proc shows them, how it starts, stops and
# reloads, and what happens when a part of it dies or hangs. Runs in a lab that
# is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

# ws50 runs what was built with sanitizers, from the beginning to the end, beside
# the tests on ws1: what the workers do when nobody logs on takes a minute.
setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  [ -e "$LAB/hosts/ws50" ] || lab_member ws50 10.99.0.150 corp.test
  member_install ws50
  member_configure ws50
  : >"$(member_log ws50)"
  member_stop ws50
  # keeper may not be traced, which is how leaks are looked for.
  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 \
    AUTHSODD=${AUTHSOD_BUILD_SANITIZERS:-$lab_top/build-test/sanitizers}/daemon/authsodd member_start ws50
  logons ws50 12 alice Passw0rd-alice >"$LAB/ws50-logons"
  logon_workers ws50 >"$LAB/ws50-workers"
}

# As it was: the service with the domain's name in its configuration alone.
teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_stop ws50
  rm -f "$LAB"/ws50-logons "$LAB"/ws50-workers "$LAB"/tmp50.*
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  mark=$(member_log_mark ws1)
}

teardown() {
  local pid
  for pid in ${stopped:-}; do
    kill -CONT "$pid" 2>/dev/null || true
  done
  [ -z "${frozen:-}" ] || lab_dc_cont dc1
  [ -z "${cut:-}" ] || lab_mend dc1
  if [ -n "${configured:-}" ]; then
    member_configure ws1
    ! member_is_up ws1 || member_reload ws1
  fi
  member_is_up ws1 || member_start ws1
} >&2

# configure LINE...: the service has these lines besides the domain's name, until the test's end.
configure() {
  configured=1
  member_configure ws1 "$@"
  member_reload ws1
}

# logons MEMBER ARG...: converse there.
logons() {
  local name=$1
  shift
  in_member "$name" timeout 50 /usr/bin/python3 "$lab_top/tests/system/converse" "$@"
}

logon_workers() {
  member_roles "$1" logon | wc -l
}

has_workers() {
  test "$(logon_workers "$1")" "$2" "$3"
}

logged() {
  member_logged_since ws1 "$mark" "$1"
}

# alice_logs_on [TIMES]
alice_logs_on() {
  [ "$(logons ws1 "${1:-1}" alice Passw0rd-alice)" = "${1:-1} OK" ]
}

alice_is_known() {
  in_member ws1 timeout 20 getent passwd alice >/dev/null
}

# freeze_dc: until the test's end, or lab_dc_cont.
freeze_dc() {
  frozen=1
  lab_dc_stop dc1
}

# in_flight: a worker talks to the KDC.
in_flight() {
  [ -n "$(in_member ws1 ss -Htn state established dst 10.99.0.1 dport = :88)" ]
}

# logon_in_background: one that has come as far as the KDC, which is frozen. Its result: wait_logon.
logon_in_background() {
  # So that nobody but the worker has to ask the KDC.
  alice_logs_on
  freeze_dc
  logons ws1 1 alice Passw0rd-alice >"$LAB/tmp50.result" 2>&1 3>&- &
  logon_pid=$!
  lab_wait 10 in_flight
}

wait_logon() {
  # Not wait: $() is another shell.
  lab_wait 40 test ! -d "/proc/$logon_pid"
  cat "$LAB/tmp50.result"
}

# field PID NAME: of /proc/PID/status.
field() {
  awk -v name="$2:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$1/status"
}

# is WANTED GOT WHAT
is() {
  [ "$1" = "$2" ] || {
    echo "$3: \"$2\" and not \"$1\""
    return 1
  }
}

# uid_of USER: on ws1.
uid_of() {
  in_member ws1 id -u "$1"
}

# role_is_locked_down PID ROLE USER
role_is_locked_down() {
  local pid=$1 role=$2 uid gid set
  uid=$(uid_of "$3") gid=$(in_member ws1 id -g "$3")
  is "authsodd --role=$role --as=$uid:$gid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" | sed 's/ *$//')" "$role's command line" &&
    is "authsodd-${role:0:6}" "$(cut -c1-15 "/proc/$pid/comm")" "$role's short name" &&
    is "$uid $uid $uid $uid" "$(field "$pid" Uid)" "$role's uids" &&
    is "$gid $gid $gid $gid" "$(field "$pid" Gid)" "$role's gids" &&
    is '' "$(field "$pid" Groups)" "$role's groups" &&
    is 1 "$(field "$pid" NoNewPrivs)" "$role's NoNewPrivs" &&
    is 2 "$(field "$pid" Seccomp)" "$role's Seccomp" &&
    is 0 "$(tr -d '\0' <"/proc/$pid/environ" | wc -c)" "bytes of $role's environment" &&
    is 0 "$(awk '/^Max core file size/ { print $5 $6 }' "/proc/$pid/limits" | tr -dc 0-9 | sed 's/^00*$/0/')" "$role's core limit" ||
    return 1
  for set in CapInh CapPrm CapEff CapAmb; do
    is 0000000000000000 "$(field "$pid" $set)" "$role's $set" || return 1
  done
  # Not dumpable: not even its own user may look into it.
  is 0 "$(stat -c %u "/proc/$pid/mem")" "owner of $role's memory" &&
    ! in_member ws1 setpriv --reuid "$uid" --regid "$gid" --clear-groups cat "/proc/$pid/environ" 2>/dev/null
}

# open_files PID: what its descriptors from 3 on are, and how many of each. In a
# chroot the kernel puts that before a name in another mount namespace.
open_files() {
  local fd
  for fd in "/proc/$1/fd"/*; do
    [ "${fd##*/}" -le 2 ] || readlink "$fd" | sed 's/\[[0-9]*\]$//; s/ (deleted)$//; s,^/.*\(/var/lib/authsod\),\1,'
  done | sort | uniq -c | awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }'
}

# has_processes ROLE N
has_processes() {
  is "$2" "$(member_roles ws1 "$1" | wc -l)" "processes of $1"
}

@test "each role is a process of its own user, with no rights and no environment, behind a filter" {
  local role pid keeper set
  local -A users=([front]=authsod [directory]=authsod [member]=authsod-member [netlogon]=authsod-member [logon]=authsod-logon)
  for role in front directory member netlogon logon; do
    pid=$(member_roles ws1 "$role")
    is 1 "$(wc -w <<<"$pid")" "processes of $role"
    role_is_locked_down "$pid" "$role" "${users[$role]}"
  done
  is 3 "$(for role in "${users[@]}"; do uid_of "$role"; done | sort -u | wc -l)" users
  # The process for the next credential cache becomes whom keeper says, as all copies of the one that it is a copy of:
  # these two can do that, and nothing else.
  lab_wait 5 has_processes ccache 2
  keeper=$(member_pid ws1)
  for pid in $(member_roles ws1 ccache); do
    for set in CapPrm CapEff; do
      is 00000000000000c0 "$(field "$pid" $set)" "ccache's $set"
    done
    is 1 "$(field "$pid" NoNewPrivs)" "ccache's NoNewPrivs"
    is 2 "$(field "$pid" Seccomp)" "ccache's Seccomp"
    is "$keeper" "$(field "$pid" PPid)" "ccache's parent"
    is 0 "$(stat -c %u "/proc/$pid/mem")" "owner of ccache's memory"
    is '1 /memfd:authsod.conf, 1 socket:' "$(open_files "$pid")" ccache
  done
  is '0 0 0 0' "$(field "$keeper" Uid)" "keeper's uids"
  is 1 "$(field "$keeper" NoNewPrivs)" "keeper's NoNewPrivs"
  is 2 "$(field "$keeper" Seccomp)" "keeper's Seccomp"
}

# has_open ROLE WANTED
has_open() {
  is "$2" "$(open_files "$(member_roles ws1 "$1")")" "$1"
}

@test "a role has the descriptors that were handed down to it, and its own" {
  local pid fd path socket who
  member_stop ws1
  member_start ws1
  alice_logs_on
  # Channels: to keeper and three others, and to each worker. Tickets wait to be claimed.
  has_open logon '1 /memfd:authsod.conf, 4 socket:'
  has_open front '1 /memfd:authsod.conf, 1 /memfd:tickets, 1 anon_inode:[eventpoll], 1 anon_inode:inotify, 7 socket:'
  has_open member '1 /memfd:authsod.conf, 1 /memfd:keytab, 1 /var/lib/authsod-cards, 5 socket:'
  # It has asked nobody yet: Kerberos serves.
  has_open netlogon '1 /memfd:authsod.conf, 5 socket:'
  # Here one is the connection to the domain controller.
  lab_wait 10 has_open directory '1 /memfd:authsod.conf, 1 /memfd:krb5.conf, 1 /var/lib/authsod/store.db, 1 /var/lib/authsod/store.db-wal, 5 socket:'
  # Who may accept: keeper, which keeps them for the next front, and front; at its own socket keeper alone.
  while read -r path socket; do
    who=$(member_pid ws1)
    [[ $path == */control.sock ]] || who+=$'\n'$(member_roles ws1 front)
    is "$(sort <<<"$who")" \
      "$(for pid in $(member_pid ws1) $(member_roles ws1); do
        [ -z "$(find "/proc/$pid/fd" -lname "socket:[[]$socket]")" ] || echo "$pid"
      done | sort)" "who has the listening socket $path"
  done < <(in_member ws1 ss -xlH | awk '$5 ~ "^/run/authsod/" { print $5, $6 }')
  # What all have: nothing to read, and the log.
  for pid in $(member_roles ws1); do
    [[ "$(readlink "/proc/$pid/fd/0")" == */dev/null ]]
    for fd in 1 2; do
      [[ "$(readlink "/proc/$pid/fd/$fd")" == *"$(member_log ws1)" ]]
    done
  done
}

@test "the sockets and the files that all read are for everyone, and go with the service" {
  local socket file
  is 'root:root 755' "$(in_member ws1 stat -c '%U:%G %a' /run/authsod)" /run/authsod
  is 'authsod:authsod 700' "$(in_member ws1 stat -c '%U:%G %a' /var/lib/authsod)" /var/lib/authsod
  is 'authsod-member:authsod-member 700' "$(in_member ws1 stat -c '%U:%G %a' /var/lib/authsod-cards)" /var/lib/authsod-cards
  for socket in nss pam; do
    is 'root:root 666 socket' "$(in_member ws1 stat -c '%U:%G %a %F' /run/authsod/$socket.sock)" $socket.sock
  done
  is 'root:root 600 socket' "$(in_member ws1 stat -c '%U:%G %a %F' /run/authsod/control.sock)" control.sock
  for file in identmap local-names; do
    is 'root:root 644 regular file' "$(in_member ws1 stat -c '%U:%G %a %F' /run/authsod/$file)" $file
  done
  in_member ws1 setpriv --reuid 65534 --regid 65534 --clear-groups timeout 20 getent passwd alice
  member_stop ws1
  is lock "$(in_member ws1 ls -A /run/authsod)" /run/authsod
}

@test "a second one on the same computer does not start, and the first goes on" {
  local files
  files=$(in_member ws1 stat -c %i /run/authsod/identmap /run/authsod/local-names)
  run -1 in_member ws1 timeout 20 /usr/sbin/authsodd
  [[ $output == *'another authsodd is running'* ]]
  is "$files" "$(in_member ws1 stat -c %i /run/authsod/identmap /run/authsod/local-names)" 'files that all read'
  alice_is_known
  alice_logs_on
}

# checked STATUS PATTERN LINE...: what --check-config says of a file with these lines.
checked() {
  local status_wanted=$1 pattern=$2
  shift 2
  printf '%s\n' "$@" | in_member ws1 sh -c 'cat >/tmp/50.conf'
  run in_member ws1 timeout 10 /usr/sbin/authsodd --check-config --config /tmp/50.conf
  [ "$status" -eq "$status_wanted" ] && [[ $output =~ $pattern ]] || {
    printf 'status %s, no "%s" in:\n%s\n' "$status" "$pattern" "$output"
    return 1
  }
}

@test "--check-config says what is wrong and in which line, and what is in force" {
  checked 0 'workers *= *7' '[domain]' 'name = corp.test' '[logon]' 'workers = 7'
  checked 1 '50.conf:3: .*colour' '[domain]' 'name = corp.test' 'colour = red'
  checked 1 '50.conf:2: .*domian' '# a comment' '[domian]' 'name = corp.test'
  checked 1 '50.conf:4: .*workers' '[domain]' 'name = corp.test' '[logon]' 'workers = 1000'
  checked 1 '50.conf:3: .*name' '[domain]' 'name = corp.test' 'name = other.test'
  checked 1 '50.conf:4: .*home' '[domain]' 'name = corp.test' '[identity]' 'home = relative/%u'
  # All errors, not the first one alone.
  checked 1 '50.conf:2: .*50.conf:4: ' '[logon]' 'fast = maybe' '[log]' 'level = loud'
  run -0 in_member ws1 sh -c '/usr/sbin/authsodd --check-config --json | /usr/bin/python3 -m json.tool'
  [[ $output == *'"corp.test"'* ]]
  run -1 in_member ws1 /usr/sbin/authsodd --check-config --config /etc/no-such.conf
  run -2 in_member ws1 /usr/sbin/authsodd --no-such-option
  # Nobody has to be root to ask.
  run -0 in_member ws1 setpriv --reuid 65534 --regid 65534 --clear-groups /usr/sbin/authsodd --check-config
  in_member ws1 rm -f /tmp/50.conf
}

shell_of_alice() {
  in_member ws1 getent passwd alice | cut -d: -f7
}

@test "SIGHUP reads the configuration again; a broken one changes nothing, and its line is named" {
  local front
  front=$(member_roles ws1 front)
  configure '[identity]' 'shell = /bin/dash'
  is /bin/dash "$(shell_of_alice)" "alice's shell"
  mark=$(member_log_mark ws1)
  configure '[identity]' 'shell = /bin/zsh' 'shel = /bin/zsh'
  logged 'authsod.conf:5: .*shel'
  logged 'was not read again: what was in force stays'
  is /bin/dash "$(shell_of_alice)" "alice's shell"
  alice_logs_on
  is "$front" "$(member_roles ws1 front)" 'the process of front'
}

@test "a worker that dies fails its one logon, and is replaced" {
  logon_in_background
  kill -KILL "$(member_roles ws1 logon)"
  is '1 INTERNAL' "$(wait_logon)" 'the logon'
  logged 'logon .* was ended by signal 9'
  lab_dc_cont dc1
  lab_wait 10 has_workers ws1 -eq 1
  alice_logs_on
}

@test "a worker that hangs is ended at its deadline; the queue behind it is bounded" {
  local began
  configure '[logon]' 'deadline = 5s' 'workers = 1'
  lab_wait 10 has_workers ws1 -eq 1
  alice_logs_on
  stopped=$(member_roles ws1 logon)
  kill -STOP "$stopped"
  began=$SECONDS
  run logons ws1 300 alice Passw0rd-alice
  echo "$output"
  [ $((SECONDS - began)) -le 15 ]
  grep -qx '1 TIMEOUT' <<<"$output"
  run ! grep -Ev '^[0-9]+ (TIMEOUT|BUSY|OK)$' <<<"$output"
  # One in the worker, 256 behind it: the others were told at once.
  is 43 "$(tail -c "+$mark" "$(member_log ws1)" | sed '/past its deadline/,$d' | grep -c 'refused .*BUSY')" 'refused at once'
  logged 'past its deadline'
  logged 'logon .* was ended by signal 9'
  [ "$(member_roles ws1 logon)" != "$stopped" ]
  alice_logs_on
}

# comes_back ROLE SIGNAL: another process has the role, and all is as it was.
comes_back() {
  local role=$1 pid
  pid=$(member_roles ws1 "$role")
  kill -"$2" "$pid"
  # One that hangs is found out after 17 s at most; one that ended a moment before is not started again at once.
  lab_wait 35 another_has "$role" "$pid"
  lab_wait 10 alice_is_known
  lab_wait 10 has_workers ws1 -eq 1
  lab_wait 10 alice_logs_on
}

another_has() {
  local pid
  pid=$(member_roles ws1 "$1")
  [ -n "$pid" ] && [ "$pid" != "$2" ]
}

@test "front, member, directory or netlogon dies: the service recovers" {
  local role
  for role in front member directory netlogon; do
    comes_back $role KILL
    logged "$role .* was ended by signal 9"
    logged "starting $role again"
  done
  # And after each as fresh as before.
  in_member ws1 timeout 20 getent group 'all staff'
}

@test "front hangs: another takes its place" {
  comes_back front STOP
  logged 'front does not answer'
}

@test "a directory that hangs keeps nobody from what is known, nor a local user from anything" {
  local took
  alice_is_known
  stopped=$(member_roles ws1 directory)
  kill -STOP "$stopped"
  took=$({ time -p in_member ws1 getent passwd alice root localuser; } 2>&1 | awk '/^real/ { print int($2 * 1000) }')
  kill -CONT "$stopped"
  stopped=
  [ "$took" -lt 1000 ]
}

@test "without keeper there is nobody" {
  kill -KILL "$(member_pid ws1)"
  lab_wait 5 member_has_no_roles ws1
  member_start ws1
  alice_logs_on
}

@test "SIGTERM lets a logon that runs come to its end, and answers lookups meanwhile" {
  logon_in_background
  kill -TERM "$(member_pid ws1)"
  lab_wait 5 logged 'ending when what runs has ended'
  alice_is_known
  member_is_up ws1
  lab_dc_cont dc1
  is '1 OK' "$(wait_logon)" 'the logon'
  lab_wait 10 member_is_down ws1
  member_has_no_roles ws1
}

@test "SIGTERM and PAM: who has given the password is logged on by a service that ends" {
  local pid
  alice_logs_on
  freeze_dc
  member_pam ws1 alice Passw0rd-alice authenticate >"$LAB/tmp50.result" 2>&1 3>&- &
  pid=$!
  lab_wait 10 in_flight
  kill -TERM "$(member_pid ws1)"
  lab_wait 5 logged 'ending when what runs has ended'
  lab_dc_cont dc1
  wait "$pid"
  grep -q 'successfully authenticated' "$LAB/tmp50.result"
  lab_wait 10 member_is_down ws1
}

@test "SIGTERM does not wait for those who look at a prompt" {
  local began pid
  rm -f "$LAB/tmp50.hold"
  mkfifo "$LAB/tmp50.hold"
  logons ws1 --hold 5 alice Passw0rd-alice <"$LAB/tmp50.hold" >"$LAB/tmp50.result" 2>&1 3>&- &
  pid=$!
  exec {hold}>"$LAB/tmp50.hold"
  lab_wait 10 grep -q asked "$LAB/tmp50.result"
  began=$SECONDS
  member_stop ws1
  [ $((SECONDS - began)) -le 5 ]
  exec {hold}>&-
  wait "$pid"
  grep -qx '5 NO_SERVICE' "$LAB/tmp50.result"
}

notified() {
  in_member ws1 grep -qx "$1" /run/activate.notified
}

@test "sockets of systemd's are used and stay; systemd is told of every step" {
  local n
  member_stop ws1
  AUTHSODD=$BATS_TEST_DIRNAME/activate member_start ws1
  notified READY=1
  alice_is_known
  alice_logs_on
  member_reload ws1
  notified RELOADING=1
  is 2 "$(in_member ws1 grep -cx READY=1 /run/activate.notified)" 'times ready'
  # Twice in the two seconds of its watchdog.
  lab_wait 5 notified WATCHDOG=1
  n=$(in_member ws1 grep -cx WATCHDOG=1 /run/activate.notified)
  sleep 3
  [ "$(in_member ws1 grep -cx WATCHDOG=1 /run/activate.notified)" -ge $((n + 2)) ]
  member_stop ws1
  lab_wait 5 notified STOPPING=1
  in_member ws1 test -S /run/authsod/nss.sock
  in_member ws1 test -S /run/authsod/pam.sock
  in_member ws1 rm -f /run/activate.notified
}

@test "as many workers as people log on, up to the configured number" {
  lab_wait 10 has_workers ws1 -eq 1
  alice_logs_on 20
  has_workers ws1 -gt 1
  has_workers ws1 -le 20
  configure '[logon]' 'workers = 3'
  lab_wait 10 has_workers ws1 -eq 1
  alice_logs_on 20
  has_workers ws1 -le 3
  has_workers ws1 -gt 1
}

@test "it starts without a network, and what is known is answered at once" {
  local began took pid
  alice_is_known
  in_member ws1 id alice >/dev/null
  member_stop ws1
  cut=1
  lab_cut dc1
  began=${EPOCHREALTIME/./}
  member_start ws1
  alice_is_known
  took=$(((${EPOCHREALTIME/./} - began) / 1000))
  echo "$took ms"
  [ "$took" -lt 3000 ]
  # One lookup that has to wait for the domain does not keep the others waiting.
  in_member ws1 timeout 20 getent passwd acctexpired 3>&- &
  pid=$!
  for _ in 1 2 3; do
    began=${EPOCHREALTIME/./}
    alice_is_known
    [ $((${EPOCHREALTIME/./} - began)) -lt 1000000 ]
  done
  run ! wait "$pid"
}

@test "a minute after they had work all workers but one are let go" {
  grep -qx '12 OK' "$LAB/ws50-logons"
  [ "$(cat "$LAB/ws50-workers")" -gt 1 ]
  lab_wait 55 has_workers ws50 -eq 1
  # One stays.
  sleep 1
  has_workers ws50 -eq 1
}

@test "with sanitizers: logons, lookups, reload and stop, and nothing is found" {
  # The domain was away a moment ago.
  lab_wait 15 in_member ws50 getent passwd many
  in_member ws50 timeout 20 id many >/dev/null
  in_member ws50 timeout 20 getent group 'domain users' engineers
  run ! in_member ws50 timeout 20 getent passwd 'CORP\nobody-here'
  [ "$(logons ws50 2 alice wrong)" = '2 WRONG_PASSWORD' ]
  dc_unlock alice
  run -0 member_pam ws50 alice Passw0rd-alice authenticate acct_mgmt open_session close_session
  member_reload ws50
  [ "$(logons ws50 3 bob Passw0rd-bob)" = '3 OK' ]
  member_stop ws50
  # What a role says on standard error is in this log.
  grep -q 'front: info: ' "$(member_log ws50)"
  if grep -E 'Sanitizer|runtime error|was ended by signal|alarm' "$(member_log ws50)"; then
    false
  fi
}
