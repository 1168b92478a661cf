# Logons where Kerberos is not to be had: the password is passed through by
# NTLM over the secure channel, and what the domain says of it is final. Runs in
# a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

no_kdc='No domain controller of corp.test answers. Check the network connection.'
notice='You have logged on without Kerberos tickets. Network resources may ask for your password.'
channel='netlogon: info: there is a secure channel with dc1.corp.test'

setup_file() {
  local user
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  # What other files' tests did on ws1 has its own alarms.
  member_log_mark ws1 >"$BATS_FILE_TMPDIR/mark"
  member_configure ws1
  member_reload ws1
  in_member ws1 klist -ke /etc/krb5.keytab | grep -F 'WS1$@CORP.TEST (DEPRECATED:arcfour-hmac)'
  # Who they are is known, as on any computer that is in use.
  for user in alice bob many disabled locked acctexpired pwexpired mustchange hours wsres prot; do
    in_member ws1 id "$user" >/dev/null
  done
}

teardown_file() {
  local user
  . "$BATS_TEST_DIRNAME/member.sh"
  for user in alice bob disabled acctexpired pwexpired mustchange hours wsres prot; do
    dc_unlock "$user"
  done
  # Twenty workers, and what was learned.
  member_fresh ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_hurry ws1
  keytab=$LAB/hosts/ws1/etc/krb5.keytab
  secret=$LAB/hosts/ws1/etc/authsod/machine-secret
  # The computer has its own ticket, for which it tries every five seconds if it could not be had.
  lab_wait 15 by_kerberos
  mark=$(member_log_mark ws1)
}

teardown() {
  lab_unblock ws1
  if [ -n "${configured:-}" ]; then
    member_configure ws1
    member_reload ws1
  fi
  [ -z "${grouped:-}" ] || samba_tool dc1 group removemembers grp0001 bob
  if [ -n "${rejoin:-}" ]; then
    rm -f "$secret"
    join_again
    member_fresh_start
  fi
  rm -f "$LAB/keytab64"
} >&2

# no_kerberos: the KDC cannot be reached.
no_kerberos() {
  lab_block_port ws1 88 reject
}

configure() {
  configured=1
  member_configure ws1 '[logon]' "$@"
  member_reload ws1
}

# do_pam USER OPERATION...: with the right password.
do_pam() {
  local user=$1
  shift
  run member_do ws1 authsod-hurry "$user" "Passw0rd-$user" "$@"
}

# says TEXT
says() {
  [[ $output == *"$1"* ]] || { echo "no '$1' in: $output"; return 1; }
}

says_not() {
  [[ $output != *"$1"* ]] || { echo "'$1' in: $output"; return 1; }
}

logged() {
  member_logged_since ws1 "$mark" "$1" || { tail -c "+$mark" "$(member_log ws1)"; return 1; }
}

by_kerberos() {
  do_pam alice authenticate
  [ "$status" -eq 0 ] && says_not "$notice"
}

by_ntlm() {
  mark=$(member_log_mark ws1)
  do_pam "$1" authenticate
  [ "$status" -eq 0 ] && says "$notice" || { tail -c "+$mark" "$(member_log ws1)"; return 1; }
  logged "$1 has logged on .*by NTLM pass-through"
}

# refused USER SENTENCE ERROR NTSTATUS: in words to the person, by name in the log.
refused() {
  mark=$(member_log_mark ws1)
  do_pam "$1" authenticate
  [ "$status" -ne 0 ] && says "$2" && says_not "$notice" &&
    logged "$1 refused .*: $3 in the NTLM pass-through: $4, domain controller dc1.corp.test, because Kerberos was not to be had: NO_KDC in "
}

join_again() {
  printf %s "$LAB_ADMIN_PASSWORD" |
    in_member ws1 adcli join --domain=corp.test --domain-controller=dc1.corp.test --login-user=Administrator \
      --stdin-password --computer-name=WS1 --host-fqdn=ws1.corp.test --service-name=host --service-name=RestrictedKrbHost
}

member_fresh_start() {
  member_stop ws1
  member_start ws1
}

