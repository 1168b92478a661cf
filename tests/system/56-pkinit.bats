# lib/krb with a smart card against a real domain, through krbprobe, beside a stock client. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  lab_cards ws1
  lab_pkinit_on dc1
  lab_rogue_kdc mit56 10.99.0.56 bob=Passw0rd-bob
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  lab_cards_away ws1
  lab_pkinit_off dc1
  member_again ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  probe=${AUTHSOD_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/system/krbprobe
  trust=(--anchor "FILE:$LAB/pki/ca.pem" --kdc-host dc1.corp.test)
  fast=
  control= # bob's, where a test changes it
}

teardown() {
  [ -z "$control" ] || dc_set bob userAccountControl "$control"
  lab_point_member_back ws1
  in_member ws1 nft 'add table inet krb56; delete table inet krb56'
  in_member ws1 sh -c 'rm -f /tmp/krb56.* /etc/softhsm/pad'
}

# card TOKEN USER [OPTION...]: a logon with the key 01 of that token. PIN in $pin, if it is another one.
card() {
  local token=$1 user=$2
  shift 2
  # shellcheck disable=SC2086 # $fast may be none
  run in_member ws1 "$probe" $fast "${trust[@]}" --verify --token "$token" "$@" "$user" "${pin:-$LAB_PIN}"
}

# stock TOKEN USER [ID]: the same with kinit, and whether that got a ticket. It may be
# tried once more: of 256 keys that Samba up to 4.18 and a client agree on it cuts one short.
stock() {
  stock_once "$@" || stock_once "$@"
}

stock_once() {
  local -a armor=()
  if [ -n "$fast" ]; then
    in_member ws1 kinit -c FILE:/tmp/krb56.armor -k 'WS1$' || return 2
    armor=(-T FILE:/tmp/krb56.armor)
  fi
  in_member ws1 env KRB5_CONFIG="$LAB/pki/client.conf" kinit -c FILE:/tmp/krb56.tickets "${armor[@]}" \
    -X "X509_user_identity=PKCS11:module_name=$softhsm_module:token=$1:certid=${3:-01}" "$2" \
    <<<"${pin:-$LAB_PIN}" >/dev/null 2>&1
}

# good TOKEN USER [OPTION...]: a ticket, whose AP-REQ is verified.
good() {
  card "$@"
  [ "$status" -eq 0 ] && told logon OK "client=$2@CORP.TEST" && told verify OK "client=$2@CORP.TEST" "account=$2"
}

# refused ERROR TOKEN USER [OPTION...]: it says that error, and no password was sent.
refused() {
  local error=$1
  shift
  card "$@"
  [ "$status" -eq 1 ] && told logon "$error" sent=0
}

# as_stock TOKEN USER OUTCOME...: OUTCOME (good, or refused and an error) is what a stock client gets, too.
as_stock() {
  local token=$1 user=$2
  shift 2
  "$@" "$token" "$user" || return 1
  if stock "$token" "$user"; then
    [ "$1" = good ] || { echo "$token: a stock client gets a ticket"; return 1; }
  else
    [ "$1" = refused ] || { echo "$token: a stock client gets no ticket"; return 1; }
  fi
}

@test "cards that are fit log on, and member verifies it" {
  both as_stock good alice good
  both as_stock rsa4096 alice good
  both as_stock otherupn bob good
}

@test "certificates that this KDC does not mind: it reads no list of those revoked, and asks for no usage" {
  # From Samba 4.22 on it reads the list, and says CLIENT_NOT_TRUSTED.
  card revoked alice
  if stock revoked alice; then told verify OK; else told logon CARD_UNFIT; fi
  card noeku alice
  if stock noeku alice; then told verify OK; else told logon CARD_UNFIT; fi
}

@test "certificates that are not valid now, of another authority, or of another kind" {
  both as_stock expired alice refused CARD_EXPIRED
  both as_stock future alice refused CARD_EXPIRED
  both as_stock stranger alice refused CARD_UNTRUSTED
  # libkrb5 has it from 1.22 on.
  both as_stock ec alice refused CARD_FAILED
}

