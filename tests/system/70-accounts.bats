# Who may not log on, and what he, and the log, are told; through PAM, sshd and
# login on ws1. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

users='disabled acctexpired pwexpired mustchange hours wsres'
general='The user name or password is incorrect.'
far=10.99.0.77

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_desk
  member_sshd ws1
  in_host desk ssh-keygen -q -t ed25519 -N '' -f /tmp/key70
  unlock_all
}

unlock_all() {
  local user
  for user in alice $users; do
    dc_unlock "$user"
  done
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  unlock_all
  in_member ws1 sh -c "cd /home && rm -rf alice locked $users"
  in_host desk rm -f /tmp/key70 /tmp/key70.pub
  in_member ws1 rm -f /etc/pam.d/authsod-hurry
}

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_hurry ws1
}

teardown() {
  lab_dc_cont dc1
  in_member ws1 sh -c '[ ! -e /tmp/login70 ] || mv /tmp/login70 /etc/login.defs'
  member_up ws1
  member_configure ws1
  member_reload ws1
}

# use_fast WORD: fast = WORD.
use_fast() {
  member_configure ws1 '[logon]' "fast = $1"
  member_reload ws1
}

# told CODE SENTENCE USER PASSWORD [OPTION...]: the logon is refused with just these.
told() {
  local code=$1 sentence=$2 user=$3 password=$4 expected
  shift 4
  run member_pam ws1 "$user" "$password" "$@" authenticate
  expected="Password: $sentence${sentence:+$'\n'}pamtester: $code"
  [ "$status" -ne 0 ] && [ "$output" = "$expected" ] ||
    { printf '%s %s %s:\n%s\nand not:\n%s\n' "$user" "$password" "$*" "$output" "$expected"; return 1; }
}

# account CODE SENTENCE USER: the reason to whoever proved the password, the general sentence to others.
account() {
  told "$1" "$2" "$3" "Passw0rd-$3"
  told "$1" "$2" "$3" "Passw0rd-$3" -I rhost=$far
  told 'Authentication failure' "$general" "$3" wrong70
  told 'Authentication failure' "$general" "$3" wrong70 -I rhost=$far
}

accounts() {
  use_fast "$1"
  account 'User account has expired' 'Your account is disabled. Ask your administrator.' disabled
  account 'User account has expired' 'Your account has expired. Ask your administrator.' acctexpired
  account 'Authentication token expired' \
    'Your password has expired. Change it on another computer of the domain or ask your administrator.' pwexpired
  account 'Authentication token expired' \
    'You must change your password before you log on. Change it on another computer of the domain or ask your administrator.' \
    mustchange
  account 'Permission denied' 'Your account may not log on at this time of day.' hours
  account 'Permission denied' 'Your account may not log on to this computer.' wsres
  # A locked account's password is not looked at: it proves nothing.
  for password in Passw0rd-locked wrong70; do
    told 'Permission denied' \
      'Your account is locked after too many wrong passwords. Wait a while or ask your administrator.' locked $password
    told 'Authentication failure' "$general" locked $password -I rhost=$far
  done
  # Nobody has this name: here it is left to pam_unix, from far away no difference is to be seen.
  told 'Authentication failure' '' nobody70 wrong70
  told 'Authentication failure' "$general" nobody70 wrong70 -I rhost=$far
}

@test "accounts that may not log on: code and sentence, with FAST" {
  accounts try
}

@test "accounts that may not log on: code and sentence, without FAST" {
  accounts never
}

# counts N CMD...: CMD is N bad passwords to the controller.
counts() {
  local n=$1
  shift
  dc_unlock alice
  run "$@"
  [ "$(dc_badpwdcount alice)" = "$n" ] || { echo "$*: $(dc_badpwdcount alice) bad passwords: $output"; return 1; }
}

denied() {
  counts "$@"
  [ "$status" -ne 0 ]
}

@test "a wrong password is counted once, whatever the name's form, with FAST and without" {
  for fast in try never; do
    use_fast $fast
    for name in alice ALICE 'CORP\alice' Alice@Corp.Test; do
      denied 1 member_pam ws1 "$name" wrong70 authenticate
    done
  done
}

