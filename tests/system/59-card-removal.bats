# A smart card that is pulled in the session: what logind is asked on ws1, whose logind is one of ours. Runs in a lab
# that is up.
# shellcheck shell=bash disable=SC1091,SC2034,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_stop ws1
  lab_cards ws1
  lab_pkinit_on dc1
  member_cards ws1
  printf '%s\n' 'auth required pam_authsod.so' 'account required pam_authsod.so' 'session required pam_authsod.so' |
    in_member ws1 sh -c 'cat >/etc/pam.d/card59'
  in_member ws1 sh -ec 'mkdir -p /tmp/59 /run/dbus; cat >/tmp/59/bus.conf' <<'END'
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
END
  configure lock
  member_start ws1
  bus_on
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  bus_off
  member_cards_away ws1
  lab_pkinit_off dc1
  in_member ws1 sh -c 'rm -rf /etc/pam.d/card59 /tmp/59 /tmp/krb5cc_*'
  member_stop ws1
  member_configure ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  uid=$(in_member ws1 id -u alice)
  in_member ws1 sh -c 'rm -f /tmp/59/leave /tmp/59/leader /tmp/59/calls; : >/tmp/59/calls; : >/tmp/59/sessions; : >/tmp/59/said'
  member_insert ws1 good
  configure lock
  member_reload ws1
  mark=$(member_log_mark ws1)
}

teardown() {
  leave
  lab_reader_end ws1
  member_insert ws1
} >&2

configure() {
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX' '[smartcard]' 'anchors = /etc/authsod/ca.pem' \
    "card_removal = $1"
}

# bus_on, bus_off: the system's bus, and logind on it.
bus_on() {
  lab_spawn "$LAB/log/ws1-bus.log" "$lab_dir/in" ws1 sh -c 'echo $$ >/tmp/59/bus.pid; exec dbus-daemon --nofork --config-file=/tmp/59/bus.conf'
  lab_wait 10 in_member ws1 test -S /run/dbus/system_bus_socket
  in_member ws1 sh -c ': >/tmp/59/sessions; : >/tmp/59/calls'
  lab_spawn "$LAB/log/ws1-logind.log" "$lab_dir/in" ws1 sh -c \
    'echo $$ >/tmp/59/logind.pid; exec "$@"' sh "$lab_top/tests/system/fakelogind" /tmp/59/sessions /tmp/59/calls
  lab_wait 10 in_member ws1 busctl --system --no-pager status org.freedesktop.login1
}

bus_off() {
  in_member ws1 sh -c 'for what in logind bus; do [ ! -e /tmp/59/$what.pid ] || kill "$(cat /tmp/59/$what.pid)"; rm -f /tmp/59/$what.pid; done
    rm -f /run/dbus/system_bus_socket' || true
}

# enter: alice logs on with her card and has a session, until `leave`; its leader's process id is in $leader.
enter() {
  in_member ws1 sh -c 'rm -f /tmp/59/leave /tmp/59/leader; : >/tmp/59/said'
  lab_spawn "$LAB/log/ws1-session.log" "$lab_dir/in" ws1 sh -c 'echo $$ >/tmp/59/leader; exec "$@" >/tmp/59/said' sh \
    "$lab_top/tests/system/pamdo" card59 alice "$LAB_PIN" authenticate acct_mgmt establish open_session wait:/tmp/59/leave close_session
  lab_wait 30 said 'open_session: SUCCESS' || {
    in_member ws1 cat /tmp/59/said
    return 1
  }
  leader=$(in_member ws1 cat /tmp/59/leader)
}

said() {
  in_member ws1 grep -F -e "$1" /tmp/59/said
}

leave() {
  in_member ws1 touch /tmp/59/leave
  [ -z "${leader:-}" ] || lab_wait 20 gone
}

gone() {
  ! kill -0 "$leader" 2>/dev/null
}

# logind SESSION...: these are its sessions, each "ID UID LEADER local|remote CLASS".
logind() {
  printf '%s\n' "$@" | in_member ws1 sh -c 'cat >/tmp/59/sessions'
}

# asked LINE...: what logind was asked to do is this and no more.
asked() {
  [ "$(in_member ws1 cat /tmp/59/calls)" = "$(printf '%s\n' "$@")" ]
}

watches() {
  [ -n "$(member_roles ws1 watch)" ]
}

asks_not() {
  [ -z "$(member_roles ws1 session)" ]
}

watches_not() {
  [ -z "$(member_roles ws1 watch)" ]
}

