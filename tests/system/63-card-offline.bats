# Logons with a smart card while no domain controller answers, through PAM on ws1.
# Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2034,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

cards=/var/lib/authsod-cards
no_kdc='No domain controller of corp.test answers.'
offline='No domain controller answers. You have logged on as this computer knows you, without Kerberos tickets.'

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_stop ws1
  lab_cards ws1
  lab_pkinit_on dc1
  member_cards ws1
  printf '%s\n' 'auth required pam_authsod.so' 'account required pam_authsod.so' 'session required pam_authsod.so' |
    in_member ws1 sh -c 'cat >/etc/pam.d/card63'
  member_configure ws1
  member_start ws1
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_cards_away ws1
  lab_pkinit_off dc1
  in_member ws1 sh -c 'rm -rf /etc/pam.d/card63 /tmp/krb5cc_*'
  member_stop ws1
  member_configure ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  configure 'offline_smartcard = yes'
  mark=$(member_log_mark ws1)
}

teardown() {
  if [ -e "$BATS_TEST_TMPDIR/mounted" ]; then
    member_stop ws1
    in_member ws1 umount "$cards"
    member_start ws1
  fi
  [ ! -e "$BATS_TEST_TMPDIR/away" ] || lab_mend dc1
  [ ! -e "$BATS_TEST_TMPDIR/disabled" ] || dc_set bob userAccountControl 512
  in_member ws1 sh -c 'install -m 644 "$1" /etc/authsod/crl.pem; rm -f "$2"/*' sh "$LAB/pki/crl.pem" "$cards"
  member_insert ws1
} >&2

# configure [SMARTCARD-LINE...]
configure() {
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX' 'deadline = 20s' \
    '[smartcard]' 'anchors = /etc/authsod/ca.pem' 'crls = /etc/authsod/crl.pem' "$@"
  member_reload ws1
}

# away: the controller's cable is out.
away() {
  touch "$BATS_TEST_TMPDIR/away"
  lab_cut dc1
}

disable_bob() {
  touch "$BATS_TEST_TMPDIR/disabled"
  dc_set bob userAccountControl 514
}

# card USER ANSWERS OPERATION...
card() {
  run member_do ws1 card63 "$@"
}

# has_tickets USER: of a logon of just now.
has_tickets() {
  [[ "$(member_do ws1 card63 "$1" "$LAB_PIN" authenticate acct_mgmt establish run:klist)" == *krbtgt/CORP.TEST@CORP.TEST* ]]
}

# online USER CARD: a logon that the domain has a part in; it may have been out of reach a moment ago.
online() {
  member_insert ws1 "$2"
  lab_wait 20 has_tickets "$1"
}

@test "a card that the domain took: its user is in, in all groups, without tickets, and told so" {
  local groups
  online alice good
  groups=$(in_member ws1 id alice)
  [ "$(in_member ws1 sh -c 'stat -c "%U %a" "$1"/*' sh "$cards")" = 'authsod-member 600' ]
  away
  card alice "$LAB_PIN" authenticate acct_mgmt establish 'run:id alice; klist'
  says "asked: PIN for good: " "$offline" $'authenticate: SUCCESS\nacct_mgmt: SUCCESS\nestablish: SUCCESS\n'"$groups"
  [[ $output != *krbtgt* ]]
  logged 'alice has logged on (card63' | grep -F 'by smart card (Alice Liddell, issued by CN=Lab CA)' |
    grep -F 'offline, by a card that the domain took last at '
  logged 'last known state'
  # Nobody is named: the card says who it is. A wrong PIN is one here, too.
  card '' "$LAB_PIN" authenticate name
  says 'name: alice' "$offline"
  card alice 999999 authenticate
  says 'told: The PIN is incorrect.' 'authenticate: AUTH_ERR'
  # The service is started anew and finds no controller.
  member_kill ws1
  member_start ws1
  card alice "$LAB_PIN" authenticate acct_mgmt
  says "$offline" $'authenticate: SUCCESS\nacct_mgmt: SUCCESS'
  lab_mend dc1
  lab_wait 20 has_tickets alice
}

