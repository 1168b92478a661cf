# lib/card with a card that is put in and taken out, and counts its PINs: the lab's reader, through OpenSC's module and
# cardprobe. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  lab_pki
  lab_pkinit_on dc1
  lab_reader ws1
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  lab_reader_end ws1
  lab_pkinit_off dc1
  member_again ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  probe=${AUTHSOD_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/system/cardprobe
  alice='Alice Liddell'
  rm -f "$LAB"/pki/*.tries
  : >"$LAB/log/ws1.card"
}

teardown() {
  [ -z "${held:-}" ] || kill "$held" 2>/dev/null || true
  lab_card_out ws1
}

# probe ARGS...: cardprobe on ws1 with OpenSC's module.
probe() {
  run in_member ws1 "$probe" --module "$opensc_module" "$@"
}

# probe_held ARGS...: the same in the background; it goes on from each "waiting" by `go`.
probe_held() {
  said=$BATS_TEST_TMPDIR/said steps=0
  mkfifo "$BATS_TEST_TMPDIR/lines"
  : >"$said"
  in_member ws1 "$probe" --module "$opensc_module" "$@" <"$BATS_TEST_TMPDIR/lines" >"$said" 3>&- &
  held=$!
  exec {lines}>"$BATS_TEST_TMPDIR/lines"
  waits
}

# waits: until it waits once more.
waits() {
  steps=$((steps + 1))
  # shellcheck disable=SC2016 # the inner shell's variables
  lab_wait 20 sh -c '[ "$(grep -c ^waiting "$1")" -ge "$2" ]' sh "$said" "$steps" || { cat "$said"; return 1; }
}

# go [last]: it goes on, and waits again or ends; $output and $status are its own.
go() {
  echo >&"$lines"
  [ "${1:-}" = last ] || {
    waits
    return
  }
  exec {lines}>&-
  status=0
  wait "$held" || status=$?
  held=
  output=$(<"$said")
}

# told START TEXT...: a line begins with START and has each TEXT.
told() {
  local line text
  line=$(grep -m 1 -F -e "$1" <<<"$output") || { echo "no line $1 in: $output"; return 1; }
  shift
  for text; do
    [[ "$line " == *" $text "* ]] || { echo "no '$text' in: $line"; return 1; }
  done
}

# card_heard LINE...: what the card told of PINs and signatures, from the first on.
card_heard() {
  diff <(printf '%s\n' "$@") <(grep -E '^(PIN|signature)' "$LAB/log/ws1.card") >&2
}

card_heard_nothing() {
  ! grep -qE '^(PIN|signature)' "$LAB/log/ws1.card"
}

@test "cards that come and go are seen by the next look of the same process" {
  probe_held look wait look wait look wait look wait look
  lab_card_in ws1 good
  go
  lab_card_out ws1
  go
  lab_card_in ws1 otherupn
  go
  # Another card without a look between.
  lab_card_out ws1
  lab_card_in ws1 good
  go last
  [ "$status" -eq 0 ]
  diff <(grep -oE '^(token label="[^"]*"|look OK tokens=.*)' <<<"$output") - >&2 <<'EOF'
look OK tokens=0 left_out=0
token label="Alice Liddell"
look OK tokens=1 left_out=0
look OK tokens=0 left_out=0
token label="Bob"
look OK tokens=1 left_out=0
token label="Alice Liddell"
look OK tokens=1 left_out=0
EOF
  card_heard_nothing
}

@test "a card's certificate, its issuers, its PIN and a signature" {
  lab_card_in ws1 good
  probe --anchors "$LAB/pki/ca.pem" --crls "$LAB/pki/crl.pem" --require-crl \
    look pin "$alice" "$LAB_PIN" sign "$alice" 01 "$LAB_PIN"
  [ "$status" -eq 0 ]
  told 'token label' 'manufacturer="piv_II"' login=1 pad=0 last_try=0 locked=0 min=4 max=8
  told 'certificate ' 'upn="alice@corp.test"' unfit=FIT private=HIDDEN kind=RSA bits=2048
  told 'pin OK' last_try=0 locked=0
  told 'proof ' verified=1
  card_heard 'PIN right left 3' 'PIN right left 3' signature
}

@test "a card whose certificate was revoked" {
  lab_card_in ws1 revoked
  probe --anchors "$LAB/pki/ca.pem" --crls "$LAB/pki/crl.pem" look
  told 'certificate ' unfit=REVOKED
  card_heard_nothing
}

# OpenSC does not know how many tries such a card gives at most, and so never says that there were more ("low").
@test "each wrong PIN is counted once, up to the last; then none is tried" {
  lab_card_in ws1 good
  probe pin "$alice" 999999 look
  told 'pin PIN_WRONG' last_try=0 locked=0
  told 'token label' last_try=0 locked=0
  [ "$(lab_card_tries good)" -eq 2 ]
  probe pin "$alice" 999998 look
  told 'pin PIN_WRONG' last_try=1 locked=0
  told 'token label' last_try=1 locked=0
  probe pin "$alice" 999997 look pin "$alice" "$LAB_PIN"
  told 'pin PIN_LOCKED' step=C_Login last_try=0 locked=1
  told 'token label' locked=1
  [ "$(grep -c '^pin PIN_LOCKED' <<<"$output")" -eq 2 ]
  # Put in anew, it says so by itself.
  lab_card_out ws1
  lab_card_in ws1 good
  probe look pin "$alice" "$LAB_PIN"
  told 'token label' locked=1
  told 'pin PIN_LOCKED' step=C_GetTokenInfo
  card_heard 'PIN wrong left 2' 'PIN wrong left 1' 'PIN wrong left 0'
}

@test "the right PIN gives all tries back; one that no card has is no try" {
  lab_card_in ws1 good
  probe pin "$alice" 999999 pin "$alice" 999999 pin "$alice" 123 pin "$alice" 123456789 look
  [ "$(grep -c '^pin PIN_UNUSABLE' <<<"$output")" -eq 2 ]
  told 'token label' last_try=1
  # OpenSC leaves the card logged in, and goes on telling what it knew before: it is asked anew.
  probe pin "$alice" "$LAB_PIN" reopen look
  told 'pin OK'
  told 'token label' last_try=0
  card_heard 'PIN wrong left 2' 'PIN wrong left 1' 'PIN right left 3'
}

@test "a card that is taken out between look and PIN" {
  lab_card_in ws1 good
  probe_held --hold pin "$alice" "$LAB_PIN"
  lab_card_out ws1
  go last
  [ "$status" -eq 1 ]
  told 'pin REMOVED'
  card_heard_nothing
}

@test "another card that is put in between look and PIN gets none" {
  local other
  # Another person's, and another one of the same person.
  for other in otherupn noupn; do
    rm -f "$BATS_TEST_TMPDIR"/*
    lab_card_in ws1 good
    probe_held --hold pin "$alice" "$LAB_PIN"
    lab_card_out ws1
    lab_card_in ws1 "$other"
    go last
    [ "$status" -eq 1 ]
    told 'pin REMOVED'
    lab_card_out ws1
  done
  card_heard_nothing
}

@test "a card that is taken out and put in again between look and PIN" {
  lab_card_in ws1 good
  probe_held --hold pin "$alice" "$LAB_PIN"
  lab_card_out ws1
  lab_card_in ws1 good
  go last
  told 'pin '
  # Whatever the module makes of it, the PIN is tried at most once, and none is lost.
  [ "$(grep -c '^PIN' "$LAB/log/ws1.card")" -le 1 ]
  [ "$(lab_card_tries good)" -eq 3 ]
}

@test "a stock client logs on with the card, and tries a wrong PIN once" {
  local -a stock=(env KRB5_CONFIG="$LAB/pki/client.conf" KRB5CCNAME=FILE:/tmp/card.cc
    kinit -X "X509_user_identity=PKCS11:module_name=$opensc_module" alice)
  lab_card_in ws1 good
  in_member ws1 "${stock[@]}" <<<"$LAB_PIN"
  run in_member ws1 klist -c FILE:/tmp/card.cc
  in_member ws1 rm -f /tmp/card.cc
  [[ $output == *'Default principal: alice@CORP.TEST'* ]]
  run in_member ws1 "${stock[@]}" <<<999999
  [ "$status" -ne 0 ]
  card_heard 'PIN right left 3' signature 'PIN wrong left 2'
}
