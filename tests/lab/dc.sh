# Domain controllers: Samba, in its usual places on a computer of its own.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir and lab_top

# lab_dc NAME REALM NETBIOS ADDR [ACCOUNTS [PACKAGES]]: a computer NAME that is
# the first domain controller and the name server of a new forest REALM.
# ACCOUNTS is a Python script that makes the accounts (see accounts.py, the
# default); `-` leaves the domain bare. Its Samba is that of the folder PACKAGES
# (see samba_replace), or the machine's. Returns when the controller answers.
lab_dc() {
  local name=$1 realm=$2 netbios=$3 addr=$4
  local accounts=${5:-$lab_dir/accounts.py} packages=${6:-}
  local domain=${realm,,}

  lab_host "$name" "$addr" "$addr" "$domain" || return 1
  [ -z "$packages" ] || samba_replace "$name" "$packages" || return 1
  dc_make "$name" "$realm" "$netbios" "$addr" "$accounts" || return 1
  echo "$name $addr" >"$LAB/domains/$domain"
  echo "$domain" >"$LAB/hosts/$name/domain"
  lab_dc_start "$name"
}

# in_dc NAME CMD...: in_host, for a domain controller.
in_dc() {
  in_host "$@"
}

# samba_tool NAME ARGS...: samba-tool on the database of the controller NAME.
samba_tool() {
  local name=$1
  shift
  in_dc "$name" samba-tool "$@"
}

# lab_dc_start NAME [OFFSET]: starts the controller (again) and waits until DNS,
# LDAP, the KDC and the RPC services answer. Its clock is wrong by OFFSET (+10m;
# see faketime).
lab_dc_start() {
  local name=$1 offset=${2:-}

  lab_say "$name: starting Samba"
  in_dc "$name" mkdir -p /run/samba
  lab_spawn "$LAB/log/$name" "$lab_dir/in" "$name" ${offset:+faketime -f "$offset"} samba -F --no-process-group
  if ! lab_wait 90 dc_answers "$name"; then
    tail -n 20 "$LAB/log/$name" "$LAB/hosts/$name/changes/var/log/samba/log.samba" >&2
    lab_fail "$name: Samba does not answer"
  fi
}

# lab_dc_stop NAME: freezes the controller: connections are still accepted,
# and nothing is ever answered. lab_dc_cont NAME lets it go on.
lab_dc_stop() {
  dc_signal STOP "$1"
}

lab_dc_cont() {
  dc_signal CONT "$1"
}

# lab_dc_kill NAME: ends the controller at once: connections are refused.
# lab_dc_start brings it back.
lab_dc_kill() {
  dc_signal KILL "$1"
  lab_wait 20 dc_is_dead "$1" || lab_fail "$1: some process will not die"
}

# dc_signal SIGNAL NAME: to all processes on NAME; twice, because the first
# round may miss one that was just forked.
dc_signal() {
  local pids
  for _ in 1 2; do
    pids=$(host_pids "$2")
    # shellcheck disable=SC2086 # a list
    [ -z "$pids" ] || kill -"$1" $pids 2>/dev/null || true
  done
}

dc_is_dead() {
  [ -z "$(host_pids "$1")" ]
}

# dc_answers NAME: succeeds when every service of the controller works.
dc_answers() {
  local name=$1 addr domain
  addr=$(cat "$LAB/hosts/$name/addr")
  domain=$(cat "$LAB/hosts/$name/domain")

  # shellcheck disable=SC2016 # the inner shell's variables
  in_dc "$name" bash -ec '
    ports=$(ss -Hlnt | awk "{ sub(/.*:/, \"\", \$4); print \$4 }")
    for port in 53 88 135 389 445 464; do
      grep -qx $port <<<"$ports"
    done
    dig +short +time=1 +tries=1 "@$1" SRV "_ldap._tcp.$2" | grep -q .
    ldbsearch -H "ldap://$1" -s base -b "" defaultNamingContext | grep -q DC=
    # A KDC that works knows that it does not know this one.
    kinit "no-such-user@${2^^}" </dev/null 2>&1 | grep -q "not found in Kerberos"
  ' dc-answers "$addr" "$domain"
}