@test "no KDC answers: the person gets in with all groups and no tickets, and is told" {
  local groups
  groups=$(in_member ws1 id -G many | wc -w)
  [ "$groups" -gt 1000 ]
  grouped=1
  # What only the controller's answer can know.
  samba_tool dc1 group addmembers grp0001 bob
  run ! in_member ws1 sh -c 'id bob | grep -q grp0001'
  no_kerberos
  do_pam bob authenticate acct_mgmt establish open_session env 'run:id bob; echo "cache: [$KRB5CCNAME]"' close_session
  [ "$status" -eq 0 ]
  says 'authenticate: SUCCESS'
  says 'establish: SUCCESS'
  says "$notice"
  says 'cache: []'
  says_not KRB5CCNAME=
  says '(grp0001)'
  [ "$(grep -cF "$notice" <<<"$output")" -eq 1 ]
  logged "$channel"
  logged 'bob has logged on .* by NTLM pass-through, domain controller dc1.corp.test, because Kerberos was not to be had: NO_KDC in the AS exchange: .*Connection refused'
  by_ntlm many
  [ "$(in_member ws1 id -G many | wc -w)" -eq "$groups" ]
  # The session is kept.
  by_ntlm bob
  [ "$(tail -c "+$mark" "$(member_log ws1)" | grep -c 'secure channel')" -eq 0 ]
}

@test "login and su" {
  no_kerberos
  run -0 member_login ws1 alice Passw0rd-alice 'id -un; echo "cache: [$KRB5CCNAME]"'
  says "$notice"
  says 'cache: []'
  run -0 member_su ws1 localuser alice Passw0rd-alice 'id -un'
  says "$notice"
}

@test "a wrong password is refused, and counts once" {
  local n
  dc_unlock alice
  no_kerberos
  for n in 1 2 3; do
    run -1 member_pam ws1 alice wrong authenticate
    says 'The user name or password is incorrect.'
    [ "$(dc_badpwdcount alice)" -eq "$n" ]
  done
  logged 'alice refused .*: WRONG_PASSWORD in the NTLM pass-through: NT_STATUS_WRONG_PASSWORD C000006A'
  by_ntlm alice
  dc_unlock alice
  # Nor is it tried by NTLM when Kerberos has said so.
  lab_unblock ws1
  lab_wait 10 by_kerberos
  mark=$(member_log_mark ws1)
  run -1 member_pam ws1 alice wrong authenticate
  [ "$(dc_badpwdcount alice)" -eq 1 ]
  run ! logged NTLM
  dc_unlock alice
}

@test "each refusal has its sentence" {
  no_kerberos
  refused disabled 'Your account is disabled.' DISABLED 'NT_STATUS_ACCOUNT_DISABLED C0000072'
  refused locked 'Your account is locked after too many wrong passwords.' LOCKED 'NT_STATUS_ACCOUNT_LOCKED_OUT C0000234'
  refused acctexpired 'Your account has expired.' ACCOUNT_EXPIRED 'NT_STATUS_ACCOUNT_EXPIRED C0000193'
  refused pwexpired 'Your password has expired.' PASSWORD_EXPIRED 'NT_STATUS_PASSWORD_EXPIRED C0000071'
  refused mustchange 'You must change your password before you log on.' MUST_CHANGE 'NT_STATUS_PASSWORD_MUST_CHANGE C0000224'
  refused hours 'Your account may not log on at this time of day.' LOGON_HOURS 'NT_STATUS_INVALID_LOGON_HOURS C000006F'
  refused wsres 'Your account may not log on to this computer.' WORKSTATION 'NT_STATUS_INVALID_WORKSTATION C0000070'
  refused prot 'A policy of the domain does not let you log on here.' POLICY 'NT_STATUS_ACCOUNT_RESTRICTION C000006E'
}

@test "who guesses from elsewhere learns nothing but that" {
  no_kerberos
  run member_do ws1 rhost=203.0.113.7 authsod-hurry disabled wrong authenticate
  says 'The user name or password is incorrect.'
  run member_do ws1 rhost=203.0.113.7 authsod-hurry locked Passw0rd-locked authenticate
  says 'The user name or password is incorrect.'
  # With the right password one is told.
  run member_do ws1 rhost=203.0.113.7 authsod-hurry disabled Passw0rd-disabled authenticate
  says 'Your account is disabled.'
  dc_unlock disabled
}