@test "certificates of others, and of nobody" {
  both as_stock otherupn alice refused CARD_NOT_YOURS
  both as_stock noupn alice refused CARD_NOT_YOURS
  both as_stock good bob refused CARD_NOT_YOURS
  both as_stock good no-such-user refused UNKNOWN_PRINCIPAL
}

@test "an authority that we trust and the KDC does not" {
  trust+=(--anchor "FILE:$LAB/pki/otherca.pem")
  both refused CARD_UNTRUSTED stranger alice
}

@test "which of two certificates on a token, which token" {
  both good two alice
  both good two bob --id 02
  both refused CARD_NOT_YOURS two alice --id 02
  stock two bob 02
  both refused CARD_FAILED two alice --id 03
  both refused CARD_REMOVED good alice --slot 1
}

@test "a UPN for the name, and another spelling" {
  card good alice@corp.test --enterprise
  told verify OK client=alice@CORP.TEST
  card good ALICE
  told verify OK client=alice@CORP.TEST
}

# ntlm USER TOKEN TEXT...: a logon, and what is told of the NT hash in its PAC.
ntlm() {
  local user=$1 token=$2
  shift 2
  good "$token" "$user" --ntlm --reply-key "${reply_key:-${probe%/tests/*}/lib/krb/.libs/clpreauth_authsod.so}" && told ntlm "$@"
}

# nt_hash PASSWORD: by definition ([MS-NLMP] 3.3.1).
nt_hash() {
  printf %s "$1" | iconv -t UTF-16LE | openssl dgst -provider legacy -md4 -r | cut -d' ' -f1
}

@test "the KDC hands over the NT hash of who logs on with a card" {
  both ntlm alice good OK "hash=$(nt_hash Passw0rd-alice)"
  both ntlm bob otherupn OK "hash=$(nt_hash Passw0rd-bob)"
  # FAST's key is the second one that a KDC may have taken.
  fast='' ntlm alice good keys=1
  fast=--fast ntlm alice good keys=2
}

@test "nobody who did not ask has the AS reply key, and a module that is not there changes nothing" {
  both good good alice --ntlm
  told ntlm NONE keys=0 'text="libkrb5'
  reply_key=/nonexistent.so both ntlm alice good NONE keys=0
  # One that libkrb5 can load, and that is none.
  reply_key=$softhsm_module both ntlm alice good NONE keys=0
  card good alice --ntlm --times 3 --reply-key "${probe%/tests/*}/lib/krb/.libs/clpreauth_authsod.so"
  [ "$(grep -c '^ntlm OK ' <<<"$output")" -eq 3 ]
}

@test "libkrb5's module is not installed, and ours is" {
  run in_member ws1 unshare -m sh -c 'mount -t tmpfs none /usr/lib/*/krb5/plugins/preauth; exec "$@"' without \
    "$probe" "${trust[@]}" --reply-key "${probe%/tests/*}/lib/krb/.libs/clpreauth_authsod.so" --token good alice "$LAB_PIN"
  [ "$status" -eq 1 ]
  told logon INTERNAL
  [[ $output == *'module for PKINIT is not installed'* ]]
}

@test "one context serves several logons, in one process" {
  both good good alice --times 3
  [ "$(grep -c '^verify OK' <<<"$output")" -eq 3 ]
}

@test "a label and a PIN with letters that mean something elsewhere" {
  local label='odd:"\ü=%s,' pin='1"\ü:{},'
  LAB_PIN=$pin pki_token ws1 "$label"
  LAB_PIN=$pin pki_put ws1 "$label" 01 good
  both good "$label" alice
  in_member ws1 softhsm2-util --delete-token --token "$label"
}

# spied TOKEN PIN: a logon through a module that writes down what is called.
spied() {
  run in_member ws1 env PKCS11SPY="$softhsm_module" PKCS11SPY_OUTPUT=/tmp/krb56.spy \
    "$probe" "${trust[@]}" --module "$(in_member ws1 sh -c 'echo /usr/lib/*/pkcs11-spy.so')" --token "$1" alice "$2"
}

