# lib/rpc against a real domain, through rpcprobe. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

# A computer of this file's own, whose password is known.
setup_file() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  in_dc dc1 samba-tool computer create RPCWS
  dc_reset 'RPCWS$' Passw0rd-RPCWS
  dc_set 'RPCWS$' userAccountControl 4096
}

teardown_file() {
  local user
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  in_dc dc1 samba-tool computer delete RPCWS
  for user in alice disabled pwexpired mustchange acctexpired hours wsres prot; do
    dc_unlock "$user"
  done
}

setup() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  . "$BATS_TEST_DIRNAME/steps.sh"
  probe=${AUTHSOD_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/system/rpcprobe
}

# probe ARGS...: rpcprobe on ws1 as RPCWS, which says what each step came to.
probe() {
  run in_member ws1 "$probe" --password Passw0rd-RPCWS "$@"
}

@test "a secure channel: both sides prove themselves, and agree on what they negotiated" {
  probe
  [ "$status" -eq 0 ]
  told session OK flags=612FFFFF
  told channel OK signs_headers=1
  told capabilities OK
}

@test "a computer that the domain does not know, and one with another password" {
  probe --computer NOBODY
  [ "$status" -eq 1 ]
  told session STATUS code=C000018B 'name="NT_STATUS_NO_TRUST_SAM_ACCOUNT"'
  run in_member ws1 "$probe" --password wrong
  [ "$status" -eq 1 ]
  told session STATUS code=C0000022 'name="NT_STATUS_ACCESS_DENIED"' step=NetrServerAuthenticate3
}

# verdict USER PASSWORD STATUS NAME
verdict() {
  # shellcheck disable=SC2086 # $flags may be none
  probe $flags logon "$1" "$2"
  told logon OK "status=$3" "name=NT_STATUS_$4" authoritative=1
}

good() {
  verdict "$1" "$2" 00000000 SUCCESS && [ "$status" -eq 0 ]
}

@test "the right password, by any name" {
  both good alice Passw0rd-alice
  told info 'account="alice"'
  flags=
  good ALICE Passw0rd-alice
  good josé Passw0rd-josé
  good carol@brand.example Passw0rd-carol
  [[ "$output" == *'info account="carol" '*'upn="carol@brand.example"'* ]]
  good wsok Passw0rd-wsok || verdict wsok Passw0rd-wsok C0000070 INVALID_WORKSTATION
}

counts_one() {
  dc_unlock alice
  verdict alice wrong C000006A WRONG_PASSWORD && [ "$status" -eq 1 ] && [ "$(dc_badpwdcount alice)" = 1 ]
  local one=$?
  dc_unlock alice
  return "$one"
}

@test "a wrong password is counted once" {
  both counts_one
}

refused() {
  verdict no-such-user x C0000064 NO_SUCH_USER
  verdict locked Passw0rd-locked C0000234 ACCOUNT_LOCKED_OUT
  verdict disabled Passw0rd-disabled C0000072 ACCOUNT_DISABLED
  verdict pwexpired Passw0rd-pwexpired C0000071 PASSWORD_EXPIRED
  verdict mustchange Passw0rd-mustchange C0000224 PASSWORD_MUST_CHANGE
  verdict acctexpired Passw0rd-acctexpired C0000193 ACCOUNT_EXPIRED
  verdict hours Passw0rd-hours C000006F INVALID_LOGON_HOURS
  verdict wsres Passw0rd-wsres C0000070 INVALID_WORKSTATION
  verdict prot Passw0rd-prot C000006E ACCOUNT_RESTRICTION
  verdict disabled wrong C000006A WRONG_PASSWORD
  verdict mustchange wrong C000006A WRONG_PASSWORD
}

@test "accounts that may not log on: the controller's reason" {
  both refused
}

# seconds ATTRIBUTE USER: a Windows time of the account in seconds since 1970.
seconds() {
  echo $(($(dc_get "$2" "$1") / 10000000 - 11644473600))
}

# token_groups USER: the SIDs of all its groups, nested ones too, by the directory.
token_groups() {
  in_dc dc1 ldbsearch -H "$sam_ldb" -s base -b "<SID=$(dc_get "$1" objectSid)>" tokenGroups | account_values tokenGroups
}

# as_the_directory_has_it USER GROUPS: what the logon told is what the directory says.
as_the_directory_has_it() {
  local user=$1
  flags='' good "$user" "Passw0rd-$user" || return 1
  [[ "$output" == *"info user=$(dc_get "$user" objectSid) primary=$(dc_get "$user" primaryGroupID) control=00000010 machine=0 "* ]] &&
    [[ "$output" == *" set=$(seconds pwdLastSet "$user") "* ]] &&
    [[ "$output" == *" must_change=$(seconds msDS-UserPasswordExpiryTimeComputed "$user")"* ]] &&
    [[ "$output" == *" kickoff=9223372036854775807 "* ]] &&
    [[ "$output" == *'netbios="CORP" dns="corp.test" '*' server="DC1"'* ]] &&
    [[ "$output" == *"full_name=\"$(dc_get "$user" displayName)\""* ]] || { echo "$output"; return 1; }
  # The directory's list has the groups of this controller itself, too, which a logon does not tell.
  diff <(token_groups "$user" | grep -v '^S-1-5-32-' | sort) \
    <(sed -n 's/^group \(S[^ ]*\) 00000007$/\1/p' <<<"$output" | sort) &&
    [ "$(grep -c '^group ' <<<"$output")" -eq "$2" ]
}

