# The rules for polkit against the real polkit, a pcscd that asks it, and a real logind on ws1. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2034,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

rules=/usr/share/polkit-1/rules.d

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  # Here a skip would be a failure: see setup.
  fetched || return 0
  member_up ws1
  member_stop ws1
  lab_cards ws1
  lab_pkinit_on dc1
  member_cards ws1
  in_member ws1 sh -ec 'mkdir -p /tmp/59 /run/systemd
    for option in try_card require_card; do
      printf "auth required pam_authsod.so $option\naccount required pam_authsod.so\nsession required pam_authsod.so\n" >/etc/pam.d/$option-59
      echo "session required $1" >>/etc/pam.d/$option-59
    done
    printf "auth required pam_permit.so\naccount required pam_permit.so\nsession required $1\n" >/etc/pam.d/other-59' sh "$(lab_logind_pam)"
  configure lock
  member_start ws1
  lab_bus ws1
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  fetched || return 0
  lab_bus_end ws1
  member_cards_away ws1
  lab_pkinit_off dc1
  in_member ws1 sh -c 'rm -rf /etc/pam.d/*-59 /tmp/59 /tmp/59-away /tmp/krb5cc_*'
  member_stop ws1
  member_configure ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  fetched || skip "${AUTHSOD_LAB_MISSING:-tests/lab/polkit-packages has not fetched programs to $lab_packages}"
  in_member ws1 sh -c 'rm -f /tmp/59/*'
  for log in pcscd monitor; do : >"$LAB/log/ws1.$log"; done
  mark=$(member_log_mark ws1)
}

