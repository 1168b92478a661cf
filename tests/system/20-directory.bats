# lib/directory against a real domain, by dirprobe on ws1. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

directory_env() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  build=${AUTHSOD_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/system
}

setup_file() {
  directory_env
  in_member ws1 kinit -c /tmp/dir20.tgt -k 'WS1$'
  fresh_ticket
  in_dc dc1 rm -f /tmp/dir20.keytab
  in_dc dc1 samba-tool domain exportkeytab /tmp/dir20.keytab \
    --principal=ldap/dc1.corp.test
}

# What the tests made, for those who come after us.
teardown_file() {
  local group
  directory_env
  in_dc dc1 samba-tool sites subnet remove "$LAB_WS1_ADDR/32"
  in_dc dc1 samba-tool sites remove Branch
  for group in dir20-readers dir20-outer dir20-odd; do
    in_dc dc1 samba-tool group delete "$group"
  done
  in_member ws1 sh -c 'rm -f /tmp/dir20.*'
  in_dc dc1 sh -c 'rm -f /tmp/dir20.*'
} >&2

setup() {
  directory_env
}

teardown() {
  [ -z "${stopped:-}" ] || lab_dc_cont dc1
  [ -z "${blocked:-}" ] || lab_unblock ws1
}

# stop_dc1: freezes the controller until the test's end.
stop_dc1() {
  stopped=1
  lab_dc_stop dc1
}

# What directory_open needs: a ticket for the controller, and nothing else.
fresh_ticket() {
  in_member ws1 kvno -q -c /tmp/dir20.tgt --out-cache /tmp/dir20.ldap ldap/dc1.corp.test
}

# dirprobe [VARIABLE=VALUE]... COMMAND...
dirprobe() {
  local -a variables=()
  while [[ $1 == [A-Z]*=* ]]; do
    variables+=("$1")
    shift
  done
  in_member ws1 env KRB5CCNAME=FILE:/tmp/dir20.ldap "${variables[@]}" \
    "$build/dirprobe" "$@"
}

now_ms() {
  echo $((${EPOCHREALTIME/./} / 1000))
}

# has_line LINE: $output has exactly that line.
has_line() {
  grep -qxF -- "$1" <<<"$output" || {
    printf 'no line "%s" in:\n%s\n' "$1" "$output"
    return 1
  }
}

# state_of USER WORDS: what dirprobe says of the account's state.
state_of() {
  run -0 dirprobe user "$1"
  has_line "account $1"
  has_line "state${2:+ $2}"
}

# dns add|delete NAME TYPE DATA: a record of the domain; _msdcs is a zone of its own.
dns() {
  local zone=corp.test name=$2
  [[ $name != *._msdcs ]] || zone=_msdcs.corp.test name=${name%._msdcs}
  in_dc dc1 samba-tool dns "$1" 127.0.0.1 "$zone" "$name" "$3" "$4" \
    -U "Administrator%$LAB_ADMIN_PASSWORD"
}

# fake MODE: fakeldap on dc1; dirprobe's answer and how long it took.
fake() {
  local port=$((2000 + RANDOM % 20000)) began
  lab_spawn "$LAB/log/fake.$port" "$lab_dir/in" dc1 \
    env KRB5_KTNAME=FILE:/tmp/dir20.keytab "$build/fakeldap" "$port" "$1"
  lab_wait 10 grep -q ready "$LAB/log/fake.$port"
  began=$(now_ms)
  run dirprobe DIRPROBE_TIMEOUT=1500 \
    DIRPROBE_DC="10.99.0.1:$port dc1.corp.test" open
  took=$(($(now_ms) - began))
  fake_log=$LAB/log/fake.$port
}

@test "SRV and ping find dc1 with its site" {
  run -0 dirprobe locate
  has_line 'host dc1.corp.test'
  has_line 'address 10.99.0.1'
  has_line 'site Default-First-Site-Name'
  has_line 'domain corp.test'
  has_line 'netbios CORP'
  has_line 'forest corp.test'
}

