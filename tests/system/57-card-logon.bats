# Logons with smart cards through PAM on ws1, with the modules and the service as
# they are installed. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2034,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_stop ws1
  lab_cards ws1
  # One whose PIN is found nowhere by chance.
  LAB_PIN=Pin57-of-mine pki_token ws1 mine
  LAB_PIN=Pin57-of-mine pki_put ws1 mine 01 good
  lab_pkinit_on dc1
  member_cards ws1
  in_member ws1 install -m 755 "$AUTHSOD_BUILD/tests/system/.libs/faulty_pkcs11.so" /usr/local/lib/
  for option in '' try_card require_card card_only; do
    printf '%s\n' "auth required pam_authsod.so $option" 'account required pam_authsod.so' 'session required pam_authsod.so' |
      in_member ws1 sh -c "cat >/etc/pam.d/card57$option"
  done
  member_configure ws1
  member_start ws1
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_cards_away ws1
  lab_pkinit_off dc1
  in_member ws1 sh -c 'rm -rf /etc/pam.d/card57* /tmp/krb5cc_* /tmp/ntlm57 /tmp/conf57 /tmp/turn57 /var/tmp/ntlm57 /tmp/faulty_pkcs11 /usr/local/lib/faulty_pkcs11.so'
  member_stop ws1
  member_configure ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  files=/run/authsod/ntlm
  configure
  mark=$(member_log_mark ws1)
}

teardown() {
  in_member ws1 rm -f /tmp/faulty_pkcs11
  ! in_member ws1 mountpoint -q "$files" || in_member ws1 umount "$files"
  insert
} >&2

# configure [LOGON-LINE] [SMARTCARD-LINE...]: beside what all tests have.
configure() {
  local logon=${1:-}
  shift || true
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX' 'deadline = 8s' "$logon" \
    '[smartcard]' 'anchors = /etc/authsod/ca.pem' 'crls = /etc/authsod/crl.pem' "$@"
  member_reload ws1
}

# insert [LABEL...]: these cards and no others.
insert() {
  member_insert ws1 "$@"
}

# card USER ANSWERS OPERATION...: as the service card57, or card57$option.
card() {
  run member_do ws1 "card57${option:-}" "$@"
}

@test "a card in the reader: its PIN is asked for, and there are tickets" {
  local uid
  uid=$(in_member ws1 id -u alice)
  insert good
  card alice "$LAB_PIN" authenticate acct_mgmt establish 'run:id -u; klist'
  [ "$status" -eq 0 ]
  says 'asked: PIN for good: ' $'authenticate: SUCCESS\nacct_mgmt: SUCCESS\nestablish: SUCCESS\n'"$uid" \
    'Default principal: alice@CORP.TEST' krbtgt/CORP.TEST@CORP.TEST
  [[ "$output" != *assword* ]]
  logged 'alice has logged on (card57' | grep -F 'by smart card (Alice Liddell, issued by CN=Lab CA)'
}

@test "rsa4096, and another user's card by another one" {
  insert rsa4096
  card alice "$LAB_PIN" authenticate acct_mgmt
  [ "$status" -eq 0 ]
  insert otherupn
  card bob "$LAB_PIN" authenticate acct_mgmt
  [ "$status" -eq 0 ]
}

@test "with FAST and without, where it must be and where it never is" {
  local fast
  insert good
  for fast in never require; do
    configure "fast = $fast"
    card alice "$LAB_PIN" authenticate acct_mgmt
    [ "$status" -eq 0 ]
  done
}

@test "a wrong PIN is told, is tried once, and costs the account nothing" {
  dc_unlock alice
  insert good
  card alice 999999 authenticate
  [ "$status" -ne 0 ]
  says 'told: The PIN is incorrect.' 'authenticate: AUTH_ERR'
  [ "$(grep -c asked <<<"$output")" -eq 1 ]
  run -0 dc_badpwdcount alice
  [ "$output" = 0 ]
  logged 'PIN_WRONG in the smart card'
  # The card remembers that there was one, and the right one makes it forget.
  run -1 in_member ws1 "$AUTHSOD_BUILD/tests/system/cardprobe" pin good 12
  says low=1
  card alice "$LAB_PIN" authenticate
  [ "$status" -eq 0 ]
}

