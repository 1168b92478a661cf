# What breaks around the logon: the service, the domain, the network, the clock,
# the keytab, the disk. Whatever it is, local users feel nothing, people of the
# domain are told in words and in time, and once it is mended the next logon
# works, with nothing started again. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

no_kdc='No domain controller of corp.test answers. Check the network connection.'
no_keytab='This computer has no key for the domain. Ask your administrator to join it again.'
stale_keytab="This computer's key for the domain is out of date. Ask your administrator to join it again."

# median CMD...: milliseconds of the middle one of 7 runs on ws1.
median() {
  in_member ws1 bash -c '
    for _ in 1 2 3 4 5 6 7; do
      began=${EPOCHREALTIME/./}
      "$@" >/dev/null 2>&1 <<<Local-Pass1 || exit 1
      echo $(((${EPOCHREALTIME/./} - began) / 1000))
    done | sort -n | sed -n 4p' median "$@"
}

local_users() {
  median getent passwd localuser && median id localuser && median su localuser -c true &&
    median pamtester "$1" localuser authenticate acct_mgmt open_session close_session
}

# without_us: what local_users takes on a computer that has never heard of authsod.
without_us() {
  in_member ws1 sh -c 'cp /etc/nsswitch.conf /tmp/nsswitch71
    sed -i "s/ authsod \[TRYAGAIN=return\]//" /etc/nsswitch.conf
    for type in auth account session; do echo "$type required pam_unix.so nodelay"; done >/etc/pam.d/alone71'
  local_users alone71
  in_member ws1 sh -c 'mv /tmp/nsswitch71 /etc/nsswitch.conf; rm /etc/pam.d/alone71'
}

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  without_us >"$BATS_FILE_TMPDIR/without"
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  in_member ws1 rm -f /etc/pam.d/authsod-hurry
}

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_hurry ws1
  keytab=$LAB/hosts/ws1/etc/krb5.keytab
}

teardown() {
  local pid
  for pid in $(member_pid ws1) $(member_roles ws1 front); do
    kill -CONT "$pid"
  done
  lab_dc_cont dc1
  lab_mend dc1
  lab_unblock ws1
  in_member ws1 nft 'add table inet hang71; delete table inet hang71'
  in_dc dc1 sh -c 'nft "add table ip second71; delete table ip second71"; ip addr del 10.99.0.2/24 dev eth0 2>/dev/null || true'
  if [ -e "$LAB/clock71" ]; then
    lab_dc_kill dc1
    lab_dc_start dc1
    rm "$LAB/clock71"
  fi
  if [ -e "$LAB/keytab71" ]; then
    rm -rf "$keytab"
    mv "$LAB/keytab71" "$keytab"
  fi
  if in_member ws1 mountpoint -q /var/lib/authsod; then
    member_stop ws1
    in_member ws1 umount /var/lib/authsod
  fi
  member_up ws1
  member_configure ws1
  member_reload ws1
}

# logs_on USER: with the right password.
logs_on() {
  member_pam ws1 "$1" "Passw0rd-$1" authenticate acct_mgmt >/dev/null
}

