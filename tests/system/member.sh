# authsod on members of the lab, and people who use them. Source it inside a
# lab; tests/lab/lib.sh comes along.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir and lab_top

. "$(dirname "${BASH_SOURCE[0]}")/../lab/lib.sh"

# ssh, for a person who sees the computer for the first time and says yes.
ssh_command=(ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
  -o ConnectTimeout=20 -o NumberOfPasswordPrompts=1)

# member_new NAME FROM: a computer that no test has joined before; NAME and a
# number is what it is called, and $BOX, its address 10.99.0.FROM and that number.
# $AUTHSOD_BUILD is installed there, and nothing set up.
member_new() {
  local n=1
  while [ -e "$LAB/hosts/$1$n" ]; do
    n=$((n + 1))
  done
  export BOX=$1$n
  lab_host "$BOX" "10.99.0.$(($2 + n))" "$LAB_DC_ADDR" "$LAB_DOMAIN" &&
    in_member "$BOX" make -s -C "$(realpath "${AUTHSOD_BUILD:-$lab_top/build-test/shipped}")" install &&
    in_member "$BOX" systemd-sysusers authsod.conf &&
    in_member "$BOX" systemd-tmpfiles --create authsod.conf
}

# member_install NAME [BUILD]: installs the build directory BUILD ($AUTHSOD_BUILD)
# on the member NAME and sets the member up for its domain, as the README says;
# nothing is started. It must be configured with --prefix=/usr --sysconfdir=/etc
# --localstatedir=/var --runstatedir=/run and Debian's --libdir. Does nothing if
# BUILD is installed there already.
member_install() {
  local name=$1 build
  local mark=$LAB/hosts/$1/authsod-build log=$LAB/log/$1-install.log

  build=$(realpath "${2:-$AUTHSOD_BUILD}")
  [ "$(cat "$mark" 2>/dev/null)" != "$build" ] || return 0
  {
    in_member "$name" make -s -C "$build" install &&
      in_member "$name" systemd-sysusers authsod.conf &&
      in_member "$name" systemd-tmpfiles --create authsod.conf &&
      member_configure "$name" &&
      in_member "$name" sed -i -E '/authsod/! s/^((passwd|group):.*)\<files/\1authsod [TRYAGAIN=return] files/' /etc/nsswitch.conf &&
      in_member "$name" env DEBIAN_FRONTEND=noninteractive pam-auth-update --force --package \
        --enable authsod authsod-password mkhomedir &&
      printf '@include common-%s\n' auth account password session |
      in_member "$name" sh -c 'cat >/etc/pam.d/authsod'
  } >"$log" 2>&1 || lab_fail "$name: $build cannot be installed: $(tail -n 30 "$log")" || return 1
  echo "$build" >"$mark"
}

# member_configure NAME [LINE...]: writes the member's authsod.conf: its domain,
# then LINEs.
member_configure() {
  local name=$1
  shift
  in_member "$name" mkdir -p /etc/authsod &&
    printf '%s\n' '[domain]' "name = $(in_member "$name" hostname -d)" "$@" |
    in_member "$name" sh -c 'umask 022; cat >/etc/authsod/authsod.conf'
}

# member_start NAME [ARG...]: starts authsodd with ARGs on the member, with the
# rights that its unit gives, and returns when it is ready. Its log is $LAB/log/NAME-authsodd.log. $AUTHSODD
# may name another program than /usr/sbin/authsodd.
member_start() {
  local name=$1
  local log=$LAB/log/$1-authsodd.log pid=$LAB/hosts/$1/authsodd.pid
  local from
  shift

  member_is_up "$name" && lab_fail "$name: authsodd runs already" && return 1
  touch "$log"
  from=$(($(stat -c %s "$log") + 1))
  rm -f "$pid"
  # The unit's limit on locked memory, where root may set it here: containers
  # mostly lack CAP_SYS_RESOURCE.
  # shellcheck disable=SC2016 # the inner shell's variables
  lab_spawn "$log" sh -c 'echo $$ >"$1.new" && mv "$1.new" "$1"; (ulimit -l "$2") 2>/dev/null && ulimit -l "$2"; shift 2; exec "$@"' \
    sh "$pid" "$(sed -n 's/^LimitMEMLOCK=infinity/unlimited/p' "$lab_top/dist/authsodd.service.in")" \
    nsenter --target "$(cat "$LAB/hosts/$name/holder")" --mount --root --net --uts -- \
    env --chdir=/ -i PATH=/usr/sbin:/usr/bin ${ASAN_OPTIONS:+"ASAN_OPTIONS=$ASAN_OPTIONS"} \
    setpriv --no-new-privs --bounding-set="$(member_capabilities)" "${AUTHSODD:-/usr/sbin/authsodd}" "$@"
  lab_wait 5 test -e "$pid" || lab_fail "$name: authsodd was not started" || return 1
  lab_wait 30 member_ready_or_gone "$name" "$from"
  tail -c "+$from" "$log" | grep 'ready: ' >/dev/null ||
    lab_fail "$name: authsodd did not become ready: $(tail -c "+$from" "$log" | tail -n 20)"
}