@test "what a logon tells is what the directory has: 0, 5 and 1,000 groups besides the primary one" {
  as_the_directory_has_it bob 1
  as_the_directory_has_it alice 6
  as_the_directory_has_it many 1001
}

@test "many logons on one channel" {
  local logons=()
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    logons+=(logon alice Passw0rd-alice logon many Passw0rd-many)
  done
  both probe "${logons[@]}"
  [ "$status" -eq 0 ]
  [ "$(grep -c '^logon OK status=00000000 ' <<<"$output")" -eq 20 ]
}

@test "the domain and its trusts" {
  probe trusts dc
  [ "$status" -eq 0 ]
  told trusts OK n=1
  told trust netbios=CORP dns=corp.test type=2 "sid=$(dc_get alice objectSid | sed 's/-[0-9]*$//')"
  told dc OK domain=CORP forest=corp.test site=Default-First-Site-Name
}

@test "names of SIDs and SIDs of names" {
  local sid
  sid=$(dc_get alice objectSid)
  probe sid "$sid" name 'CORP\alice' sid S-1-5-32-544 sid S-1-5-21-1-2-3-4 name no-such-name name josé
  [ "$status" -eq 0 ]
  grep -qxF "lookup OK kind=1 name=\"alice\" domain=\"CORP\" domain_sid=${sid%-*} sid=S-1-0" <<<"$output"
  grep -qxF "lookup OK kind=1 name=\"\" domain=\"CORP\" domain_sid=${sid%-*} sid=$sid" <<<"$output"
  grep -qF 'lookup OK kind=4 name="Administrators" domain="BUILTIN"' <<<"$output"
  [ "$(grep -c '^lookup OK kind=8 ' <<<"$output")" -eq 2 ]
  grep -qF "sid=$(dc_get josé objectSid)" <<<"$output"
}

@test "a new password for the computer: from then on that one and no other" {
  probe passwd 'N3w-Pässw0rd'
  [ "$status" -eq 0 ]
  told passwd OK
  run in_member ws1 "$probe" --password 'N3w-Pässw0rd' logon alice Passw0rd-alice
  [ "$status" -eq 0 ]
  run in_member ws1 "$probe" --password Passw0rd-RPCWS
  dc_reset 'RPCWS$' Passw0rd-RPCWS
  [ "$status" -eq 1 ]
  told session STATUS code=C0000022
}

# A controller keeps one session a computer. With an authenticator it says so; without one it decrypts the password with
# the wrong key, finds that wrong and counts it.
@test "a rival session of the same computer ends this one" {
  dc_unlock alice
  probe --with-flags logon alice Passw0rd-alice rival logon alice Passw0rd-alice
  [ "$status" -eq 1 ]
  grep -q '^logon STATUS code=C0000022 ' <<<"$output"
  [ "$(dc_badpwdcount alice)" = 0 ]
}

@test "no domain controller, or one that hangs: the deadline holds" {
  local start=$SECONDS
  probe --dc 10.99.0.99 --timeout 500
  told endpoint TIMEOUT || told endpoint CONNECT
  probe --endpoint 10.99.0.1:1
  told session CONNECT
  lab_dc_stop dc1
  probe --timeout 500
  lab_dc_cont dc1
  told endpoint TIMEOUT step=bind
  [ $((SECONDS - start)) -lt 8 ]
}

@test "an interface that is not at that port, and a port that speaks something else" {
  probe --endpoint 10.99.0.1:135
  [ "$status" -eq 1 ]
  told session BIND 'name="abstract syntax not supported"'
  probe --timeout 1000 --endpoint 10.99.0.1:53
  [ "$status" -eq 1 ]
  told session CLOSED || told session TIMEOUT || told session MALFORMED
}

# garbled MODE STEP: through a proxy that spoils each STEPth byte of what the controller sends.
garbled() {
  local port
  probe
  port=$(sed -n 's/^endpoint OK port=//p' <<<"$output")
  run in_member ws1 "$BATS_TEST_DIRNAME/garble" "$1" "$2" "$port" 10.99.0.1 "$probe" --password Passw0rd-RPCWS \
    logon alice Passw0rd-alice
  echo "$output"
  [ "$status" -eq 0 ]
}

@test "bytes of a controller's answers turned: an error, and never a logon" {
  garbled flip 3
}

@test "answers cut, stalled, with bytes twice or exchanged: an error, and never a logon" {
  garbled cut 10
  garbled stall 60
  garbled repeat 10
  garbled swap 7
}

@test "answers turned, under sanitizers" {
  probe=${AUTHSOD_BUILD_SANITIZERS:-$BATS_TEST_DIRNAME/../../build}/tests/system/rpcprobe
  garbled flip 7
}