@test "ntlm_fallback = never: as if there were no NTLM" {
  configure 'ntlm_fallback = never'
  no_kerberos
  mark=$(member_log_mark ws1)
  do_pam alice authenticate
  [ "$status" -ne 0 ]
  says "$no_kdc"
  run ! logged 'NTLM|netlogon'
}

@test "no KDC answered one: who comes next does not wait for it, and a moment later Kerberos is tried again" {
  local began
  # Whatever is sent to the KDC vanishes: that is found out once.
  lab_block_port ws1 88
  lab_wait 10 not_a_moment_ago
  began=$(date +%s%N)
  by_ntlm bob
  [ $((($(date +%s%N) - began) / 1000000)) -lt 1000 ]
  logged 'NO_KDC in the AS exchange: none answered a moment ago'
  # It is no less strict, and counts once.
  dc_unlock alice
  run -1 member_pam ws1 alice wrong authenticate
  [ "$(dc_badpwdcount alice)" -eq 1 ]
  dc_unlock alice
  lab_unblock ws1
  lab_wait 10 by_kerberos
}

# not_a_moment_ago: alice gets in by NTLM, having waited for the KDC herself.
not_a_moment_ago() {
  by_ntlm alice && ! logged 'none answered a moment ago'
}

@test "Kerberos is back: the next authentication has tickets" {
  configure 'ccache = FILE:/tmp/krb5cc64_%{uid}'
  no_kerberos
  do_pam alice authenticate acct_mgmt establish env
  [ "$status" -eq 0 ]
  says_not KRB5CCNAME
  # A screen that is unlocked.
  lab_unblock ws1
  lab_wait 10 has_tickets_after_unlocking || { echo "$output"; false; }
  in_member ws1 rm -f /tmp/krb5cc64_*
}

has_tickets_after_unlocking() {
  do_pam alice authenticate acct_mgmt refresh env 'run:klist'
  [ "$status" -eq 0 ] && says_not "$notice" && says 'krbtgt/CORP.TEST@CORP.TEST'
}

@test "the controller was started again: the session is made anew" {
  no_kerberos
  by_ntlm alice
  lab_dc_kill dc1
  lab_dc_start dc1
  lab_wait 10 by_ntlm alice
  [ "$(dc_badpwdcount alice)" -eq 0 ]
}

@test "netlogon dies or hangs: another one takes its place, and Kerberos feels nothing" {
  local pid
  pid=$(member_roles ws1 netlogon)
  kill -STOP "$pid"
  do_pam alice authenticate
  kill -CONT "$pid"
  [ "$status" -eq 0 ]
  says_not "$notice"
  no_kerberos
  by_ntlm alice
  kill -KILL "$pid"
  lab_wait 10 another_netlogon "$pid"
  lab_wait 10 by_ntlm alice
}

another_netlogon() {
  local pid
  pid=$(member_roles ws1 netlogon)
  [ -n "$pid" ] && [ "$pid" != "$1" ]
}

@test "the secure channel's port is closed, too: an error in time, and it works again" {
  local began took
  no_kerberos
  member_fresh_start
  in_member ws1 nft 'add rule inet lab_block out oifname != "lo" tcp dport 135 drop'
  began=$SECONDS
  mark=$(member_log_mark ws1)
  do_pam alice authenticate
  took=$((SECONDS - began))
  [ "$status" -ne 0 ]
  says "$no_kdc"
  logged 'alice refused .*: NO_KDC in .*; NTLM pass-through: NO_KDC: '
  echo "$took s"
  [ "$took" -le 20 ]
  # Those that come next are not kept waiting.
  began=$SECONDS
  do_pam alice authenticate
  says "$no_kdc"
  [ $((SECONDS - began)) -le 5 ]
  lab_unblock ws1
  no_kerberos
  lab_wait 15 by_ntlm alice
}

@test "the domain has another password for this computer: what to do is said" {
  rejoin=1
  samba_tool dc1 user setpassword 'WS1$' --newpassword=Another-Machine-Pass1
  no_kerberos
  member_fresh_start
  mark=$(member_log_mark ws1)
  do_pam alice authenticate
  [ "$status" -ne 0 ]
  says "This computer's key for the domain is out of date. Ask your administrator to join it again."
  logged 'alice refused .*: STALE_KEYTAB in the NTLM pass-through: .*NetrServerAuthenticate3 \(NT_STATUS_ACCESS_DENIED C0000022\), domain controller dc1.corp.test: .*must be joined again'
  lab_unblock ws1
  join_again
  no_kerberos
  # The new keytab is taken without a restart.
  lab_wait 10 by_ntlm alice
}