# member_capabilities: prints the rights that the unit for systemd gives, for
# setpriv.
member_capabilities() {
  sed -n 's/^CapabilityBoundingSet=//p' "$lab_top/dist/authsodd.service.in" |
    tr '[:upper:]' '[:lower:]' | sed 's/cap_/+/g; s/ /,/g; s/^/-all,/'
}

# member_stop NAME: ends authsodd as an administrator does; waits for its end.
# No error if it does not run.
member_stop() {
  member_is_up "$1" || return 0
  kill -TERM "$(cat "$LAB/hosts/$1/authsodd.pid")"
  lab_wait 45 member_is_down "$1" || lab_fail "$1: authsodd does not end"
}

# member_kill NAME: ends all of authsodd at once, as a crash would.
member_kill() {
  member_is_up "$1" || return 0
  kill -KILL "$(cat "$LAB/hosts/$1/authsodd.pid")"
  # Nobody is up whose roles are left.
  lab_wait 10 member_has_no_roles "$1" || lab_fail "$1: authsodd does not end"
}

# member_reload NAME: SIGHUP, and until that is done.
member_reload() {
  local log=$LAB/log/$1-authsodd.log from
  from=$(($(stat -c %s "$log") + 1))
  kill -HUP "$(cat "$LAB/hosts/$1/authsodd.pid")"
  lab_wait 10 member_logged_since "$1" "$from" 'the configuration was (not )?read again'
}

# member_up NAME: whatever was before: installed (from $AUTHSOD_BUILD),
# configured for its domain alone, running.
member_up() {
  member_install "$1" "${AUTHSOD_BUILD:-$lab_top/build-test/shipped}" || return 1
  member_is_up "$1" && return 0
  member_configure "$1" && member_start "$1"
}

# member_again NAME: if it runs it begins anew, and does not wait before it asks a
# controller that was away meanwhile.
member_again() {
  member_is_up "$1" || return 0
  member_stop "$1" && member_start "$1"
}

# member_log NAME: prints the name of the log.
member_log() {
  echo "$LAB/log/$1-authsodd.log"
}

# member_pid NAME: prints keeper's process id; nothing if it does not run.
member_pid() {
  ! member_is_up "$1" || cat "$LAB/hosts/$1/authsodd.pid"
}

member_is_up() {
  [ -e "$LAB/hosts/$1/authsodd.pid" ] && kill -0 "$(cat "$LAB/hosts/$1/authsodd.pid")" 2>/dev/null
}

member_is_down() {
  ! member_is_up "$1"
}

# member_roles NAME [ROLE]: prints the process ids of all roles, or of one.
member_roles() {
  local pid program option
  for pid in $(host_pids "$1"); do
    # A name of the program, then the role; both end in NUL.
    if { IFS= read -r -d '' program && IFS= read -r -d '' option; } 2>/dev/null <"/proc/$pid/cmdline" &&
      [[ $program = authsodd && $option == --role=${2:-*} ]]; then
      echo "$pid"
    fi
  done
}

member_has_no_roles() {
  [ -z "$(member_roles "$1")" ]
}

member_ready_or_gone() {
  member_is_down "$1" || member_logged_since "$1" "$2" 'ready: '
}