# dc_make NAME REALM NETBIOS ADDR ACCOUNTS: gives the computer NAME its
# domain: from the cache if it is there, else by provisioning.
dc_make() {
  local cached lock status=0

  cached=$(dc_cached "$@")
  if ! mkdir -p "$AUTHSOD_LAB_CACHE" 2>/dev/null ||
    ! exec {lock}>"$AUTHSOD_LAB_CACHE/lock"; then
    dc_provision "$@"
    return
  fi
  # Passwords grow old in the cache: 42 days are the end.
  find "$AUTHSOD_LAB_CACHE" -name 'dc-*' -mtime +7 -delete
  # Two labs at once: the second waits for the first one's work.
  flock "$lock"
  if [ -e "$cached" ] && dc_unpack "$1" "$cached"; then
    lab_say "$1: $2 from the cache"
  else
    dc_provision "$@" && dc_pack "$1" "$cached" || status=1
  fi
  exec {lock}>&-
  return "$status"
}

# dc_cached NAME REALM NETBIOS ADDR ACCOUNTS: prints the name of the cache's
# file for this domain; whatever goes into a domain is in the name's hash.
dc_cached() {
  local hash
  hash=$({
    printf '%s\n' "$@" "$LAB_ADMIN_PASSWORD"
    in_dc "$1" samba --version
    cat "$lab_dir/dc.sh"
    [ "$5" = - ] || cat "$5"
  } | sha256sum)
  echo "$AUTHSOD_LAB_CACHE/dc-${hash:0:16}.tar.zst"
}

# dc_provision NAME REALM NETBIOS ADDR ACCOUNTS: without the services that
# a lab has no use for: dynamic updates of its own names, made of a slow
# Python script, and the replication planner.
dc_provision() {
  local name=$1 realm=$2 netbios=$3 addr=$4 accounts=$5
  local log=$LAB/log/$name.provision

  lab_say "$name: provisioning $realm"
  in_dc "$name" rm -rf /etc/samba/smb.conf /var/lib/samba
  in_dc "$name" mkdir -p /var/lib/samba/private /var/cache/samba /var/log/samba
  in_dc "$name" samba-tool domain provision \
    --realm="$realm" --domain="$netbios" --host-name="$name" \
    --host-ip="$addr" --server-role=dc --dns-backend=SAMBA_INTERNAL \
    --use-rfc2307 --adminpass="$LAB_ADMIN_PASSWORD" \
    --option="interfaces=lo eth0" --option="bind interfaces only=yes" \
    --option="dns forwarder=" \
    --option="server services=-dnsupdate -kcc" \
    >"$log" 2>&1 ||
    lab_fail "$name: provisioning failed: $(tail -n 20 "$log")" || return 1
  # The controller's service principal names; dnsupdate would make them.
  in_dc "$name" samba_spnupdate >>"$log" 2>&1 ||
    lab_fail "$name: service names: $(tail -n 20 "$log")" || return 1
  [ "$accounts" != - ] || return 0
  lab_say "$name: making accounts"
  in_dc "$name" /usr/bin/python3 "$accounts" >>"$log" 2>&1 ||
    lab_fail "$name: accounts: $(tail -n 20 "$log")"
}

# dc_pack NAME FILE, dc_unpack NAME FILE: a stopped controller's domain to
# and from a file. Extended attributes are sysvol's access control lists.
dc_pack() {
  in_dc "$1" tar --create --xattrs --xattrs-include='*' --sparse \
    --directory=/ etc/samba var/lib/samba |
    zstd -q -1 >"$2.$$" && mv "$2.$$" "$2"
}

dc_unpack() {
  in_dc "$1" rm -rf /etc/samba /var/lib/samba
  in_dc "$1" mkdir -p /var/cache/samba /var/log/samba
  zstd -q -d -c "$2" |
    in_dc "$1" tar --extract --xattrs --xattrs-include='*' --directory=/
}