@test "nobody is named: the card says who it is" {
  insert good
  card '' "$LAB_PIN" authenticate acct_mgmt establish name run:id
  [ "$status" -eq 0 ]
  says 'asked: PIN for good: ' 'name: alice' "uid=$(in_member ws1 id -u alice)(alice)"
}

@test "two cards: one is chosen, and comes first the next time, also after a restart" {
  local first second name
  insert good otherupn
  card '' $'1\n'"$LAB_PIN" authenticate name
  [ "$status" -eq 0 ]
  says '(good, ' '(otherupn, ' 'asked: Which certificate?'
  first=$(sed -n 's/^name: //p' <<<"$output")
  card '' $'2\n'"$LAB_PIN" authenticate name
  [ "$status" -eq 0 ]
  second=$(sed -n 's/^name: //p' <<<"$output")
  [ "$(printf '%s\n' "$first" "$second" | sort | tr '\n' ' ')" = 'alice bob ' ]
  card '' $'1\n'"$LAB_PIN" authenticate name
  says "name: $second"
  # Of both, as one of them is where it would be without any memory.
  for name in "$second" "$first"; do
    member_stop ws1
    member_start ws1
    card '' $'1\n'"$LAB_PIN" authenticate name
    says "name: $name"
    card '' $'2\n'"$LAB_PIN" authenticate name
    [ "$status" -eq 0 ]
  done
}

# count: of the files for NTLM.
count() {
  in_member ws1 sh -c "ls -A $files 2>/dev/null | wc -l"
}

# ntlm: alice's session has a file for gss-ntlmssp, and dc1 takes what is in it.
ntlm() {
  local fifo=$BATS_TEST_TMPDIR/ntlm
  card alice "$LAB_PIN" authenticate establish env 'run:cp "$NTLM_USER_FILE" /tmp/ntlm57; stat -c "%U %a" "$NTLM_USER_FILE"
    test -w /run/authsod/ntlm || echo closed; test -w "$NTLM_USER_FILE" || echo unwritable'
  says "NTLM_USER_FILE=$files/" 'root 640' closed unwritable || return 1
  mkfifo "$fifo"
  # shellcheck disable=SC2094 # a pipe: the answers of each are the other's input
  in_dc dc1 ntlm_auth --helper-protocol=squid-2.5-ntlmssp <"$fifo" |
    in_member ws1 env NTLM_USER_FILE=/tmp/ntlm57 "$lab_top/tests/system/ntlmclient" 'CORP\alice' >"$fifo"
}

@test "the NT hash that the controller gives is kept where that is wanted: NTLM works with it" {
  local file
  insert good
  configure '' 'nt_hash = keep'
  ntlm
  # It is where the tickets are, and goes with them.
  card alice "$LAB_PIN" authenticate establish env delete
  file=$(sed -n 's,^NTLM_USER_FILE=,,p' <<<"$output")
  [ -n "$file" ]
  run ! in_member ws1 test -e "$file"
  # A password brings none.
  insert
  card alice Passw0rd-alice authenticate establish env
  [ "$status" -eq 0 ]
  [[ $output != *NTLM_USER_FILE* ]]
  # The permission is taken back.
  [ "$(count)" -gt 0 ]
  configure
  [ "$(count)" -eq 0 ]
  run -1 grep -rFi "$(printf %s Passw0rd-alice | iconv -t UTF-16LE | openssl dgst -provider legacy -md4 -r | cut -d' ' -f1)" \
    "$(member_log ws1)" "$LAB/hosts/ws1/changes/var/lib"
}

