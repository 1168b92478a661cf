# The identity map: what is answered out of it, for how long, what that costs, in
# which processes; and what happens where there is none, or it goes away. Runs in
# a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2034,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
}

# As it was: the service with the domain's name in its configuration alone.
teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  in_member ws1 rm -f /usr/local/bin/identmap42
  member_stop ws1
  member_configure ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  probe=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system
  . "$BATS_TEST_DIRNAME/probe.sh"
  stopped=()
  member_is_up ws1 || member_start ws1
  in_member ws1 sh -c 'getent passwd alice; getent group engineers; id alice' >/dev/null
}

teardown() {
  probe_end
  go_on
  [ -z "${asking:-}" ] || kill "$asking" 2>/dev/null || true
  if [ -n "${described:-}" ]; then
    dc_set alice displayName 'Alice Liddell'
  fi
  if [ -n "${made:-}" ]; then
    in_dc dc1 samba-tool user delete identmap42 || true
  fi
  if [ -n "${mounted:-}" ]; then
    member_stop ws1
    while in_member ws1 umount -l /run/authsod 2>/dev/null; do :; done
  fi
  if [ -n "${configured:-}" ]; then
    member_stop ws1
    member_configure ws1
  fi
  member_is_up ws1 || member_start ws1
} >&2

# configure LINE...: the service begins anew with these lines besides the domain's name, until the test's end.
configure() {
  configured=1
  member_stop ws1
  member_configure ws1 "$@"
  member_start ws1
}

getent_line() {
  in_member ws1 timeout 20 getent "$1" "$2" || true
}

# answers PROCESS QUESTION PATTERN
answers() {
  probe_ask "$1" "$2" || return 1
  # shellcheck disable=SC2053 # a pattern
  [[ $probe_answer == $3 ]] || {
    echo "$1, $2: $probe_answer, and not $3"
    return 1
  }
}

# What is asked for everywhere below.
everybody=('passwd alice' 'passwd root' 'passwd localuser' 'group engineers' 'group sudo' 'groups 99 alice' 'groups 0 root'
  'passwd nobody-is-called-so' 'group nobody-is-called-so' 'passwd 1000' 'group 27')

# ask [without WHAT]: the answers of a new process to all of that, one a line. With the files first, so that "cannot be
# known now" is told from "nobody".
ask() {
  local -a where=(in_member ws1)
  [ "${1:-}" != without ] || where=(member_without ws1 "$2")
  printf '%s\n' "${everybody[@]}" | "${where[@]}" timeout 50 "$probe/nssprobe" -s 'files authsod' ask | cut -d ' ' -f 2-
}

# ask_within SECONDS WANTED: a new process gets what is wanted, by then at the latest; and never something else but EAGAIN.
ask_within() {
  local deadline=$((SECONDS + $1)) got
  until got=$(ask) && [ "$got" = "$2" ]; do
    [ "$(wc -l <<<"$got")" -eq "${#everybody[@]}" ] &&
      paste -d '|' - <(echo "$2") <<<"$got" | awk -F '|' '$1 != $2 && $1 !~ /^(E[A-Z]+|99)$/ { bad = 1 } END { exit bad }' &&
      [ "$SECONDS" -lt "$deadline" ] || {
      echo "$got"
      return 1
    }
    sleep 0.2
  done
}

@test "the second process that asks needs no socket: users, groups, memberships and names that nobody has" {
  local wanted uid gid
  wanted=$(ask)
  [[ $wanted == alice:\*:*root:x:0:*engineers:\*:* ]]
  [ "$(ask without socket)" = "$wanted" ]
  # By id, too.
  uid=$(in_member ws1 id -u alice)
  gid=$(getent_line group engineers | cut -d : -f 3)
  [[ $(getent_line passwd "$uid") == alice:* && $(getent_line group "$gid") == engineers:* ]]
  [[ $(member_without ws1 socket getent passwd "$uid") == alice:* ]]
  [[ $(member_without ws1 socket getent group "$gid") == engineers:* ]]
  # And without the map all is as it was.
  [ "$(ask without map)" = "$wanted" ]
}

