# Users of another domain, OTHER.TEST, which trusts CORP.TEST and is trusted.
# Each name of accounts.py is in both. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

by_ntlm='You have logged on without Kerberos tickets. Network resources may ask for your password.'

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_configure ws1
  member_fresh ws1
  member_desk
  lab_other ws1
  member_log_mark ws1 >"$BATS_FILE_TMPDIR/mark"
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  lab_unblock ws1
  lab_other_end ws1
  member_fresh ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_hurry ws1
  mark=$(member_log_mark ws1)
}

teardown() {
  lab_unblock ws1
  [ -z "${hung:-}" ] || kill -CONT "$hung" 2>/dev/null || true
  if [ -n "${configured:-}" ]; then
    member_configure ws1
    member_reload ws1
  fi
} >&2

# do_pam USER PASSWORD OPERATION...
do_pam() {
  run member_do ws1 authsod-hurry "$@"
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

configure() {
  configured=1
  member_configure ws1 "$@"
  member_reload ws1
}

# logs_on USER: with the right password, by Kerberos.
logs_on() {
  do_pam "$1" "Passw0rd-${1%@*}" authenticate
  [ "$status" -eq 0 ] && says_not "$by_ntlm" || { echo "$output"; tail -c "+$mark" "$(member_log ws1)"; return 1; }
}

# seconds CMD...: how long CMD takes, whatever comes of it.
seconds() {
  local begun=$EPOCHREALTIME
  "$@" >/dev/null 2>&1 || true
  awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}

@test "every spelling of the name finds one account, which is not the namesake" {
  local name entry
  entry=$(in_member ws1 getent passwd alice@other.test)
  [[ $entry =~ ^alice@other\.test:\*:[0-9]+:[0-9]+:alice:/home/alice@other\.test:/bin/bash$ ]]
  for name in 'OTHER\alice' 'other\ALICE' 'other.test\alice' Alice@OTHER.TEST alice@other; do
    [ "$(in_member ws1 getent passwd "$name")" = "$entry" ]
  done
  [ "$(in_member ws1 getent passwd "$(cut -d: -f3 <<<"$entry")")" = "$entry" ]
  [ "$(in_member ws1 id -u alice)" -ne "$(in_member ws1 id -u alice@other.test)" ]
  [ "$(in_member ws1 id -un alice)" = alice ]
  in_member ws1 getent group engineers@other.test | grep -E '^engineers@other\.test:\*:[0-9]+:$'
  logged 'netlogon: info: corp.test trusts other.test \(other\), and is trusted'
}

@test "who is nobody there is nobody here" {
  local name
  for name in nosuch@other.test 'OTHER\nosuch' 'DCO$@other.test' 'NOSUCH\alice' alice@nosuch.test 'CORP.TEST\nosuch'; do
    run -2 in_member ws1 getent passwd "$name"
  done
  # A group is no user, and a user no group.
  run -2 in_member ws1 getent passwd engineers@other.test
  run -2 in_member ws1 getent group alice@other.test
}

@test "a logon: all groups with their names, tickets of the other realm, once a bad password" {
  local count
  do_pam alice@other.test Passw0rd-alice authenticate acct_mgmt establish open_session env 'run:klist' close_session
  [ "$status" -eq 0 ]
  says 'Default principal: alice@OTHER.TEST'
  says 'krbtgt/OTHER.TEST@OTHER.TEST'
  logged 'alice@other.test has logged on'
  run -0 in_member ws1 id alice@other.test
  says '(engineers@other.test)'
  says '(all staff@other.test)'
  says '(everyone nested@other.test)'
  says '(domain users@other.test)'
  # Each group has a name, and that is the other domain's.
  [[ ! $output =~ [=,][0-9]+(,|$) && ! $output =~ \([^@\)]*\) ]]
  count=$(dc_badpwdcount bob dco)
  do_pam bob@other.test wrong authenticate
  [ "$status" -ne 0 ]
  says 'The user name or password is incorrect.'
  [ "$(dc_badpwdcount bob dco)" -eq $((count + 1)) ]
  [ "$(dc_badpwdcount bob)" -eq 0 ]
  logs_on bob@other.test
}

@test "sshd lets them in, under any of their names" {
  member_sshd ws1
  run -0 member_ssh desk alice@other.test@ws1.corp.test Passw0rd-alice password 'id -un; klist; pwd'
  says alice@other.test
  says 'krbtgt/OTHER.TEST@OTHER.TEST'
  says /home/alice@other.test
  run -0 member_ssh desk 'OTHER\alice@ws1.corp.test' Passw0rd-alice keyboard-interactive 'id -un'
  says alice@other.test
  run -0 member_ssh desk alice@ws1.corp.test Passw0rd-alice password 'id -un; klist'
  says 'krbtgt/CORP.TEST@CORP.TEST'
}

