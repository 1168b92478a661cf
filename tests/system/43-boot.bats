# A computer that starts: what its programs look up, in order, while the service
# is not there yet, never comes, hangs, or has no network. Runs in a lab that is
# up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  in_member ws1 sh -c 'cp -p /etc/passwd /etc/passwd.43; cp -p /etc/group /etc/group.43
    getent passwd messagebus || echo messagebus:x:891:891::/nonexistent:/usr/sbin/nologin >>/etc/passwd
    getent group messagebus || echo messagebus:x:891: >>/etc/group
    getent passwd systemd-network || echo systemd-network:x:892:892::/:/usr/sbin/nologin >>/etc/passwd
    getent group systemd-network || echo systemd-network:x:892: >>/etc/group' >/dev/null
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  in_member ws1 sh -c 'mv /etc/passwd.43 /etc/passwd; mv /etc/group.43 /etc/group'
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  probe=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system
  stopped=()
}

teardown() {
  [ "${#stopped[@]}" -eq 0 ] || kill -CONT "${stopped[@]}" 2>/dev/null || true
  [ -z "${listener:-}" ] || kill "$listener" 2>/dev/null || true
  [ -z "${cut:-}" ] || lab_mend dc1
  member_is_up ws1 || member_start ws1
} >&2

orders=('files authsod' 'authsod files' 'authsod [TRYAGAIN=return] files')

# What Debian's services ask for before anybody logs on, about who is local.
boot=('passwd root' 'passwd 0' 'group root' 'group 0' 'groups 0 root' 'passwd messagebus' 'group messagebus'
  'groups 65534 messagebus' 'passwd systemd-network' 'group systemd-network' 'passwd nobody' 'passwd 65534' 'group adm'
  'group 4' 'passwd games' 'group tty' 'passwd localuser' 'passwd 1000' 'group 1000' 'groups 1000 localuser')

# timeline SERVICES [CMD...]: those lookups by one process, with their times in milliseconds; CMD is put before it.
timeline() {
  local services=$1
  shift
  paste -d ' ' <(printf '%s\n' "${boot[@]}" | in_member ws1 timeout 50 "$@" "$probe/nssprobe" -s "$services" ask) \
    <(printf '%s\n' "${boot[@]}")
}

# boot_is_quick [CMD...]: every one is answered as by the files alone, below 50 ms (in the best of three: the machine is
# shared).
boot_is_quick() {
  local order wanted got
  wanted=$(timeline files "$@" | cut -d ' ' -f 2-)
  [ "$(grep -c ':x:\|^[0-9]' <<<"$wanted")" -eq "${#boot[@]}" ] || { echo "$wanted"; return 1; }
  for order in "${orders[@]}"; do
    got=$(timeline "$order" "$@"; timeline "$order" "$@"; timeline "$order" "$@")
    [ "$(cut -d ' ' -f 2- <<<"$got")" = "$wanted"$'\n'"$wanted"$'\n'"$wanted" ] || {
      printf '%s: other answers than without the domain:\n%s\n' "$order" "$got"
      return 1
    }
    awk -v n="${#boot[@]}" '{ i = (NR - 1) % n; if (NR <= n || $1 < best[i]) best[i] = $1; line[i] = $0 }
      END { for (i in best) if (best[i] >= 50) { print best[i] " ms at least: " line[i]; bad = 1 } exit bad }' <<<"$got" || {
      echo "$order"
      return 1
    }
  done
}

# one_takes_at_most MS QUESTION [CMD...]: in both orders, at the same time; one that is not local.
one_takes_at_most() {
  local limit=$1 question=$2 order pid ms
  local -a pids=()
  shift 2
  for order in "${orders[@]}"; do
    (
      ms=$(in_member ws1 timeout 30 "$@" "$probe/nssprobe" -s "$order" ask <<<"$question" | cut -d . -f 1)
      [ -n "$ms" ] && [ "$ms" -lt "$limit" ] || { echo "$order, $question: $ms ms"; exit 1; }
    ) 3>&- 4>&- &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || return 1
  done
}

