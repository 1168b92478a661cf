# authsodctl: a computer joins the domain, is looked after, and leaves it. Runs
# in a lab that is up, on a computer of its own that no test has joined before.
# shellcheck shell=bash disable=SC1091,SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_new box 120 &&
    member_local_user "$BOX" &&
    printf '@include common-%s\n' auth account password session | in_member "$BOX" sh -c 'cat >/etc/pam.d/authsod'
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_stop "$BOX"
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  account=${BOX^^}$
  etc=$LAB/hosts/$BOX/etc
}

# Whatever a test did: the computer is in no domain, and the domain has no account of it.
teardown() {
  lab_unblock "$BOX"
  member_stop "$BOX"
  in_member "$BOX" rm -rf /etc/authsod /etc/krb5.keytab
  gone "$account" || samba_tool dc1 computer delete "$BOX" || samba_tool dc1 user delete "$account"
} >&2

# ctl ARG...: authsodctl; the administrator's password, or $password, is what stdin has.
ctl() {
  printf '%s\n' "${password:-$LAB_ADMIN_PASSWORD}" | in_member "$BOX" timeout 60 authsodctl "$@"
}

# join ARG...: as the administrator, to the standard domain.
join() {
  ctl join "$LAB_DOMAIN" --password-stdin "$@"
}

# gone ACCOUNT: the domain has no such account.
gone() {
  ! dc_get "$1" cn 2>/dev/null
}

dn_of() {
  dc_get "$1" distinguishedName
}

# nothing_happened: neither here nor in the domain is anything left of a join.
nothing_happened() {
  local left
  left=$(cd "$etc" && find . -name '*krb5.keytab*' -o -path './authsod*')
  [ -z "$left" ] || { echo "left: $left" && return 1; }
  gone "$account"
}

# says STATUS TEXT: what `run` saw.
says() {
  [ "$status" -eq "$1" ] && [[ $output == *"$2"* ]] || {
    echo "status $status: $output"
    return 1
  }
}

# dns add|delete NAME TYPE DATA: a record of the domain.
dns() {
  local zone=corp.test name=$2
  [[ $name != *._msdcs ]] || zone=_msdcs.corp.test name=${name%._msdcs}
  samba_tool dc1 dns "$1" 127.0.0.1 "$zone" "$name" "$3" "$4" -U "Administrator%$LAB_ADMIN_PASSWORD"
}

# value JSON KEY: the value in an object of one level.
value() {
  python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"
}

@test "a computer joins, its users log on, and it leaves" {
  run -0 join
  says 0 "has joined corp.test"
  [ "$(stat -c '%a %U %G' "$etc/krb5.keytab" "$etc/authsod/machine-secret" "$etc/authsod/authsod.conf" | tr '\n' ' ')" = \
    '600 root root 600 root root 644 root root ' ]

  # The account: its names, AES alone, a computer like any other.
  [ "$(dc_get "$account" servicePrincipalName | sort | tr '\n' ' ')" = \
    "RestrictedKrbHost/${BOX^^} RestrictedKrbHost/$BOX.corp.test host/${BOX^^} host/$BOX.corp.test " ]
  [ "$(dc_get "$account" dNSHostName)" = "$BOX.corp.test" ]
  [ "$(dc_get "$account" msDS-SupportedEncryptionTypes)" = 24 ]
  [ "$(dc_get "$account" userAccountControl)" = 4096 ]
  [ -n "$(dc_get "$account" operatingSystem)" ]

  # The keytab: five names with two keys each, of the version that the domain tells.
  run -0 in_member "$BOX" klist -kte
  [ "$(grep -c '(aes256-cts-hmac-sha1-96)' <<<"$output")" -eq 5 ]
  [ "$(grep -c '(aes128-cts-hmac-sha1-96)' <<<"$output")" -eq 5 ]
  kvno=$(dc_get "$account" msDS-KeyVersionNumber)
  [ "$(awk -v k="$kvno" '/@CORP.TEST/ && $1 == k' <<<"$output" | wc -l)" -eq 10 ]

  run -0 ctl testjoin
  says 0 'computer ticket: ok'
  [[ $output != *FAILED* ]]

  # It is what authsodd needs.
  in_member "$BOX" sed -i -E '/authsod/! s/^((passwd|group):.*)\<files/\1authsod [TRYAGAIN=return] files/' /etc/nsswitch.conf
  in_member "$BOX" env DEBIAN_FRONTEND=noninteractive pam-auth-update --force --package --enable authsod mkhomedir
  member_start "$BOX"
  run -0 ctl status --json
  [ "$(value "$output" running)" = True ]
  [ "$(value "$output" kvno)" = "$kvno" ]
  [ "$(value "$output" domain)" = corp.test ]
  run -0 in_member "$BOX" getent passwd alice
  run member_pam "$BOX" alice Passw0rd-alice authenticate acct_mgmt open_session
  run ! member_pam "$BOX" alice wrong authenticate
  member_stop "$BOX"
  run -0 ctl status --json
  [ "$(value "$output" running)" = False ]

  # Of a session that ended while nobody was there to take it away.
  in_member "$BOX" sh -c 'mkdir -p /run/authsod/ntlm && echo hash >/run/authsod/ntlm/200001.0123456789abcdef'
  run -0 ctl leave --password-stdin
  says 0 'has left corp.test'
  gone "$account"
  [ ! -e "$etc/krb5.keytab" ]
  [ ! -e "$etc/authsod/machine-secret" ]
  run -0 in_member "$BOX" ls -A /run/authsod/ntlm
  [ -z "$output" ]
  run -19 ctl leave --password-stdin
}

