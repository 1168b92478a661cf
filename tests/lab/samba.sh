# Another Samba than the machine's, on one computer of the lab.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir and lab_top

# samba_replace NAME DIR: the Samba of the computer NAME is from now on what
# the packages in DIR (see samba-backports) have, in its usual places; the
# machine's own is hidden there. Their scripts are not run. DIR must be seen
# by the computer. Without packages in it nothing happens.
samba_replace() {
  local log=$LAB/log/$1-samba.log
  lab_say "$1: another Samba"
  in_host "$1" "$lab_dir/samba-unpack" "$2" >"$log" 2>&1 ||
    lab_fail "$1: $2 cannot be unpacked: $(tail -n 10 "$log")"
}