# orphan ARG...: env ARGS, which end in an nssprobe, as a child of the lab's process 1, as what systemd starts is; prints
# what it says.
orphan() {
  local out=$LAB/hosts/ws1/tmp/orphan43
  : >"$out"
  # shellcheck disable=SC2016 # the inner shell's variables
  in_member ws1 sh -c '(until read -r _ _ _ parent _ </proc/self/stat && [ "$parent" = 1 ]; do :; done
    exec env "$@" >/tmp/orphan43 2>&1) & exit 0' sh "$@" </dev/null >/dev/null 2>&1 3>&- 4>&-
  lab_wait 25 grep -q ' ms$' "$out" || return 1
  cat "$out"
  rm "$out"
}

# nobody_waits_for_the_service: neither process 1 nor what systemd starts for us, whoever is asked for.
nobody_waits_for_the_service() {
  one_takes_at_most 1000 'passwd alice' unshare --pid --fork
  one_takes_at_most 1000 'passwd no-such-user' unshare --pid --fork
  boot_is_quick unshare --pid --fork
}

# listen: a socket at which nobody accepts, as systemd makes it before the service has started.
listen() {
  # shellcheck disable=SC2016 # Python's
  lab_spawn "$LAB/log/boot43" "$lab_dir/in" ws1 /usr/bin/python3 -c '
import os, socket, time
os.makedirs("/run/authsod", exist_ok=True)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
if os.path.exists("/run/authsod/nss.sock"):
    os.unlink("/run/authsod/nss.sock")
s.bind("/run/authsod/nss.sock")
os.chmod("/run/authsod/nss.sock", 0o666)
s.listen(4096)
open("/tmp/boot43", "w").write(str(os.getpid()))
time.sleep(300)'
  lab_wait 10 test -s "$LAB/hosts/ws1/tmp/boot43"
  listener=$(cat "$LAB/hosts/ws1/tmp/boot43")
  rm "$LAB/hosts/ws1/tmp/boot43"
}

@test "masked: the service never starts, and nobody waits, whoever is asked for" {
  member_stop ws1
  in_member ws1 sh -c 'rm -rf /run/authsod'
  boot_is_quick
  one_takes_at_most 1000 'passwd alice'
  one_takes_at_most 1000 'passwd no-such-user'
  one_takes_at_most 1000 'groups 99 no-such-user'
  in_member ws1 mkdir -m 755 /run/authsod
  boot_is_quick
  # What the last one left behind, as after a crash.
  member_start ws1
  in_member ws1 getent passwd alice
  member_kill ws1
  boot_is_quick
}

@test "the socket is there, the service not yet: local users and groups do not wait for it" {
  member_stop ws1
  listen
  boot_is_quick
  one_takes_at_most 12000 'passwd alice'
  nobody_waits_for_the_service
}

@test "the socket is there, the service not yet: its own unit does not wait for it" {
  local unit line
  member_stop ws1
  listen
  for unit in authsodd.service authsodd.socket; do
    line=$(orphan SYSTEMD_ACTIVATION_UNIT="$unit" "$probe/nssprobe" -s 'authsod [TRYAGAIN=return] files' passwd alice)
    [[ $line =~ ([0-9]+)\.[0-9]\ ms ]] && [ "${BASH_REMATCH[1]}" -lt 1000 ] || { echo "$unit: $line"; return 1; }
  done
  # Another one's waits, as does everybody's.
  line=$(orphan SYSTEMD_ACTIVATION_UNIT=ssh.service "$probe/nssprobe" -s 'authsod [TRYAGAIN=return] files' passwd alice)
  [[ $line =~ ([0-9]+)\.[0-9]\ ms ]] && [ "${BASH_REMATCH[1]}" -gt 5000 ]
}

@test "the service hangs: local users and groups do not wait for it" {
  local pid
  in_member ws1 getent passwd alice
  mapfile -t stopped < <(member_pid ws1; member_roles ws1)
  kill -STOP "${stopped[@]}"
  # With the map as it was, and when its lease has run out.
  boot_is_quick
  sleep 6
  boot_is_quick
  one_takes_at_most 12000 'passwd no-such-user'
  nobody_waits_for_the_service
}

@test "no network: the service starts at once, and nobody who is local waits" {
  local began
  member_stop ws1
  in_member ws1 sh -c 'rm -f /var/lib/authsod/*'
  cut=1
  lab_cut dc1
  began=$SECONDS
  member_start ws1
  [ $((SECONDS - began)) -le 5 ]
  boot_is_quick
  one_takes_at_most 12000 'passwd alice'
  boot_is_quick
}
