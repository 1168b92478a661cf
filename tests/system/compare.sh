# What we read of a user, beside what Samba reads, field by field. Source it
# in bats after member.sh; call compare_domain in setup.
# shellcheck shell=bash disable=SC2034,SC2154 # bats' and lib.sh's variables

# compare_domain DC ADDRESS NETBIOS MEMBER: between whom.
compare_domain() {
  compare_dc=$1 compare_address=$2 compare_netbios=$3 compare_member=$4
  compare_dns=$(cat "$LAB/hosts/$1/domain")
  compare_programs=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system
  # Seen under the same name on all computers.
  compare_work=$LAB/compare
  mkdir -p "$compare_work"
}

# compare_prepare: a computer CMPWS whose password is known; and a user `rich`
# of whom a domain can say much, with groups of every scope, one in another.
compare_prepare() {
  local group scope
  {
    samba_tool "$compare_dc" computer create CMPWS &&
      dc_reset 'CMPWS$' Passw0rd-CMPWS "$compare_dc" &&
      dc_set 'CMPWS$' userAccountControl 4096 "$compare_dc" &&
      samba_tool "$compare_dc" user create rich Passw0rd-rich --given-name=Rích --surname=O\'Reilly \
        --profile-path='\\srv\profiles\rich' --script-path='netlogon\rich one.cmd' --home-drive=R: \
        --home-directory='\\srv\home\rich' --mail-address=rich@brand.example &&
      dc_set rich accountExpires 160000000000000000 "$compare_dc" &&
      dc_set rich userPrincipalName rich@brand.example "$compare_dc" &&
      for group in cmp-global:Global cmp-nested:Global cmp-universal:Universal cmp-local:Domain cmp-local-nested:Domain; do
        samba_tool "$compare_dc" group add "${group%:*}" --group-scope="${group#*:}" || return 1
      done &&
      samba_tool "$compare_dc" group addmembers cmp-global rich &&
      samba_tool "$compare_dc" group addmembers cmp-nested cmp-global &&
      samba_tool "$compare_dc" group addmembers cmp-universal rich &&
      samba_tool "$compare_dc" group addmembers cmp-local rich &&
      samba_tool "$compare_dc" group addmembers cmp-local-nested cmp-nested
  } >"$compare_work/prepare" 2>&1 || {
    cat "$compare_work/prepare"
    return 1
  }
}

compare_clean() {
  local group
  samba_tool "$compare_dc" computer delete CMPWS
  samba_tool "$compare_dc" user delete rich
  for group in cmp-global cmp-nested cmp-universal cmp-local cmp-local-nested; do
    samba_tool "$compare_dc" group delete "$group"
  done
}

# compare_same WHAT: are the two readings alike, in every field and group? The fields must be there.
compare_same() {
  sed -n 's/^= //p' "$compare_work/ours" | sort >"$compare_work/ours.sorted"
  sed -n 's/^= //p' "$compare_work/theirs" | sort >"$compare_work/theirs.sorted"
  [ "$(grep -cv '^group ' "$compare_work/ours.sorted")" -eq 20 ] || { echo "$1: not 20 fields"; return 1; }
  diff "$compare_work/theirs.sorted" "$compare_work/ours.sorted" || { echo "$1"; return 1; }
  compare_groups=$(grep -c '^group ' "$compare_work/ours.sorted")
}

# compare_pac USER: the PAC of a ticket, the very same bytes.
compare_pac() {
  in_member "$compare_member" "$compare_programs/krbprobe" --kdc "$compare_address" --realm "${compare_dns^^}" \
    --domain "$compare_dns" --fqdn "$compare_member.$compare_dns" --computer "${compare_member^^}" --verify \
    --pac "$compare_work/pac" "$1" "Passw0rd-$1" >"$compare_work/ours" || true
  compare_samba pac "$compare_work/pac" && compare_same "the PAC of $1"
}

compare_samba() {
  in_dc "$compare_dc" /usr/bin/python3 "$lab_top/tests/system/sambaread" "$@" >"$compare_work/theirs" || {
    cat "$compare_work/theirs"
    return 1
  }
}

# compare_level KIND LEVEL USER [SID/ATTRIBUTES]...: what Samba has read of a logon, and what we read in the same bytes;
# the extra SIDs are put into them.
compare_level() {
  local kind=$1 level=$2 user=$3
  shift 3
  compare_samba netlogon "$kind" "$level" "$compare_address/$compare_netbios/$compare_dc.$compare_dns" CMPWS "$user" \
    "$compare_work/ndr" "$@" &&
    "$compare_programs/infoprobe" "$level" <"$compare_work/ndr" >"$compare_work/ours" &&
    compare_same "level $level of a logon ($kind) of $user"
}

# compare_logon KIND USER: a logon of ours and one of Samba's, right after each other.
compare_logon() {
  compare_samba netlogon "$1" 6 "$compare_address/$compare_netbios/$compare_dc.$compare_dns" CMPWS "$2" "$compare_work/ndr" &&
    in_member "$compare_member" "$compare_programs/rpcprobe" --dc "$compare_address" \
      --controller "$compare_dc.$compare_dns" --domain "$compare_netbios" --computer CMPWS --password Passw0rd-CMPWS \
      tell "$2" "Passw0rd-$2" >"$compare_work/ours" || return 1
  # Each has its own moment.
  sed -i '/^= logon_time/d; $a= logon_time' "$compare_work/ours" "$compare_work/theirs"
  compare_same "a logon of $2 by us and one by Samba ($1)"
}

# compare_has PATTERN...: what was compared last has such lines.
compare_has() {
  local pattern
  for pattern; do
    grep -qE -e "$pattern" "$compare_work/ours.sorted" || {
      echo "no $pattern"
      cat "$compare_work/ours.sorted"
      return 1
    }
  done
}