@test "a cache that sessions share keeps its file when one of them ends" {
  local file
  insert good
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}' \
    '[smartcard]' 'anchors = /etc/authsod/ca.pem' 'crls = /etc/authsod/crl.pem' 'nt_hash = keep'
  member_reload ws1
  card alice "$LAB_PIN" authenticate establish env open_session
  file=$(sed -n 's,^NTLM_USER_FILE=,,p' <<<"$output")
  [ -n "$file" ]
  card alice "$LAB_PIN" authenticate establish env open_session close_session delete
  [ "$status" -eq 0 ]
  says "NTLM_USER_FILE=$file" 'close_session: SUCCESS' 'delete: SUCCESS'
  [ "$(count)" -eq 1 ]
  in_member ws1 test -s "$file"
  # A second service, with a configuration of its own, ends before it takes anything away.
  in_member ws1 sh -c 'sed "s/nt_hash = keep/nt_hash = discard/" /etc/authsod/authsod.conf >/tmp/conf57'
  run -1 in_member ws1 authsodd --config=/tmp/conf57
  says 'another authsodd is running'
  in_member ws1 test -s "$file"
  # A password is another logon, and it may be another password.
  insert
  card alice Passw0rd-alice authenticate establish
  [ "$status" -eq 0 ]
  [ "$(count)" -eq 0 ]
}

@test "the NT hash is not written to a disk" {
  insert good
  # The member's /run is a tmpfs, and its / an overlay.
  in_member ws1 sh -c "mkdir -p -m 711 /var/tmp/ntlm57 $files && mount --bind /var/tmp/ntlm57 $files"
  configure '' 'nt_hash = keep'
  card alice "$LAB_PIN" authenticate establish
  [ "$status" -eq 0 ]
  [ "$(count)" -eq 0 ]
  logged "$files is on a disk: no NT hash is kept there; mount a tmpfs"
}

@test "unless it is wanted nobody has it" {
  insert good
  card alice "$LAB_PIN" authenticate establish env
  [ "$status" -eq 0 ]
  [[ $output != *NTLM_USER_FILE* ]]
  [ "$(count)" -eq 0 ]
}

# why CARD SENTENCE [LOGGED]: with that card nobody gets in who needs one, and that is why.
why() {
  insert "$1"
  option=require_card card alice "$LAB_PIN" authenticate
  [ "$status" -ne 0 ] || {
    echo "$1 let in"
    return 1
  }
  says "told: $2" || return 1
  [ -z "${3:-}" ] || logged "$3"
}

@test "a card that is not fit for logon: which, and why" {
  why expired 'The certificate on the smart card has expired or is not valid yet.' \
    'card "expired": the certificate "Alice Liddell" of CN=Lab CA is left out: it has expired'
  why future 'The certificate on the smart card has expired or is not valid yet.' 'it is not valid yet'
  why stranger 'The issuer of the certificate on the smart card is not trusted.' 'authority that is trusted here'
  why revoked 'The certificate on the smart card has been revoked.' 'it was revoked'
  why noeku 'The smart card has no certificate that is meant for logon here.' 'it is not meant for logon'
  why ec 'The smart card has no certificate that is meant for logon here.' 'its key is of a kind that cannot be used'
  why locked 'The smart card is blocked after too many wrong PINs.'
  # Those that had no PIN to ask for asked for none.
  why otherupn 'The smart card does not belong to this account.'
}

@test "the controller's word on an issuer that is trusted here and not there" {
  in_member ws1 sh -c 'cat /etc/authsod/ca.pem /etc/authsod/otherca.pem >/etc/authsod/both.pem; chmod 644 /etc/authsod/both.pem'
  member_configure ws1 '[smartcard]' 'anchors = /etc/authsod/both.pem'
  member_reload ws1
  why stranger 'The issuer of the certificate on the smart card is not trusted.'
  says 'asked: PIN for stranger: '
}