@test "a second join takes the account over; keys of others in the keytab stay, in leave too" {
  join
  before=$(dn_of "$account")
  in_member "$BOX" sh -c 'printf "addent -password -p HTTP/www.corp.test@CORP.TEST -k 5 -e aes256-cts\nx\nwkt /etc/krb5.keytab\n" | ktutil'
  run -0 join --json
  [ "$(value "$(sed -n '/^{/,$p' <<<"$output")" kvno)" -eq 2 ]
  [ "$(dn_of "$account")" = "$before" ]
  run -0 in_member "$BOX" klist -k
  [ "$(grep -c '^ *1 .*@CORP.TEST' <<<"$output")" -eq 10 ]
  [ "$(grep -c '^ *2 .*@CORP.TEST' <<<"$output")" -eq 10 ]
  [ "$(grep -c '^ *5 HTTP/www.corp.test@CORP.TEST' <<<"$output")" -eq 1 ]
  # One that was disabled is enabled again.
  samba_tool dc1 user disable "$account"
  run -0 join
  [ "$(dc_get "$account" userAccountControl)" = 4096 ]
  run -0 ctl leave --password-stdin
  run -0 in_member "$BOX" klist -k
  [ "$(grep -c '@CORP.TEST' <<<"$output")" -eq 1 ]
  [[ $output == *HTTP/www.corp.test* ]]
}

@test "who joins can be named, have a ticket, or choose where" {
  samba_tool dc1 ou create OU=Boxes,DC=corp,DC=test
  # An administrator of that OU alone, who makes and may delete there.
  samba_tool dc1 dsacl set --objectdn=OU=Boxes,DC=corp,DC=test --trusteedn="$(dn_of alice)" --sddl="(A;CI;GA;;;$(dc_get alice objectSid))"
  password=Passw0rd-alice run -0 join --user alice@corp.test --ou OU=Boxes,DC=corp,DC=test
  [ "$(dn_of "$account")" = "CN=${BOX^^},OU=Boxes,DC=corp,DC=test" ]
  [ "$(dc_get "$account" msDS-SupportedEncryptionTypes)" = 24 ]
  password=Passw0rd-alice run -0 ctl leave --user 'CORP\alice' --password-stdin
  gone "$account"
  samba_tool dc1 ou delete OU=Boxes,DC=corp,DC=test --force-subtree-delete

  printf %s "$LAB_ADMIN_PASSWORD" | in_member "$BOX" kinit -c FILE:/root/cc Administrator >/dev/null
  run -0 in_member "$BOX" authsodctl join corp.test --ccache=FILE:/root/cc </dev/null
  says 0 'Administrator@CORP.TEST'
  run -0 in_member "$BOX" authsodctl leave --ccache=FILE:/root/cc </dev/null
  gone "$account"
  run -13 in_member "$BOX" authsodctl join corp.test --ccache=FILE:/root/none </dev/null
}

@test "an account that was prepared is joined with its one-time password" {
  samba_tool dc1 computer create "$BOX"
  samba_tool dc1 user setpassword "$account" --newpassword=Once-only1
  password=Once-only2 run -12 join --one-time-password
  password=Once-only1 run -0 join --one-time-password
  run -0 ctl testjoin
  # It is used up.
  password=Once-only1 run -12 join --one-time-password
  run -0 ctl testjoin
}

