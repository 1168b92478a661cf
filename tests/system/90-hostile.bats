# Programs at ws1 that talk to authsodd as they should not, and one in its place. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

hostile_env() {
  . "$BATS_TEST_DIRNAME/member.sh"
  build=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}
  hostile=$BATS_TEST_DIRNAME/hostile
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
  # Programs of somebody whom nobody knows.
  as_somebody=(setpriv --reuid 60191 --regid 60191 --clear-groups "$hostile")
}

setup_file() {
  hostile_env
  member_desk
  member_install ws1
  member_sshd ws1
  # A refusal by pam_unix takes two seconds.
  printf '%s required pam_authsod.so\n' auth account session >"$LAB/hosts/ws1/etc/pam.d/hostile90"
  member_is_up ws1 && touch "$BATS_FILE_TMPDIR/was-up"
  member_stop ws1
  touch "$(member_log ws1)"
  member_log_mark ws1 >"$BATS_FILE_TMPDIR/mark"
}

teardown_file() {
  hostile_env
  member_stop ws1
  rm -f "$LAB/hosts/ws1/etc/pam.d/hostile90" "$LAB/hosts/ws1/tmp/traitor"
  member_configure ws1
  [ ! -e "$BATS_FILE_TMPDIR/was-up" ] || member_start ws1
} >&2

setup() {
  hostile_env
}

teardown() {
  liar_ends
  in_member ws1 sh -c 'rm -rf /tmp/hostile90 /tmp/krb5cc_*'
  run ! member_logged_since ws1 "$(cat "$BATS_FILE_TMPDIR/mark")" \
    'ended by signal|AddressSanitizer|runtime error|starting .* again'
}

# up shipped|sanitizers: that build's daemon runs, from one test to the next.
up() {
  local program=/usr/sbin/authsodd
  [ "$1" = shipped ] || program=${AUTHSOD_BUILD_SANITIZERS:-$lab_top/build-test/sanitizers}/daemon/authsodd
  if member_is_up ws1 && [ "$(readlink "/proc/$(member_pid ws1)/exe")" -ef "$program" ]; then
    return 0
  fi
  member_stop ws1
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  AUTHSODD=$program member_start ws1
  in_member ws1 id alice >/dev/null
}

uid_of() {
  in_member ws1 id -u "$1"
}

# as UID ARGS...: hostile as that user on ws1.
as() {
  local uid=$1
  shift
  in_member ws1 setpriv --reuid "$uid" --regid "$uid" --clear-groups "$hostile" "$@"
}

# fds ROLE: how many descriptors the first process of the role has, but for those of tickets that wait for pam_setcred.
fds() {
  local pid
  pid=$(member_roles ws1 "$1" | head -n 1)
  find "/proc/$pid/fd" -mindepth 1 ! -lname '/memfd:*' | wc -l
}

front_kib() {
  awk '/^RssAnon/ { print $2 }' "/proc/$(member_roles ws1 front)/status"
}

front_is_quiet() {
  [ "$(fds front)" -le "$quiet" ]
}

# served: a name that is known, one that nobody has asked for, and a logon; each with an answer in good time.
served() {
  [ "$(in_member ws1 timeout 5 "$hostile" ask alice)" = RECORD ] &&
    [ "$(in_member ws1 timeout 5 "$hostile" ask "nobody-$RANDOM$RANDOM")" = NONE ] &&
    in_member ws1 timeout 10 pamtester hostile90 alice authenticate acct_mgmt <<<Passw0rd-alice
}

