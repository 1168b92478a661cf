# KDCs and directories that lie, as a person at ws1 meets them: through PAM and authsodd, in its build with
# sanitizers. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

# liar80 lies with the help of what only the domain knows (tests/system/liarkdc.c); rogue80 is an MIT KDC without it.
liar_addr=10.99.0.81
rogue_addr=10.99.0.80

rogue_env() {
  . "$BATS_TEST_DIRNAME/member.sh"
  build=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
  export AUTHSODD=${AUTHSOD_BUILD_SANITIZERS:+$AUTHSOD_BUILD_SANITIZERS/daemon/authsodd}
  liar_log=$LAB/log/liar80-liarkdc.log
  liar_dir=$LAB/hosts/liar80/tmp
}

setup_file() {
  rogue_env
  [ -e "$LAB/hosts/rogue80" ] || lab_rogue_kdc rogue80 "$rogue_addr"
  [ -e "$LAB/hosts/liar80" ] || lab_host liar80 "$liar_addr" "$LAB_DC_ADDR" "$LAB_DOMAIN"
  member_desk
  member_install ws1
  # A refusal by pam_unix takes two seconds.
  printf 'auth required pam_authsod.so\naccount required pam_authsod.so\n' >"$LAB/hosts/ws1/etc/pam.d/rogue80"
  member_sshd ws1
  member_is_up ws1 && touch "$BATS_FILE_TMPDIR/was-up"
  member_stop ws1
  touch "$(member_log ws1)"
  member_log_mark ws1 >"$BATS_FILE_TMPDIR/mark"
  configure
  member_start ws1
  install -m 600 "$LAB/hosts/ws1/etc/krb5.keytab" "$liar_dir/keytab"
  lie pass
  : >"$liar_log"
  lab_spawn "$liar_log" "$lab_dir/in" liar80 "$build/tests/system/liarkdc" FILE:/tmp/keytab \
    "$(dc_get alice objectSid)" "$(dc_get bob objectSid)" "$LAB_DC_ADDR" /tmp
  lab_wait 10 liar_answers
  # The directory has seen both, as on any computer that is in use.
  in_member ws1 id alice
  in_member ws1 id bob
}

teardown_file() {
  local pid
  rogue_env
  lab_point_member_back ws1
  for pid in $(host_pids liar80); do
    kill "$pid"
  done
  member_stop ws1
  member_configure ws1
  rm -f "$LAB/hosts/ws1/etc/pam.d/rogue80"
  unset AUTHSODD
  [ ! -e "$BATS_FILE_TMPDIR/was-up" ] || member_start ws1
} >&2

setup() {
  rogue_env
  lie pass
}

teardown() {
  lab_point_member_back ws1
  fake_directory_ends
  [ -z "${newcomer:-}" ] || samba_tool dc1 user delete "$newcomer"
  member_is_up ws1
  no_role_crashed
}

# configure [LINE...]: a daemon that gives a logon 10 seconds; LINEs follow in [logon].
configure() {
  member_configure ws1 'timeout = 2s' '[logon]' 'deadline = 10s' "$@"
}

# reconfigure LINE...: the same while it runs.
reconfigure() {
  configure "$@"
  member_reload ws1
}

# restart LINE...: a daemon that has learned nothing of the domain yet.
restart() {
  member_stop ws1
  configure "$@"
  member_start ws1
}

liar_answers() {
  grep -qx ready "$liar_log"
}

# lie WORDS: what the liar does from now on.
lie() {
  echo "$*" >"$liar_dir/lie.new"
  mv "$liar_dir/lie.new" "$liar_dir/lie"
}

no_role_crashed() {
  run ! member_logged_since ws1 "$(cat "$BATS_FILE_TMPDIR/mark")" 'ended by signal|AddressSanitizer|runtime error'
}

identities() {
  in_member ws1 sh -c 'getent passwd alice bob; id alice; id bob'
}

# fake_directory MODE: what ws1 asks dc1 by LDAP is answered by fakeldap; see there. It has dc1's real key.
fake_directory() {
  fake_log=$LAB/log/liar80-$1-$BATS_TEST_NUMBER.log
  lab_spawn "$fake_log" "$lab_dir/in" liar80 env KRB5_KTNAME=FILE:/tmp/ldap.keytab \
    "$build/tests/system/fakeldap" 389 "$1" always
  lab_wait 10 grep -qx ready "$fake_log"
  in_member ws1 nft -f - <<EOF
table ip rogue80 {
  chain out {
    type nat hook output priority -100;
    ip daddr $LAB_DC_ADDR tcp dport 389 dnat to $liar_addr:389
  }
}
EOF
}

fake_directory_ends() {
  local pid
  for pid in $(host_pids liar80); do
    ! grep -q fakeldap "/proc/$pid/cmdline" || kill "$pid"
  done
  in_member ws1 nft 'add table ip rogue80; delete table ip rogue80'
}

