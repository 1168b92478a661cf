# What people are told beside a success, and administrators of each logon. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_configure ws1
  member_reload ws1
  dc_set bob userAccountControl 512
  dc_reset bob
}

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
}

# configure LINE...: those lines of [logon] and no others.
configure() {
  member_configure ws1 '[logon]' "$@"
  member_reload ws1
}

# expires_in SECONDS: bob's password does, in a domain whose passwords last 42
# days, as Samba makes it.
expires_in() {
  dc_set bob pwdLastSet "$((($(date +%s) + $1 - 42 * 86400 + 11644473600) * 10000000))"
}

# days_until SECONDS: as the calendar of ws1 counts them.
days_until() {
  local now=$EPOCHSECONDS
  in_member ws1 date +%F -d "@$now" | {
    read -r today
    last=$(in_member ws1 date +%F -d "@$((now + $1))")
    echo $((($(date -ud "$last" +%s) - $(date -ud "$today" +%s)) / 86400))
  }
}

log_on() {
  run -0 member_pam ws1 bob Passw0rd-bob authenticate
}

# told SECONDS: the notice for a password that expires then.
told() {
  local days
  days=$(days_until "$1")
  case $days in
    0) [[ $output == *"Your password expires today."* ]] ;;
    1) [[ $output == *"Your password expires tomorrow."* ]] ;;
    *) [[ $output == *"Your password expires in $days days."* ]] ;;
  esac || { echo "not $days days: $output"; return 1; }
}

@test "a password that expires within five days" {
  local seconds
  configure
  for seconds in 3600 93600 $((4 * 86400)); do
    expires_in "$seconds"
    log_on
    told "$seconds"
  done
}

@test "one that has longer to go" {
  configure
  expires_in $((6 * 86400))
  log_on
  [[ $output != *expires* ]]
}

@test "one that never expires" {
  configure
  expires_in -1000000
  dc_set bob userAccountControl 66048
  log_on
  [[ $output != *expires* ]]
  dc_set bob userAccountControl 512
}

@test "the administrator says when the warnings begin, and whether there are any" {
  configure 'password_warning = 7d'
  expires_in $((6 * 86400))
  log_on
  told $((6 * 86400))
  configure 'password_warning = 0'
  expires_in 3600
  log_on
  [[ $output != *expires* ]]
}

@test "a wrong password is no reason to tell" {
  configure
  expires_in 3600
  run -1 member_pam ws1 bob wrong authenticate
  [[ $output != *expires* ]]
}

@test "the log names the controller of each logon, and the code of each refusal" {
  local mark where='\(authsod, this computer\)' dc='domain controller dc1.corp.test$'
  mark=$(member_log_mark ws1)
  member_pam ws1 alice Passw0rd-alice authenticate
  member_logged_since ws1 "$mark" "info: logon [0-9]+: alice has logged on $where in [0-9]+ ms, $dc"
  run ! member_pam ws1 alice wrong authenticate
  run ! member_pam ws1 disabled Passw0rd-disabled authenticate
  dc_unlock alice
  dc_unlock disabled
  member_logged_since ws1 "$mark" "alice refused $where: WRONG_PASSWORD in the AS exchange: .*\(KDC_ERR_PREAUTH_FAILED 24\), $dc"
  member_logged_since ws1 "$mark" "disabled refused $where: DISABLED in the AS exchange: .*\(KDC_ERR_CLIENT_REVOKED 18.*\), $dc"
}