@test "the password is asked for on the terminal; Ctrl-C leaves nothing behind" {
  run -22 in_member "$BOX" "$lab_top/tests/system/talk" 'assword for Administrator@CORP.TEST: $' $'\x03' -- authsodctl join corp.test
  nothing_happened
  run -0 in_member "$BOX" "$lab_top/tests/system/talk" 'assword for Administrator@CORP.TEST: $' "$LAB_ADMIN_PASSWORD" -- \
    authsodctl join corp.test
  [[ $output != *"$LAB_ADMIN_PASSWORD"* ]]
  says 0 'has joined corp.test'
  run -2 in_member "$BOX" setsid -w authsodctl join corp.test </dev/null
  says 2 'password-stdin'
}

@test "who talks to the network is not root" {
  in_member "$BOX" sh -c '"$1" -t 20 NEVER x -- authsodctl join corp.test >/tmp/talk 2>&1 </dev/null 3>&- &' sh "$lab_top/tests/system/talk"
  lab_wait 10 grep -q 'assword for' "$LAB/hosts/$BOX/tmp/talk"
  found=0
  for pid in $(host_pids "$BOX"); do
    [ "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" = 'authsodctl join corp.test ' ] || continue
    if [ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" = 0 ]; then
      upper=$pid
      # It has no connection, and reads from none.
      run ! sh -c 'ls -l /proc/"$1"/fd | grep -E "socket:" | grep -vF "$(ls -l /proc/"$1"/fd | sed -n "s/.*\(socket:\[[0-9]*\]\).*/\1/p" | head -n 1)"' sh "$pid"
    else
      found=$((found + 1))
      lower=$(cat "/proc/$pid/status")
      files=$(find "/proc/$pid/fd" -type l -printf '%l\n')
    fi
  done
  kill -TERM "$upper"
  [ "$found" -eq 1 ]
  user=$(in_member "$BOX" id -u authsod)
  [ "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' <<<"$lower")" = "$user $user $user $user" ]
  [ "$(awk '/^Groups:/ { print $2 }' <<<"$lower")" = '' ]
  [ "$(awk '/^NoNewPrivs:/ { print $2 }' <<<"$lower")" = 1 ]
  [ "$(awk '/^Cap(Eff|Prm):/ { print $2 }' <<<"$lower" | sort -u)" = 0000000000000000 ]
  # A filter is in force; and of the files that the other one writes, and the terminal, it has no descriptor.
  [ "$(awk '/^Seccomp:/ { print $2 }' <<<"$lower")" = 2 ]
  [ -n "$files" ]
  run ! grep -vE '^(/dev/null|socket:.*|anon_inode:.*|/memfd:.*)$' <<<"$files"
  lab_wait 10 nothing_happened
}

@test "a wrong password, and somebody who may not" {
  password=wrong run join
  says 12 'authsodctl: The password of Administrator@CORP.TEST is not right.'
  nothing_happened
  password=x run join --user nobody-of-ours
  says 13 'authsodctl: The domain corp.test has no account nobody-of-ours@CORP.TEST.'
  password=Passw0rd-alice run join --user alice
  says 14 'authsodctl: alice@CORP.TEST may not make an account of a computer in CN=Computers,DC=corp,DC=test: '
  nothing_happened
  run -2 in_member "$BOX" sh -c 'authsodctl join corp.test --password-stdin </dev/null'
  run -3 in_member "$BOX" setpriv --reuid 1000 --regid 1000 --clear-groups authsodctl join corp.test --password-stdin
  nothing_happened
}

@test "who has made as many computers as he may is told so" {
  dn=$(samba_tool dc1 computer create spent25 >/dev/null && dn_of 'SPENT25$')
  printf 'replace: mS-DS-CreatorSID\nmS-DS-CreatorSID: %s\n' "$(dc_get alice objectSid)" |
    account_modify 'SPENT25$' dc1 --relax
  head_of() { in_dc dc1 ldbmodify -H "$sam_ldb" <<<$'dn: DC=corp,DC=test\nchangetype: modify\nreplace: ms-DS-MachineAccountQuota\nms-DS-MachineAccountQuota: '"$1"; }
  head_of 1
  password=Passw0rd-alice run join --user alice
  spent=$status said=$output
  # One more is allowed, or none is to anybody: it is no quota that is in the way.
  head_of 2
  password=Passw0rd-alice run join --user alice
  more=$status
  head_of 0
  password=Passw0rd-alice run join --user alice
  none=$status
  head_of 10
  in_dc dc1 ldbdel -H "$sam_ldb" "$dn"
  [ "$spent" -eq 15 ]
  [[ $said == *'alice@CORP.TEST has made as many accounts of computers as the domain allows (ms-DS-MachineAccountQuota).'* ]]
  [ "$more" -eq 14 ]
  [ "$none" -eq 14 ]
  nothing_happened
}

@test "names that cannot be" {
  run join --computer-name abcdefghijklmnop
  says 6 'authsodctl: The name abcdefghijklmnop has 16 characters, and the domain takes 15 at most: give a shorter one with --computer-name.'
  run in_member "$BOX" unshare --uts sh -c 'hostname a-long-name-of-a-computer.corp.test; authsodctl join corp.test --password-stdin' <<<x
  says 6 'has 25 characters'
  run join --computer-name 'a,b'
  says 6 'is not the name of a computer'
  run ctl join $'corp.test\nkeytab = /etc/passwd' --password-stdin
  says 6 'is not the DNS name of a domain'
  run join --ou OU=None,DC=corp,DC=test
  says 17 'authsodctl: There is no OU=None,DC=corp,DC=test in the directory.'
  run join --ou None
  says 17 'authsodctl: None is not the distinguished name of an OU, like OU=Linux,DC=corp,DC=test.'
  nothing_happened
  # One of 15 characters, which the configuration then has, too.
  run -0 join --computer-name Fifteen-letters
  grep -qx 'computer = Fifteen-letters' "$etc/authsod/authsod.conf"
  run -0 ctl testjoin
  run -0 ctl leave --password-stdin
  gone 'FIFTEEN-LETTERS$'
}

@test "an account that is not this computer's is left alone" {
  samba_tool dc1 computer create "$BOX"
  before=$(dc_get "$account" pwdLastSet)
  password=Passw0rd-alice run join --user alice
  says 16 "authsodctl: The account CN=$BOX,CN=Computers,DC=corp,DC=test exists, and alice@CORP.TEST may not take it over (dNSHostName): "
  dc_set "$account" dNSHostName other.corp.test
  run join
  says 16 "authsodctl: The account CN=$BOX,CN=Computers,DC=corp,DC=test exists and is that of another computer, other.corp.test. Delete it, or give --computer-name."
  samba_tool dc1 computer delete "$BOX"
  samba_tool dc1 user create "$account" Passw0rd-user
  run join
  says 16 'is not one of a computer'
  samba_tool dc1 user delete "$account"
  run join --computer-name DC1
  says 16 'or of a domain controller'
  # An entry of that name which is no account.
  samba_tool dc1 computer create "$BOX"
  dc_set "$account" sAMAccountName 'ELSE1$'
  entry=$(dn_of 'ELSE1$')
  run join
  says 16 "The directory has an entry CN=${BOX^^},CN=Computers,DC=corp,DC=test"
  in_dc dc1 ldbdel -H "$sam_ldb" "$entry"
  [ ! -e "$etc/krb5.keytab" ]
  [ ! -e "$etc/authsod" ]
}

@test "a clock that is wrong" {
  run in_member_at +20m "$BOX" authsodctl join corp.test --password-stdin <<<"$LAB_ADMIN_PASSWORD"
  says 11 'authsodctl: The clock of this computer differs from that of dc1.corp.test by 20:0'
  [[ $output == *'. Set it right.'* ]]
  nothing_happened
  join
  run in_member_at -20m "$BOX" authsodctl testjoin
  says 20 'clock: FAILED, -1200 s' || says 20 'clock: FAILED, -1199 s'
}

@test "a domain that is not found" {
  run ctl join crop.test --password-stdin
  says 8 "authsodctl: DNS knows no domain crop.test. Is the name spelt right, and does /etc/resolv.conf name the domain's DNS servers?"
  run ctl join dc1.corp.test --password-stdin
  says 9 "authsodctl: DNS knows dc1.corp.test, but no domain controllers of it: there are no SRV records _ldap._tcp.dc._msdcs.dc1.corp.test. Does /etc/resolv.conf name the domain's DNS servers?"
  lab_block_port "$BOX" 53
  run join
  says 7 'authsodctl: No DNS server answers. /etc/resolv.conf must name those of the domain.'
  nothing_happened
}

@test "a domain controller that does not answer on one port" {
  lab_block_port "$BOX" 88 reject
  run join
  says 10 'authsodctl: The domain controller dc1.corp.test (10.99.0.1) does not answer on port 88/tcp (Kerberos): Connection refused'
  lab_unblock "$BOX"
  lab_block_port "$BOX" 389
  run join
  says 10 'authsodctl: The domain controller dc1.corp.test (10.99.0.1) does not answer on port 389/tcp (LDAP): Connection timed out'
  lab_unblock "$BOX"
  in_member "$BOX" nft -f - <<<'table inet lab_block { chain out { type filter hook output priority filter; udp dport 389 drop; }; }'
  run join
  says 10 'authsodctl: The domain controller dc1.corp.test (10.99.0.1) does not answer on port 389/udp (CLDAP).'
  lab_unblock "$BOX"
  run join --dc dc9.corp.test
  says 8 'authsodctl: DNS has no address of the domain controller dc9.corp.test.'
  nothing_happened
}

@test "of several domain controllers none answers: each is told with its port" {
  dns add _ldap._tcp.dc._msdcs SRV 'join25.corp.test 389 0 100'
  dns add join25 A 10.99.0.98
  lab_block_port "$BOX" 389 reject
  run join
  lab_unblock "$BOX"
  run_status=$status
  dns delete _ldap._tcp.dc._msdcs SRV 'join25.corp.test 389 0 100'
  dns delete join25 A 10.99.0.98
  [ "$run_status" -eq 10 ]
  [[ $output == *'dc1.corp.test (10.99.0.1) does not answer on port 389/tcp (LDAP): Connection refused'* ]]
  [[ $output == *'join25.corp.test (10.99.0.98) does not answer on port 88/tcp (Kerberos): '* ]]
  # The one that answers is enough.
  dns add _ldap._tcp.dc._msdcs SRV 'join25.corp.test 389 0 100'
  dns add join25 A 10.99.0.98
  run join
  dns delete _ldap._tcp.dc._msdcs SRV 'join25.corp.test 389 0 100'
  dns delete join25 A 10.99.0.98
  says 0 'has joined'
}

@test "a join that fails at its end deletes the account that it made, and no other" {
  in_member "$BOX" sh -c 'mkdir -p /tmp/small /etc/authsod && mount -t tmpfs -o size=4k small /tmp/small && echo x >/tmp/small/full'
  in_member "$BOX" sh -c 'printf "[domain]\nname = corp.test\nkeytab = /tmp/small/krb5.keytab\n" >/etc/authsod/authsod.conf'
  run join
  says 4 'The keytab /tmp/small/krb5.keytab cannot be written'
  [[ $output == *'Deleted the account'*again* ]]
  gone "$account"
  [ "$(in_member "$BOX" ls -A /tmp/small)" = full ]
  [ "$(ls -A "$etc/authsod")" = authsod.conf ]
  # Of one that was there before only the password is another one, and it says so.
  samba_tool dc1 computer create "$BOX"
  run join
  says 4 'has been changed; join again'
  [ "$(dc_get "$account" cn)" = "${BOX^^}" ] || [ "$(dc_get "$account" cn)" = "$BOX" ]
  in_member "$BOX" umount /tmp/small
}

@test "a configuration that is there counts, and is not changed" {
  in_member "$BOX" mkdir -p /etc/authsod
  in_member "$BOX" sh -c 'printf "[domain]\nname = other.test\n" >/etc/authsod/authsod.conf'
  run join
  says 5 'is for the domain other.test, not for corp.test'
  in_member "$BOX" sh -c 'printf "[domian]\n" >/etc/authsod/authsod.conf'
  run join
  says 5 'unknown section [domian]'
  in_member "$BOX" sh -c 'printf "[domain]\nname = corp.test\ntimeout = 7s\n" >/etc/authsod/authsod.conf'
  sum=$(sha256sum "$etc/authsod/authsod.conf")
  run -0 join
  [ "$(sha256sum "$etc/authsod/authsod.conf")" = "$sum" ]
}

@test "testjoin says what is broken" {
  run -19 ctl testjoin
  join
  run -0 ctl testjoin
  [[ $output == *'secure channel: ok, AES, dc1.corp.test'* ]]
  lab_block_port "$BOX" 135 reject
  run ctl testjoin
  says 20 'secure channel: FAILED, connect: no connection, Connection refused'
  lab_unblock "$BOX"
  lab_block_port "$BOX" 445 reject
  run ctl testjoin
  says 20 'port 445/tcp: FAILED, Connection refused'
  [ "$(grep -c FAILED <<<"$output")" -eq 1 ]
  lab_unblock "$BOX"
  samba_tool dc1 user setpassword "$account" --newpassword=Another-1
  run ctl testjoin --json
  json=$(sed -n '/^{/,/^}/p' <<<"$output")
  [ "$(value "$json" result)" = test ]
  python3 - "$json" <<'END'
import json, sys
bad = [c['name'] for c in json.loads(sys.argv[1])['checks'] if not c['ok']]
wrong = ['secure channel', 'machine secret logon']
assert bad == ['computer ticket', 'clock'] + wrong or bad == ['computer ticket'] + wrong, bad
END
  in_member "$BOX" chmod 644 /etc/authsod/machine-secret
  run ctl testjoin
  says 20 'machine secret: FAILED'
  in_member "$BOX" rm /etc/krb5.keytab
  run ctl testjoin
  says 20 'keytab: FAILED, /etc/krb5.keytab has no key of'
}

@test "leave: who may not changes nothing; --keep-account asks nobody" {
  join
  password=Passw0rd-alice run ctl leave --user alice --password-stdin
  says 14 'may neither delete nor disable the account'
  run -0 ctl testjoin
  # Without a name the computer tries it itself first; the domain does not let it.
  run in_member "$BOX" setsid -w authsodctl leave </dev/null
  says 2 'no terminal'
  run -0 ctl testjoin
  lab_block_port "$BOX" 88
  run -10 ctl leave --password-stdin
  [ -e "$etc/krb5.keytab" ]
  run ctl testjoin
  says 20 'port 88/tcp: FAILED'
  [[ $output == *'port 389/tcp: ok'*'computer ticket: FAILED'* ]]
  run -0 in_member "$BOX" authsodctl leave --keep-account </dev/null
  lab_unblock "$BOX"
  [ ! -e "$etc/krb5.keytab" ]
  [ ! -e "$etc/authsod/machine-secret" ]
  dn_of "$account"
  # With things below it it goes as well.
  run -0 join
  in_dc dc1 ldbadd -H "$sam_ldb" <<END
dn: CN=below,$(dn_of "$account")
objectClass: serviceConnectionPoint
END
  run -0 ctl leave --password-stdin
  gone "$account"
}

@test "leave: who may only disable the account does that; nobody ends that of another computer" {
  join
  samba_tool dc1 dsacl set --objectdn="$(dn_of "$account")" --sddl="(OA;;WP;bf967a68-0de6-11d0-a285-00aa003049e2;;$(dc_get alice objectSid))" \
    --trusteedn="$(dn_of alice)"
  password=Passw0rd-alice run ctl leave --user alice --password-stdin
  says 0 'may not delete the account'
  [ "$(dc_get "$account" userAccountControl)" = 4098 ]
  [ ! -e "$etc/krb5.keytab" ]
  run -0 join
  dc_set "$account" dNSHostName other.corp.test
  run ctl leave --password-stdin
  says 16 'is that of another computer, other.corp.test'
  [ -e "$etc/krb5.keytab" ]
  dn_of "$account"
}

@test "--enable lets programs use the domain" {
  in_member "$BOX" sh -c 'sed -i -E "s/ authsod( \[TRYAGAIN=return\])?//" /etc/nsswitch.conf; pam-auth-update --force --package --remove authsod mkhomedir' >/dev/null 2>&1
  run ! grep -q authsod "$etc/nsswitch.conf" "$etc/pam.d/common-auth"
  run -0 join --enable
  grep -qxF 'passwd: authsod [TRYAGAIN=return] files' "$etc/nsswitch.conf"
  grep -qxF 'group: authsod [TRYAGAIN=return] files' "$etc/nsswitch.conf"
  [ "$(stat -c %a "$etc/nsswitch.conf")" = 644 ]
  grep -q pam_authsod "$etc/pam.d/common-auth"
  member_start "$BOX"
  run -0 member_login "$BOX" alice Passw0rd-alice pwd
  [[ $output == *$'\n/home/alice\n'* ]]
}
