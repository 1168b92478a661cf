# Logon information as we read it, and as Samba's own Python does, of the same
# user, field by field. Runs in a lab that is up. At the level at which we log on
# the bindings can do so from Samba 4.20 on: see tests/system/samba422.
# shellcheck shell=bash disable=SC1091,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  . "$BATS_TEST_DIRNAME/compare.sh"
  compare_domain dc1 "$LAB_DC_ADDR" "$LAB_NETBIOS" ws1
  compare_prepare
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  . "$BATS_TEST_DIRNAME/compare.sh"
  compare_domain dc1 "$LAB_DC_ADDR" "$LAB_NETBIOS" ws1
  compare_clean
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/../lab/lib.sh"
  . "$BATS_TEST_DIRNAME/compare.sh"
  compare_domain dc1 "$LAB_DC_ADDR" "$LAB_NETBIOS" ws1
}

# both LEVELs of a network logon; GROUPS is how many there are.
levels() {
  local level
  for level in 3 6; do
    compare_level network "$level" "$1" && [ "$compare_groups" -eq "$2" ] || return 1
  done
}

@test "Netlogon, levels 3 and 6: no group but the primary one, 5, and 1,000" {
  levels bob 1
  levels alice 6
  levels many 1001
}

@test "Netlogon: nested groups of every scope, paths, expiry, names" {
  levels rich 6
  compare_has '^home_drive R:$' '^home_directory \\\\srv\\home\\rich$' \
    '^profile_path \\\\srv\\profiles\\rich$' '^logon_script netlogon\\rich one.cmd$' "^full_name Rích O'Reilly\$" \
    '^kickoff_time 4355526400$' '^upn rich@brand.example$' '^domain_dns (corp.test|CORP.TEST)$'
}

@test "Netlogon, levels 3 and 6: extra SIDs, one of a group that is in the other list, too" {
  local level domain
  domain=$(dc_get alice objectSid | sed 's/-[0-9]*$//')
  for level in 3 6; do
    compare_level network "$level" alice S-1-5-21-1-2-3-1100/20000007 "$domain-513/10" S-1-18-1/7 S-1-5-21-9-9-9-513/0
    compare_has '^group S-1-5-21-1-2-3-1100 20000007$' "^group $domain-513 00000017\$" '^is_service_asserted 0$'
    [ "$compare_groups" -eq 9 ]
    compare_level network "$level" many S-1-18-2/7
    compare_has '^is_service_asserted 1$'
  done
}

@test "a logon of ours tells what a logon of Samba's does" {
  local user
  for user in bob alice many rich carol josé; do
    compare_logon network "$user"
  done
}

@test "the PAC of a ticket: the same users" {
  local user
  for user in bob alice many carol josé; do
    compare_pac "$user"
  done
  compare_pac rich
  compare_has '^group S-1-18-1 ' '^home_drive R:$' '^kickoff_time 4355526400$' \
    '^upn rich@brand.example$' '^domain_dns (corp.test|CORP.TEST)$'
}