# log_on: alice with her password, at this computer.
log_on() {
  mark=$(member_log_mark ws1)
  liar_mark=$(($(stat -c %s "$liar_log") + 1))
  run in_member ws1 timeout 40 pamtester rogue80 alice authenticate <<<Passw0rd-alice
}

# alarm ERROR TEXT: the logon was refused for that reason, in the log as an alarm that has TEXT.
alarm() {
  [ "$status" -ne 0 ] || { echo "let in: $output"; return 1; }
  member_logged_since ws1 "$mark" "<1>.* alice refused .*: $1\\b.*$2" && return 0
  echo "no alarm $1 '$2' in:"
  tail -c "+$mark" "$(member_log ws1)"
  return 1
}

# shown TEXT: the person reads it.
shown() {
  [[ $output == *"$1"* ]] || { echo "no '$1' in: $output"; return 1; }
}

# asked N: the liar saw N requests for a TGT of alice's, and none that a password could be guessed from.
asked() {
  local seen
  seen=$(tail -c "+$liar_mark" "$liar_log")
  [ "$(grep -c ^AS-REQ <<<"$seen")" -eq "$1" ] && ! grep timestamp <<<"$seen" || { echo "$seen"; return 1; }
}

untrusted='could not prove that it is one. The logon was refused. Tell your administrator.'
bad_pac="The domain's statement about your account cannot be trusted. The logon was refused. Tell your administrator."
other_account='The domain answered for another account. The logon was refused. Tell your administrator.'
no_fast='did not protect the logon as it must. The logon was refused. Tell your administrator.'

# refused LIE ERROR LOG SENTENCE
refused() {
  local before
  before=$(identities)
  lie "$1"
  log_on
  alarm "$2" "$3" && shown "$4" && asked 1 && [ "$(identities)" = "$before" ] || { echo "lie: $1"; return 1; }
}

@test "a KDC that tells the truth with the liar's means lets alice in" {
  reconfigure 'fast = never'
  lab_point_member_at ws1 "$liar_addr"
  lie honest
  log_on
  [ "$status" -eq 0 ]
  asked 1
  member_logged_since ws1 "$mark" 'alice has logged on'
}

@test "tickets that are no proof: under another key, captured, of an earlier logon, of another realm" {
  reconfigure 'fast = never'
  lab_point_member_at ws1 "$liar_addr"
  # A genuine logon passes by, and its ticket is kept.
  log_on
  [ "$status" -eq 0 ]
  [ -s "$liar_dir/captured" ]
  refused random-key UNTRUSTED_KDC AP-REQ "$untrusted"
  refused replayed UNTRUSTED_KDC AP-REQ "$untrusted"
  refused old UNTRUSTED_KDC 'the ticket is of an earlier logon' "$untrusted"
  refused other-realm UNTRUSTED_KDC "don't match" "$untrusted"
}

@test "tickets without a PAC, with two, without an account in it" {
  reconfigure 'fast = never'
  lab_point_member_at ws1 "$liar_addr"
  refused no-pac BAD_PAC 'the ticket has no PAC' "$bad_pac"
  refused two-pacs BAD_PAC 'more than one PAC' "$bad_pac"
  refused no-logon-info BAD_PAC 'no LOGON_INFO' "$bad_pac"
}

@test "a PAC of another user, and a whole ticket of another user" {
  local bob
  reconfigure 'fast = never'
  bob=$(dc_get bob objectSid)
  lab_point_member_at ws1 "$liar_addr"
  refused pac-of-bob WRONG_ACCOUNT "$bob" "$other_account"
  refused of-bob UNTRUSTED_KDC "don't match" "$untrusted"
}

@test "a PAC that is damaged, cut, signed with another key, at odds with itself, made without a password" {
  reconfigure 'fast = never'
  lab_point_member_at ws1 "$liar_addr"
  refused damaged BAD_PAC AP-REQ "$bad_pac"
  refused cut BAD_PAC AP-REQ "$bad_pac"
  refused unsigned BAD_PAC AP-REQ "$bad_pac"
  refused client-is-bob BAD_PAC AP-REQ "$bad_pac"
  refused upn-of-bob BAD_PAC 'UPN_DNS_INFO is about another account' "$bad_pac"
  refused without-password BAD_PAC 'S-1-18-2' "$bad_pac"
}

@test "a PAC of another user opens no session by ssh" {
  reconfigure 'fast = never'
  lab_point_member_at ws1 "$liar_addr"
  lie pac-of-bob
  mark=$(member_log_mark ws1)
  for method in password keyboard-interactive; do
    run member_ssh desk alice@ws1.corp.test Passw0rd-alice "$method" id
    [ "$status" -ne 0 ]
    [[ $output != *uid=* ]]
  done
  member_logged_since ws1 "$mark" '<1>.* alice refused \(sshd, .*WRONG_ACCOUNT'
}