@test "a PIN goes to the module once, right or wrong; without one nothing is tried" {
  spied good "$LAB_PIN"
  told logon OK
  [ "$(in_member ws1 grep -c 'C_Login$' /tmp/krb56.spy)" -eq 1 ]
  in_member ws1 rm /tmp/krb56.spy
  spied good 999999
  told logon CARD_FAILED
  [[ $output == *'C_Login failed: pin incorrect'* || $output == *'(C_Login): pin incorrect'* ]]
  [ "$(in_member ws1 grep -c 'C_Login$' /tmp/krb56.spy)" -eq 1 ]
  in_member ws1 rm /tmp/krb56.spy
  run in_member ws1 env PKCS11SPY="$softhsm_module" PKCS11SPY_OUTPUT=/tmp/krb56.spy "$probe" "${trust[@]}" \
    --module "$(in_member ws1 sh -c 'echo /usr/lib/*/pkcs11-spy.so')" --token good --no-pin alice x
  told logon CARD_FAILED
  run in_member ws1 grep -c 'C_Login$' /tmp/krb56.spy
  [ "$output" = 0 ]
  # The token forgets the wrong one.
  fast='' good good alice
}

# typed TEXT: what a person does at the reader of a logon for which no PIN is at hand.
typed() {
  echo "$1" | in_member ws1 tee /etc/softhsm/pad >/dev/null
  # shellcheck disable=SC2086 # $fast may be none
  run in_member ws1 "$probe" $fast "${trust[@]}" --module "${probe%/*}/.libs/padpkcs11.so" --token good --no-pin alice x
}

pad() {
  typed "$LAB_PIN" && told logon OK && typed 999999 && told logon PIN_WRONG sent=0 &&
    typed cancel && told logon CANCELLED && typed "$LAB_PIN" && told logon OK
}

@test "a PIN typed at the reader" {
  both pad
}

