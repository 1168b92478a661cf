# Programs of others that do the same, to be measured beside: winbindd and
# adcli. Source it in a lab, after member.sh; but winbind_fetch works outside.
# shellcheck shell=bash disable=SC2154 # lib.sh's variables

# winbind_fetch DIR: pam_winbind and the name service module as packages in
# DIR, of the version of the machine's winbind. They are not installed: that
# would put them into the machine's own PAM and nsswitch.conf. Not in a lab,
# which has no network.
winbind_fetch() {
  local package version
  version=$(dpkg-query -W -f '${Version}' winbind) || return 1
  mkdir -p "$1" || return 1
  for package in libpam-winbind libnss-winbind; do
    compgen -G "$1/${package}_${version/:/%3a}_*.deb" >/dev/null && continue
    rm -f "$1/${package}_"*
    (cd "$1" && apt-get -q download "$package=$version") || return 1
  done
}

# winbind_member NAME ADDR DIR: a computer that joined the standard domain, and
# whose winbindd, as it is by default, does its logons, without Kerberos.
# DIR has the packages.
winbind_member() {
  local name=$1 addr=$2 log=$LAB/log/$1-winbind.log
  lab_host "$name" "$addr" "$LAB_DC_ADDR" "$LAB_DOMAIN" || return 1
  samba_replace "$name" "$3" || return 1
  in_host "$name" mkdir -p /var/lib/samba/private /var/cache/samba /var/log/samba /run/samba
  in_host "$name" sh -c 'cat >/etc/samba/smb.conf' <<EOF
[global]
  security = ads
  realm = $LAB_REALM
  workgroup = $LAB_NETBIOS
  netbios name = ${name^^}
  idmap config * : backend = autorid
  idmap config * : range = 1000000-1999999
  winbind use default domain = yes
  template shell = /bin/bash
EOF
  in_host "$name" sh -c 'sed -i -E "s/^((passwd|group):.*)/\1 winbind/" /etc/nsswitch.conf
    for t in auth account password session; do echo "$t required pam_winbind.so"; done >/etc/pam.d/bench'
  printf '%s\n' "$LAB_ADMIN_PASSWORD" |
    in_host "$name" net ads join -U Administrator --no-dns-updates >"$log" 2>&1 ||
    lab_fail "$name: join: $(tail -n 5 "$log")" || return 1
  lab_spawn "$log" "$lab_dir/in" "$name" winbindd -F --no-process-group
  lab_wait 30 in_host "$name" wbinfo -t || lab_fail "$name: winbindd: $(tail -n 5 "$log")" || return 1
  lab_wait 30 in_host "$name" getent passwd alice || lab_fail "$name: winbindd knows nobody"
}

# beside FORMAT: two numbers a line on stdin, a line a round. Prints, by printf's
# FORMAT, the first one's median to the second's, both medians, and the second's noise: its 90th percentile to its median.
beside() {
  /usr/bin/python3 -c '
import statistics, sys
a, b = zip(*((float(x) for x in line.split()) for line in sys.stdin))
first, second = statistics.median(a), statistics.median(b)
print(sys.argv[1] % (first / second, first, second, sorted(b)[int(0.9 * (len(b) - 1))] / second))' "$1"
}

# ntlm_pair BENCH ROUNDS: a logon by NTLM on ws1 and one on ws2, whose winbindd
# does it, turn by turn, each in a process of its own.
ntlm_pair() {
  local round
  for ((round = 0; round < $2; round++)); do
    in_member ws1 "$1" one bench alice 2>/dev/null
    in_member ws2 "$1" one bench alice
  done | cut -d ' ' -f 1 | paste - - | beside '%.2f: %.1f ms to %.1f ms, noise %.2f'
}

# ntlm_at_once BENCH: 32 people, turn by turn. Prints winbindd's logons a second
# to ours.
ntlm_at_once() {
  local round
  for round in 1 2 3 4 5 6 7 8 9; do
    in_member ws2 "$1" many pam bench - - 32 alice
    in_member ws1 "$1" many pam bench - - 32 alice 2>/dev/null
  done >"$LAB/bench-at-once"
  ! grep -v ' 0 failed' "$LAB/bench-at-once" || return 1
  cut -d ' ' -f 1 "$LAB/bench-at-once" | paste - - |
    beside '%.2f: winbindd %.1f a second, authsodd %.1f, 0 failed, noise %.2f'
}

# join_pair ROUNDS: a computer that joins as an account that is not there yet,
# by authsodctl on ws3 and by adcli on ws4, both for the same, turn by turn.
join_pair() {
  local round name began
  lab_host ws3 10.99.0.13 "$LAB_DC_ADDR" "$LAB_DOMAIN" && lab_host ws4 10.99.0.14 "$LAB_DC_ADDR" "$LAB_DOMAIN" &&
    in_host ws3 make -s -C "$AUTHSOD_BUILD" install >"$LAB/log/ws3-install.log" 2>&1 || return 1
  for ((round = 0; round < $1; round++)); do
    for name in ws3 ws4; do
      began=$(date +%s%N)
      "join_$name" >"$LAB/log/$name-join.log" 2>&1 || return 1
      echo $((($(date +%s%N) - began) / 1000))
      in_host "$name" rm -rf /etc/authsod /etc/krb5.keytab
      samba_tool dc1 computer delete "$name" >"$LAB/log/$name-delete.log" || return 1
    done
  done | awk '{ print $1 / 1000 }' | paste - - | beside '%.2f: %.0f ms to %.0f ms, noise %.2f'
}

join_ws3() {
  printf '%s\n' "$LAB_ADMIN_PASSWORD" | in_host ws3 authsodctl join "$LAB_DOMAIN" --password-stdin
}

join_ws4() {
  printf %s "$LAB_ADMIN_PASSWORD" |
    in_host ws4 adcli join --domain="$LAB_DOMAIN" --login-user=Administrator --stdin-password --host-fqdn="ws4.$LAB_DOMAIN" \
      --service-name=host --service-name=RestrictedKrbHost
}