@test "a wrong password is counted once by ssh" {
  denied 1 member_ssh desk alice@ws1.corp.test wrong70 password true
  denied 1 member_ssh desk 'CORP\alice@ws1.corp.test' wrong70 keyboard-interactive true
}

@test "at the console as many wrong passwords are counted as were typed" {
  in_member ws1 cp /etc/login.defs /tmp/login70
  in_member ws1 sed -i -E 's/^(LOGIN_RETRIES).*/\1 2/' /etc/login.defs
  counts 2 in_member ws1 "$BATS_TEST_DIRNAME/talk" 'assword: $' wrong70 'login: $' alice@corp.test 'assword: $' wrong70 \
    -- login alice
  [[ $output == *"$general"*"Login incorrect"*"$general"* ]]
}

# give_key USER: the user has a home where desk's key is welcome.
give_key() {
  local home=$LAB/hosts/ws1/home/$1
  mkdir -p "$home/.ssh"
  cp "$LAB/hosts/desk/tmp/key70.pub" "$home/.ssh/authorized_keys"
  chown -R "$(in_member ws1 id -u "$1"):$(in_member ws1 id -g "$1")" "$home"
  chmod 700 "$home" "$home/.ssh"
}

# by_key USER: logs on with the key; the banner is shown.
by_key() {
  run in_host desk timeout 50 ssh -o LogLevel=INFO "${ssh_command[@]:1}" -i /tmp/key70 \
    -o PreferredAuthentications=publickey "$1@$LAB_WS1_ADDR" id -un
}

let_in() {
  by_key "$1"
  [ "$status" -eq 0 ] && [[ $output == *"$1" ]] || { echo "$1: $output"; return 1; }
}

kept_out() {
  by_key "$1"
  [ "$status" -ne 0 ] && [[ $output == *"$2"* ]] || { echo "$1: $output"; return 1; }
}

@test "by ssh key: the account's state decides, and the person is told" {
  for user in alice locked $users; do
    give_key "$user"
  done
  let_in alice
  kept_out disabled 'Your account is disabled.'
  kept_out locked 'Your account is locked'
  kept_out acctexpired 'Your account has expired.'
  kept_out hours 'may not log on at this time of day.'
  kept_out wsres 'may not log on to this computer.'
  # Who comes with a key has no use for the password.
  let_in pwexpired
  let_in mustchange
}

@test "by ssh key, no domain controller: the last known state decides" {
  for user in alice disabled; do
    give_key $user
    member_pam ws1 $user x acct_mgmt || [ $user = disabled ]
  done
  lab_dc_stop dc1
  let_in alice
  kept_out disabled 'Your account is disabled.'
}

@test "by ssh key, no domain controller: a state that was never known is refused in words" {
  give_key alice
  member_stop ws1
  in_member ws1 /usr/bin/python3 - <<'END'
import sqlite3
with sqlite3.connect('/var/lib/authsod/store.db') as db:
    db.execute('UPDATE user SET state_learned = 0')
db.close()
END
  lab_dc_stop dc1
  member_start ws1
  kept_out alice 'Whether your account may log on cannot be found out at present.'
  run member_pam ws1 alice x acct_mgmt
  [ "$status" -ne 0 ]
  [[ $output == *'Authentication service cannot retrieve authentication info'* ]]
}

# logs PATTERN CMD...: CMD leaves such a line.
logs() {
  local pattern=$1 mark
  shift
  mark=$(member_log_mark ws1)
  run "$@"
  lab_wait 5 member_logged_since ws1 "$mark" "$pattern" ||
    { echo "no $pattern in:"; tail -c "+$mark" "$(member_log ws1)"; return 1; }
}

