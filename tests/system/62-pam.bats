# The operations of the PAM module, its options and its profiles, on ws1. Runs in
# a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  member_reload ws1
  member_desk
  member_sshd ws1
  # Her home is there: nobody is told that it is made.
  in_member ws1 su - alice -c true
  in_host desk sh -c 'rm -f /tmp/pam62.key*; ssh-keygen -q -t ed25519 -N "" -f /tmp/pam62.key'
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  dc_unlock prot
  dc_unlock bob
  in_member ws1 sh -c 'rm -rf /etc/pam.d/pam62 /tmp/pam62* /tmp/krb5cc_* /home/*/.ssh'
  in_host desk sh -c 'rm -f /tmp/pam62.key*'
  member_configure ws1
  member_reload ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
}

teardown() {
  [ -z "${enable:-}" ] || in_member ws1 pam-auth-update --enable authsod authsod-password mkhomedir
} >&2

@test "the operations of PAM, one after the other" {
  run member_do ws1 authsod alice Passw0rd-alice establish authenticate acct_mgmt establish open_session reinitialize refresh \
    env 'run:klist -s && echo "has tickets"' close_session delete env
  diff - <(sed -E 's/_[A-Za-z0-9]{6}$/_XXXXXX/' <<<"$output") <<END
establish: SUCCESS
asked: Password: 
authenticate: SUCCESS
acct_mgmt: SUCCESS
establish: SUCCESS
open_session: SUCCESS
reinitialize: SUCCESS
refresh: SUCCESS
KRB5CCNAME=FILE:/tmp/krb5cc_$(in_member ws1 id -u alice)_XXXXXX
has tickets
close_session: SUCCESS
delete: SUCCESS
END
}

@test "a password cannot be changed here, and the answer says so" {
  run -1 member_do ws1 authsod alice Passw0rd-alice chauthtok
  [[ "$output" == "told: A domain password cannot be changed here."*$'\n'"chauthtok: AUTHTOK_ERR" ]]
  run ! in_member ws1 su alice -c passwd
  [[ "$output" == *"A domain password cannot be changed here."*"password unchanged"* ]]
  # Local ones can, by the module before ours.
  run ! in_member ws1 su localuser -c 'printf "wrong\n" | passwd'
  [[ "$output" == *"Changing password for localuser"* ]]
}

# stack NAME LINE...: a PAM file of ws1.
stack() {
  local name=$1
  shift
  printf '%s\n' "$@" | in_member ws1 sh -c "cat >/etc/pam.d/$name"
}

# only_ignored: a PAM file that gives success if our module gives PAM_IGNORE, and nothing else does.
only_ignored() {
  local type
  local -a lines=()
  for type in auth session; do
    lines+=("$type [ignore=1 default=ignore] pam_authsod.so" "$type required pam_deny.so" "$type required pam_permit.so")
  done
  stack pam62 "${lines[@]}"
}

# gives LINE... : $output has exactly these lines.
gives() {
  diff <(printf '%s\n' "$@") <(printf '%s\n' "$output")
}

@test "users who are not the domain's are passed over" {
  local user
  stack pam62 'auth required pam_authsod.so' 'account required pam_authsod.so' 'session required pam_authsod.so' \
    'password required pam_authsod.so'
  for user in localuser root daemon nobody-of-this-name 'CORP\nobody-of-this-name' 'OTHER\alice' alice@other.test; do
    run -1 member_do ws1 pam62 "$user" Local-Pass1 authenticate acct_mgmt chauthtok
    gives 'authenticate: USER_UNKNOWN' 'acct_mgmt: USER_UNKNOWN' 'chauthtok: USER_UNKNOWN'
  done
  only_ignored
  run -0 member_do ws1 pam62 localuser Local-Pass1 establish open_session close_session
}

@test "options: the password is there for modules after ours" {
  stack pam62 'auth required pam_authsod.so forward_pass' 'auth required pam_exec.so expose_authtok quiet /tmp/pam62.exec'
  in_member ws1 sh -c 'printf "#!/bin/sh\ntr -d \"\\\\0\" >/tmp/pam62.token\n" >/tmp/pam62.exec; chmod +x /tmp/pam62.exec'
  run -0 member_do ws1 pam62 alice Passw0rd-alice authenticate
  # pam_exec would ask if there were none.
  gives 'asked: Password: ' 'authenticate: SUCCESS'
  [ "$(in_member ws1 cat /tmp/pam62.token)" = Passw0rd-alice ]
}

@test "options: the password of a module before ours, and use_first_pass without one" {
  stack pam62 'auth optional pam_unix.so' 'auth required pam_authsod.so try_first_pass'
  run -0 member_do ws1 pam62 alice Passw0rd-alice authenticate
  gives 'asked: Password: ' 'authenticate: SUCCESS'
  stack pam62 'auth optional pam_unix.so' 'auth required pam_authsod.so use_first_pass'
  run -0 member_do ws1 pam62 alice Passw0rd-alice authenticate
  gives 'asked: Password: ' 'authenticate: SUCCESS'
  stack pam62 'auth required pam_authsod.so use_first_pass'
  run -1 member_do ws1 pam62 alice Passw0rd-alice authenticate
  gives 'authenticate: AUTH_ERR'
}