@test "the site is the one of this computer's subnet" {
  in_dc dc1 samba-tool sites create Branch
  in_dc dc1 samba-tool sites subnet create "$LAB_WS1_ADDR/32" Branch
  # Samba's CLDAP server may know subnets from before.
  lab_wait 30 bash -c '"$@" | grep -qx "site Branch"' - \
    "$lab_dir/in" ws1 "$build/dirprobe" locate
  # No controller is in Branch: remembered or not, dc1 must do.
  run -0 dirprobe locate Branch
  has_line 'host dc1.corp.test'
  has_line 'site Branch'
}

@test "one of two controllers is dead: the other is chosen within 2 s" {
  dns add _ldap._tcp.dc._msdcs SRV 'dead.corp.test 389 0 100'
  dns add dead A 10.99.0.99
  for _ in 1 2 3 4; do
    began=$(now_ms)
    run -0 dirprobe locate
    took=$(($(now_ms) - began))
    has_line 'host dc1.corp.test'
    [ "$took" -lt 2000 ]
  done
  dns delete _ldap._tcp.dc._msdcs SRV 'dead.corp.test 389 0 100'
  dns delete dead A 10.99.0.99
}

@test "no such domain, and a domain that does not answer" {
  run -1 dirprobe DIRPROBE_DOMAIN=nothing.corp.test locate
  [ "$output" = NO_REALM ]
  stop_dc1
  began=$(now_ms)
  run -1 dirprobe DIRPROBE_TIMEOUT=1500 locate
  took=$(($(now_ms) - began))
  [ "$output" = NO_KDC ]
  [ "$took" -lt 3000 ]
}

@test "the domain's SID and name" {
  run -0 dirprobe open
  [[ $output == *'sid S-1-5-21-'* ]]
  has_line 'netbios CORP'
}

@test "alice by account, UPN and SID, in any letter case" {
  run -0 dirprobe user alice
  has_line 'account alice'
  has_line 'upn alice@corp.test'
  has_line 'name Alice Liddell'
  has_line 'primary 513'
  has_line 'state'
  wanted=$output
  sid=$(sed -n 's/^sid //p' <<<"$output")
  for name in ALICE alice@corp.test Alice@CORP.TEST "$sid"; do
    run -0 dirprobe user "$name"
    [ "$output" = "$wanted" ]
  done
}

@test "UPNs: without the attribute, of another suffix" {
  run -0 dirprobe user bob@corp.test
  has_line 'account bob'
  has_line 'upn '
  run -0 dirprobe user carol@brand.example
  has_line 'account carol'
  run -0 dirprobe user carol@corp.test
  has_line 'account carol'
  run -0 dirprobe user alice@brand.example
  [ "$output" = UNKNOWN_PRINCIPAL ]
}

@test "other letters: José in any case, but no jose" {
  run -0 dirprobe user JOSÉ
  has_line 'account josé'
  run -0 dirprobe user jose
  [ "$output" = UNKNOWN_PRINCIPAL ]
  run -0 dirprobe user mixedcase
  has_line 'account MixedCase'
}

@test "states: disabled, locked, expired, password expired, must change, hours" {
  state_of alice ''
  state_of disabled disabled
  state_of locked locked
  state_of acctexpired expired
  state_of pwexpired password_expired
  state_of mustchange must_change
  state_of hours outside_hours
  # shellcheck disable=SC2016 # a name
  state_of 'WS1$' machine
}

@test "a password that never expires need not be changed" {
  dc_must_change bob
  state_of bob must_change
  dc_set bob userAccountControl 66048
  state_of bob ''
  has_line 'password_expires never'
  dc_set bob userAccountControl 512
  dc_reset bob
  state_of bob ''
}