# while_held CMD... -- ARGS...: CMD while `hostile ARGS` runs on ws1 as root and holds what it holds; $held is how many.
while_held() {
  local -a cmd=()
  local line status=0
  while [ "$1" != -- ]; do
    cmd+=("$1")
    shift
  done
  shift
  coproc hold { in_member ws1 "$@"; }
  read -r -t 50 line <&"${hold[0]}" || return 1
  held=${line#holding }
  "${cmd[@]}" || status=$?
  let_go
  return "$status"
}

# let_go: the coprocess hold ends.
let_go() {
  local fd=${hold[1]}
  exec {fd}>&-
  wait "$hold_PID" || true
}

@test "half messages, other versions, every type, bytes of chance: on both sockets, by root and by others" {
  local front
  up sanitizers
  front=$(member_roles ws1 front)
  for seed in 1 2; do
    as 60191 garbage "$seed"
    in_member ws1 "$hostile" garbage "$seed"
    served
  done
  [ "$(member_roles ws1 front)" = "$front" ]
}

@test "packets as large as the kernel takes, ten megabytes of them to each socket" {
  local front
  up sanitizers
  front=$(member_roles ws1 front)
  as 60191 huge 10
  run -0 in_member ws1 "$hostile" huge 10
  # Larger than any that the daemon reads whole.
  [[ $output =~ nss:\ largest\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -gt 262144 ]
  served
  [ "$(member_roles ws1 front)" = "$front" ]
}

@test "descriptors that come along are closed, in front and in a worker" {
  local quiet workers
  up sanitizers
  served
  quiet=$(fds front)
  workers=$(fds logon)
  in_member ws1 "$hostile" descriptors 20
  as 60191 descriptors 20
  lab_wait 20 front_is_quiet
  [ "$(fds logon)" -le "$workers" ]
  served
}

@test "an unprivileged program talks about others: it may not, whatever it says" {
  local alice bob operation user
  up sanitizers
  alice=$(uid_of alice)
  bob=$(uid_of bob)
  for operation in authenticate account establish reinitialize refresh delete open close change; do
    for uid in "$bob" 1000 60191; do
      run -0 as "$uid" say "$operation" alice parent=1 ccname=FILE:/tmp/krb5cc_${alice}_x handle=00112233445566778899aabbccddeeff
      [[ $output == 'DONE FORBIDDEN uid=4294967295 handle=' ]] || { echo "$operation by $uid: $output"; return 1; }
    done
  done
  # Nobody of ours, nobody to tell about.
  for user in root localuser daemon no-such-user; do
    run -0 as "$bob" say authenticate "$user"
    [[ $output == 'DONE NOT_OURS '* ]]
  done
  # Himself he may.
  run -0 as "$bob" say account bob
  [[ $output == "DONE OK uid=$bob "* ]]
}

# claims UID OPTION...: what is set when UID establishes alice's credentials.
claims() {
  local uid=$1
  shift
  run -0 as "$uid" say establish alice "$@"
}

@test "tickets are given to who has the handle of the logon, and is root or the user" {
  local alice bob handle pid
  up sanitizers
  alice=$(uid_of alice)
  bob=$(uid_of bob)
  run -0 in_member ws1 "$hostile" say authenticate alice password=Passw0rd-alice
  handle=${output##*handle=}
  [ "${#handle}" -eq 32 ]
  claims "$bob" handle="$handle"
  [[ $output == 'DONE FORBIDDEN '* ]]
  run -0 as "$bob" say establish bob handle="$handle"
  [[ $output == 'DONE NO_TICKETS '* ]]
  # Another handle, a false pid and a false parent are worth nothing, not even for alice or root.
  for pid in 1 "$(member_pid ws1)" $$; do
    for uid in "$alice" 0; do
      claims "$uid" handle="${handle%?}$([ "${handle: -1}" = 0 ] && echo 1 || echo 0)" pid="$pid" parent="$pid"
      [[ $output == 'DONE NO_TICKETS '* ]]
    done
  done
  claims "$alice" handle="$handle"
  [[ $output == 'SET FILE:/tmp/krb5cc_'*"DONE OK uid=$alice "* ]]
  # Once.
  claims "$alice" handle="$handle"
  [[ $output != *SET* ]]
}

# cache_of USER: prints the name of a new credential cache of the user's.
cache_of() {
  local handle
  handle=$(in_member ws1 "$hostile" say authenticate "$1" password="Passw0rd-$1")
  in_member ws1 "$hostile" say establish "$1" handle="${handle##*handle=}" | sed -n 's/^SET FILE://p'
}

@test "a session's end removes its own cache, and nothing that it only names" {
  local alice bob of_alice of_bob before name
  up shipped
  alice=$(uid_of alice)
  bob=$(uid_of bob)
  of_alice=$(cache_of alice)
  of_bob=$(cache_of bob)
  in_member ws1 install -d -o "$bob" -g "$bob" "/tmp/hostile90" "/tmp/krb5cc_${bob}_dir123"
  in_member ws1 install -o "$bob" /dev/null /tmp/hostile90/file
  in_member ws1 install -o "$bob" /dev/null /tmp/krb5cc_123456
  in_member ws1 ln -s "$of_alice" "/tmp/krb5cc_${bob}_link12"
  list() {
    in_member ws1 sh -c 'sha256sum /etc/passwd /etc/shadow /etc/krb5.keytab /etc/authsod/authsod.conf /tmp/hostile90/file /tmp/krb5cc_123456 "$@"; ls /tmp' \
      - "$of_alice" "$of_bob"
  }
  before=$(list)
  for name in FILE:/etc/passwd /etc/passwd FILE:../../etc/passwd FILE:etc/passwd "FILE:$of_alice" "$of_bob" \
    FILE:/tmp/hostile90/file FILE:/tmp/krb5cc_123456 "FILE:/tmp/krb5cc_${bob}_../../etc/passwd" \
    "FILE:/tmp/krb5cc_${bob}_/../x" "FILE:/tmp/../tmp/${of_bob#/tmp/}" "FILE:/tmp//${of_bob#/tmp/}" \
    DIR:/tmp/hostile90 "KEYRING:persistent:$alice" KCM: '' 'FILE:' \
    "FILE:/tmp/krb5cc_${bob}_dir123" "FILE:/tmp/krb5cc_${bob}_%{uid}"; do
    run -0 as "$bob" say delete bob ccname="$name"
    [[ $output == DONE* ]]
    run -0 as 0 say close bob ccname="$name"
    [[ $output == DONE* ]]
    [ "$(list)" = "$before" ] || { echo "$name"; diff <(echo "$before") <(list); return 1; }
  done
  # By a link to it alice's stays, whatever becomes of the link.
  as "$bob" say delete bob "ccname=FILE:/tmp/krb5cc_${bob}_link12"
  in_member ws1 test -s "$of_alice"
  # His own, by its name.
  as "$bob" say delete bob ccname="FILE:$of_bob"
  in_member ws1 test ! -e "$of_bob"
  as "$alice" say delete alice ccname="FILE:$of_alice"
  in_member ws1 test ! -e "$of_alice"
}

# renewed USER NAME: another logon's tickets go where the session says that its cache is; $output is what is set.
renewed() {
  local handle
  handle=$(in_member ws1 "$hostile" say authenticate "$1" password="Passw0rd-$1")
  run -0 in_member ws1 "$hostile" say reinitialize "$1" handle="${handle##*handle=}" ccname="$2"
}

@test "a session's tickets are renewed in its own cache, and written over nothing that it only names" {
  local bob own name
  up shipped
  bob=$(uid_of bob)
  own=$(cache_of bob)
  renewed bob "FILE:$own"
  [[ $output == "SET FILE:$own"* ]]
  in_member ws1 install -o "$bob" /etc/hostname /tmp/hostile90
  for name in FILE:/etc/hostile90 DIR:/etc/hostile90 FILE:/etc/passwd FILE:/tmp/hostile90 "FILE:/tmp/krb5cc_${bob}_/../x"; do
    renewed bob "$name"
    [[ $output == "SET FILE:/tmp/krb5cc_${bob}_"* && $output != *..* ]] || { echo "$name: $output"; return 1; }
  done
  in_member ws1 sh -c '! test -e /etc/hostile90 && grep -q ^root: /etc/passwd && cmp /etc/hostname /tmp/hostile90'
}

@test "1,000 connections that stay open, by one user: his share, and others are served" {
  up shipped
  served
  quiet=$(fds front)
  while_held served -- "${as_somebody[@]}" hold pam silent 1000
  [ "$held" -eq 32 ]
  while_held served -- "${as_somebody[@]}" hold nss silent 1000
  [ "$held" -eq 512 ]
  lab_wait 20 front_is_quiet
  served
}

@test "1,000 connections of root's and 1,000 that never read: others are served, and front's memory stays" {
  local kib was
  up shipped
  served
  quiet=$(fds front)
  kib=0
  for _ in 1 2; do
    # What the first round needed is there for the second.
    was=$kib
    while_held served -- "$hostile" hold pam silent 1000
    [ "$held" -eq 1000 ]
    while_held served -- "$hostile" hold nss unread 1000
    while_held served -- "$hostile" hold pam unread 1000
    lab_wait 20 front_is_quiet
    kib=$(front_kib)
  done
  echo "front: $was KiB, $kib KiB"
  [ $((kib - was)) -lt 2048 ]
}

@test "one person with many uids does not use up root's share" {
  local -a uids
  up shipped
  mapfile -t uids < <(seq 60200 60239)
  served
  quiet=$(fds front)
  while_held served -- "$hostile" hold nss silent 9000 "${uids[@]}"
  [ "$held" -eq 4096 ]
  while_held served -- "$hostile" hold pam silent 1500 "${uids[@]}"
  [ "$held" -eq 1024 ]
  lab_wait 20 front_is_quiet
}

# one_worker_serves: no worker is held by a prompt: the one that stands ready is there, and does the logons.
one_worker_serves() {
  local workers
  workers=$(member_roles ws1 logon)
  [ "$(wc -w <<<"$workers")" -eq 1 ] || { echo "workers: $workers"; return 1; }
  served || return 1
  member_ssh desk alice@ws1.corp.test Passw0rd-alice keyboard-interactive id -un || return 1
  [ "$(member_roles ws1 logon)" = "$workers" ]
}

@test "200 ssh password prompts are left open: alice logs on, and one worker is enough" {
  up shipped
  # Workers of the tests before are let go after a minute.
  member_stop ws1
  up shipped
  quiet=$(fds front)
  coproc hold { in_host desk "$hostile" prompts 200 "${ssh_command[@]}" -o PubkeyAuthentication=no \
    -o GSSAPIAuthentication=no -o PreferredAuthentications=keyboard-interactive -o ConnectTimeout=50 -o KexAlgorithms=curve25519-sha256 carol@ws1.corp.test; }
  read -r -t 55 line <&"${hold[0]}"
  [ "$line" = 'holding 200' ]
  # Each is a conversation that front has open.
  [ "$(fds front)" -gt 200 ]
  one_worker_serves
  let_go
  lab_wait 20 front_is_quiet
}

# order WORD: to the front that runs now.
order() {
  echo "$1 $(member_roles ws1 front)" >"$LAB/hosts/ws1/tmp/traitor.new"
  mv "$LAB/hosts/ws1/tmp/traitor.new" "$LAB/hosts/ws1/tmp/traitor"
}

# betrays ORDER TEXT: what the traitor's front asks for ends it, with TEXT in the log.
betrays() {
  local front
  front=$(member_roles ws1 front)
  mark=$(member_log_mark ws1)
  order "$1"
  lab_wait 10 member_logged_since ws1 "$mark" 'alarm: front asked for what it may not .*: it is ended' || return 1
  member_logged_since ws1 "$mark" "$2" || return 1
  lab_wait 10 member_logged_since ws1 "$mark" 'starting front again' || return 1
  in_member ws1 test ! -e /tmp/traitor.cache && ! kill -0 "$front" 2>/dev/null
}

@test "a front that was taken over asks keeper for what it may not: it is ended, and there is an alarm" {
  member_stop ws1
  member_configure ws1 '[logon]' 'workers = 4'
  AUTHSODD=$build/tests/system/traitor member_start ws1
  # It may ask for workers, up to a bound.
  order spawn
  lab_wait 10 eight_workers
  betrays root 'alarm: front asked for a credential cache of root, uid 0'
  betrays local 'alarm: front asked for a credential cache of localuser, uid 1000'
  # The others are still there.
  [ -n "$(member_roles ws1 member)" ] && [ -n "$(member_roles ws1 directory)" ]
  member_stop ws1
  rm -f "$LAB/hosts/ws1/tmp/traitor"
  # What this test wanted to read in the log is no crash.
  member_log_mark ws1 >"$BATS_FILE_TMPDIR/mark"
}

eight_workers() {
  [ "$(member_roles ws1 logon | wc -l)" -eq 8 ]
}

# liar: a front that was taken over in place of authsodd, on the installed sockets.
liar() {
  member_stop ws1
  liar_log=$LAB/log/ws1-liarfront.log
  : >"$liar_log"
  in_member ws1 mkdir -p /run/authsod
  lab_spawn "$liar_log" "$lab_dir/in" ws1 "$build/tests/system/liarfront"
  lab_wait 10 grep -qx ready "$liar_log"
}

liar_ends() {
  local pid
  for pid in $(host_pids ws1); do
    ! grep -q liarfront "/proc/$pid/cmdline" 2>/dev/null || kill "$pid"
  done
  [ -z "${liar_log:-}" ] || in_member ws1 rm -f /run/authsod/nss.sock /run/authsod/pam.sock
}

@test "a front that lies about users and groups: nobody of them exists" {
  local name
  liar
  # The truth is believed, so that the rest means something.
  run -0 in_member ws1 getent passwd honest
  [ "$output" = 'honest:*:300000:300500::/home/honest:/bin/bash' ]
  run -0 in_member ws1 id -G honest
  [ "$output" = 300500 ]
  for name in uid-0 uid-1 uid-999 uid-none gid-0 gid-27 as-root as-nobody home-relative shell-relative name-colon \
    name-newline gecos-colon gecos-newline home-newline; do
    run in_member ws1 getent passwd "$name"
    [ "$status" -eq 2 ] && [ -z "$output" ] || { echo "getent $name: $output"; return 1; }
    run in_member ws1 su "$name" -c id
    [ "$status" -ne 0 ] && [[ $output != *uid=* ]] || { echo "su $name: $output"; return 1; }
    run in_member ws1 sudo -u "$name" id
    [ "$status" -ne 0 ] && [[ $output != *uid=* ]] || { echo "sudo $name: $output"; return 1; }
  done
  for name in group-0 group-27 group-as-root group-newline; do
    run in_member ws1 getent group "$name"
    [ "$status" -eq 2 ] && [ -z "$output" ] || { echo "getent $name: $output"; return 1; }
  done
  for name in in-root in-sudo in-shadow; do
    run -0 in_member ws1 id -G "$name"
    [ "$output" = 300500 ] || { echo "id $name: $output"; return 1; }
    run in_member ws1 su "$name" -c 'id -G'
    [[ " $output " != *' 0 '* && " $output " != *' 27 '* && " $output " != *' 42 '* ]] || { echo "su $name: $output"; return 1; }
  done
}

# lets_in USER: by a program that asks authsod alone.
lets_in() {
  run in_member ws1 timeout 20 pamtester hostile90 "$1" authenticate acct_mgmt 'setcred(PAM_ESTABLISH_CRED)' <<<anything
  [ "$status" -eq 0 ]
}

@test "a front that lies about who has logged on: no root, no system account, no local user, nobody else" {
  local name
  liar
  lets_in honest
  run -0 member_ssh desk honest@ws1.corp.test anything password id -u
  [ "$output" = 300000 ]
  for name in done-0 done-1 done-999 done-local done-other account-0 cred-0 is-local set-user set-early; do
    run ! lets_in "$name"
  done
  for name in done-0 account-0; do
    run member_ssh desk "$name@ws1.corp.test" anything password id
    [ "$status" -ne 0 ] && [[ $output != *uid=* ]] || { echo "ssh $name: $output"; return 1; }
  done
  # From root's shell su asks about the account alone.
  run in_member ws1 su account-0 -c id
  [ "$status" -ne 0 ] && [[ $output != *uid=* ]]
}

@test "a front that lies about the environment: LD_PRELOAD is in no session" {
  local name
  liar
  for name in set-preload set-assign set-lines; do
    run ! lets_in "$name"
    run member_ssh desk "$name@ws1.corp.test" anything password env
    [[ $output != *LD_PRELOAD* ]] || { echo "ssh $name: $output"; return 1; }
  done
}

@test "a front that lies: local users and root are as ever" {
  liar
  run -0 in_member ws1 su localuser -c 'id -u'
  [ "$output" = 1000 ]
  run -0 member_ssh desk localuser@ws1.corp.test Local-Pass1 password id -un
  [ "$output" = localuser ]
  run -0 in_member ws1 getent passwd root
  [[ $output == root:x:0:0:* ]]
  run -0 in_member ws1 id -G localuser
  [ "$output" = 1000 ]
  run member_ssh desk root@ws1.corp.test anything password id
  [ "$status" -ne 0 ]
}