@test "without a card: the password; nobody, where a card is needed" {
  card alice Passw0rd-alice authenticate acct_mgmt
  [ "$status" -eq 0 ]
  says 'asked: Password: '
  option=require_card card alice Passw0rd-alice authenticate
  says 'told: There is no smart card in the reader.' 'authenticate: AUTHINFO_UNAVAIL'
  option=card_only card alice Passw0rd-alice authenticate
  [ "$output" = 'authenticate: USER_UNKNOWN' ]
  option=card_only card '' Passw0rd-alice authenticate
  [ "$output" = 'authenticate: USER_UNKNOWN' ]
  configure 'smartcard = require'
  card alice Passw0rd-alice authenticate
  says 'told: There is no smart card in the reader.'
  run ! grep -F asked <<<"$output"
}

@test "a card that comes or goes between two tries changes what is asked for" {
  local done=$BATS_TEST_TMPDIR/done
  in_member ws1 rm -f /tmp/turn57
  # The same program, with the same PAM handle; each answer is wrong for the other question.
  in_member ws1 "$lab_top/tests/system/pamdo" card57 alice $'Passw0rd-alice\n'"$LAB_PIN" authenticate wait:/tmp/turn57 \
    authenticate >"$done" 3>&- &
  lab_wait 10 grep -q '^authenticate: SUCCESS' "$done"
  insert good
  in_member ws1 touch /tmp/turn57
  wait $!
  run cat "$done"
  [ "$(grep -v '^told' <<<"$output")" = $'asked: Password: \nauthenticate: SUCCESS\nasked: PIN for good: \nauthenticate: SUCCESS' ]
}

@test "smartcard = off, and a service that tries one all the same" {
  insert good
  configure 'smartcard = off'
  card alice Passw0rd-alice authenticate
  [ "$status" -eq 0 ]
  says 'asked: Password: '
  option=try_card card alice "$LAB_PIN" authenticate
  [ "$status" -eq 0 ]
  says 'asked: PIN for good: '
}

@test "over the network a password is asked for, whatever is in the reader" {
  insert good
  member_desk
  member_sshd ws1
  run -0 member_ssh desk alice@ws1.corp.test Passw0rd-alice keyboard-interactive id -un
  [ "$output" = alice ]
  run member_do ws1 rhost=10.99.0.50 card57 alice Passw0rd-alice authenticate
  says 'asked: Password: ' 'authenticate: SUCCESS'
  run ! logged 'smart card'
}

@test "login on a terminal" {
  insert good
  run -0 in_member ws1 "$lab_top/tests/system/talk" 'PIN for good: $' "$LAB_PIN" '\$ $' 'echo "I am $(id -un), $KRB5CCNAME."; exit' \
    -- login alice
  [[ "$output" =~ I\ am\ alice,\ FILE:/tmp/krb5cc_ ]]
}

@test "a card that is pulled after its PIN was asked for" {
  insert good
  configure '' 'pkcs11_module = /usr/local/lib/faulty_pkcs11.so'
  order remove C_Login
  card alice "$LAB_PIN" authenticate
  says 'told: The smart card is no longer in the reader.' 'authenticate: AUTHINFO_UNAVAIL'
}

# order FAULT CALL: what the faulty module does from now on.
order() {
  in_member ws1 sh -c "echo '$1 $2' >/tmp/faulty_pkcs11; chmod 644 /tmp/faulty_pkcs11"
}

faulty() {
  configure '' 'pkcs11_module = /usr/local/lib/faulty_pkcs11.so'
  insert good
  card alice "$LAB_PIN" authenticate
  [ "$status" -eq 0 ]
}

@test "a module that crashes costs that logon, and is not in anybody's way" {
  faulty
  order crash C_Login
  card alice "$LAB_PIN" authenticate
  [ "$status" -ne 0 ]
  says 'asked: PIN for good: '
  order crash C_GetSlotList
  card alice Passw0rd-alice authenticate
  [ "$status" -eq 0 ]
  says 'asked: Password: '
  option=require_card card alice Passw0rd-alice authenticate
  says 'told: The smart card or its reader does not work.'
  logged 'card (process '
  in_member ws1 rm /tmp/faulty_pkcs11
  card alice "$LAB_PIN" authenticate
  [ "$status" -eq 0 ]
  # Those of passwords have felt nothing; one that nobody needed any more may have been let go.
  run ! logged 'logon (process '
}