@test "a refusal's line in the log has all that an administrator wants to know" {
  local dc=', domain controller dc1\.corp\.test$' step='in the AS exchange: .*'
  local key='\(KDC_ERR_PREAUTH_FAILED 24\)'
  logs "front: info: logon [0-9]+: alice refused \(authsod-hurry, $far\): WRONG_PASSWORD $step$key$dc" \
    member_pam ws1 'CORP\ALICE' wrong70 -I rhost=$far authenticate
  logs "logon [0-9]+: alice refused \(authsod-hurry, tty7\): WRONG_PASSWORD $step$key$dc" \
    member_pam ws1 alice wrong70 -I tty=tty7 authenticate
  logs "logon [0-9]+: alice refused \(sshd, ${desk_addr//./\\.}\): WRONG_PASSWORD $step$key$dc" \
    member_ssh desk alice@ws1.corp.test wrong70 password true
  logs "logon [0-9]+: disabled refused \(authsod-hurry, this computer\): DISABLED $step\(KDC_ERR_CLIENT_REVOKED 18\)$dc" \
    member_pam ws1 disabled Passw0rd-disabled authenticate
  logs "logon [0-9]+: disabled refused \(authsod-hurry, this computer\): DISABLED in the check of the account" \
    member_pam ws1 disabled x acct_mgmt
  use_fast never
  logs "hours refused .*: LOGON_HOURS $step\(KDC_ERR_CLIENT_REVOKED 18, STATUS_INVALID_LOGON_HOURS C000006F\)$dc" \
    member_pam ws1 hours Passw0rd-hours authenticate
  logs "wsres refused .*: WORKSTATION $step\(KDC_ERR_POLICY 12, STATUS_INVALID_WORKSTATION C0000070\)$dc" \
    member_pam ws1 wsres Passw0rd-wsres authenticate
  dc_unlock alice
}

@test "no password is in the log, whatever its level, nor in any file of the service" {
  member_configure ws1 '[log]' 'level = debug'
  member_reload ws1
  member_pam ws1 alice Passw0rd-alice authenticate acct_mgmt setcred
  run member_pam ws1 alice wrong70 authenticate
  run member_pam ws1 disabled Passw0rd-disabled authenticate
  member_ssh desk alice@ws1.corp.test Passw0rd-alice keyboard-interactive true
  dc_unlock alice
  # The log has been written to, by all of them.
  grep -q 'alice has logged on (sshd' "$(member_log ws1)"
  run -1 grep -rFl -e Passw0rd -e wrong70 "$(member_log ws1)" "$LAB/hosts/ws1/changes/var/lib/authsod" \
    "$LAB/hosts/ws1/run/authsod"
}

has_worker_with() {
  [ "$(member_holders ws1 "$1")" = logon ]
}

@test "a password is in the worker's memory alone, and there only as long as the logon lasts" {
  member_pam ws1 alice Passw0rd-alice authenticate
  run member_pam ws1 bob Passw0rd-bob authenticate
  run -0 member_holders ws1 Passw0rd
  [ -z "$output" ]
  # While the controller does not answer it is where it has to be: so it would have been found.
  lab_dc_stop dc1
  member_pam ws1 alice Passw0rd-alice authenticate >/dev/null 3>&- &
  lab_wait 10 has_worker_with Passw0rd
  wait $! || true
  lab_dc_cont dc1
  run -0 member_holders ws1 Passw0rd
  [ -z "$output" ]
}

# su_says LOCALE: what su tells localuser of a user who may not log on, in that locale.
su_says() {
  run in_member ws1 env "LC_ALL=$1" setpriv --reuid 1000 --regid 1000 --clear-groups \
    "$BATS_TEST_DIRNAME/talk" '(assword|Passwort|Kennwort): *$' Passw0rd-disabled -- su disabled -c id
}

@test "people are told in German where they speak it" {
  in_member ws1 sh -c '[ -e /usr/lib/locale/de_DE.utf8 ] ||
    { mkdir -p /usr/lib/locale && localedef -i de_DE -f UTF-8 /usr/lib/locale/de_DE.utf8; }'
  su_says de_DE.UTF-8
  [[ $output == *'Ihr Konto ist deaktiviert.'* ]]
  su_says C
  [[ $output == *'Your account is disabled.'* ]]
}
