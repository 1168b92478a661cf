# authsodctl join and leave, of which one half is killed at each of its steps:
# the computer is then as it was, or has joined whole. Runs in a lab that is up,
# on a computer of its own.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_new kill 140
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  account=${BOX^^}$
  etc=$LAB/hosts/$BOX/etc
  password=$BATS_TEST_TMPDIR/password
  printf '%s\n' "$LAB_ADMIN_PASSWORD" >"$password"
}

teardown() {
  ended || halves | xargs -r kill -KILL
  in_member "$BOX" rm -rf /etc/authsod /etc/krb5.keytab
  gone || samba_tool dc1 computer delete "$BOX"
} >&2

ctl() {
  in_member "$BOX" timeout 60 authsodctl "$@" <"$password"
}

gone() {
  ! dc_get "$account" cn 2>/dev/null
}

# halves: the processes of authsodctl.
halves() {
  local pid
  for pid in $(host_pids "$BOX"); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != authsodctl ] || echo "$pid"
  done
}

ended() {
  [ -z "$(halves)" ]
}

# traces: the files that are in nobody's way, and of no use.
traces() {
  find "$etc" -maxdepth 2 -name '.*.????????????????' -o -path "$etc/authsod/.joining"
}

# nothing_here: no file of a join has its name.
nothing_here() {
  [ ! -e "$etc/krb5.keytab" ] && [ ! -e "$etc/authsod/machine-secret" ] && [ ! -e "$etc/authsod/authsod.conf" ]
}

# as_it_was_or_whole: what is promised, once the one who comes next has finished.
as_it_was_or_whole() {
  if nothing_here && [ ! -e "$etc/authsod/.joining" ]; then
    outcomes+=' as-it-was'
    return 0
  fi
  run ctl testjoin
  [ "$status" -eq 0 ] || { echo "testjoin: $output, after $outcomes: $(cat "$BATS_TEST_TMPDIR/out")"; return 1; }
  [ -z "$(traces)" ] || { traces && return 1; }
  outcomes+=' whole'
  run -0 ctl leave --password-stdin || return 1
  rm "$etc/authsod/authsod.conf"
}

# the_next_joins_and_leaves: whatever was left is taken over, and nothing stays behind.
the_next_joins_and_leaves() {
  run -0 ctl join "$LAB_DOMAIN" --password-stdin || return 1
  run ctl testjoin
  [ "$status" -eq 0 ] || { echo "testjoin: $output, after $outcomes: $(cat "$BATS_TEST_TMPDIR/out")"; return 1; }
  [ -z "$(traces)" ] || { traces && return 1; }
  run -0 ctl leave --password-stdin || return 1
  rm -f "$etc/authsod/authsod.conf"
  nothing_here && [ -z "$(traces)" ] && gone
}

# kill_at_call HALF CALL N COMMAND...: authsodctl, of which the half that is
# root ("upper"), or any of the two ("both"), is killed before its Nth CALL.
# False where there is none.
kill_at_call() {
  local follow=() call=$2 n=$3
  [ "$1" = upper ] || follow=(-f)
  shift 3
  in_member "$BOX" timeout 60 strace "${follow[@]}" -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$n" \
    authsodctl "$@" <"$password" >"$BATS_TEST_TMPDIR/out" 2>&1 && return 1
  [ $? -lt 255 ]
  lab_wait 20 ended
}

@test "join: the half that is root is killed at each call that changes something" {
  outcomes=
  for call in mkdir sendmsg fchmod fsync link rename unlink shutdown; do
    outcomes+=" $call:"
    for ((n = 1; n < 60; n++)); do
      kill_at_call upper "$call" "$n" join "$LAB_DOMAIN" --password-stdin || break
      as_it_was_or_whole
    done
    # One that came to its end.
    as_it_was_or_whole
  done
  echo "$outcomes"
  # Between the first file that takes its name and the last one it is finished by whoever comes next.
  [[ $outcomes == *'rename: as-it-was whole whole whole whole'* ]]
  the_next_joins_and_leaves
}

@test "join: the half that has the network is killed at each call of the network" {
  outcomes=
  for call in connect sendto sendmsg; do
    outcomes+=" $call:"
    for ((n = 1; n < 60; n++)); do
      kill_at_call both "$call" "$n" join "$LAB_DOMAIN" --password-stdin || break
      as_it_was_or_whole
      [[ $outcomes != *connect*as-it-was || $outcomes == *sendmsg* ]] ||
        grep -q "An account of ${BOX^^} that was just made, or taken over, is left as it is: join again." "$BATS_TEST_TMPDIR/out"
    done
    as_it_was_or_whole
  done
  echo "$outcomes"
  [[ $outcomes == *'connect: as-it-was as-it-was'* && $outcomes == *'sendto: as-it-was as-it-was'* ]]
  the_next_joins_and_leaves
}