@test "names that would be filters find nobody" {
  run -0 dirprobe user '*' 'a)(b' 'alice)(objectClass=*' '*)(uid=*' 'al*' \
    'alice)' '\61lice' 'alice ' ' alice' 'ali
ce' '' '*@corp.test' 'al*@corp.test'
  [ "${#lines[@]}" -eq 13 ]
  [ "$(sort -u <<<"$output")" = UNKNOWN_PRINCIPAL ]
  run -0 dirprobe group '*' 'Engineers)(cn=*' 'Eng*' ''
  [ "$(sort -u <<<"$output")" = UNKNOWN_PRINCIPAL ]
}

@test "a group is no user and a user no group" {
  run -0 dirprobe user Engineers
  [ "$output" = UNKNOWN_PRINCIPAL ]
  run -0 dirprobe group alice ENGINEERS 'domain users'
  [ "${lines[0]}" = UNKNOWN_PRINCIPAL ]
  [[ ${lines[1]} == 'group Engineers S-1-5-21-'* ]]
  [[ ${lines[2]} == 'group Domain Users S-1-5-21-'*-513 ]]
}

@test "a distribution list is no group" {
  in_dc dc1 samba-tool group add dir20-readers --group-type=Distribution
  run -0 dirprobe group dir20-readers
  [ "$output" = UNKNOWN_PRINCIPAL ]
}

@test "alice's groups, nested ones too" {
  run -0 dirprobe groups alice
  for group in Engineers 'All Staff' 'Everyone Nested' 'Domain Users' sudo; do
    has_line "group $group"
  done
}

@test "a thousand groups have names" {
  run -0 dirprobe DIRPROBE_TIMEOUT=20000 groups many
  [ "$(grep -c '^group grp' <<<"$output")" -eq 1000 ]
  has_line 'group grp0001'
  has_line 'group grp1000'
}

@test "members, nested ones and primary ones too" {
  run -0 dirprobe members Engineers
  [ "$output" = 'member alice' ]
  run -0 dirprobe members 'Everyone Nested'
  [ "$output" = 'member alice' ]
  run -0 dirprobe members 'Domain Users'
  has_line 'member alice'
  has_line 'member josé'
  run -0 dirprobe members 'Domain Users' 5
  [ "${#lines[@]}" -eq 5 ]
  # Computers are members of Domain Computers, but nobody's.
  run -0 dirprobe members 'Domain Computers'
  [ -z "$output" ]
}

@test "primary members of a group within a group" {
  in_dc dc1 samba-tool group add dir20-outer
  in_dc dc1 samba-tool group addmembers dir20-outer 'Domain Users'
  run -0 dirprobe members dir20-outer
  has_line 'member alice'
  has_line 'member MixedCase'
}

@test "what a filter must escape, in a distinguished name" {
  in_dc dc1 ldbadd -H /var/lib/samba/private/sam.ldb /dev/stdin <<'EOF'
dn: CN=odd \2A (1\5C) group,CN=Users,DC=corp,DC=test
objectClass: group
sAMAccountName: dir20-odd
member: CN=carol,CN=Users,DC=corp,DC=test
EOF
  run -0 dirprobe members dir20-odd
  [ "$output" = 'member carol' ]
  run -0 dirprobe groups carol
  has_line 'group dir20-odd'
}

@test "no sealing, no service" {
  fake unsealed
  [ "$status" -eq 1 ]
  [[ $output == NO_KEYTAB:* ]]
  run ! grep -q 'let in' "$fake_log"
}