@test "a card that the domain has not taken at this computer lets nobody in" {
  online alice good
  member_insert ws1 rsa4096
  away
  card alice "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  says "told: $no_kdc" 'authenticate: AUTHINFO_UNAVAIL'
  logged 'there was no logon with this card at this computer while one did'
  # Nor does hers let anybody else in.
  member_insert ws1 good
  card bob "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  says "told: $no_kdc"
}

@test "a password is no card" {
  online alice good
  member_insert ws1
  away
  card alice Passw0rd-alice authenticate
  [ "$status" -ne 0 ]
  says "told: $no_kdc"
}

@test "without the permission, and when it is taken back" {
  configure
  online alice good
  [ -z "$(in_member ws1 ls "$cards")" ]
  configure 'offline_smartcard = yes'
  online alice good
  [ -n "$(in_member ws1 ls "$cards")" ]
  configure 'offline_smartcard = no'
  lab_wait 5 in_member ws1 sh -c '[ -z "$(ls "$1")" ]' sh "$cards"
  away
  card alice "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  says "told: $no_kdc"
  run ! logged 'offline'
}

@test "what was revoked meanwhile, by the last list, which has run out" {
  online alice good
  # The list that this authority makes next, for a day that is over.
  (
    cd "$LAB/pki"
    cp -r db "$BATS_TEST_TMPDIR/db"
    sed "s,$LAB/pki/db,$BATS_TEST_TMPDIR/db," ca.cnf >"$BATS_TEST_TMPDIR/ca.cnf"
    openssl ca -config "$BATS_TEST_TMPDIR/ca.cnf" -revoke good.pem
    openssl ca -config "$BATS_TEST_TMPDIR/ca.cnf" -gencrl -crl_lastupdate "$(date -u -d '-1 minute' +%Y%m%d%H%M%SZ)" \
      -crl_nextupdate "$(date -u -d '-30 seconds' +%Y%m%d%H%M%SZ)" -out "$BATS_TEST_TMPDIR/crl.pem"
  ) >&2
  away
  card alice "$LAB_PIN" authenticate
  [ "$status" -eq 0 ]
  install -m 644 "$BATS_TEST_TMPDIR/crl.pem" "$LAB/hosts/ws1/etc/authsod/crl.pem"
  card alice "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  logged 'it was revoked'
}

@test "an account that the domain has turned away does not get in by pulling out the cable" {
  online bob otherupn
  disable_bob
  card bob "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  says 'Your account is disabled.'
  away
  card bob "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  says "told: $no_kdc"
}

@test "an account that is found to be disabled, by whatever way, has no cards" {
  online bob otherupn
  disable_bob
  # As cron asks for it.
  card bob "$LAB_PIN" acct_mgmt
  says 'acct_mgmt: ACCT_EXPIRED'
  away
  card bob "$LAB_PIN" authenticate acct_mgmt
  says "told: $no_kdc" 'authenticate: AUTHINFO_UNAVAIL' 'Your account is disabled.' 'acct_mgmt: ACCT_EXPIRED'
}

@test "a controller that cannot be trusted is an alarm, and no reason to do without one" {
  online alice good
  lab_pkinit_on dc1 stranger >&2
  card alice "$LAB_PIN" authenticate
  lab_pkinit_on dc1 >&2
  says "told: The domain controller's certificate cannot be trusted." 'authenticate: AUTH_ERR'
  logged KDC_CERTIFICATE | grep -F alarm
}

@test "files in the folder that are not member's, or damaged, are not believed" {
  local file
  online alice good
  file=$(in_member ws1 sh -c 'echo "$1"/S-*' sh "$cards")
  away
  for how in 'chown root "$1"' 'chown authsod-member "$1"; chmod 666 "$1"' 'chmod 600 "$1"; truncate -s -1 "$1"'; do
    in_member ws1 sh -c "$how" sh "$file"
    mark=$(member_log_mark ws1)
    card alice "$LAB_PIN" authenticate
    [ "$status" -ne 0 ] || { echo "$how"; return 1; }
    logged 'cannot be read'
  done
}

@test "without a folder nothing can be remembered, and all else goes on" {
  member_stop ws1
  in_member ws1 mount -t tmpfs -o ro none "$cards"
  touch "$BATS_TEST_TMPDIR/mounted"
  member_start ws1
  logged 'authsod-cards cannot be used'
  online alice good
  logged 'the card of S-1-5-21-'
}
