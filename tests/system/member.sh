# Functions that put a built authsod on a member computer of the lab and start
# it there. Source it after tests/lab/lib.sh; $AUTHSOD_BUILD is the build folder
# (configured with --prefix=/usr --sysconfdir=/etc --localstatedir=/var).
# shellcheck shell=bash

# member_install NAME: installs the build on that computer as the README says
# for a real one: users, configuration, nsswitch, and a PAM stack for each
# service that the tests use. The real machine is not touched: every computer
# of the lab has a /usr, /etc and /var of its own.
member_install() {
  in_member "$1" env BUILD="$AUTHSOD_BUILD" bash -euc '
    make -s -C "$BUILD" install >/dev/null
    for user in authsod authsod-member authsod-logon; do
      getent passwd "$user" >/dev/null ||
        useradd --system --shell /usr/sbin/nologin --home-dir / "$user"
    done
    mkdir -p /etc/authsod
    printf "[domain]\nname = %s\n" "$(hostname -d)" >/etc/authsod/authsod.conf
    sed -i "s/^passwd:.*/passwd: files authsod/; s/^group:.*/group: files authsod/" /etc/nsswitch.conf
  '
  member_stack "$1" authsod sshd login su su-l sudo
}

# member_stack NAME SERVICE...: local users by pam_unix, everybody else by us.
member_stack() {
  local name=$1 service
  shift
  for service in "$@"; do
    in_member "$name" tee "/etc/pam.d/$service" >/dev/null <<'EOF'
auth [success=done user_unknown=ignore default=die] pam_authsod.so
auth required pam_unix.so use_first_pass
account [success=done user_unknown=ignore default=die] pam_authsod.so
account required pam_unix.so
password [success=done user_unknown=ignore default=die] pam_authsod.so
password required pam_unix.so
session optional pam_mkhomedir.so
session required pam_authsod.so
session optional pam_unix.so
EOF
    case $service in
    su | su-l) in_member "$name" sed -i '1i auth sufficient pam_rootok.so' "/etc/pam.d/$service" ;;
    esac
  done
}

# member_log NAME: the path of its daemon's log.
member_log() {
  printf '%s/log/%s-authsodd.log' "$LAB" "$1"
}

# member_start NAME [OPTION...]: starts authsodd there and waits until it is
# ready. The log is begun anew.
member_start() {
  local name=$1 log
  shift
  log=$(member_log "$name")
  : >"$log"
  lab_spawn "$log" "$lab_dir/in" "$name" authsodd "$@"
  lab_wait 20 grep -q 'keeper: info: ready:' "$log" ||
    { cat "$log" >&2; lab_fail "authsodd is not ready"; }
}

# member_pid NAME: the process of its keeper; nothing if there is none.
member_pid() {
  sed -n 's/^<6>authsodd\[\([0-9]*\)\] keeper: info: ready:.*/\1/p' "$(member_log "$1")" | tail -1
}

# member_stop NAME: ends its daemon and waits until it has ended.
member_stop() {
  local pid
  pid=$(member_pid "$1")
  [ -n "$pid" ] || return 0
  kill "$pid" 2>/dev/null || return 0
  lab_wait 40 bash -c "! kill -0 $pid"
}

# member_sshd NAME: starts an sshd with UsePAM there, and waits until it listens.
member_sshd() {
  local name=$1
  in_member "$name" bash -euc '
    mkdir -p /run/sshd
    printf "%s\n" "UsePAM yes" "PasswordAuthentication yes" "KbdInteractiveAuthentication yes" \
      "GSSAPIAuthentication yes" "MaxStartups 500" "PidFile /run/sshd.pid" >/etc/ssh/sshd_config'
  lab_spawn "$LAB/log/$name-sshd.log" "$lab_dir/in" "$name" /usr/sbin/sshd -D -e
  lab_wait 20 in_member "$name" bash -c "ss -Hlnt | grep -q ':22 '"
}

# member_ssh FROM USER@NAME PASSWORD METHOD CMD...: CMD by ssh with a password,
# METHOD is password or keyboard-interactive.
member_ssh() {
  local from=$1 to=$2 password=$3 method=$4
  shift 4
  in_host "$from" sshpass -p "$password" ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o PreferredAuthentications="$method" -o NumberOfPasswordPrompts=1 "$to" "$@"
}

# member_pam NAME USER PASSWORD OPERATION...: pamtester on the service authsod.
member_pam() {
  local name=$1 user=$2 password=$3
  shift 3
  printf '%s\n' "$password" | in_member "$name" timeout 60 pamtester authsod "$user" "$@" 2>&1
}