# member_log_mark NAME: prints where the log ends now; for member_logged_since.
member_log_mark() {
  echo $(($(stat -c %s "$LAB/log/$1-authsodd.log") + 1))
}

# member_logged_since NAME MARK PATTERN: has the log a line that matches, after
# the mark?
member_logged_since() {
  tail -c "+$2" "$LAB/log/$1-authsodd.log" | grep -E -e "$3" >/dev/null
}

# member_sshd NAME: starts sshd on the member, once.
member_sshd() {
  local name=$1
  member_answers "$name" 22 && return 0
  cat >"$LAB/hosts/$name/etc/ssh/sshd_config" <<'EOF'
UsePAM yes
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
GSSAPIAuthentication yes
PubkeyAuthentication yes
UseDNS no
MaxStartups 1000
MaxSessions 100
PrintMotd no
LogLevel VERBOSE
AcceptEnv LANG
EOF
  # From OpenSSH 9.8 on: who types wrong passwords here shall not be kept out for it.
  ! in_member "$name" /usr/sbin/sshd -t -o PerSourcePenalties=no 2>/dev/null ||
    echo 'PerSourcePenalties no' >>"$LAB/hosts/$name/etc/ssh/sshd_config"
  lab_spawn "$LAB/log/$name-sshd.log" "$lab_dir/in" "$name" /usr/sbin/sshd -D -e
  lab_wait 20 member_answers "$name" 22 || lab_fail "$name: sshd: $(tail -n 5 "$LAB/log/$name-sshd.log")"
}

member_answers() {
  in_member "$1" timeout 2 bash -c "exec 3<>/dev/tcp/localhost/$2" 2>/dev/null
}

# member_desk: a computer from which people reach the members: `desk`, of no
# domain, with $desk_addr.
desk_addr=10.99.0.50
member_desk() {
  [ ! -e "$LAB/hosts/desk" ] || return 0
  lab_host desk "$desk_addr" "$LAB_DC_ADDR" "$LAB_DOMAIN"
}

# member_ssh FROM USER@NAME PASSWORD METHOD CMD...: CMD by ssh with a password;
# METHOD is password or keyboard-interactive.
member_ssh() {
  local from=$1 to=$2 password=$3 method=$4
  shift 4
  in_host "$from" timeout 40 sshpass -p "$password" "${ssh_command[@]}" -o PubkeyAuthentication=no \
    -o GSSAPIAuthentication=no -o PreferredAuthentications="$method" "$to" "$@"
}

# member_pam NAME USER PASSWORD OPERATION...: pamtester, as a program of the
# service $member_service: `authsod`, which does what Debian's common-* files
# say, unless it was changed. Options of pamtester's may come before OPERATION.
member_service=authsod
member_pam() {
  local name=$1 user=$2 password=$3
  local -a options=()
  shift 3
  while [ "${1:0:1}" = - ]; do
    options+=("$1" "$2")
    shift 2
  done
  printf '%s\n' "$password" |
    in_member "$name" timeout 50 pamtester "${options[@]}" "$member_service" "$user" "$@" 2>&1
}

# member_hurry NAME: makes member_pam's service one that does not punish a wrong
# password with two seconds.
member_hurry() {
  in_member "$1" sh -c 'sed "/pam_faildelay/d; s/pam_unix.so/& nodelay/" /etc/pam.d/common-auth >/etc/pam.d/authsod-hurry &&
    printf "@include common-%s\n" account password session >>/etc/pam.d/authsod-hurry' || return 1
  member_service=authsod-hurry
}

# member_without NAME map|socket CMD...: CMD as root, for which there is no identity map and no list of local names, or
# no socket of NSS; everybody else has them.
member_without() {
  local name=$1 what=nss.sock
  [ "$2" != map ] || what='identmap local-names'
  shift 2
  # shellcheck disable=SC2016 # the inner shell's variables
  in_member "$name" unshare --mount sh -ec 'for file in $1; do mount --bind /dev/null "/run/authsod/$file"; done
    shift; exec "$@"' sh "$what" "$@"
}

# member_fresh NAME: authsodd begins anew with nothing learned.
member_fresh() {
  member_stop "$1" && in_member "$1" sh -c 'rm -f /var/lib/authsod/*' && member_start "$1"
}

