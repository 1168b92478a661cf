# Computers of the lab. Each is a set of namespaces (network, mounts, host
# name) that a holder process keeps alive, and a directory $LAB/hosts/NAME:
#   holder        its process id
#   addr          its address
#   etc run home root tmp
#                 what it sees under these names; readable from outside too
#   changes/      what it changed below /usr, /var, /opt and /srv
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir and lab_top

host_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# lab_switch: the network that all computers plug into. Call it once, first.
lab_switch() {
  ip link add br0 type bridge || return 1
  ip link set br0 up
}

# lab_host NAME ADDR DNS DOMAIN: a computer NAME.DOMAIN with address ADDR/24
# on the switch, using the name server DNS. NAME is at most 13 characters
# (it becomes part of an interface's name). Its /etc is a copy of the
# machine's without people and without secrets; root's password is Root-Pass1.
lab_host() {
  local name=$1 addr=$2 dns=$3 domain=$4
  local dir=$LAB/hosts/$name
  local pid
  local -a show

  [ ! -e "$dir" ] || lab_fail "$name is there already" || return 1
  mkdir -p "$dir"/{run/lock,home,root,tmp}
  # Private as it is, but a source tree below it is everybody's here.
  chmod 711 "$dir/root"
  chmod 1777 "$dir/tmp" "$dir/run/lock"
  host_etc "$dir/etc" "$name" "$addr" "$dns" "$domain" || return 1

  IFS=: read -r -a show <<<"$lab_top${AUTHSOD_LAB_SHOW:+:$AUTHSOD_LAB_SHOW}"
  mkfifo "$dir/ready"
  lab_spawn "$LAB/log/$name" \
    unshare --net --mount --uts \
    "$lab_dir/host-init" "$dir" "$name.$domain" "${show[@]}"
  # Opened for both ways, so that a host-init that fails cannot block us.
  read -r -t 60 pid <>"$dir/ready" ||
    lab_fail "$name did not start: $(cat "$LAB/log/$name")" || return 1
  rm "$dir/ready"
  echo "$pid" >"$dir/holder"
  echo "$addr" >"$dir/addr"

  ip link add "v-$name" type veth peer name eth0 netns "$pid" || return 1
  ip link set "v-$name" master br0 up || return 1
  nsenter --target "$pid" --net sh -ec "
    ip addr add $addr/24 dev eth0
    ip link set eth0 up"
}

# in_host NAME CMD...: runs CMD as root on the computer NAME, in its root
# directory, and returns CMD's status. The caller's environment reaches CMD but
# for PATH, HOME, the user's name and the Kerberos variables. Processes and
# /dev are shared with the rest of the lab.
in_host() {
  local name=$1
  local pid
  shift
  pid=$(cat "$LAB/hosts/$name/holder" 2>/dev/null) ||
    lab_fail "no computer $name" || return 1
  nsenter --target "$pid" --mount --root --net --uts -- \
    env --chdir=/ -u KRB5CCNAME -u KRB5_CONFIG -u KRB5_KTNAME -u KRB5_TRACE \
    HOME=/root USER=root LOGNAME=root PATH="$host_path" "$@"
}

# lab_spawn LOG CMD...: starts CMD as a daemon of the lab, its output appended
# to LOG. It holds none of the caller's descriptors (bats waits for those) and
# is no job of the caller's shell.
lab_spawn() {
  local log=$1
  shift
  (
    (
      exec </dev/null >>"$log" 2>&1
      for fd in /proc/"$BASHPID"/fd/*; do
        fd=${fd##*/}
        [ "$fd" -le 2 ] || exec {fd}>&-
      done
      exec setsid env --default-signal=INT,QUIT "$@"
    ) &
  )
}