# without_arcfour: the keytab has none of those keys any more.
without_arcfour() {
  /usr/bin/python3 - "$keytab" <<'END'
import struct, sys

with open(sys.argv[1], 'rb') as f:
    data = f.read()
out, at = data[:2], 2
while at < len(data):
    size = struct.unpack('>i', data[at:at + 4])[0]
    entry = data[at + 4:at + 4 + abs(size)]
    p = 2
    for _ in range(struct.unpack('>H', entry[:2])[0] + 1):
        p += 2 + struct.unpack('>H', entry[p:p + 2])[0]
    if size > 0 and struct.unpack('>H', entry[p + 9:p + 11])[0] != 23:
        out += data[at:at + 4 + size]
    at += 4 + abs(size)
with open(sys.argv[1], 'wb') as f:
    f.write(out)
END
}

# machine_secret PASSWORD
machine_secret() {
  (umask 077 && /usr/bin/python3 - "$1" >"$secret") <<'END'
import struct, sys

def text(s):
    return struct.pack('<I', len(s)) + s.encode()

sys.stdout.buffer.write(b'authsods' + struct.pack('<I', 1) + text('corp.test') + text('CORP.TEST') + text('WS1$') +
                        text('dc1.corp.test') + struct.pack('<IIIQ', 1, 1, 0, 1) + text(sys.argv[1]))
END
}

@test "the machine secret serves where the keytab has no such key; without both the log says so, and only when asked" {
  rejoin=1
  without_arcfour
  member_fresh_start
  mark=$(member_log_mark ws1)
  do_pam alice authenticate
  [ "$status" -eq 0 ]
  run ! logged 'netlogon: error'
  no_kerberos
  do_pam alice authenticate
  [ "$status" -ne 0 ]
  says "$no_kdc"
  logged 'alice refused .*: NO_KDC .*NTLM pass-through: NO_KEYTAB: there is no machine secret .*machine-secret, and the keytab /etc/krb5.keytab has no arcfour-hmac key of WS1\$'
  samba_tool dc1 user setpassword 'WS1$' --newpassword=Another-Machine-Pass2
  machine_secret Another-Machine-Pass2
  lab_wait 10 by_ntlm alice
  # Another program has a session of this computer's, which ends ours: that is no wrong password of anybody's.
  dc_unlock alice
  in_member ws1 "${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system/rpcprobe" --dc 10.99.0.1 \
    --controller dc1.corp.test --computer WS1 --password Another-Machine-Pass2
  by_ntlm alice
  [ "$(dc_badpwdcount alice)" -eq 0 ]
  logged "$channel"
}

@test "the domain does not know this computer's service principal" {
  configured=1
  member_configure ws1 'fqdn = elsewhere.corp.test'
  member_reload ws1
  by_ntlm alice
  logged 'because Kerberos was not to be had: NO_KEYTAB in the TGS exchange: .*KDC_ERR_S_PRINCIPAL_UNKNOWN'
  dc_unlock alice
  run -1 member_pam ws1 alice wrong authenticate
  [ "$(dc_badpwdcount alice)" -eq 1 ]
  dc_unlock alice
}

@test "twenty at once" {
  no_kerberos
  run -0 in_member ws1 timeout 55 /usr/bin/python3 "$lab_top/tests/system/converse" 20 alice Passw0rd-alice
  [ "$output" = '20 OK' ]
  dc_unlock bob
  run -0 in_member ws1 timeout 55 /usr/bin/python3 "$lab_top/tests/system/converse" 4 bob wrong
  [ "$output" = '4 WRONG_PASSWORD' ]
  [ "$(dc_badpwdcount bob)" -eq 4 ]
  dc_unlock bob
}

@test "no role has said anything that it must not" {
  run ! grep -F -e Passw0rd-alice -e Another-Machine-Pass "$(member_log ws1)"
  run ! member_logged_since ws1 "$(cat "$BATS_FILE_TMPDIR/mark")" 'alarm|was ended by signal 6|Sanitizer'
}