count() {
  in_member ws1 nft list counter inet krb56 "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

traffic() {
  in_member ws1 nft -f - <<'END'
add table inet krb56
delete table inet krb56
table inet krb56 {
  counter dns {}
  counter connections {}
  chain out {
    type filter hook output priority filter;
    meta l4proto { tcp, udp } th dport 53 counter name dns
    tcp dport 88 tcp flags & (syn | ack) == syn counter name connections
    udp dport 88 counter name connections
  }
}
END
  in_member ws1 "$probe" "${trust[@]}" "$@" alice "$LAB_PIN" >/dev/null
  echo "dns $(count dns) connections $(count connections)"
}

@test "a logon is one connection, and asks no DNS" {
  run -0 traffic --token good
  [ "$output" = "dns 0 connections 1" ]
  in_member ws1 kinit -c FILE:/tmp/krb56.armor -k 'WS1$'
  run -0 traffic --token good --armor FILE:/tmp/krb56.armor
  [ "$output" = "dns 0 connections 1" ]
}

@test "accounts that may not log on: the reason, as with a password" {
  control=$(dc_get bob userAccountControl)
  dc_set bob userAccountControl $((control | 2))
  refused DISABLED otherupn bob
  fast=--fast refused REVOKED otherupn bob
  told logon unless_locked=1
  # It must be a card: that is one.
  dc_set bob userAccountControl $((control | 0x40000))
  both good otherupn bob
}

@test "a clock that is off" {
  run in_member_at +10m ws1 "$probe" "${trust[@]}" --token good alice "$LAB_PIN"
  told logon CLOCK
  run in_member_at -10m ws1 "$probe" "${trust[@]}" --fast --token good alice "$LAB_PIN"
  [[ $output == *' CLOCK '* ]]
  # By so much that no certificate is valid.
  run in_member_at -4000d ws1 "$probe" "${trust[@]}" --token good alice "$LAB_PIN"
  told logon CLOCK
  run in_member_at +4m ws1 "$probe" "${trust[@]}" --fast --verify --token good alice "$LAB_PIN"
  told verify OK
}

@test "what is trusted, and cannot be read, or is not there" {
  trust=(--anchor FILE:/nonexistent.pem)
  refused INTERNAL good alice
  trust=(--kdc-host dc1.corp.test)
  refused INTERNAL good alice
  trust=(--anchor "FILE:$LAB/pki/ca.pem" --crl FILE:/nonexistent.pem)
  refused INTERNAL good alice
  # Where a list is needed, it is.
  trust=(--anchor "FILE:$LAB/pki/ca.pem" --require-crl)
  both refused KDC_CERTIFICATE good alice
  trust+=(--crl "FILE:$LAB/pki/crl.pem")
  both good good alice
}

@test "libkrb5's module is not installed" {
  run in_member ws1 unshare -m sh -c 'mount -t tmpfs none /usr/lib/*/krb5/plugins/preauth; exec "$@"' without \
    "$probe" "${trust[@]}" --token good alice "$LAB_PIN"
  [ "$status" -eq 1 ]
  told logon INTERNAL
  [[ $output == *'module for PKINIT is not installed'* ]]
}

# untrusted CERTIFICATE CODE: the controller with that certificate is not believed, for that reason.
untrusted() {
  lab_pkinit_on dc1 "$1"
  both as_stock good alice refused KDC_CERTIFICATE && told logon "code=$2" proved=0
}

@test "a KDC whose certificate is of another authority" {
  untrusted kdcstranger -1765328314
}

@test "a KDC whose certificate has run out" {
  untrusted kdcexpired -1765328313
}

@test "a KDC whose certificate has another name" {
  untrusted kdcname -1765328308
}

@test "a KDC whose certificate is a TLS client's" {
  untrusted kdcclient -1765328307
}

@test "a KDC whose certificate is a TLS server's, which may be enough" {
  untrusted kdcserver -1765328307
  both good good alice --server-eku
  trust=(--anchor "FILE:$LAB/pki/ca.pem" --kdc-host other.corp.test)
  both refused KDC_CERTIFICATE good alice --server-eku
}

@test "a KDC whose certificate has the name of the realm's service" {
  lab_pkinit_on dc1
  trust=(--anchor "FILE:$LAB/pki/ca.pem")
  both good good alice
}

@test "a controller without PKINIT" {
  lab_pkinit_off dc1
  # Samba offers it all the same, and has one word for all that it cannot verify.
  both as_stock good alice refused CARD_UNTRUSTED
  lab_pkinit_on dc1
}

is_gone() {
  [ ! -e "/proc/$1" ]
}

# mit_pkinit [LINE...]: the other KDC does PKINIT for alice, whatever the certificate's name, with those settings.
mit_pkinit() {
  local conf=$LAB/hosts/mit56/etc/krb5kdc/kdc.conf pid
  [ -e "$conf.before" ] || cp "$conf" "$conf.before"
  {
    sed '$d' "$conf.before"
    printf '    %s\n' "pkinit_identity = FILE:$LAB/pki/kdc.pem,$LAB/pki/kdc.key" "pkinit_anchors = FILE:$LAB/pki/ca.pem" \
      'pkinit_eku_checking = scLogin' "$@" '}'
  } >"$conf"
  in_host mit56 kadmin.local setstr alice pkinit_cert_match '<SUBJECT>.*'
  for pid in $(host_pids mit56); do
    [ "$(cat "/proc/$pid/comm")" = krb5kdc ] || continue
    kill "$pid"
    lab_wait 10 is_gone "$pid" || return 1
  done
  lab_spawn "$LAB/log/mit56" "$BATS_TEST_DIRNAME/../lab/in" mit56 krb5kdc -n
  lab_wait 20 rogue_answers mit56
}

@test "another KDC: one that offers no PKINIT; one that wants a larger group; and neither is the domain's" {
  lab_point_member_at ws1 10.99.0.56
  refused NO_CARD_LOGON good alice
  mit_pkinit
  card good alice
  told logon OK
  told verify STALE_KEYTAB || told verify UNTRUSTED_KDC
  # One certificate, several accounts: the name is what tells them apart, where the KDC takes it for both.
  in_host mit56 kadmin.local setstr bob pkinit_cert_match '<SUBJECT>.*'
  card noupn alice
  told logon OK client=alice@CORP.TEST
  card noupn bob
  told logon OK client=bob@CORP.TEST
  mit_pkinit 'pkinit_dh_min_bits = 4096'
  card good alice
  told logon OK
  in_host mit56 kadmin.local setstr alice pkinit_cert_match '<SUBJECT>nobody'
  card good alice
  [ "$status" -eq 1 ]
  told logon CARD_NOT_YOURS || told logon CARD_UNFIT
}
