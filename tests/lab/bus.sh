# The system's bus as Debian sets it up, with polkit, and logind: elogind, which
# needs no systemd.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_packages, host.sh host_path

# lab_bus NAME: the computer NAME has the system's bus and polkitd.
lab_bus() {
  in_host "$1" mkdir -p /run/dbus || return 1
  host_start "$1" bus dbus-daemon --system --nofork --nopidfile
  lab_wait 10 in_host "$1" test -S /run/dbus/system_bus_socket ||
    lab_fail "$1: dbus-daemon: $(tail -n 5 "$LAB/log/$1.bus")" || return 1
  lab_polkit "$1"
}

# lab_polkit NAME: polkitd begins anew, and so knows the rules and actions that
# there are now.
lab_polkit() {
  host_stop "$1" polkitd
  host_start "$1" polkitd /usr/lib/polkit-1/polkitd --no-debug
  lab_wait 10 bus_has "$1" org.freedesktop.PolicyKit1 || lab_fail "$1: polkitd: $(tail -n 5 "$LAB/log/$1.polkitd")"
}

# lab_bus_end NAME: there is none.
lab_bus_end() {
  host_stop "$1" polkitd
  host_stop "$1" bus
  in_host "$1" rm -f /run/dbus/system_bus_socket
}

# lab_logind_can NAME: can the control groups be mounted there, and one be made and
# moved into, as lab_logind must?
lab_logind_can() {
  # shellcheck disable=SC2016 # the inner shells' variables
  in_host "$1" unshare --mount sh -ec '
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    group=$(mktemp -d /sys/fs/cgroup/authsod-lab.XXXXXX)
    # Who moves ends, and so the group can go.
    status=0
    sh -c "echo \$\$ >$group/cgroup.procs" || status=1
    rmdir "$group"
    exit "$status"'
}

# lab_logind NAME: a logind on the bus of the computer NAME. Its sessions are
# control groups below one that is the lab's: elogind begins with that of process
# 1. It is for one computer of the lab at a time.
lab_logind() {
  local library
  # shellcheck disable=SC2016 # the inner shell's variables
  in_host "$1" sh -ec '
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    cd /sys/fs/cgroup
    # What labs that were killed have left: only those without processes go.
    find . -depth -path "./authsod-lab.*" -type d -exec rmdir {} + 2>/dev/null || :
    sed -n s/^0:://p /proc/1/cgroup >/run/lab-logind.before
    group=$(mktemp -d authsod-lab.XXXXXX)
    echo "$group" >/run/lab-logind.group
    echo 1 >"$group/cgroup.procs"' || return 1
  library=$(logind_file libelogind-shared-\*.so)
  host_start "$1" logind env "LD_LIBRARY_PATH=${library%/*}" SYSTEMD_LOG_TARGET=console "$(logind_file elogind)"
  lab_wait 10 bus_has "$1" org.freedesktop.login1 || lab_fail "$1: elogind: $(tail -n 5 "$LAB/log/$1.logind")"
}

# lab_logind_end NAME: it ends, and so do the processes of all its sessions; fails
# if one of its control groups is still there after ten seconds.
lab_logind_end() {
  host_stop "$1" logind
  # shellcheck disable=SC2016 # the inner shell's variables
  in_host "$1" sh -c '
    [ -e /run/lab-logind.before ] || exit 0
    status=0
    cd /sys/fs/cgroup
    if group=$(cat /run/lab-logind.group 2>/dev/null) && [ -d "$group" ]; then
      echo 1 >".$(cat /run/lab-logind.before)/cgroup.procs" || echo 1 >cgroup.procs
      deadline=$(($(date +%s) + 10))
      until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do
        [ "$(date +%s)" -lt "$deadline" ] || {
          echo "the control group $group cannot be removed: processes" $(find "$group" -name cgroup.procs -exec cat {} +) >&2
          status=1
          break
        }
        # Control groups go when their last process is gone. 0 is one outside of this lab.
        find "$group" -name cgroup.procs -exec cat {} + | grep -vx 0 | xargs -r kill -KILL
        sleep 0.1
      done
    fi
    cd /
    umount /sys/fs/cgroup
    rm -rf /run/lab-logind.* /run/systemd/sessions /run/systemd/users /run/systemd/seats
    exit "$status"'
}

# lab_logind_pam: prints the PAM module that makes sessions.
lab_logind_pam() {
  logind_file pam_elogind.so
}

# logind_file NAME: prints where the package has that program or library; NAME
# is a pattern.
logind_file() {
  find "$lab_packages"/elogind/{lib,usr/lib,usr/libexec} -name "$1" -type f 2>/dev/null | head -n 1
}

# bus_has NAME SERVICE: on the bus of the computer NAME.
bus_has() {
  in_host "$1" busctl --system --no-pager status "$2"
}