@test "FAST is left out: refused, though the KDC knows the computer's key and the password" {
  for fast in try require; do
    restart "fast = $fast"
    log_on
    [ "$status" -eq 0 ]
    lab_point_member_at ws1 "$liar_addr"
    refused honest NO_FAST 'AS exchange' "$no_fast"
    refused asks-for-password NO_FAST 'AS exchange' "$no_fast"
    lab_point_member_back ws1
  done
}

@test "FAST is refused with an error: a new armour, then it is over" {
  reconfigure 'fast = try'
  log_on
  [ "$status" -eq 0 ]
  lab_point_member_at ws1 "$liar_addr"
  lie refuses-armor
  log_on
  alarm NO_FAST 'AS exchange'
  shown "$no_fast"
  asked 2
}

@test "what FAST protects is damaged on its way: an alarm, and no reason to try it by NTLM" {
  for fast in try require; do
    restart "fast = $fast"
    log_on
    [ "$status" -eq 0 ]
    lab_point_member_at ws1 "$liar_addr"
    lie spoil
    log_on
    alarm NO_FAST 'AS exchange'
    shown "$no_fast"
    run ! member_logged_since ws1 "$mark" 'NTLM|netlogon'
    lab_point_member_back ws1
  done
}

@test "a rogue KDC that does not know the computer's key: the ticket check finds it" {
  local before
  reconfigure 'fast = never'
  before=$(identities)
  lab_point_member_at ws1 "$rogue_addr"
  log_on
  [ "$status" -ne 0 ]
  # Its key may have another version than ours.
  alarm UNTRUSTED_KDC 'AP-REQ' || member_logged_since ws1 "$mark" 'alice refused .*STALE_KEYTAB in the AP-REQ'
  [ "$(identities)" = "$before" ]
}

@test "a rogue KDC and a computer that has armour: no password is sent" {
  restart
  log_on
  [ "$status" -eq 0 ]
  lab_point_member_at ws1 "$rogue_addr"
  log_on
  alarm NO_FAST 'AS exchange'
  shown "$no_fast"
}

@test "a rogue KDC and a computer that has just started: no password is sent" {
  member_stop ws1
  configure
  lab_point_member_at ws1 "$rogue_addr"
  member_start ws1
  log_on
  alarm UNTRUSTED_KDC "computer's own logon"
  shown "$untrusted"
  lab_point_member_back ws1
  # It is over when the rogue is gone.
  lab_wait 20 log_on_succeeds
}

log_on_succeeds() {
  log_on
  [ "$status" -eq 0 ]
}

# unbelieved MODE TEXT: nobody whom only that directory could know is known, and the log has TEXT.
unbelieved() {
  member_stop ws1
  fake_directory "$1"
  mark=$(member_log_mark ws1)
  member_start ws1
  run in_member ws1 getent passwd "$newcomer"
  [ "$status" -eq 2 ] && [ -z "$output" ] || { echo "$1: $output"; return 1; }
  # Who is known from before is as before, and the logon needs no directory.
  [ "$(identities)" = "$before" ] || return 1
  lab_wait 10 member_logged_since ws1 "$mark" "$2" || { tail -c "+$mark" "$(member_log ws1)"; return 1; }
  run ! grep -E 'let in|asked' "$fake_log"
  fake_directory_ends
}

@test "a false directory: one that lets everybody in, one that does not seal" {
  local before
  before=$(identities)
  in_dc dc1 samba-tool domain exportkeytab /tmp/rogue80.keytab --principal=ldap/dc1.corp.test
  mv "$LAB/hosts/dc1/tmp/rogue80.keytab" "$LAB/hosts/liar80/tmp/ldap.keytab"
  # Somebody nobody here has asked for, at any time.
  newcomer=rogue80-$RANDOM$RANDOM
  samba_tool dc1 user add "$newcomer" Passw0rd-rogue80
  unbelieved welcome 'does not seal'
  unbelieved unsealed 'too weak'
  lab_wait 30 in_member ws1 getent passwd "$newcomer"
}

@test "replies damaged on their way: no crash, no other identity, an answer in time" {
  local before seed took began ok=0
  restart
  before=$(identities)
  lab_point_member_at ws1 "$liar_addr"
  for seed in {1..60}; do
    lie "flip $seed"
    # Without FAST more of the damage reaches the ticket check.
    [ "$seed" -ne 31 ] || reconfigure 'fast = never'
    began=${EPOCHREALTIME/./}
    log_on
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    [ "$took" -lt 20000 ] || { echo "seed $seed: $took ms"; return 1; }
    if [ "$status" -eq 0 ]; then
      ok=$((ok + 1))
    else
      member_logged_since ws1 "$mark" 'alice refused' || { echo "seed $seed: nothing in the log: $output"; return 1; }
    fi
  done
  echo "let in: $ok"
  lab_point_member_back ws1
  lab_wait 20 log_on_succeeds
  [ "$(identities)" = "$before" ]
  [ "$(dc_badpwdcount alice)" = 0 ]
}
