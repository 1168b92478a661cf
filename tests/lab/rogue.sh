# A KDC that claims to be the domain's: what an attacker in the network runs.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir and lab_top

# lab_rogue_kdc NAME ADDR [PRINCIPAL=PASSWORD...]: a computer NAME with an MIT
# KDC for the realm CORP.TEST. It knows alice's right password (an attacker
# may choose both the password that is typed and the KDC that confirms it),
# but not the domain's keys: those of krbtgt, of ws1 and of its host/ name are
# random ones. Adds further principals as given. Returns when it answers.
lab_rogue_kdc() {
  local name=$1 addr=$2 pair
  local log=$LAB/log/$name
  shift 2

  lab_host "$name" "$addr" "$addr" "$LAB_DOMAIN" || return 1
  in_host "$name" mkdir -p /etc/krb5kdc /var/lib/krb5kdc || return 1
  rogue_configure "$name"
  in_host "$name" kdb5_util create -s -P "$RANDOM$RANDOM" >>"$log" 2>&1 ||
    lab_fail "$name: $(tail -n 20 "$log")" || return 1
  {
    # Twice, for the key version number that a joined computer's key has.
    for pair in host/ws1.corp.test RestrictedKrbHost/ws1.corp.test 'WS1$'; do
      echo "addprinc -randkey $pair"
      echo "cpw -randkey $pair"
    done
    for pair in alice=Passw0rd-alice "$@"; do
      echo "addprinc +requires_preauth -pw \"${pair#*=}\" ${pair%%=*}"
    done
  } | in_host "$name" kadmin.local >>"$log" 2>&1 || return 1
  lab_spawn "$log" "$lab_dir/in" "$name" krb5kdc -n
  lab_wait 20 rogue_answers "$name" ||
    lab_fail "$name: $(tail -n 20 "$log")"
}

# lab_point_member_at MEMBER ADDR: what MEMBER sends to the domain's KDC on
# dc1 goes to port 88 of ADDR instead, and nothing tells MEMBER so.
lab_point_member_at() {
  lab_point_member_back "$1"
  in_member "$1" nft -f - <<EOF
table ip lab_point {
  chain out {
    type nat hook output priority -100;
    ip daddr $LAB_DC_ADDR tcp dport 88 dnat to $2:88
    ip daddr $LAB_DC_ADDR udp dport 88 dnat to $2:88
  }
}
EOF
}

# lab_point_member_back MEMBER: undoes lab_point_member_at; no error if there
# is nothing to undo.
lab_point_member_back() {
  fault_drop_table "$1" ip lab_point
}

# rogue_configure NAME: its KDC's configuration, and its own clients'.
rogue_configure() {
  local etc=$LAB/hosts/$1/etc
  cat >>"$etc/krb5.conf" <<EOF
[realms]
  $LAB_REALM = {
    kdc = $(cat "$LAB/hosts/$1/addr")
  }
EOF
  cat >"$etc/krb5kdc/kdc.conf" <<EOF
[kdcdefaults]
  kdc_listen = 88
  kdc_tcp_listen = 88
[realms]
  $LAB_REALM = {
    database_name = /var/lib/krb5kdc/principal
    key_stash_file = /etc/krb5kdc/stash
    supported_enctypes = aes256-cts:normal aes128-cts:normal
  }
EOF
}

rogue_answers() {
  in_host "$1" bash -ec '
    kinit no-such-user </dev/null 2>&1 | grep -q "not found in Kerberos"'
}
