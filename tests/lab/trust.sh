# A second domain that the standard one trusts: OTHER.TEST, on the controller
# dco, in a forest of its own. Its accounts are those of accounts.py, too: each
# name is in both domains, with the same password.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir

LAB_OTHER_ADDR=10.99.0.3
LAB_NAMES_ADDR=10.99.0.53

# lab_other MEMBER...: brings the second domain up, and makes the trust in both
# directions. The controllers and MEMBERs ask a name server that knows both
# domains from then on.
lab_other() {
  local name
  lab_dc dco OTHER.TEST OTHER "$LAB_OTHER_ADDR" || return 1
  lab_host labnames "$LAB_NAMES_ADDR" "$LAB_NAMES_ADDR" lab.test || return 1
  lab_spawn "$LAB/log/labnames" "$lab_dir/in" labnames "$lab_dir/dns-split" "$LAB_NAMES_ADDR" \
    "$LAB_DOMAIN=$LAB_DC_ADDR" "other.test=$LAB_OTHER_ADDR"
  for name in dc1 dco "$@"; do
    trust_name_server "$name" "$LAB_NAMES_ADDR"
  done
  lab_wait 10 trust_names_are_known || lab_fail "labnames: $(tail -n 5 "$LAB/log/labnames")" || return 1
  lab_trust
}

# lab_other_end MEMBER...: all is as it was before lab_other.
lab_other_end() {
  local name
  lab_trust_end || true
  lab_dc_kill dco
  for name in dc1 "$@"; do
    trust_name_server "$name" "$LAB_DC_ADDR"
  done
}

# lab_trust, lab_trust_end: the trust alone. One that was ended cannot be made
# again before the controllers have been started again.
lab_trust() {
  samba_tool dc1 domain trust create other.test --type=forest --direction=both --create-location=both \
    -U "Administrator@OTHER.TEST%$LAB_ADMIN_PASSWORD" >"$LAB/log/trust" 2>&1 ||
    lab_fail "trust: $(tail -n 5 "$LAB/log/trust")"
}

lab_trust_end() {
  samba_tool dc1 domain trust delete other.test --delete-location=both \
    -U "Administrator@OTHER.TEST%$LAB_ADMIN_PASSWORD" >>"$LAB/log/trust" 2>&1
}

# lab_trust_direction N: 3, both; 2, CORP.TEST trusts and is not trusted
# ([MS-ADTS] 6.1.6.7.12). For what dc1 says and does; nothing is told to dco.
lab_trust_direction() {
  in_dc dc1 ldbmodify -H /var/lib/samba/private/sam.ldb <<EOF >>"$LAB/log/trust" 2>&1
dn: CN=other.test,CN=System,DC=${LAB_DOMAIN//./,DC=}
changetype: modify
replace: trustDirection
trustDirection: $1
EOF
}

# trust_name_server NAME ADDR
trust_name_server() {
  sed -i "s/^nameserver.*/nameserver $2/" "$LAB/hosts/$1/etc/resolv.conf"
}

trust_names_are_known() {
  in_dc dco dig +short +time=1 +tries=1 SRV _ldap._tcp.corp.test | grep -q . &&
    in_dc dc1 dig +short +time=1 +tries=1 SRV _ldap._tcp.other.test | grep -q .
}