@test "a module that hangs costs that logon its deadline, and passwords go on meanwhile" {
  local hung began
  faulty
  order hang C_Sign
  began=$SECONDS
  member_do ws1 card57 alice "$LAB_PIN" authenticate >"$BATS_TEST_TMPDIR/hung" 3>&- &
  hung=$!
  run member_do ws1 rhost=10.99.0.50 card57 bob Passw0rd-bob authenticate
  [ "$status" -eq 0 ]
  [ $((SECONDS - began)) -lt 6 ]
  kill -0 "$hung"
  wait "$hung" || true
  run cat "$BATS_TEST_TMPDIR/hung"
  says 'asked: PIN for good: ' 'authenticate: '
  [ $((SECONDS - began)) -lt 20 ]
  # While one is looked for, too: then it is the password.
  order hang C_GetSlotList
  card alice Passw0rd-alice authenticate
  [ "$status" -eq 0 ]
  says 'asked: Password: '
}

has_card_with() {
  [ "$(member_holders ws1 "$1")" = card ]
}

@test "the PIN is in the card worker's memory alone, as long as the logon lasts, and in no log" {
  configure '' 'pkcs11_module = /usr/local/lib/faulty_pkcs11.so'
  insert mine
  order hang C_Sign
  member_do ws1 card57 alice Pin57-of-mine authenticate >/dev/null 3>&- &
  lab_wait 6 has_card_with Pin57-of-mine
  wait $! || true
  in_member ws1 rm /tmp/faulty_pkcs11
  card alice Pin57-of-mine authenticate
  [ "$status" -eq 0 ]
  run -0 member_holders ws1 Pin57-of-mine
  [ -z "$output" ]
  run -1 grep -rFl Pin57-of-mine "$(member_log ws1)" "$LAB/hosts/ws1/changes/var/lib/authsod" "$LAB/hosts/ws1/run/authsod"
}

@test "a card worker is locked down like the others" {
  local pid field
  insert good
  card alice "$LAB_PIN" authenticate
  pid=$(member_roles ws1 card | head -n 1)
  [ -n "$pid" ]
  for field in 'Seccomp:	2' 'NoNewPrivs:	1' 'CapEff:	0000000000000000'; do
    grep -x "$field" "/proc/$pid/status"
  done
  [ "$(stat -c %u "/proc/$pid/mem")" -eq 0 ]
  [ "$(tr -d '\0' <"/proc/$pid/environ" | wc -c)" -eq 0 ]
  [ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" = "$(in_member ws1 id -u authsod-logon)" ]
}

@test "many at once: no more than four workers for cards" {
  local i
  local -a pids=()
  insert good
  for i in 1 2 3 4 5 6 7 8; do
    member_do ws1 card57 alice "$LAB_PIN" authenticate >"$BATS_TEST_TMPDIR/many$i" 3>&- &
    pids+=($!)
  done
  for i in "${pids[@]}"; do
    wait "$i" || { cat "$BATS_TEST_TMPDIR"/many*; false; }
  done
  [ "$(member_roles ws1 card | wc -l)" -le 4 ]
}

@test "a controller whose certificate is not to be trusted: an alarm, and nothing else is tried" {
  insert good
  lab_pkinit_on dc1 stranger >&2
  card alice "$LAB_PIN" authenticate
  lab_pkinit_on dc1 >&2
  logged KDC_CERTIFICATE
  says "told: The domain controller's certificate cannot be trusted." 'authenticate: AUTH_ERR'
  [ "$(grep -c asked <<<"$output")" -eq 1 ]
  logged KDC_CERTIFICATE | grep -F alarm
}