# host_start NAME PART CMD...: CMD as a daemon of the computer NAME, in its root
# directory; its process id is kept for host_stop, and its output is in
# $LAB/log/NAME.PART.
host_start() {
  local name=$1 part=$2
  local pid=$LAB/hosts/$1/$2.pid
  shift 2
  rm -f "$pid"
  # All of these become the next one, so that the id is the last one's.
  # shellcheck disable=SC2016 # the inner shell's variables
  lab_spawn "$LAB/log/$name.$part" sh -c 'echo $$ >"$1.new" && mv "$1.new" "$1"; shift; exec "$@"' \
    sh "$pid" nsenter --target "$(cat "$LAB/hosts/$name/holder")" --mount --root --net --uts -- \
    env --chdir=/ PATH="$host_path" "$@"
  lab_wait 5 test -e "$pid" || lab_fail "$name: $part was not started"
}

# host_stop NAME PART: ends it, if it runs, and waits for its end.
host_stop() {
  local file=$LAB/hosts/$1/$2.pid pid
  pid=$(cat "$file" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null
  lab_wait 5 host_ended "$pid" || kill -KILL "$pid"
  rm -f "$file"
}

# A zombie has ended, too.
host_ended() {
  [[ $(ps -o stat= -p "$1") != [^Z]* ]]
}

# host_pids NAME: prints the ids of the processes on the computer NAME, one a
# line, without the one that keeps it alive.
host_pids() {
  local holder net path
  holder=$(cat "$LAB/hosts/$1/holder") || return 1
  net=$(readlink "/proc/$holder/ns/net") || return 1
  # "net:[4026531840]" as it is, and not as a pattern.
  net=${net/[/\\[}
  net=${net/]/\\]}
  # Processes end while find looks at them.
  { find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "$net" 2>/dev/null || true; } |
    while IFS=/ read -r _ _ path _; do
      [ "$path" = "$holder" ] || echo "$path"
    done
}

# host_etc ETC NAME ADDR DNS DOMAIN: fills the new directory ETC.
host_etc() {
  local etc=$1 name=$2 addr=$3 dns=$4 domain=$5

  [ -d "$LAB/etc.model" ] || host_etc_model "$LAB/etc.model" || return 1
  cp -a "$LAB/etc.model" "$etc" || return 1
  echo "$name.$domain" >"$etc/hostname"
  tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
  printf 'search %s\nnameserver %s\n' "$domain" "$dns" >"$etc/resolv.conf"
  printf '127.0.0.1 localhost\n%s %s.%s %s\n' \
    "$addr" "$name" "$domain" "$name" >"$etc/hosts"
  cat >"$etc/krb5.conf" <<EOF
[libdefaults]
  default_realm = ${domain^^}
  dns_lookup_kdc = true
  dns_lookup_realm = false
  rdns = false
  dns_canonicalize_hostname = false
EOF
}

# host_etc_model DIR: the /etc that all computers start from.
host_etc_model() {
  local model=$1 file

  cp -a /etc "$model.new" || return 1
  (
    cd "$model.new" || exit 1
    # Links may lead to the machine's own files: replace, never write through.
    rm -rf resolv.conf hosts hostname machine-id krb5.conf krb5.conf.d \
      krb5.keytab authsod sssd samba/smb.conf ssh/ssh_host_* subuid subgid \
      nsswitch.conf ./*-
    for file in passwd group; do
      awk -F: '$3 < 1000 || $3 == 65534' "/etc/$file" >"$file"
    done
    awk -F: 'NR == FNR { keep[$1] = 1; next } $1 in keep' \
      passwd /etc/shadow | sed 's/^\([^:]*\):[^:]*:/\1:*:/' >shadow
    awk -F: 'NR == FNR { keep[$1] = 1; next } $1 in keep' \
      group /etc/gshadow >gshadow
    sed -i "s|^root:[^:]*:|root:$(openssl passwd -6 Root-Pass1):|" shadow
    for file in passwd group shadow gshadow; do
      echo "$file: files"
    done >nsswitch.conf
    echo 'hosts: files dns' >>nsswitch.conf
  ) || return 1
  mv "$model.new" "$model"
}
