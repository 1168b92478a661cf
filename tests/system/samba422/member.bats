# A member of a domain whose controller is a newer Samba than Debian's own, as
# it is after provisioning. Runs in an empty lab (tests/lab/enter); $SAMBA_PACKAGES is the folder
# that tests/lab/samba-backports has filled.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

notice='You have logged on without Kerberos tickets. Network resources may ask for your password.'

# The domain NEW.TEST with the lab's usual accounts, and a computer that has joined nothing.
setup_file() {
  . "$BATS_TEST_DIRNAME/../member.sh"
  lab_switch &&
    lab_dc dc4 NEW.TEST NEW 10.99.0.4 "$lab_dir/accounts.py" "${SAMBA_PACKAGES:?}" &&
    lab_host ws4 10.99.0.14 10.99.0.4 new.test &&
    member_local_user ws4 &&
    member_install ws4 &&
    in_member ws4 rm /etc/authsod/authsod.conf
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/../member.sh"
  member_stop ws4
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/../member.sh"
  . "$BATS_TEST_DIRNAME/../compare.sh"
  compare_domain dc4 10.99.0.4 NEW ws4
  member_hurry ws4
}

teardown() {
  lab_unblock ws4
} >&2

# ctl ARG...: authsodctl; the administrator's password is what stdin has.
ctl() {
  printf '%s\n' "$LAB_ADMIN_PASSWORD" | in_member ws4 timeout 60 authsodctl "$@"
}

# do_pam USER OPERATION...: with the right password.
do_pam() {
  local user=$1
  shift
  run member_do ws4 authsod-hurry "$user" "Passw0rd-$user" "$@"
}

# says TEXT
says() {
  [[ $output == *"$1"* ]] || { echo "no '$1' in: $output"; return 1; }
}

logged() {
  member_logged_since ws4 "$mark" "$1" || { tail -c "+$mark" "$(member_log ws4)"; return 1; }
}

# refused USER SENTENCE [WHY]: in words to the person; WHY is in the log.
refused() {
  mark=$(member_log_mark ws4)
  do_pam "$1" authenticate
  [ "$status" -ne 0 ] && says "$2" && logged "$1 refused .*${3:-}"
}

# begin LINE...: authsodd with these lines in its section [logon]; the computer has its ticket.
begin() {
  member_stop ws4
  member_configure ws4 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}' "$@"
  member_start ws4
  lab_wait 15 by_kerberos
}

by_kerberos() {
  do_pam alice authenticate
  [ "$status" -eq 0 ] && [[ $output != *"$notice"* ]]
}

@test "the controller is Samba 4.22 or newer" {
  run -0 in_dc dc4 samba --version
  says Version
  [ "$(printf '%s\n' 4.22 "$(sed -E 's/^Version ([0-9.]+).*/\1/' <<<"$output")" | sort -V | head -n 1)" = 4.22 ]
  in_dc dc4 /usr/bin/python3 -c 'import samba; assert samba.version.split(".")[1] >= "22", samba.version'
}

@test "a computer joins, and testjoin finds everything well" {
  run -0 ctl join new.test --password-stdin
  says 'has joined new.test'
  [ "$(dc_get 'WS4$' msDS-SupportedEncryptionTypes dc4)" = 24 ]
  [ "$(dc_get 'WS4$' userAccountControl dc4)" = 4096 ]
  run -0 ctl testjoin
  says 'computer ticket: ok'
  says 'secure channel: ok, AES, dc4.new.test'
  [[ $output != *FAILED* ]]
}

@test "a domain user logs on by Kerberos, FAST required: groups, tickets, session" {
  begin 'fast = require'
  mark=$(member_log_mark ws4)
  do_pam alice authenticate acct_mgmt establish open_session env 'run:id alice; klist' close_session
  [ "$status" -eq 0 ]
  [[ $output != *"$notice"* ]]
  for group in 'domain users' Engineers 'All Staff' 'Everyone Nested'; do
    grep -qi "($group)" <<<"$output"
  done
  says 'krbtgt/NEW.TEST@NEW.TEST'
  logged 'alice has logged on'
  run ! logged 'NTLM|alarm'
  do_pam many authenticate acct_mgmt
  [ "$status" -eq 0 ]
  [ "$(in_member ws4 id -G many | wc -w)" -gt 1000 ]
}

