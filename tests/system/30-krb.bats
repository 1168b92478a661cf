# lib/krb against a real domain, through krbprobe. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  lab_rogue_kdc rogue30 10.99.0.30
}

# What the wrong passwords have counted, for those who come after us.
teardown_file() {
  local user
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  for user in disabled pwexpired mustchange acctexpired hours wsres; do
    dc_unlock "$user"
  done
}

setup() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  probe=${AUTHSOD_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/system/krbprobe
}

teardown() {
  lab_point_member_back ws1
  in_member ws1 nft 'add table inet krb30; delete table inet krb30'
  in_member ws1 sh -c 'rm -f /tmp/krb30.*'
}

# probe ARGS...: krbprobe on ws1, which says what each step came to.
probe() {
  run in_member ws1 "$probe" "$@"
}

good() {
  # shellcheck disable=SC2086 # $fast may be none
  probe $fast --verify "$@"
  [ "$status" -eq 0 ] && told logon OK forwardable=1 renewable=1 && told verify OK
}

@test "a good logon is verified by the keytab" {
  both good alice Passw0rd-alice
  told verify client=alice@CORP.TEST account=alice
  # Every group of a real controller's is enabled.
  [[ $output != *inactive* ]]
}

@test "tickets last as long as they are asked for, or as long as the domain allows" {
  probe --lifetime 1800 --renew 7200 alice Passw0rd-alice
  told logon OK renewable=1 lifetime=1800 renew_lifetime=7200
  probe --lifetime 0 --renew 0 alice Passw0rd-alice
  told logon OK renewable=1 lifetime=36000 renew_lifetime=604800
}

@test "a name in any case, with other letters, with a UPN's suffix" {
  both good ALICE Passw0rd-alice
  told verify client=alice@CORP.TEST
  both good mixedcase Passw0rd-MixedCase
  both good josé Passw0rd-josé
  both good wsok Passw0rd-wsok
  both good --enterprise carol@brand.example Passw0rd-carol
  told verify client=carol@CORP.TEST
  both good many Passw0rd-many
  told verify groups=1002
}

@test "a verified AP-REQ is good once" {
  good alice Passw0rd-alice
  told again UNTRUSTED_KDC
}

@test "the SID must be the expected one" {
  local sid
  sid=$(dc_get alice objectSid)
  fast='' good --sid "$sid" alice Passw0rd-alice
  probe --verify --sid "$sid" bob Passw0rd-bob
  [ "$status" -eq 1 ]
  told verify WRONG_ACCOUNT
}

@test "a forwarded TGT is bound to no address" {
  both good --forward alice Passw0rd-alice
  told forward addresses=0
}