@test "a second join, killed at each call: the first one's files, or its own, and never a part of them" {
  run -0 ctl join "$LAB_DOMAIN" --password-stdin
  outcomes=
  for call in sendmsg fsync link rename unlink; do
    for ((n = 1; n < 60; n++)); do
      before=$(sha256sum "$etc/krb5.keytab" "$etc/authsod/machine-secret")
      kill_at_call upper "$call" "$n" join "$LAB_DOMAIN" --password-stdin || break
      journal=
      [ ! -e "$etc/authsod/.joining" ] || journal=yes
      if [ -z "$journal" ] && [ "$(sha256sum "$etc/krb5.keytab" "$etc/authsod/machine-secret")" = "$before" ]; then
        outcomes+=' as-it-was'
      else
        run ctl testjoin
        [ "$status" -eq 0 ] || { echo "$call $n: $output"; return 1; }
        # What only is another name of the old files is the next join's to remove.
        [ -z "$journal" ] || [ -z "$(traces)" ] || { traces && return 1; }
        outcomes+=' whole'
      fi
    done
    run -0 ctl testjoin
  done
  echo "$outcomes"
  [[ $outcomes == *as-it-was* && $outcomes == *whole* ]]
  rm "$etc/authsod/authsod.conf"
  the_next_joins_and_leaves
}

@test "leave, of which one half is killed: the next one brings it to its end" {
  for call in sendmsg write fsync rename unlink; do
    for ((n = 1; n < 60; n++)); do
      [ -e "$etc/krb5.keytab" ] || run -0 ctl join "$LAB_DOMAIN" --password-stdin
      kill_at_call upper "$call" "$n" leave --password-stdin || break
      run ctl leave --password-stdin
      # 19: that one had left.
      [ "$status" -eq 0 ] || [ "$status" -eq 19 ] || { echo "$call $n: $output"; return 1; }
      [ ! -e "$etc/krb5.keytab" ] && [ ! -e "$etc/authsod/machine-secret" ]
      [ -z "$(traces)" ] || { traces && return 1; }
      gone
    done
  done
  for call in connect sendto; do
    for ((n = 1; n < 60; n++)); do
      [ -e "$etc/krb5.keytab" ] || run -0 ctl join "$LAB_DOMAIN" --password-stdin
      kill_at_call both "$call" "$n" leave --password-stdin || break
      run ctl leave --password-stdin
      [ "$status" -eq 0 ] || { echo "$call $n: $output"; return 1; }
      [ ! -e "$etc/krb5.keytab" ] && [ ! -e "$etc/authsod/machine-secret" ]
      gone
    done
  done
}

@test "only one joins or leaves at a time" {
  mkdir -p "$etc/authsod"
  run in_member "$BOX" flock /run/authsod.membership.lock authsodctl join corp.test --password-stdin <"$password"
  [ "$status" -eq 24 ]
  [[ $output == *'The membership is being changed by the service or another authsodctl. Try again.'* ]]
  gone
}

@test "a journal that is none of ours is not followed" {
  mkdir -p "$etc/authsod"
  (umask 077 && echo x >"$etc/authsod/.joining")
  run ctl join "$LAB_DOMAIN" --password-stdin
  [ "$status" -eq 4 ]
  [[ $output == *'/etc/authsod/.joining, of an earlier join that was ended, cannot be used: Invalid argument. Remove it and join again.'* ]]
  gone
}

@test "a new file of an earlier join that is gone is named, and nothing is put in place" {
  local fresh=/etc/authsod/.machine-secret.0123456789abcdef
  mkdir -p "$etc/authsod"
  python3 - "$fresh" /etc/authsod/machine-secret >"$etc/authsod/.joining" <<'END'
import struct, sys
sys.stdout.buffer.write(b'authsodk' + struct.pack('<II', 1, 1) +
                        b''.join(struct.pack('<I', len(n)) + n.encode() for n in sys.argv[1:]) + struct.pack('<Q', 4711))
END
  chmod 600 "$etc/authsod/.joining"
  run ctl join "$LAB_DOMAIN" --password-stdin
  [ "$status" -eq 4 ]
  [[ $output == *"A new file of an earlier join that was ended is gone: $fresh. Put it back, or remove /etc/authsod/.joining and join again."* ]]
  [ -e "$etc/authsod/.joining" ]
  gone
}