@test "the exchange is protected in the other realm, too" {
  configure '[logon]' 'fast = require'
  logs_on alice@other.test
}

# count NAME
count() {
  in_member ws1 nft list counter inet trusts67 "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

@test "a logon is six requests on two connections, and asks no DNS the second time" {
  logs_on alice@other.test
  in_member ws1 nft -f - <<'EOT'
add table inet trusts67
delete table inet trusts67
table inet trusts67 {
  counter dns {}
  counter connections {}
  counter requests {}
  chain out {
    type filter hook output priority filter;
    meta l4proto { tcp, udp } th dport 53 counter name dns
    tcp dport 88 tcp flags & (syn | ack) == syn counter name connections
    tcp dport 88 tcp flags & psh == psh counter name requests
  }
}
EOT
  logs_on alice@other.test
  run -0 echo "dns $(count dns) connections $(count connections) requests $(count requests)"
  in_member ws1 nft delete table inet trusts67
  says 'dns 0 connections 2 requests 6'
}

@test "who may not log on there does not log on here" {
  local user sentence
  while IFS='|' read -r user sentence; do
    do_pam "$user@other.test" "Passw0rd-$user" authenticate
    [ "$status" -ne 0 ]
    says "$sentence"
  done <<'EOT'
locked|Your account may not log on at present.
disabled|Your account may not log on at present.
acctexpired|Your account may not log on at present.
hours|Your account may not log on at present.
pwexpired|Your password has expired.
mustchange|Your password has expired.
wsres|A policy of the domain does not let you log on here.
EOT
  # The namesakes are others.
  dc_set disabled userAccountControl 512
  do_pam disabled Passw0rd-disabled authenticate
  dc_set disabled userAccountControl 514
  [ "$status" -eq 0 ]
}

@test "without a logon the account's state is that of the last one, or not known" {
  in_member ws1 id carol@other.test
  do_pam carol@other.test - acct_mgmt
  [ "$status" -ne 0 ]
  says 'Whether your account may log on cannot be found out at present.'
  logs_on alice@other.test
  do_pam alice@other.test - acct_mgmt
  [ "$status" -eq 0 ]
  logged 'alice@other.test has logged on 0 minutes ago: the account is taken to be in force'
}

@test "our KDC cannot be reached: the password goes by NTLM, and is counted once" {
  local count
  count=$(dc_badpwdcount bob dco)
  lab_block_port ws1 88 reject
  do_pam bob@other.test Passw0rd-bob authenticate
  [ "$status" -eq 0 ]
  says "$by_ntlm"
  logged 'bob@other.test has logged on .* by NTLM pass-through'
  do_pam bob@other.test wrong authenticate
  [ "$status" -ne 0 ]
  says 'The user name or password is incorrect.'
  [ "$(dc_badpwdcount bob dco)" -eq $((count + 1)) ]
  do_pam disabled@other.test Passw0rd-disabled authenticate
  says 'Your account is disabled.'
  # The next one is Kerberos' again.
  lab_unblock ws1
  lab_wait 15 logs_on bob@other.test
}

@test "a netlogon that hangs costs those who ask for the other domain, and nobody else" {
  in_member ws1 getent passwd alice@other.test
  local waiting
  hung=$(member_roles ws1 netlogon)
  kill -STOP "$hung"
  in_member ws1 getent passwd prot@other.test >/dev/null 2>&1 3>&- &
  waiting=$!
  awk -v s="$(seconds in_member ws1 getent passwd carol)" 'BEGIN { exit !(s < 1) }'
  awk -v s="$(seconds in_member ws1 getent passwd alice@other.test)" 'BEGIN { exit !(s < 1) }'
  logs_on carol
  logs_on alice@other.test
  # It is told that this cannot be known now.
  status=0
  wait "$waiting" || status=$?
  [ "$status" -eq 2 ]
  kill -CONT "$hung"
  hung=
  lab_wait 10 in_member ws1 getent passwd prot@other.test
}

@test "after a start the store knows them, and the next logon finds the trust again" {
  logs_on alice@other.test
  member_stop ws1
  member_start ws1
  # Out of the store alone.
  hung=$(member_roles ws1 netlogon)
  kill -STOP "$hung"
  in_member ws1 id alice@other.test | grep -F '(engineers@other.test)'
  kill -CONT "$hung"
  hung=
  logs_on alice@other.test
}

# our_groups USER: the groups of CORP.TEST that he is in, by getent; each has a name.
our_groups() {
  local gid
  for gid in $(in_member ws1 getent initgroups "$1" | awk '{ for (i = 2; i <= NF; i++) print $i }'); do
    in_member ws1 getent group "$gid" | cut -d: -f1
  done | grep -v @ | sort | paste -sd' '
}

# has_groups USER GROUPS
has_groups() {
  local groups
  groups=$(our_groups "$1")
  [ "$groups" = "$2" ] || { echo "$1 is in: $groups"; return 1; }
}

# foreign_sid NAME: prints the SID of an account of OTHER.TEST.
foreign_sid() {
  in_dc dco ldbsearch -H /var/lib/samba/private/sam.ldb "(sAMAccountName=$1)" objectSid | sed -n 's/^objectSid: //p'
}

# take_out GROUP NAME: samba-tool says that it has taken out a SID, and has not.
take_out() {
  in_dc dc1 ldbmodify -H /var/lib/samba/private/sam.ldb <<EOT
dn: CN=$1,CN=Users,DC=corp,DC=test
changetype: modify
delete: member
member: CN=$(foreign_sid "$2"),CN=ForeignSecurityPrincipals,DC=corp,DC=test
EOT
}

@test "groups of our domain that they are in: their own, nested ones, those of the other domain's groups" {
  local name
  for name in bridge tower crew beyond; do
    samba_tool dc1 group add "$name" --group-scope=Domain
  done
  samba_tool dc1 group add leaflet --group-scope=Domain --group-type=Distribution
  samba_tool dc1 group addmembers bridge "$(foreign_sid prot)"
  samba_tool dc1 group addmembers crew "$(foreign_sid engineers)"
  samba_tool dc1 group addmembers tower bridge
  # Who is in a distribution list is not in what that is in.
  samba_tool dc1 group addmembers leaflet bridge
  samba_tool dc1 group addmembers beyond leaflet
  # Before a logon, what he himself is in.
  run -0 our_groups prot@other.test
  [ "$output" = 'bridge tower' ] || { echo "$output"; return 1; }
  logs_on prot@other.test
  has_groups prot@other.test 'bridge tower'
  # What a logon brings is there at once, whatever was known before.
  logs_on alice@other.test
  run -0 in_member ws1 id alice@other.test
  says '(crew)'
  says '(engineers@other.test)'
  says_not '(tower)'
  # Its members of the own domain alone.
  in_member ws1 getent group bridge | grep -E '^bridge:\*:[0-9]+:$'
  take_out bridge prot
  logs_on prot@other.test
  has_groups prot@other.test ''
}

@test "groups of our domain are there while its directory is not, and gone by the refresh" {
  # From the store, after a start.
  member_stop ws1
  lab_block_port ws1 389
  member_start ws1
  has_groups alice@other.test crew
  lab_unblock ws1
  lab_wait 30 logs_on alice@other.test
  has_groups alice@other.test crew
  configure '[identity]' 'cache_refresh = 1s'
  take_out crew engineers
  lab_wait 30 has_groups alice@other.test ''
}

@test "the configuration says which domains" {
  configure 'trusted = none'
  run -2 in_member ws1 getent passwd alice@other.test
  configure 'trusted = third.test'
  run -2 in_member ws1 getent passwd alice@other.test
  do_pam alice@other.test Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  configure 'trusted = other.test'
  logs_on alice@other.test
}

@test "the other domain does not answer: a sentence says which, and our users notice nothing" {
  # With NTLM our controller would try as well, and say so when its own time is up.
  configure '[logon]' 'ntlm_fallback = never'
  lab_dc_kill dco
  do_pam alice@other.test Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  says 'No domain controller of other.test answers.'
  logs_on alice
  in_member ws1 id alice@other.test | grep -F '(engineers@other.test)'
  configure
  do_pam alice@other.test Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  logs_on alice
  lab_dc_start dco
  lab_wait 20 logs_on alice@other.test
}

@test "nothing went wrong unseen" {
  run member_logged_since ws1 "$(cat "$BATS_FILE_TMPDIR/mark")" 'authsodd\[[0-9]+\] [a-z]+: (alarm|error)|AddressSanitizer|runtime error'
  [ "$status" -ne 0 ] || { tail -c "+$(cat "$BATS_FILE_TMPDIR/mark")" "$(member_log ws1)" | grep -E 'alarm|error'; return 1; }
}

@test "a domain that does not trust ours: without FAST, unless that is required" {
  lab_trust_direction 2
  configure
  # What is not in the table has it asked for.
  run -2 in_member ws1 getent passwd 'NOSUCH\alice'
  lab_wait 20 logs_on alice@other.test
  logged 'netlogon: info: corp.test trusts other.test \(other\)$'
  configure '[logon]' 'fast = require'
  do_pam alice@other.test Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  says 'did not protect the logon as it must'
  logs_on alice
  lab_trust_direction 3
}

@test "the trust is removed: they are nobody any more" {
  local uid
  uid=$(in_member ws1 id -u alice@other.test)
  lab_trust_end
  # Tickets of the other realm do not help before the table is asked for again.
  do_pam alice@other.test Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  configure
  run -2 in_member ws1 getent passwd 'NOSUCH\alice'
  run -2 in_member ws1 getent passwd alice@other.test
  run -2 in_member ws1 getent passwd "$uid"
  do_pam alice@other.test Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  logs_on alice
}