count() {
  in_member ws1 nft list counter inet krb30 "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

traffic() {
  in_member ws1 nft -f - <<'END'
add table inet krb30
delete table inet krb30
table inet krb30 {
  counter dns {}
  counter datagrams {}
  counter connections {}
  counter requests {}
  chain out {
    type filter hook output priority filter;
    meta l4proto { tcp, udp } th dport 53 counter name dns
    udp dport 88 counter name datagrams
    tcp dport 88 tcp flags & (syn | ack) == syn counter name connections
    tcp dport 88 tcp flags & psh == psh counter name requests
  }
}
END
  in_member ws1 "$probe" "$@" alice Passw0rd-alice
  echo "dns $(count dns) datagrams $(count datagrams) connections $(count connections) requests $(count requests)"
}

@test "a logon is three requests on one connection, and asks no DNS" {
  run -0 traffic
  [[ "$output" == *"dns 0 datagrams 0 connections 1 requests 3" ]]
  in_member ws1 kinit -c FILE:/tmp/krb30.armor -k 'WS1$'
  run -0 traffic --armor FILE:/tmp/krb30.armor
  [[ "$output" == *"dns 0 datagrams 0 connections 1 requests 3" ]]
}

counts_one() {
  dc_unlock alice
  # shellcheck disable=SC2086 # $fast may be none
  probe $fast alice wrong
  [ "$status" -eq 1 ] && told logon WRONG_PASSWORD proved=0 sent=1 && [ "$(dc_badpwdcount alice)" = 1 ]
  local good=$?
  dc_unlock alice
  return "$good"
}

@test "a wrong password is counted once" {
  both counts_one
}

unknown() {
  # shellcheck disable=SC2086 # $fast may be none
  probe $fast no-such-user x
  [ "$status" -eq 1 ] && told logon UNKNOWN_PRINCIPAL proved=0 sent=0
}

@test "an unknown user" {
  both unknown
}

# refused USER TEXT...: the right password gives TEXT, a wrong one is just that.
refused() {
  local user=$1
  shift
  # shellcheck disable=SC2086 # $fast may be none
  probe $fast "$user" "Passw0rd-$user"
  [ "$status" -eq 1 ] && told logon "$@" sent=1 || return 1
  # shellcheck disable=SC2086 # $fast may be none
  probe $fast "$user" wrong
  told logon WRONG_PASSWORD proved=0
}

@test "accounts that may not log on: the reason, once the password is proved" {
  fast=
  refused disabled DISABLED proved=1
  refused pwexpired PASSWORD_EXPIRED proved=1
  refused mustchange MUST_CHANGE proved=1
  refused acctexpired ACCOUNT_EXPIRED proved=1
  refused hours LOGON_HOURS proved=1
  refused wsres WORKSTATION proved=1
}

@test "accounts that may not log on, under FAST: what the code says" {
  fast=--fast
  refused disabled REVOKED proved=0 unless_locked=1
  refused pwexpired PASSWORD_EXPIRED proved=1
  refused mustchange PASSWORD_EXPIRED proved=1
  refused acctexpired REVOKED proved=0 unless_locked=1
  refused hours REVOKED proved=0 unless_locked=1
  refused wsres POLICY proved=1
}

locked_out() {
  for password in Passw0rd-locked wrong; do
    # shellcheck disable=SC2086 # $fast may be none
    probe $fast locked "$password"
    [ "$status" -eq 1 ] && told logon REVOKED proved=0 || return 1
  done
}

@test "a locked account proves nothing" {
  both locked_out
}

@test "an expired password is not changed behind our back" {
  fast='' refused mustchange MUST_CHANGE
  [ "$(dc_get mustchange pwdLastSet)" = 0 ]
}

# off_by CLOCK LOW HIGH ARGS...: the clock is said to be off by LOW to HIGH seconds.
off_by() {
  local clock=$1 low=$2 high=$3 off
  shift 3
  run in_member_at "$clock" ws1 "$probe" "$@" alice Passw0rd-alice
  [ "$status" -eq 1 ] || return 1
  off=$(sed -n 's/.* CLOCK .*offset=\(-*[0-9]*\) .*/\1/p' <<<"$output")
  [ -n "$off" ] && [ "$off" -ge "$low" ] && [ "$off" -le "$high" ] || { echo "$output"; return 1; }
}

@test "a wrong clock: the offset is told" {
  in_member ws1 kinit -c FILE:/tmp/krb30.armor -k 'WS1$'
  off_by +10m -603 -597
  off_by -10m 597 603
  off_by -400d 34559990 34560010
  off_by +10m -603 -597 --fast
  off_by -10m 597 603 --fast
  off_by +10m -603 -597 --armor FILE:/tmp/krb30.armor
}

@test "an armour that is not valid now is refused before anything is sent" {
  in_member ws1 kinit -c FILE:/tmp/krb30.armor -k 'WS1$'
  for clock in +2d -10m; do
    run in_member_at "$clock" ws1 "$probe" --armor FILE:/tmp/krb30.armor alice Passw0rd-alice
    [ "$status" -eq 1 ]
    told logon NO_FAST armor_refused=1 sent=0
  done
}

@test "a clock that is a little off does not matter" {
  run -0 in_member_at +4m ws1 "$probe" --verify --fast alice Passw0rd-alice
  run -0 in_member_at -4m ws1 "$probe" --verify --fast alice Passw0rd-alice
}

@test "a rogue KDC that does not know the computer's key" {
  lab_point_member_at ws1 10.99.0.30
  probe --verify alice Passw0rd-alice
  [ "$status" -eq 1 ]
  told logon OK
  # Its key has another version than ours, as it happens.
  told verify STALE_KEYTAB || told verify UNTRUSTED_KDC
}

@test "a rogue KDC cannot do FAST with the computer's armour" {
  in_member ws1 kinit -c FILE:/tmp/krb30.armor -k 'WS1$'
  lab_point_member_at ws1 10.99.0.30
  for password in Passw0rd-alice wrong; do
    probe --armor FILE:/tmp/krb30.armor alice "$password"
    [ "$status" -eq 1 ]
    told logon NO_FAST armor_refused=1 proved=0 sent=0
  done
  # Nor can it give the computer a TGT.
  probe --fast alice Passw0rd-alice
  [ "$status" -eq 1 ]
  [[ "$output" == *"computer UNTRUSTED_KDC "* ]]
}

@test "a rogue KDC that replays a captured host ticket" {
  in_member ws1 "$probe" --save FILE:/tmp/krb30.captured alice Passw0rd-alice
  probe --verify --swap FILE:/tmp/krb30.captured alice Passw0rd-alice
  [ "$status" -eq 1 ]
  told logon OK
  told verify UNTRUSTED_KDC
}

# make_keytab FILE KVNO: a keytab with a key of nobody's.
make_keytab() {
  in_member ws1 /usr/bin/python3 - "$@" <<'END'
import struct
import sys

def counted(text):
    return struct.pack('>H', len(text)) + text

def entry(*name):
    body = struct.pack('>H', len(name)) + counted(b'CORP.TEST') + b''.join(map(counted, name))
    body += struct.pack('>IIBH', 1, 0, kvno & 255, 18) + counted(b'x' * 32) + struct.pack('>I', kvno)
    return struct.pack('>i', len(body)) + body

kvno = int(sys.argv[2])
with open(sys.argv[1], 'wb') as f:
    f.write(b'\x05\x02' + entry(b'host', b'ws1.corp.test') + entry(b'WS1$'))
END
}

@test "a keytab that is missing, old or wrong" {
  local kvno
  kvno=$(in_member ws1 klist -k | awk '/host\/ws1.corp.test/ { print $1; exit }')
  for fast in --verify --fast; do
    probe $fast --keytab FILE:/tmp/krb30.none alice Passw0rd-alice
    [ "$status" -eq 1 ]
    [[ "$output" == *" NO_KEYTAB "* ]]
  done
  make_keytab /tmp/krb30.old $((kvno - 1))
  probe --verify --keytab FILE:/tmp/krb30.old alice Passw0rd-alice
  told verify STALE_KEYTAB
  make_keytab /tmp/krb30.new $((kvno + 7))
  probe --verify --keytab FILE:/tmp/krb30.new alice Passw0rd-alice
  told verify STALE_KEYTAB
  make_keytab /tmp/krb30.wrong "$kvno"
  probe --verify --keytab FILE:/tmp/krb30.wrong alice Passw0rd-alice
  told verify UNTRUSTED_KDC
  probe --fast --keytab FILE:/tmp/krb30.wrong alice Passw0rd-alice
  [[ "$output" == *"computer STALE_KEYTAB "* ]]
}

@test "a service ticket of the computer" {
  probe --service ldap/dc1.corp.test alice Passw0rd-alice
  [ "$status" -eq 0 ]
  told service OK
  probe --service ldap/nowhere.corp.test alice Passw0rd-alice
  [ "$status" -eq 1 ]
}

@test "a computer that the domain does not know" {
  probe --fqdn nobody.corp.test alice Passw0rd-alice
  [ "$status" -eq 1 ]
  told logon NO_KEYTAB 'step="TGS'
}

# gives_up ARGS...: the logon fails for want of a KDC, in less than 2 seconds.
gives_up() {
  probe --timeout 1 "$@" alice Passw0rd-alice
  told logon NO_KDC sent=0 && grep -Eq '^logon .* 1?[0-9]{1,3}\.[0-9] ms$' <<<"$output" || { echo "$output"; return 1; }
}

@test "no domain controller: the deadline holds" {
  gives_up --kdc 10.99.0.1:1
  gives_up --kdc 10.99.0.99
  lab_dc_stop dc1
  run gives_up
  lab_dc_cont dc1
  [ "$status" -eq 0 ] || { echo "$output"; false; }
}

# as_nobody ARGS...: the probe as a user whom nobody is.
as_nobody() {
  run in_member ws1 setpriv --reuid 60130 --regid 60130 --clear-groups \
    env HOME=/nonexistent "$probe" --keytab FILE:/dev/null "$@"
}

@test "the credential cache is the user's own, and klist finds it" {
  as_nobody --ccache 'FILE:/tmp/krb30.cc_%{uid}_XXXXXX' alice Passw0rd-alice
  [ "$status" -eq 0 ]
  local file
  file=$(sed -n 's/^ccache OK FILE:\([^ ]*\) .*/\1/p' <<<"$output")
  [ "$(in_member ws1 stat -c '%u %a' "$file")" = '60130 600' ]
  run -0 in_member ws1 klist -c "FILE:$file"
  [[ "$output" == *"Default principal: alice@CORP.TEST"*"krbtgt/CORP.TEST@CORP.TEST"* ]]
}

@test "the credential cache is where krb5.conf has it" {
  in_member ws1 cp /etc/krb5.conf /tmp/krb30.conf
  in_member ws1 sed -i '/libdefaults/a default_ccache_name = DIR:/tmp/krb30.%{uid}' /etc/krb5.conf
  as_nobody --ccache system alice Passw0rd-alice
  in_member ws1 cp /tmp/krb30.conf /etc/krb5.conf
  in_member ws1 rm -rf /tmp/krb30.60130
  [ "$status" -eq 0 ]
  told ccache OK DIR:/tmp/krb30.60130 fell_back=0
}

@test "without a word in krb5.conf it is a keyring, and a file when that is full" {
  as_nobody --ccache system many Passw0rd-many
  in_member ws1 setpriv --reuid 60130 --regid 60130 --clear-groups kdestroy -q -c KEYRING:persistent:60130 || true
  [ "$status" -eq 0 ]
  told ccache OK KEYRING:persistent:60130 fell_back=0 || told ccache OK fell_back=1
  in_member ws1 sh -c 'rm -f /tmp/krb5cc_60130_*'
}