@test "without FAST, too" {
  begin 'fast = never'
  do_pam bob authenticate acct_mgmt establish
  [ "$status" -eq 0 ]
}

@test "by Kerberos a wrong password is refused and counted once; each refusal has its sentence" {
  local fast
  for fast in never require; do
    begin "fast = $fast"
    dc_unlock alice dc4
    mark=$(member_log_mark ws4)
    run -1 member_pam ws4 alice wrong authenticate
    says 'The user name or password is incorrect.'
    [ "$(dc_badpwdcount alice dc4)" -eq 1 ]
    run ! logged NTLM
    refused disabled 'Your account is disabled.' DISABLED
    refused locked 'Your account is locked after too many wrong passwords.' LOCKED
    refused acctexpired 'Your account has expired.' ACCOUNT_EXPIRED
    refused pwexpired 'Your password has expired.' PASSWORD_EXPIRED
    refused mustchange 'You must change your password before you log on.' MUST_CHANGE
    refused hours 'Your account may not log on at this time of day.' LOGON_HOURS
    refused wsres 'Your account may not log on to this computer.' WORKSTATION
  done
  dc_unlock alice dc4
}

@test "no KDC answers: by NTLM, with all groups" {
  begin
  lab_block_port ws4 88 reject
  mark=$(member_log_mark ws4)
  do_pam alice authenticate acct_mgmt establish open_session 'run:id alice' close_session
  [ "$status" -eq 0 ]
  says "$notice"
  says '(everyone nested)'
  logged 'there is a secure channel with dc4.new.test'
  logged 'alice has logged on .* by NTLM pass-through, domain controller dc4.new.test'
  do_pam many authenticate
  [ "$status" -eq 0 ]
  logged 'many has logged on .* by NTLM pass-through'
}

@test "by NTLM a wrong password is refused and counted once; each refusal has its sentence" {
  begin
  dc_unlock alice dc4
  lab_block_port ws4 88 reject
  run -1 member_pam ws4 alice wrong authenticate
  says 'The user name or password is incorrect.'
  [ "$(dc_badpwdcount alice dc4)" -eq 1 ]
  dc_unlock alice dc4
  refused disabled 'Your account is disabled.' ACCOUNT_DISABLED
  refused locked 'Your account is locked after too many wrong passwords.' ACCOUNT_LOCKED_OUT
  refused acctexpired 'Your account has expired.' ACCOUNT_EXPIRED
  refused pwexpired 'Your password has expired.' PASSWORD_EXPIRED
  refused mustchange 'You must change your password before you log on.' PASSWORD_MUST_CHANGE
  refused hours 'Your account may not log on at this time of day.' INVALID_LOGON_HOURS
  refused wsres 'Your account may not log on to this computer.' INVALID_WORKSTATION
  refused prot 'A policy of the domain does not let you log on here.' ACCOUNT_RESTRICTION
}

@test "twenty at once, by Kerberos and by NTLM" {
  begin
  run -0 in_member ws4 timeout 55 /usr/bin/python3 "$lab_top/tests/system/converse" 20 alice Passw0rd-alice
  [ "$output" = '20 OK' ]
  lab_block_port ws4 88 reject
  run -0 in_member ws4 timeout 55 /usr/bin/python3 "$lab_top/tests/system/converse" 20 alice Passw0rd-alice
  [ "$output" = '20 OK' ]
}

@test "what we read of a logon is what Samba's bindings read, at the level at which we log on, and in a PAC" {
  local user level
  compare_prepare
  for user in bob alice many rich josé; do
    compare_level network 3 "$user"
    for level in 3 6; do
      compare_level interactive "$level" "$user"
    done
    compare_logon interactive "$user"
    compare_pac "$user"
  done
  compare_pac rich
  compare_has '^home_drive R:$' '^kickoff_time 4355526400$' '^upn rich@brand.example$' "^full_name Rích O'Reilly\$"
}

@test "the computer leaves" {
  member_stop ws4
  run -0 ctl leave --password-stdin
  says 'has left new.test'
  run ! dc_get 'WS4$' cn dc4
}

@test "no role has said anything that it must not" {
  run ! grep -F -e Passw0rd- "$(member_log ws4)"
  run ! grep -E 'alarm|was ended by signal 6|Sanitizer' "$(member_log ws4)"
}