@test "no system call, no allocation: what a lookup does in the module is reading" {
  local trace=$LAB/hosts/ws1/tmp/identmap42.trace between
  # Who asks for nobody is told by the map the second time.
  in_member ws1 "$probe/nsscount" module alice engineers >/dev/null
  run -0 in_member ws1 strace -f -o /tmp/identmap42.trace "$probe/nsscount" module alice engineers
  [ "$output" = 'getpwnam 0 1
getpwuid 0 1
getgrnam 0 1
getgrgid 0 1
initgroups 0 1
nobody 0 0' ]
  [ "$(grep -c 'getpgid(1073741824)' "$trace")" -eq 12 ]
  between=$(awk '/getpgid\(1073741824\)/ { inside = !inside; next } inside' "$trace")
  [ -z "$between" ] || { echo "$between"; return 1; }
  # Through glibc: it looks whether nsswitch.conf is the one that it knows, and nothing else.
  in_member ws1 grep -E '^(passwd|group):.*authsod .*files' /etc/nsswitch.conf
  run -0 in_member ws1 strace -f -o /tmp/identmap42.trace "$probe/nsscount" glibc alice engineers
  [[ $output == *'getpwnam '*' 1'*'getgrgid '*' 1'* ]]
  # The files are read after the map for a name that is not in it, and for more groups than one source has.
  between=$(awk '/getpgid\(1073741824\)/ { inside = !inside; n += inside; next } inside && n <= 4' "$trace" |
    grep -v 'newfstatat(AT_FDCWD, "/etc/nsswitch.conf"' || true)
  [ -z "$between" ] || { echo "$between"; return 1; }
  rm "$trace"
}

@test "programs may do what they like: threads with small stacks, forks, descriptors, roots, other users" {
  # Of the socket nobody knows there.
  run -0 member_without ws1 socket timeout 50 "$probe/nsscallers" map alice engineers
  echo "$output"
  [ "$(grep -c '^ok ' <<<"$output")" -ge 12 ]
}

@test "a program with more rights than its caller is answered by the map, whatever the environment says" {
  local uid line
  uid=$(in_member ws1 id -u alice)
  line=$(getent_line passwd alice)
  in_member ws1 install -m 4755 "$probe/nssprobe" /usr/local/bin/identmap42
  for env in LD_PRELOAD=/tmp/none.so SYSTEMD_ACTIVATION_UNIT=authsodd.service AUTHSOD_RUNDIR=/tmp HOME=/tmp; do
    run -0 --separate-stderr member_without ws1 socket setpriv --reuid "$uid" --regid "$uid" --clear-groups \
      env "$env" /usr/local/bin/identmap42 passwd alice
    [ "$output" = "$line" ]
  done
}

@test "the lease: what is left of a service that is stopped, hangs or was killed is believed for five seconds" {
  local how
  made=1
  in_dc dc1 samba-tool user create identmap42 Passw0rd-identmap42
  for how in stop kill; do
    lab_wait 20 in_member ws1 getent passwd identmap42
    probe_start "$how" 'files authsod'
    answers "$how" 'passwd identmap42' 'identmap42:*'
    if [ "$how" = stop ]; then
      stop_all
    else
      member_kill ws1
    fi
    # Now the same as ever, and a moment later not any more, by no process.
    answers "$how" 'passwd identmap42' 'identmap42:*'
    sleep 5.5
    probe_ask "$how" 'passwd identmap42'
    [[ $probe_answer =~ ^E[A-Z]+$ ]]
    answers "$how" 'passwd root' 'root:x:0:*'
    if [ "$how" = kill ]; then
      [ -z "$(getent_line passwd identmap42)" ]
    else
      go_on
      lab_wait 10 in_member ws1 getent passwd identmap42
      answers "$how" 'passwd identmap42' 'identmap42:*'
    fi
  done
}

@test "past its refresh an answer is still given at once, and the new one soon" {
  local n
  # Not less: what was learned 5 s ago is not asked for again.
  configure '[identity]' 'cache_refresh = 6s' 'cache_end = 1m'
  probe_start old authsod
  answers old 'passwd alice' 'alice:*:Alice Liddell:*'
  described=1
  dc_set alice displayName 'Alice Hargreaves'
  sleep 6.5
  probe_within 50 old 'passwd alice'
  [[ $probe_answer == *:Alice\ Liddell:* ]]
  for ((n = 0; n < 30; n++)); do
    probe_within 50 old 'passwd alice'
    [[ $probe_answer != *:Alice\ Hargreaves:* ]] || break
    [[ $probe_answer == *:Alice\ Liddell:* ]]
    sleep 0.1
  done
  [ "$n" -lt 30 ]
  [[ $(getent_line passwd alice) == *:Alice\ Hargreaves:* ]]
}

@test "past its end an answer is not given" {
  configure '[identity]' 'cache_refresh = 1s' 'cache_end = 4s'
  in_member ws1 getent passwd alice
  # Nobody there who could refresh it.
  probe_start old authsod env
  answers old 'passwd alice' 'alice:*'
  run -0 member_without ws1 socket timeout 20 sh -c 'getent passwd alice >/dev/null || exit 1
    n=0; while getent passwd alice >/dev/null; do n=$((n + 1)); [ "$n" -lt 100 ] || exit 2; sleep 0.1; done'
  # While who can ask is answered.
  answers old 'passwd alice' 'alice:*'
}

# on_tmpfs OPTIONS: the service begins anew with a file system of its own for what is in /run.
on_tmpfs() {
  member_stop ws1
  mounted=1
  in_member ws1 mount -t tmpfs -o "mode=755,$1" tmpfs /run/authsod
  mark=$(member_log_mark ws1)
  member_start ws1
}

@test "no room for a map, nor for the list: everybody is answered by the socket and the files" {
  local wanted mark name
  wanted=$(ask)
  on_tmpfs size=16k
  ask_within 20 "$wanted"
  in_member ws1 test ! -e /run/authsod/identmap
  lab_wait 5 member_logged_since ws1 "$mark" 'no room for an identity map'
  # Not a byte.
  in_member ws1 sh -c 'dd if=/dev/zero of=/run/authsod/ballast bs=4k 2>/dev/null || true'
  [ "$(ask)" = "$wanted" ]
  # A user who is local now is the one, though no list says so.
  in_member ws1 sh -ec 'cp -p /etc/passwd /etc/passwd.42; echo alice:x:5042:5042::/:/bin/sh >>/etc/passwd'
  name=$(getent_line passwd alice)
  in_member ws1 mv /etc/passwd.42 /etc/passwd
  [[ $name == alice:x:5042:* ]]
  in_member ws1 rm /run/authsod/ballast
  ask_within 10 "$wanted"
}

@test "room for a small map alone: what does not fit is answered by the socket" {
  local wanted mark
  wanted=$(ask)
  on_tmpfs size=700k
  in_member ws1 test -e /run/authsod/identmap
  [ "$(in_member ws1 id -G many | wc -w)" -eq 1001 ]
  in_member ws1 id many >/dev/null
  [ "$(in_member ws1 id -G many | wc -w)" -eq 1001 ]
  ask_within 10 "$wanted"
  [ "$(in_member ws1 id many | tr , '\n' | grep -c '(grp[01][0-9]*)')" -eq 1000 ]
}

@test "nothing can be written to /run: everybody is answered by the socket and the files" {
  local wanted mark
  wanted=$(ask)
  on_tmpfs size=1m
  ask_within 20 "$wanted"
  member_stop ws1
  in_member ws1 touch /run/activate.hold
  mark=$(member_log_mark ws1)
  AUTHSODD=$BATS_TEST_DIRNAME/activate member_start ws1 &
  lab_wait 10 in_member ws1 sh -c '[ "$(stat -c %a /run/authsod/nss.sock)" = 666 ]'
  in_member ws1 mount -o remount,ro /run/authsod
  in_member ws1 rm /run/activate.hold
  wait "$!"
  run ! in_member ws1 touch /run/authsod/file
  ask_within 20 "$wanted"
  in_member ws1 test ! -e /run/authsod/identmap
  lab_wait 5 member_logged_since ws1 "$mark" 'no room for an identity map of .*: Read-only file system'
  in_member ws1 sh -ec 'cp -p /etc/passwd /etc/passwd.42; echo alice:x:5042:5042::/:/bin/sh >>/etc/passwd'
  name=$(getent_line passwd alice)
  in_member ws1 mv /etc/passwd.42 /etc/passwd
  [[ $name == alice:x:5042:* ]]
}

@test "the map or the list is unlinked: new processes ask the socket, old ones read what they have" {
  local wanted
  wanted=$(ask)
  probe_start old 'authsod [TRYAGAIN=return] files'
  answers old 'passwd alice' 'alice:*'
  in_member ws1 rm /run/authsod/identmap
  [ "$(ask)" = "$wanted" ]
  answers old 'passwd alice' 'alice:*'
  in_member ws1 rm /run/authsod/local-names
  [ "$(ask)" = "$wanted" ]
  answers old 'passwd root' 'root:x:0:*'
  # Links, folders, other people's files, short ones and empty ones are no maps.
  for what in 'ln -s /etc/passwd F' 'mkdir F' 'touch F' 'head -c 300000 /dev/urandom >F' 'head -c 4096 /dev/zero >F' \
    'mkfifo F' 'head -c 262144 /dev/zero >F; chmod 666 F' 'head -c 262144 /dev/zero >F; chown games F'; do
    for file in identmap local-names; do
      in_member ws1 sh -ec "rm -rf /run/authsod/$file; ${what//F//run/authsod/$file}"
    done
    [ "$(ask)" = "$wanted" ] || { echo "$what"; return 1; }
  done
  in_member ws1 rm -rf /run/authsod/identmap /run/authsod/local-names
  # The next service makes them anew.
  member_stop ws1
  member_start ws1
  ask_within 10 "$wanted"
  [ "$(ask without socket)" = "$wanted" ]
}

@test "/run is unmounted: local users as ever and at once, the domain's by who has the map" {
  local answer
  on_tmpfs size=10m
  in_member ws1 getent passwd alice
  probe_start old 'authsod [TRYAGAIN=return] files'
  answers old 'passwd alice' 'alice:*'
  in_member ws1 umount -l /run/authsod
  answers old 'passwd alice' 'alice:*'
  probe_start new 'authsod [TRYAGAIN=return] files'
  probe_within 50 new 'passwd root'
  [[ $probe_answer == root:x:0:* ]]
  probe_within 1000 new 'passwd alice'
  [[ $probe_answer =~ ^(not found|E[A-Z]+)$ ]]
}

@test "a second service is refused, and the first one's map stays" {
  local before
  before=$(in_member ws1 stat -c %i /run/authsod/identmap /run/authsod/local-names)
  run ! in_member ws1 timeout 20 /usr/sbin/authsodd
  [ "$(in_member ws1 stat -c %i /run/authsod/identmap /run/authsod/local-names)" = "$before" ]
  [[ $(member_without ws1 socket getent passwd alice) == alice:* ]]
}

# grows: publishes a thousand groups more.
grow() {
  in_member ws1 timeout 20 id many >/dev/null 2>&1
}

map_files() {
  in_member ws1 find /run/authsod -type f ! -name lock -printf '%f\n' | sort | tr '\n' ' '
}

@test "front and the whole service are killed while the map grows: never a wrong answer, nothing left over" {
  local wanted line times i
  member_fresh ws1
  wanted=$(ask)
  [[ $wanted == alice:* ]]
  line=$(getent_line passwd alice)
  lab_spawn "$LAB/tmp42-answers" "$lab_dir/in" ws1 "$probe/nssprobe" -s 'files authsod' repeat 20 'passwd alice'
  for i in 0.05 0.2 0.5 0.9; do
    grow &
    sleep "$i"
    kill -KILL "$(member_roles ws1 front)"
    lab_wait 20 test_front
    wait $! || true
  done
  for i in 0.1 0.4; do
    grow &
    sleep "$i"
    member_kill ws1
    wait $! || true
    member_start ws1
  done
  ask_within 20 "$wanted"
  grow
  [ "$(in_member ws1 id many | tr , '\n' | grep -c '(grp[01][0-9]*)')" -eq 1000 ]
  [ "$(map_files)" = 'identmap local-names ' ]
  lab_wait 25 test -s "$LAB/tmp42-answers"
  times=$(cat "$LAB/tmp42-answers")
  rm "$LAB/tmp42-answers"
  ! sed 's/^[0-9]* //' <<<"$times" | grep -vx -e 'EAGAIN' -e 'ECONNREFUSED' -e 'ENOENT' -e "${line//\*/\\*}" || {
    echo "$times"
    return 1
  }
}

test_front() {
  [ -n "$(member_roles ws1 front)" ]
}

# mapped PID: the maps of the process, as numbers of files; more than one a file where it was mapped twice.
mapped() {
  awk '$6 == "/run/authsod/identmap" { print $5, $7 }' "/proc/$1/maps"
}

is_mapped_alone() {
  [ "$(mapped "$1")" = "$(in_member ws1 stat -c %i /run/authsod/identmap) " ]
}

@test "a map that was superseded is mapped by nobody who asks, and its file is gone" {
  local pid before
  member_fresh ws1
  in_member ws1 getent passwd alice
  before=$(in_member ws1 stat -c %i /run/authsod/identmap)
  probe_start old 'authsod [TRYAGAIN=return] files'
  answers old 'passwd alice' 'alice:*'
  pid=$(host_pids ws1 | while read -r pid; do [ -z "$(mapped "$pid")" ] || grep -lz nssprobe "/proc/$pid/cmdline"; done | cut -d / -f 3)
  is_mapped_alone "$pid"
  grow
  # Of a thousand groups it holds some.
  lab_wait 10 not_inode "$before"
  answers old 'passwd alice' 'alice:*'
  answers old 'passwd alice' 'alice:*'
  is_mapped_alone "$pid"
  [ "$(map_files)" = 'identmap local-names ' ]
  # One that is emptied, or to be emptied in a minute, is small against the one in place.
  [ "$(in_member ws1 stat -c %s /run/authsod/identmap)" -le 16777216 ]
}

not_inode() {
  [ "$(in_member ws1 stat -c %i /run/authsod/identmap)" != "$1" ]
}
