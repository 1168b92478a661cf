# Accounts of a running domain: their state, read from and written to the
# controller's database. DC is dc1 unless given.
# shellcheck shell=bash

sam_ldb=/var/lib/samba/private/sam.ldb

# dc_get USER ATTRIBUTE [DC]: prints the attribute's values, one a line;
# nothing if it has none. USER is a sAMAccountName. Fails if there is no such
# account.
dc_get() {
  local entry
  entry=$(account_entry "$1" "$2" "${3:-dc1}") || return 1
  account_values "$2" <<<"$entry"
}

# dc_set USER ATTRIBUTE VALUE [DC]: replaces the attribute; an empty VALUE
# removes it. VALUE is text in one line. Works for what only the directory
# itself may write, too; not for passwords.
dc_set() {
  local user=$1 attribute=$2 value=$3 dc=${4:-dc1}
  account_modify "$user" "$dc" --controls=relax:0 \
    --controls=local_oid:1.3.6.1.4.1.7165.4.3.12:0 <<EOF
replace: $attribute
${value:+$attribute:: $(printf %s "$value" | base64 -w0)}
EOF
}

# dc_badpwdcount USER [DC]: prints how many bad passwords are counted.
dc_badpwdcount() {
  local count
  count=$(dc_get "$1" badPwdCount "${2:-dc1}") || return 1
  echo "${count:-0}"
}

# dc_locked USER [DC]: succeeds if the account is locked out now.
dc_locked() {
  local flags
  flags=$(dc_get "$1" msDS-User-Account-Control-Computed "${2:-dc1}") || return 2
  [ $((flags & 0x10)) -ne 0 ]
}

# dc_unlock USER [DC]: ends a lockout and sets badPwdCount to 0.
dc_unlock() {
  # Samba leaves badPwdCount alone where there is no lockout to end.
  account_modify "$1" "${2:-dc1}" --controls=relax:0 <<EOF
replace: lockoutTime
lockoutTime: 0
-
replace: badPwdCount
badPwdCount: 0
EOF
}

# dc_reset USER [PASSWORD [DC]]: sets the password (Passw0rd-USER unless
# given), which thereby is neither expired nor to be changed, and unlocks.
dc_reset() {
  local user=$1 password=${2:-Passw0rd-$1} dc=${3:-dc1}
  account_modify "$user" "$dc" <<EOF || return 1
replace: unicodePwd
unicodePwd:: $(printf '"%s"' "$password" | iconv -t UTF-16LE | base64 -w0)
EOF
  dc_unlock "$user" "$dc"
}

# dc_must_change USER [DC]: the password has to be changed at the next logon.
dc_must_change() {
  dc_set "$1" pwdLastSet 0 "${2:-dc1}"
}

# dc_expire_password USER [DC]: the password was last set in 2020.
dc_expire_password() {
  dc_set "$1" pwdLastSet 132223104000000000 "${2:-dc1}"
}

# account_entry USER ATTRIBUTE DC: prints the account's entry as LDIF.
account_entry() {
  local entry
  entry=$(in_dc "$3" ldbsearch -H "$sam_ldb" "(sAMAccountName=$1)" "$2") ||
    return 1
  grep -q '^dn:' <<<"$entry" || lab_fail "no account $1 on $3" || return 1
  # Unfold lines.
  sed -e ':a' -e 'N;$!ba' -e 's/\n //g' <<<"$entry"
}

# account_values ATTRIBUTE: picks the attribute's values out of LDIF.
account_values() {
  local line
  while IFS= read -r line; do
    case $line in
      "$1:: "*) base64 -d <<<"${line#"$1:: "}" && echo ;;
      "$1: "*) printf '%s\n' "${line#"$1: "}" ;;
    esac
  done
}

# account_modify USER DC [OPTION...]: applies the LDIF modifications on stdin
# with these options of ldbmodify.
account_modify() {
  local user=$1 dc=$2 entry dn out
  shift 2
  entry=$(account_entry "$user" dn "$dc") || return 1
  dn=$(account_values dn <<<"$entry")
  out=$({
    printf 'dn:: %s\nchangetype: modify\n' "$(printf %s "$dn" | base64 -w0)"
    cat
  } | in_dc "$dc" ldbmodify -H "$sam_ldb" "$@" 2>&1) ||
    lab_fail "$user: $out"
}