@test "configuration can neither weaken the connection nor break it" {
  run -0 dirprobe LDAPSASL_SECPROPS=none,minssf=0,maxssf=0 LDAPTIMEOUT=1 open
  run -0 dirprobe LDAPREFERRALS=on LDAPDEREF=always LDAPSIZELIMIT=1 groups alice
  has_line 'group Engineers'
  # The same from files; without a buffer there is no sealing, and no directory.
  in_member ws1 mkdir -p /etc/ldap /tmp/dir20.home
  in_member ws1 sh -c 'cp /etc/ldap/ldap.conf /tmp/dir20.ldap.conf 2>/dev/null || : >/tmp/dir20.ldap.conf'
  in_member ws1 tee /etc/ldap/ldap.conf /tmp/dir20.home/.ldaprc <<<'SASL_SECPROPS maxbufsize=0'
  run dirprobe HOME=/tmp/dir20.home LDAPSASL_SECPROPS=maxbufsize=0 open
  in_member ws1 cp /tmp/dir20.ldap.conf /etc/ldap/ldap.conf
  in_member ws1 rm -rf /tmp/dir20.home
  [ "$status" -eq 0 ]
}

@test "servers that stall, talk nonsense, promise a gigabyte, hang up" {
  for mode in stall garbage huge close; do
    fake "$mode"
    [ "$status" -eq 1 ]
    [[ $output == NO_KDC:* ]]
    [ "$took" -lt 4000 ]
  done
}

@test "no ticket: nothing is asked" {
  run -1 dirprobe KRB5CCNAME=FILE:/tmp/dir20.none open
  [[ $output == 'NO_KEYTAB: '*'no ticket for ldap/dc1.corp.test'* ]]
  # A ticket-granting ticket alone would let libkrb5 wait for the KDC.
  in_member ws1 kinit -c /tmp/dir20.tgt2 -k 'WS1$'
  run -1 dirprobe KRB5CCNAME=FILE:/tmp/dir20.tgt2 open
  [[ $output == 'NO_KEYTAB: '* ]]
}

@test "a controller of another name, or of another domain, is not believed" {
  run -1 dirprobe DIRPROBE_DC='10.99.0.1 dc2.corp.test' open
  [[ $output == NO_KEYTAB:* ]]
  run -1 dirprobe DIRPROBE_DOMAIN=other.test \
    DIRPROBE_DC='10.99.0.1 dc1.corp.test' open
  [[ $output == 'NO_KDC: '*'another domain'* ]]
}

@test "the controller is frozen: a new connection ends within its time" {
  stop_dc1
  began=$(now_ms)
  run -1 dirprobe DIRPROBE_TIMEOUT=1500 \
    DIRPROBE_DC='10.99.0.1 dc1.corp.test' open
  took=$(($(now_ms) - began))
  [[ $output == NO_KDC:* ]]
  [ "$took" -ge 1500 ]
  [ "$took" -lt 3500 ]
}

@test "the controller freezes: a kept connection ends within its time" {
  coproc probe { dirprobe DIRPROBE_TIMEOUT=1500 kept alice 2>&1; }
  # shellcheck disable=SC2154 # the coprocess's
  read -r -t 20 line <&"${probe[0]}"
  [ "$line" = open ]
  stop_dc1
  echo >&"${probe[1]}"
  output=$(cat <&"${probe[0]}")
  echo "$output"
  [[ $output == *NO_KDC* ]]
  took=$(sed -n 's/^ms //p' <<<"$output")
  [ "$took" -ge 1500 ]
  [ "$took" -lt 3500 ]
}

@test "the controller hangs up: a kept connection says so at once" {
  coproc probe { dirprobe DIRPROBE_TIMEOUT=10000 kept alice 2>&1; }
  read -r -t 20 line <&"${probe[0]}"
  [ "$line" = open ]
  blocked=1
  lab_block_port ws1 389 reject
  echo >&"${probe[1]}"
  output=$(cat <&"${probe[0]}")
  echo "$output"
  [[ $output == *NO_KDC* ]]
  [ "$(sed -n 's/^ms //p' <<<"$output")" -lt 5000 ]
  run -1 dirprobe DIRPROBE_DC='10.99.0.1 dc1.corp.test' open
  [[ $output == NO_KDC:* ]]
}
