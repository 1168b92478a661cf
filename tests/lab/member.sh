# Members of a domain, and other computers that people log on to.
# shellcheck shell=bash

# lab_member NAME ADDR DOMAIN: a computer NAME that has joined the DOMAIN of a
# running controller. Its key is in /etc/krb5.keytab (host and
# RestrictedKrbHost), its name is in the domain's DNS, it has an sshd host
# key, and a local user `localuser` (uid 1000, password Local-Pass1).
lab_member() {
  local name=$1 addr=$2 domain=$3
  local dc dc_addr
  local log=$LAB/log/$name.join

  [ -e "$LAB/domains/$domain" ] || lab_fail "no domain $domain" || return 1
  read -r dc dc_addr <"$LAB/domains/$domain"
  lab_host "$name" "$addr" "$dc_addr" "$domain" || return 1
  member_local_user "$name" || return 1

  lab_say "$name: joining $domain"
  printf %s "$LAB_ADMIN_PASSWORD" |
    in_member "$name" adcli join --domain="$domain" \
      --domain-controller="$dc.$domain" --login-user=Administrator \
      --stdin-password --computer-name="${name^^}" \
      --host-fqdn="$name.$domain" --service-name=host \
      --service-name=RestrictedKrbHost --verbose >"$log" 2>&1 ||
    lab_fail "$name: join failed: $(tail -n 20 "$log")" || return 1
  member_dns "$name" "$addr" "$domain" "$dc" >>"$log" 2>&1 ||
    lab_fail "$name: DNS update failed: $(tail -n 20 "$log")"
}

# member_dns NAME ADDR DOMAIN DC: registers the member's address, as itself.
# nsupdate cannot verify the signature of Samba's answer (seen with Samba 4.17
# and BIND 9.18) and says so by its status: look for the name instead.
member_dns() {
  # shellcheck disable=SC2016 # the inner shell's variables
  in_member "$1" bash -ec '
    KRB5CCNAME=FILE:$(mktemp)
    export KRB5CCNAME
    trap "rm -f ${KRB5CCNAME#FILE:}" EXIT
    kinit -k "$1\$"
    printf "server %s\nupdate add %s 3600 A %s\nsend\n" "$2" "$3" "$4" |
      nsupdate -g || true
    dig +short "$3" | grep -qx "$4"
  ' member-dns "${1^^}" "$4.$3" "$1.$3" "$2"
}

# in_member NAME CMD...: in_host, for a member.
in_member() {
  in_host "$@"
}

# in_member_at OFFSET NAME CMD...: runs CMD with a clock that is wrong by
# OFFSET (+6m, -1d; see faketime). Only CMD and its children see it, no daemon
# that they talk to.
in_member_at() {
  local offset=$1 name=$2
  shift 2
  in_member "$name" faketime -f "$offset" "$@"
}

# member_local_user NAME: what a person at this computer has without a domain.
member_local_user() {
  local dir=$LAB/hosts/$1
  echo 'localuser:x:1000:1000:Local User:/home/localuser:/bin/bash' \
    >>"$dir/etc/passwd"
  echo 'localuser:x:1000:' >>"$dir/etc/group"
  echo "localuser:$(openssl passwd -6 Local-Pass1):20000:0:99999:7:::" \
    >>"$dir/etc/shadow"
  echo 'localuser:!::' >>"$dir/etc/gshadow"
  install -d -m 700 -o 1000 -g 1000 "$dir/home/localuser"
  install -d -m 755 "$dir/run/sshd"
  mkdir -p "$dir/etc/ssh"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/etc/ssh/ssh_host_ed25519_key"
}