teardown() {
  local status=0
  fetched || return 0
  in_member ws1 sh -c 'touch /tmp/59/leave
    for rule in /tmp/59-away/*; do [ ! -e "$rule" ] || mv "$rule" "$1/"; done' sh "$rules"
  lab_polkit ws1
  lab_reader_end ws1
  host_stop ws1 monitor
  lab_logind_end ws1 || status=1
  member_insert ws1
  return "$status"
} >&2

# fetched: is there what this machine does not have installed?
fetched() {
  [ -d "$lab_packages/elogind" ] && { [ -d "$lab_packages/pcscd" ] || [[ $(pcscd --help) == *--disable-polkit* ]]; }
}

# configure REMOVAL [LINE...]: what card_removal is, and lines of [smartcard].
configure() {
  local removal=$1
  shift
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX' '[smartcard]' 'anchors = /etc/authsod/ca.pem' \
    "card_removal = $removal" "$@"
}

# without RULE: that rule of ours is not installed.
without() {
  in_member ws1 sh -ec 'mkdir -p /tmp/59-away; mv "$1" /tmp/59-away/' sh "$rules/$1"
  lab_polkit ws1
}

# readers USER: what a process of that user sees of the readers.
readers() {
  run in_member ws1 setpriv --reuid "$1" --regid "$1" --clear-groups opensc-tool --list-readers
}

# refused USER ACTION: by pcscd, as polkit said.
refused() {
  grep -E "\(user: $(in_member ws1 id -u "$1")\) is NOT authorized for action: $2" "$LAB/log/ws1.pcscd"
}

# session NAME TTY SERVICE USER: it is entered, with a process of the user's in it, until the test ends; NAME is ours.
session() {
  local name=$1 tty=$2
  shift 2
  lab_spawn "$LAB/log/ws1-session.log" "$lab_dir/in" ws1 sh -c 'name=$1; shift; echo $$ >/tmp/59/$name.leader; exec "$@"' sh "$name" \
    "$lab_top/tests/system/pamdo" "tty=$tty" "$@" "$LAB_PIN" authenticate acct_mgmt establish open_session \
    "run:sleep 600 & echo \$! \$XDG_SESSION_ID >/tmp/59/$name.new; mv /tmp/59/$name.new /tmp/59/$name.session" \
    wait:/tmp/59/leave close_session
  lab_wait 30 in_member ws1 test -e "/tmp/59/$name.session" || {
    tail -n 20 "$LAB/log/ws1-session.log"
    return 1
  }
}

# of NAME: prints logind's name for it.
of() {
  in_member ws1 sh -c 'read -r child id <"/tmp/59/$1.session"; echo $id' sh "$1"
}

# known NAME: logind knows the session.
known() {
  manager ListSessions | grep -F "\"$(of "$1")\" "
}

# processes NAME: its leader, and the one in it.
processes() {
  in_member ws1 sh -ec 'read -r child id <"/tmp/59/$1.session"; cat "/tmp/59/$1.leader"; echo "$child"' sh "$1"
}

# live NAME...: logind knows the sessions, and their processes live.
live() {
  local name
  for name; do
    known "$name" && processes "$name" | xargs -n 1 kill -0 || return 1
  done
}

# ended NAME: neither is so any more.
ended() {
  local process
  ! known "$1" || return 1
  for process in $(processes "$1"); do
    ! kill -0 "$process" || return 1
  done
}

# manager METHOD [ARG...]: root asks logind, or the user whose name is in $as.
manager() {
  in_member ws1 setpriv ${as:+--reuid "$as" --regid "$as" --clear-groups} busctl --system --no-pager \
    call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager "$@"
}

# cannot USER...: have logind lock or end bob's session.
cannot() {
  local as what
  for as; do
    for what in LockSession TerminateSession; do
      run ! manager "$what" s "$(of bobs)"
      says 'Interactive authentication required.'
    done
  done
}

# sessions REMOVAL: three of them with a real logind, the first of alice's with her card; all Lock signals are heard.
sessions() {
  lab_logind_can ws1 || skip 'control groups cannot be mounted, made or entered here'
  lab_logind ws1
  configure "$1"
  member_reload ws1
  member_insert ws1 good
  in_member ws1 chmod 1777 /tmp/59
  host_start ws1 monitor dbus-monitor --system "type='signal',interface='org.freedesktop.login1.Session'" \
    "type='error'"
  session card pts/91 try_card-59 alice
  session second pts/92 other-59 alice
  session bobs pts/93 other-59 bob
}

# locked: has anybody been?
locked() {
  [ -n "$(locks)" ]
}

# locks: prints the sessions that were told to lock.
locks() {
  sed -n 's,.*path=/org/freedesktop/login1/session/\([^;]*\);.*member=Lock$,\1,p' "$LAB/log/ws1.monitor"
}

@test "a card in a reader: the rule lets the card worker in, and nobody else" {
  lab_reader ws1 polkit
  configure ignore "pkcs11_module = $opensc_module"
  member_reload ws1
  lab_card_in ws1 good
  run -0 member_do ws1 try_card-59 alice "$LAB_PIN" authenticate acct_mgmt
  says 'asked: PIN for Alice Liddell: ' 'authenticate: SUCCESS'
  readers authsod-logon
  says ' Yes '
  for user in localuser authsod authsod-member; do
    readers "$user"
    [[ "$output" != *' Yes '* ]]
    refused "$user" access_pcsc
  done
}

@test "a card in a reader without the rule: the card worker sees none, and a password does" {
  lab_reader ws1 polkit
  without authsod-pcscd.rules
  configure ignore "pkcs11_module = $opensc_module"
  member_reload ws1
  lab_card_in ws1 good
  run -0 member_do ws1 try_card-59 alice Passw0rd-alice authenticate acct_mgmt
  says 'asked: Password: ' 'authenticate: SUCCESS'
  [[ "$output" != *PIN* ]]
  refused authsod-logon access_pcsc
  run member_do ws1 require_card-59 alice Passw0rd-alice authenticate
  says 'told: There is no smart card in the reader.'
  for user in authsod-logon localuser; do
    readers "$user"
    [[ "$output" != *' Yes '* ]]
    refused "$user" access_pcsc
  done
}

@test "lock: logind locks that session and no other, and for nobody else" {
  sessions lock
  cannot localuser authsod-logon authsod-member
  member_insert ws1
  lab_wait 20 logged '1 session of alice locked: the card "good" was removed'
  lab_wait 10 locked
  [ "$(locks)" = "$(of card)" ]
  live card second bobs
}

@test "logoff: logind ends that session and its processes, and no other" {
  sessions logoff
  member_insert ws1
  lab_wait 20 logged '1 session of alice ended: the card "good" was removed'
  lab_wait 10 ended card
  live second bobs
  [ -z "$(locks)" ]
}

@test "without the rule logind refuses, and nothing happens" {
  without authsod-logind.rules
  sessions lock
  member_insert ws1
  lab_wait 20 logged "LockSession $(of card): Interactive authentication required."
  cannot authsod
  live card second bobs
  [ -z "$(locks)" ]
}