@test "options: quiet, debug, minimum_uid" {
  dc_unlock prot
  stack pam62 'auth required pam_authsod.so quiet debug' 'password required pam_authsod.so quiet'
  run -1 member_do ws1 pam62 prot wrong authenticate chauthtok
  gives 'asked: Password: ' 'authenticate: AUTH_ERR' 'chauthtok: AUTHTOK_ERR'
  dc_unlock prot
  stack pam62 "auth required pam_authsod.so minimum_uid=$(($(in_member ws1 id -u prot) + 1))"
  run -1 member_do ws1 pam62 prot Passw0rd-prot authenticate
  gives 'authenticate: USER_UNKNOWN'
  stack pam62 "auth required pam_authsod.so minimum_uid=$(in_member ws1 id -u prot)"
  run -0 member_do ws1 pam62 prot Passw0rd-prot authenticate
  # It cannot lower 1000: there is an account `games` in the domain, too.
  stack pam62 'auth required pam_authsod.so minimum_uid=1'
  run -1 member_do ws1 pam62 games Passw0rd-games authenticate
  gives 'authenticate: USER_UNKNOWN'
}

# by_key USER CMD...
by_key() {
  local user=$1
  shift
  in_member ws1 sh -c 'mkdir -p "/home/$1/.ssh" && cat >"/home/$1/.ssh/authorized_keys" && chown -R "$1:" "/home/$1" &&
    chmod -R go-rwx "/home/$1/.ssh"' sh "$user" < <(in_host desk cat /tmp/pam62.key.pub)
  by_key_as_it_is "$user" "$@"
}

# by_key_as_it_is USER CMD...: the same, with the home that USER has.
by_key_as_it_is() {
  local user=$1
  shift
  in_host desk "${ssh_command[@]}" -i /tmp/pam62.key -o BatchMode=yes -o PreferredAuthentications=publickey \
    "$user@ws1.corp.test" "$@"
}

@test "logons that are not ours: the account's state is asked for" {
  run -0 by_key bob 'echo "$(id -un) $KRB5CCNAME."'
  [ "$output" = 'bob .' ]
  run -255 by_key disabled true
  run -255 by_key acctexpired true
  run -0 in_member ws1 su - bob -c true
  run ! in_member ws1 su - disabled -c true
  [[ "$output" == *"Your account is disabled."* ]]
  # As cron does it.
  stack pam62 '@include common-auth' '@include common-account' 'session required pam_loginuid.so' \
    '@include common-session-noninteractive'
  run -1 member_do ws1 pam62 disabled '' acct_mgmt
  [[ "$output" == *'acct_mgmt: ACCT_EXPIRED' ]]
  run member_do ws1 pam62 bob '' acct_mgmt establish open_session env close_session
  gives 'acct_mgmt: SUCCESS' 'establish: SUCCESS' 'open_session: SUCCESS' 'close_session: SUCCESS'
}

# deleted_user: a user of the domain who has logged on by key, deleted since.
deleted_user() {
  in_dc dc1 samba-tool user create pam62gone Passw0rd-pam62gone &&
    by_key pam62gone true &&
    in_dc dc1 samba-tool user delete pam62gone
}

@test "an account that was deleted a moment ago gets in by no key" {
  deleted_user
  run -255 by_key_as_it_is pam62gone true
  run -255 by_key_as_it_is pam62gone true
  run -2 in_member ws1 getent passwd pam62gone
  run ! in_member ws1 pamtester authsod pam62gone acct_mgmt
}

@test "setcred without a logon of ours has nothing to do" {
  only_ignored
  run -0 member_do ws1 pam62 alice Passw0rd-alice establish env
  gives 'establish: SUCCESS'
  run -1 member_do ws1 pam62 alice Passw0rd-alice open_session
}

@test "a screen locker checks its own user only" {
  dc_unlock bob
  run -0 member_as ws1 alice "$lab_top/tests/system/pamdo" authsod alice Passw0rd-alice authenticate
  run -1 member_as ws1 alice "$lab_top/tests/system/pamdo" authsod bob Passw0rd-bob authenticate
  [[ "$output" == $'told: You may check your own password only.\nauthenticate: PERM_DENIED' ]]
  run -1 member_as ws1 alice "$lab_top/tests/system/pamdo" authsod bob wrong authenticate
  run -0 dc_badpwdcount bob
  [ "$output" = 0 ]
  # What root's setcred could claim is not hers.
  run -1 member_as ws1 alice "$lab_top/tests/system/pamdo" authsod bob Passw0rd-bob establish
}

@test "pam-auth-update takes the module out, and puts it in again" {
  local etc=$LAB/hosts/ws1/etc/pam.d
  enable=1
  cp -a "$etc" "$BATS_TEST_TMPDIR/before"
  in_member ws1 pam-auth-update --disable authsod authsod-password mkhomedir
  for file in common-auth common-account common-password common-session common-session-noninteractive; do
    diff "$LAB/etc.model/pam.d/$file" "$etc/$file"
  done
  run -1 member_pam ws1 alice Passw0rd-alice authenticate
  run -0 member_pam ws1 root Root-Pass1 authenticate acct_mgmt
  in_member ws1 pam-auth-update --enable authsod authsod-password mkhomedir
  diff -r "$BATS_TEST_TMPDIR/before" "$etc"
}