# member_do NAME ARG...: pamdo, which says the code of each operation.
member_do() {
  local name=$1
  shift
  in_member "$name" timeout 50 "$lab_top/tests/system/pamdo" "$@"
}

# member_login NAME USER PASSWORD CMD: CMD, typed to the shell that the program
# login starts.
member_login() {
  in_member "$1" "$lab_top/tests/system/talk" 'assword: $' "$3" '[$#] $' "$4; exit" -- login "$2"
}

# member_su NAME FROM TO PASSWORD CMD: CMD by FROM's su to TO, on a terminal.
member_su() {
  in_member "$1" "$lab_top/tests/system/talk" 'assword: $' "$4" -- su "$2" -c "su '$3' -c '$5'"
}

# member_sudo NAME USER PASSWORD CMD: CMD of USER's, whom sudo in it asks for the
# password.
member_sudo() {
  in_member "$1" "$lab_top/tests/system/talk" "\\[sudo\\] password for $2: \$" "$3" -- \
    su "$2" --session-command "sudo -k; $4"
}

# member_as NAME USER CMD...: CMD as USER, without PAM.
member_as() {
  local name=$1 user=$2
  shift 2
  in_member "$name" setpriv --reuid "$(in_member "$name" id -u "$user")" --regid "$(in_member "$name" id -g "$user")" \
    --init-groups "$@"
}

# member_holders NAME WORD: prints which roles have WORD in their memory or their environment.
member_holders() {
  local pid
  for pid in $(member_pid "$1") $(member_roles "$1"); do
    /usr/bin/python3 - "$pid" "$2" <<'END'
import sys

pid, word = sys.argv[1], sys.argv[2].encode()
with open(f'/proc/{pid}/cmdline', 'rb') as f:
    role = f.read().split(b'\0')[1].partition(b'=')[2].decode() or 'keeper'
found = word in open(f'/proc/{pid}/environ', 'rb').read()
read = 0
with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
    for line in maps:
        fields = line.split()
        if 'r' not in fields[1] or fields[-1].startswith('[v'):
            continue
        start, end = (int(x, 16) for x in fields[0].split('-'))
        mem.seek(start)
        piece = mem.read(end - start)
        read += len(piece)
        found = found or word in piece
if read < 1 << 20:
    sys.exit(f'{role}: no more than {read} bytes could be read')
if found:
    print(role)
END
  done
}

# member_cards NAME: the smart cards of lab_cards are the card worker's, which
# keeps their counters, and lie in a drawer until member_insert; the member's
# configuration may name ca.pem, otherca.pem and crl.pem in /etc/authsod.
member_cards() {
  # shellcheck disable=SC2016 # the inner shell's variables
  in_member "$1" sh -ec '
    chmod 755 /etc/softhsm /var/lib/softhsm
    chmod 644 /etc/softhsm/softhsm2.conf
    for file in ca otherca crl; do
      install -m 644 "$1/$file.pem" /etc/authsod/
    done
    mkdir -p /var/lib/softhsm/drawer
    # The label is what a token file has from its 32nd byte on.
    for token in /var/lib/softhsm/tokens/*; do
      label=$(dd if="$token/token.object" bs=1 skip=32 count=32 status=none | sed "s/ *$//")
      mv "$token" "/var/lib/softhsm/drawer/$label"
    done
    chown -R authsod-logon: /var/lib/softhsm/tokens /var/lib/softhsm/drawer' sh "$LAB/pki"
}

# member_cards_away NAME: there never were any.
member_cards_away() {
  in_member "$1" sh -c 'rm -rf /var/lib/softhsm/drawer /var/lib/softhsm/tokens/* /etc/authsod/*.pem'
}

# member_insert NAME [LABEL...]: these cards are in the reader, and no others.
member_insert() {
  local name=$1
  shift
  # shellcheck disable=SC2016 # the inner shell's variables
  in_member "$name" sh -ec '
    cd /var/lib/softhsm/tokens
    for token in *; do [ ! -e "$token" ] || mv "$token" ../drawer/; done
    for token; do mv "../drawer/$token" .; done' sh "$@"
}