@test "lock: that session and no other, once for each time that the card is pulled" {
  enter
  lab_wait 10 watches
  # Whoever loads PKCS#11 modules is not who may lock sessions.
  [ "$(awk '/^Uid:/ { print $2 }' "/proc/$(member_roles ws1 watch)/status")" = "$(in_member ws1 id -u authsod-logon)" ]
  logind "other 4711 4711 local user" "mine $uid $leader local user" "second $uid 1 local user" "far $uid 2 remote user"
  member_insert ws1
  lab_wait 20 asked 'lock mine'
  logged "1 session of alice locked: the card \"good\" was removed"
  member_insert ws1 good
  lab_wait 20 logged 'was put back'
  asked 'lock mine'
  member_insert ws1 otherupn
  lab_wait 20 asked 'lock mine' 'lock mine'
  # Nobody who asks logind stays.
  lab_wait 10 asks_not
}

@test "logoff: the session is ended" {
  configure logoff
  member_reload ws1
  enter
  logind "mine $uid $leader local user"
  member_insert ws1
  lab_wait 20 asked 'terminate mine'
  logged '1 session of alice ended'
}

@test "no session is the process's own: all of that user's at this computer" {
  enter
  logind "first $uid 1 local user" "other 4711 $leader local user" "far $uid 2 remote user" "manager $uid 3 local manager" \
    "second $uid 4 local user"
  member_insert ws1
  lab_wait 20 asked 'lock first' 'lock second'
}

@test "ignore: nobody watches, and nothing happens" {
  configure ignore
  member_reload ws1
  enter
  logind "mine $uid $leader local user"
  watches_not
  # Who would see it is not there, now or later.
  member_insert ws1
  watches_not
  leave
  watches_not
  asked ''
}

@test "a session that has ended, by its word or without one, is none" {
  enter
  logind "mine $uid $leader local user"
  lab_wait 10 watches
  leave
  lab_wait 10 watches_not
  enter
  lab_wait 10 watches
  kill -KILL "$leader"
  lab_wait 10 watches_not
  asked ''
}

@test "a logon with a password is not watched" {
  member_insert ws1
  in_member ws1 rm -f /tmp/59/leave
  run -0 member_do ws1 card59 alice Passw0rd-alice authenticate acct_mgmt open_session close_session
  watches_not
}

@test "a watcher that dies is started again, and sees what happened meanwhile" {
  enter
  logind "mine $uid $leader local user"
  lab_wait 10 watches
  kill -KILL "$(member_roles ws1 watch)"
  member_insert ws1
  lab_wait 20 asked 'lock mine'
  logged 'another one is started'
}

@test "logind that refuses, and no logind, are errors in the log" {
  enter
  logind "mine $uid $leader local stubborn"
  member_insert ws1
  lab_wait 20 logged 'LockSession mine: Access denied'
  lab_wait 30 asked 'lock mine' 'lock mine' 'lock mine'
  # That it does not say where a session is is not that there is none.
  logind "mine $uid $leader local mute"
  member_insert ws1 good
  lab_wait 20 logged 'was put back'
  member_insert ws1
  lab_wait 20 logged 'logind does not say where a session is: Not now'
  mark=$(member_log_mark ws1)
  bus_off
  member_insert ws1 good
  lab_wait 20 logged 'was put back'
  member_insert ws1
  lab_wait 20 logged "the system's bus cannot be reached"
  bus_on
}

@test "a session that logind says nothing of keeps nobody from locking the one that the process opened" {
  enter
  lab_wait 10 watches
  logind "silent $uid 1 local mute" "mine $uid $leader local user" "last $uid 2 local mute"
  member_insert ws1
  lab_wait 20 logged '1 session of alice locked: the card "good" was removed'
  # Once: what nobody said is no failure, after which it would be done again.
  asked 'lock mine'
  lab_wait 10 asks_not
  run ! logged 'logind does not say where a session is'
}

@test "a card in a reader, through OpenSC" {
  lab_reader ws1
  member_insert ws1
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX' '[smartcard]' 'anchors = /etc/authsod/ca.pem' \
    'card_removal = lock' "pkcs11_module = $opensc_module"
  member_reload ws1
  lab_card_in ws1 good
  enter
  logind "mine $uid $leader local user"
  lab_wait 10 watches
  lab_card_out ws1
  lab_wait 20 asked 'lock mine'
  lab_card_in ws1 otherupn
  lab_card_out ws1
  lab_card_in ws1 good
  lab_wait 20 logged 'was put back'
  # The driver of the reader ends, and with it every card.
  lab_reader_end ws1
  lab_wait 30 asked 'lock mine' 'lock mine'
}