# refused SENTENCE USER: within 10 seconds, with this sentence; because it could not be found out.
refused() {
  local began=${EPOCHREALTIME/./} took
  run member_pam ws1 "$2" "Passw0rd-$2" authenticate
  took=$(((${EPOCHREALTIME/./} - began) / 1000))
  [ "$status" -ne 0 ] && [[ $'\n'${output#Password: } == *$'\n'"$1"$'\n'*'cannot retrieve authentication info' ]] &&
    [ $took -lt 10000 ] || { echo "$2 after $took ms: $output"; return 1; }
}

# works_again: the next logons, within seconds.
works_again() {
  local user
  for user; do
    lab_wait 10 logs_on "$user" || { echo "$user: $(member_pam ws1 "$user" "Passw0rd-$user" authenticate)"; return 1; }
  done
}

# alice_known: the service has heard of alice, and of nobody else.
alice_known() {
  member_fresh ws1
  logs_on alice
}

# feel_nothing: less than 50 ms are added to each of local_users.
feel_nothing() {
  local with
  with=$(local_users authsod-hurry)
  paste "$BATS_FILE_TMPDIR/without" - <<<"$with" |
    awk '$1 == "" || $2 == "" || $2 - $1 >= 50 { bad = 1 } END { exit bad || NR != 4 }' ||
    { paste "$BATS_FILE_TMPDIR/without" - <<<"$with"; return 1; }
}

@test "the service does not run: local users feel nothing, people of the domain are told" {
  member_stop ws1
  feel_nothing
  refused 'The domain logon service is not running.' alice
  # At the console; and there is root's, and localuser's, way in.
  run -0 in_member ws1 "$BATS_TEST_DIRNAME/talk" 'login: $' localuser 'assword: $' Local-Pass1 '\$ $' exit -- login alice
  [[ $output == *'The domain logon service is not running.'* ]]
  member_start ws1
  logs_on alice
}

@test "the service hangs: local users feel nothing, people of the domain get an answer" {
  local answer=$BATS_TEST_TMPDIR/answer
  kill -STOP "$(member_pid ws1)" "$(member_roles ws1 front)"
  { member_pam ws1 alice Passw0rd-alice authenticate || true; } >"$answer" 3>&- &
  feel_nothing
  wait $!
  grep -q 'The domain did not answer in time. Try again.' "$answer" || { cat "$answer"; false; }
  kill -CONT "$(member_pid ws1)" "$(member_roles ws1 front)"
  works_again alice
}

@test "the domain controller hangs" {
  alice_known
  lab_dc_stop dc1
  refused "$no_kdc" alice
  refused "$no_kdc" bob
  lab_dc_cont dc1
  works_again alice bob
  # Without a ticket of the computer's, too.
  lab_dc_stop dc1
  member_stop ws1
  member_start ws1
  refused "$no_kdc" alice
  lab_dc_cont dc1
  works_again alice
}

@test "the network is cut" {
  alice_known
  lab_cut dc1
  refused "$no_kdc" alice
  lab_mend dc1
  works_again alice
}

@test "the KDC's port is closed, silently or not" {
  # What NTLM does then is in 64-fallback.bats.
  member_configure ws1 '[logon]' 'ntlm_fallback = never'
  alice_known
  for how in drop reject; do
    lab_block_port ws1 88 $how
    refused "$no_kdc" alice
    lab_unblock ws1
    works_again alice
  done
}

@test "DNS is dead" {
  logs_on alice
  lab_block_port ws1 53
  # Who is known is known, and so is the controller.
  logs_on alice
  member_fresh ws1
  refused "$no_kdc" alice
  refused "$no_kdc" alice
  lab_unblock ws1
  works_again alice
}

@test "a controller that hangs is left within two seconds where there is another one" {
  local began took
  # The same one by another address, as if there were two.
  in_dc dc1 ip addr add 10.99.0.2/24 dev eth0
  in_dc dc1 nft -f - <<'END'
table ip second71 {
  chain in {
    type nat hook prerouting priority dstnat;
    ip daddr 10.99.0.2 dnat to 10.99.0.1
  }
}
END
  member_stop ws1
  member_configure ws1 'controllers = 10.99.0.2'
  in_member ws1 sh -c 'rm -f /var/lib/authsod/*'
  member_start ws1
  logs_on alice
  grep 'directory: info: domain controller' "$(member_log ws1)" | tail -n 1 | grep -F '(10.99.0.2)'
  in_member ws1 nft -f - <<'END'
table inet hang71 {
  chain out {
    type filter hook output priority filter;
    ip daddr 10.99.0.2 drop
  }
}
END
  began=${EPOCHREALTIME/./}
  logs_on alice
  took=$(((${EPOCHREALTIME/./} - began) / 1000))
  grep 'directory: info: domain controller' "$(member_log ws1)" | tail -n 1 | grep -F '(10.99.0.1)'
  # Two seconds to leave it, and what a logon takes.
  echo "$took ms"
  [ $took -lt 2500 ]
}

# told_offset USER: nearly ten minutes.
told_offset() {
  local sentence="The clock of this computer differs from the domain's by (10:0[0-9]|9:5[0-9]) min\. Set it right and try again\."
  run member_pam ws1 "$1" "Passw0rd-$1" authenticate
  [ "$status" -ne 0 ] && [[ $output =~ (^|': '|$'\n')$sentence$'\n'.*'cannot retrieve authentication info'$ ]] ||
    { echo "$1: $output"; return 1; }
}

@test "the clock is ten minutes off: the sentence has the offset" {
  alice_known
  touch "$LAB/clock71"
  lab_dc_kill dc1
  lab_dc_start dc1 +10m
  # With the computer's ticket of before, which arms the exchange; without it; without FAST; for one who was never here.
  told_offset alice
  for fast in try never; do
    member_configure ws1 '[logon]' "fast = $fast"
    member_reload ws1
    told_offset alice
    told_offset bob
  done
  lab_dc_kill dc1
  lab_dc_start dc1
  works_again alice bob
}

# keytab_is LOG CMD...: CMD makes a keytab of no use, and the log says LOG of it.
keytab_is() {
  local log=$1 mark
  shift
  member_stop ws1
  rm -rf "$keytab"
  "$@"
  mark=$(member_log_mark ws1)
  member_start ws1
  refused "$no_keytab" alice
  refused "$no_keytab" bob
  for line in 'keeper: error: cannot read the keytab|member: error: the keytab' 'logon 1: alice refused .*NO_KEYTAB'; do
    tail -c "+$mark" "$(member_log ws1)" | grep -E "$line" | grep -F "/etc/krb5.keytab" | grep -F "$log" ||
      { tail -c "+$mark" "$(member_log ws1)"; return 1; }
  done
}

keytab_bytes() {
  (umask 077 && printf "$1" >"$keytab")
}

@test "a keytab that is missing, or none: the log says which; a good one is taken without a restart" {
  alice_known
  cp -p "$keytab" "$LAB/keytab71"
  keytab_is 'No such file or directory' true
  cp -p "$LAB/keytab71" "$keytab"
  works_again alice bob
  member_fresh ws1
  keytab_is 'it is not a regular file' mkdir "$keytab"
  keytab_is 'it is not a regular file' keytab_bytes ''
  keytab_is 'Unsupported key table format version number' keytab_bytes garbage
  keytab_is 'Key table entry not found' keytab_bytes '\005\002'
  keytab_is 'it is a symbolic link' ln -s keytab.elsewhere "$keytab"
  rm "$keytab"
  cp -p "$LAB/keytab71" "$keytab"
  works_again alice bob
}

# join_again: as the sentence advises.
join_again() {
  printf %s "$LAB_ADMIN_PASSWORD" |
    in_member ws1 adcli join --domain=corp.test --domain-controller=dc1.corp.test --login-user=Administrator \
      --stdin-password --computer-name=WS1 --host-fqdn=ws1.corp.test --service-name=host --service-name=RestrictedKrbHost
}

@test "a keytab of an old key: the log says so; the new one is taken without a restart" {
  local mark
  alice_known
  mv "$keytab" "$LAB/keytab71.old"
  join_again
  cp -p "$keytab" "$LAB/keytab71"
  cp -p "$LAB/keytab71.old" "$keytab"
  mark=$(member_log_mark ws1)
  refused "$stale_keytab" alice
  member_logged_since ws1 "$mark" 'alice refused .*STALE_KEYTAB in the AP-REQ: .*/etc/krb5.keytab.*\(KRB_AP_ERR_BADKEYVER 44\)'
  cp -p "$LAB/keytab71" "$keytab"
  works_again alice
  cp -p "$LAB/keytab71.old" "$keytab"
  member_stop ws1
  mark=$(member_log_mark ws1)
  member_start ws1
  refused "$stale_keytab" alice
  refused "$stale_keytab" bob
  member_logged_since ws1 "$mark" "alice refused .*STALE_KEYTAB in the computer's own logon: .*/etc/krb5.keytab.*\(KDC_ERR_PREAUTH_FAILED 24\)"
  cp -p "$LAB/keytab71" "$keytab"
  works_again alice bob
}

# state_on OPTIONS: the service's folder is on a disk of these options.
state_on() {
  in_member ws1 mount -t tmpfs -o "uid=$(in_member ws1 id -u authsod),gid=$(in_member ws1 id -g authsod),mode=700,$1" \
    disk71 /var/lib/authsod
}

@test "a disk that is full, or read-only, keeps nobody out, and the log says so" {
  local mark
  member_stop ws1
  state_on size=64k
  in_member ws1 sh -c 'cat /dev/zero >/var/lib/authsod/full || true' 2>/dev/null
  mark=$(member_log_mark ws1)
  member_start ws1
  works_again alice bob
  in_member ws1 getent passwd alice
  member_logged_since ws1 "$mark" 'directory: error: cannot keep what is learned in /var/lib/authsod: .*full.* in memory'
  # It fills up while the service runs.
  member_stop ws1
  in_member ws1 umount /var/lib/authsod
  state_on size=512k
  member_start ws1
  works_again alice
  in_member ws1 sh -c 'cat /dev/zero >/var/lib/authsod/full || true' 2>/dev/null
  mark=$(member_log_mark ws1)
  works_again many bob
  lab_wait 5 member_logged_since ws1 "$mark" 'directory: warning: the store /var/lib/authsod/store.db: .*full'
  member_stop ws1
  in_member ws1 mount -o remount,ro /var/lib/authsod
  mark=$(member_log_mark ws1)
  member_start ws1
  works_again alice
  member_logged_since ws1 "$mark" 'directory: error: cannot keep what is learned in /var/lib/authsod: .*Read-only'
}

@test "no room for the tickets: the person gets in and is told" {
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/full71/krb5cc_%{uid}'
  member_reload ws1
  in_member ws1 mkdir /tmp/full71
  in_member ws1 mount -t tmpfs -o mode=1777,size=4k full71 /tmp/full71
  in_member ws1 sh -c 'cat /dev/zero >/tmp/full71/full || true' 2>/dev/null
  run member_pam ws1 alice Passw0rd-alice authenticate acct_mgmt setcred
  in_member ws1 umount /tmp/full71
  in_member ws1 rmdir /tmp/full71
  [ "$status" -eq 0 ]
  [[ $output == *'Your Kerberos tickets could not be stored.'* ]]
}
