# Logons through real programs on ws1, with the modules and the service as they
# are installed. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

# The names of one account each, and what it is called here.
names=(
  'alice alice' 'CORP\alice alice' 'alice@corp.test alice'
  'ALICE alice' 'corp\Alice alice' 'Alice@CORP.Test alice'
  'carol@brand.example carol' 'CAROL@Brand.Example carol'
)

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  member_reload ws1
  member_desk
  member_sshd ws1
  printf '%s\n' 'alice ALL=(ALL) ALL' '%all\ staff ALL=(bob) NOPASSWD: ALL' 'localuser ALL=(ALL) ALL' |
    in_member ws1 sh -c 'umask 227; cat >/etc/sudoers.d/logon60'
} >&2

# What wrong passwords have counted, and all that was made.
teardown_file() {
  local user
  . "$BATS_TEST_DIRNAME/member.sh"
  for user in alice bob carol wsok MixedCase; do
    dc_unlock "$user"
  done
  in_member ws1 sh -c 'rm -rf /etc/sudoers.d/logon60 /tmp/logon60* /tmp/krb5cc_*'
  # The tests may have left it down.
  member_stop ws1
  member_configure ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  who='echo "I am $(id -un) $(id -u) $LOGNAME $HOME $KRB5CCNAME."'
}

teardown() {
  [ -z "${down:-}" ] || member_start ws1
  [ -z "${members:-}" ] || samba_tool dc1 group removemembers grp0001 carol
} >&2

# is_in USER: what $who printed is USER, with tickets of a cache of its own.
is_in() {
  local uid
  uid=$(in_member ws1 id -u "$1") || return 1
  grep -Eq "^I am $1 $uid $1 /home/$1 FILE:/tmp/krb5cc_${uid}_[A-Za-z0-9]{6}\.$" <<<"$output" || {
    printf 'not %s in:\n%s\n' "$1" "$output"
    return 1
  }
}

# every CMD...: CMD with each of the names as $name, of the account $user, whose
# password is $password.
every() {
  local line
  for line in "${names[@]}"; do
    read -r name user <<<"$line"
    password=Passw0rd-$user
    "$@" || {
      echo "name $name: status $status: $output"
      return 1
    }
  done
}

by_ssh() {
  run -0 member_ssh desk "$name@ws1.corp.test" "$password" "$1" "$who"
  is_in "$user"
}

@test "sshd, PasswordAuthentication: all forms of the name" {
  every by_ssh password
}

@test "sshd, keyboard-interactive: all forms of the name" {
  every by_ssh keyboard-interactive
}

by_login() {
  run -0 member_login ws1 "$name" "$password" "$who"
  is_in "$user"
}

@test "login: all forms of the name" {
  every by_login
}

@test "login asks for the name, and takes all its forms" {
  run -0 in_member ws1 "$lab_top/tests/system/talk" 'login: $' 'corp\ALICE' 'assword: $' Passw0rd-alice '\$ $' "$who; exit" \
    -- login
  is_in alice
}

by_su() {
  run -0 member_su ws1 localuser "$name" "$password" "HOME=/home/$user LOGNAME=$user; $who"
  is_in "$user"
  run -0 in_member ws1 su - "$name" -c 'id -un; echo "$HOME"'
  [ "$output" = "$user"$'\n'"/home/$user" ]
}

@test "su, from localuser with the password and from root without: all forms of the name" {
  every by_su
}

by_sudo() {
  run -0 in_member ws1 sudo -u "$name" sh -c 'id -un'
  [ "$output" = "$user" ]
}

@test "sudo -u by root: all forms of the name" {
  every by_sudo
}

@test "sudo by a user of the domain, who types the password" {
  run -0 member_sudo ws1 alice Passw0rd-alice 'sudo id -u'
  [[ "$output" == *$'\n0' ]]
  # By a group of the domain, in which she is by another group; here without a password.
  run -0 in_member ws1 su - alice -c 'sudo -n -u bob id -un'
  [ "$output" = bob ]
  run -1 in_member ws1 su - carol -c 'sudo -n -u bob id -un'
}

wrong_ssh() {
  ! member_ssh desk "$1@ws1.corp.test" wrong "$2" true
}

# The second time it is right.
wrong_login() {
  in_member ws1 "$lab_top/tests/system/talk" 'assword: $' wrong 'login: $' "$1" 'assword: $' "$2" '\$ $' exit -- login "$1" |
    grep 'Login incorrect'
}

wrong_su() {
  ! member_su ws1 localuser "$1" wrong true
}

# It asks again by itself: one wrong password, then none.
wrong_sudo() {
  ! in_member ws1 "$lab_top/tests/system/talk" "for $1: \$" wrong "for $1: \$" '' "for $1: \$" '' -- \
    su "$1" --session-command 'sudo -k; sudo true'
}

# all_of CMD [ARG...] -- CMD...: all at once; fails if one does.
all_of() {
  local -a pids=() command=()
  local pid word failed=0
  for word in "$@" --; do
    if [ "$word" = -- ]; then
      "${command[@]}" &
      pids+=($!)
      command=()
    else
      command+=("$word")
    fi
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || failed=1
  done
  return "$failed"
}

@test "a wrong password is refused by each, and counted once" {
  local user
  for user in alice bob carol wsok MixedCase; do
    dc_unlock "$user"
  done
  all_of wrong_ssh bob password -- wrong_ssh 'CORP\carol' keyboard-interactive -- wrong_login wsok@corp.test Passw0rd-wsok -- \
    wrong_su mixedcase -- wrong_sudo alice
  # wsok's is forgotten with the right one.
  for user in alice bob carol MixedCase; do
    run -0 dc_badpwdcount "$user"
    [ "$output" = 1 ]
  done
}

# local_people: root and localuser log on by each program; wrong passwords do not.
local_people() {
  local method
  for method in password keyboard-interactive; do
    run -0 member_ssh desk localuser@ws1.corp.test Local-Pass1 "$method" id -un
    [ "$output" = localuser ]
    run -0 member_ssh desk root@ws1.corp.test Root-Pass1 "$method" id -un
    [ "$output" = root ]
  done
  run -0 member_login ws1 localuser Local-Pass1 'echo "I am $(id -un)."'
  [[ "$output" == *"I am localuser."* ]]
  run -0 member_login ws1 root Root-Pass1 'echo "I am $(id -un)."'
  [[ "$output" == *"I am root."* ]]
  run -0 member_su ws1 localuser root Root-Pass1 'id -un'
  [[ "$output" == *$'\nroot' ]]
  run -0 member_sudo ws1 localuser Local-Pass1 'sudo id -un'
  [[ "$output" == *$'\nroot' ]]
  run -0 in_member ws1 sudo -u localuser id -un
  all_of wrong_ssh root password -- wrong_su root -- wrong_login localuser Local-Pass1
}

@test "root and localuser log on as before" {
  local_people
}

@test "root and localuser log on as before while the service is dead" {
  down=1
  member_kill ws1
  local_people
  run -1 member_pam ws1 alice Passw0rd-alice authenticate
}

# forget: as if nobody had ever been here.
forget() {
  member_stop ws1
  in_member ws1 sh -c 'rm -rf /var/lib/authsod/* /home/alice'
  member_start ws1
}

# ids NAME...: prints the ids of these users or groups of CORP.TEST, sorted.
ids() {
  local name sid
  for name; do
    sid=$(dc_get "$name" objectSid)
    echo $((${sid##*-} + $(in_member ws1 id -u alice) - $(dc_get alice objectSid | sed 's/.*-//')))
  done | sort -n
}

@test "all groups at the very first logon, nested ones too; PAC and directory agree" {
  local expected
  forget
  run -0 member_ssh desk alice@ws1.corp.test Passw0rd-alice password 'id -Gn; id -G | tr " " "\n" | sort -n'
  expected=$(ids 'Domain Users' Engineers 'All Staff' 'Everyone Nested')
  [ "${lines[0]}" = 'domain users engineers all staff everyone nested' ]
  [ "$(tail -n +2 <<<"$output")" = "$expected" ]
  # Without a logon, by LDAP.
  forget
  run -0 in_member ws1 sh -c 'id -G alice | tr " " "\n" | sort -n'
  [ "$output" = "$expected" ]
}

@test "a new membership is there at the next logon, whatever was known" {
  run -0 in_member ws1 id -Gn carol
  [ "$output" = 'domain users' ]
  members=1
  samba_tool dc1 group addmembers grp0001 carol
  run -0 member_ssh desk carol@ws1.corp.test Passw0rd-carol password id -Gn
  [ "$output" = 'domain users grp0001' ]
  samba_tool dc1 group removemembers grp0001 carol
  members=
  run -0 member_ssh desk carol@ws1.corp.test Passw0rd-carol password id -Gn
  [ "$output" = 'domain users' ]
}

@test "a user in 1,000 groups" {
  forget
  run -0 member_ssh desk many@ws1.corp.test Passw0rd-many keyboard-interactive \
    'id -G | tr " " "\n" | sort -n >/tmp/logon60.many; wc -l </tmp/logon60.many; id -Gn | tr " " "\n" | grep -c ^grp'
  [ "$output" = $'1001\n1000' ]
  forget
  run -0 in_member ws1 sh -c 'id -G many | tr " " "\n" | sort -n | diff - /tmp/logon60.many'
}

@test "all kinds of accounts, with FAST and without" {
  local fast user
  for fast in never require try; do
    member_configure ws1 '[logon]' 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX' "fast = $fast"
    member_reload ws1
    for user in alice MixedCase josé twentycharacter-name many prot wsok; do
      run -0 member_do ws1 authsod "$user" "Passw0rd-$user" child:authenticate acct_mgmt establish 'run:klist -s && echo tickets'
      [[ "$output" == *$'authenticate: SUCCESS\nacct_mgmt: SUCCESS\nestablish: SUCCESS\ntickets' ]]
    done
  done
  for user in MixedCase josé twentycharacter-name; do
    run -0 member_ssh desk "$user@ws1.corp.test" "Passw0rd-$user" password "$who"
    is_in "${user,,}"
  done
}

@test "what is in the environment of su and sudo changes nothing" {
  local uid
  uid=$(in_member ws1 id -u alice)
  in_member ws1 sh -c 'printf "[libdefaults]\n default_ccache_name = FILE:/tmp/logon60.evil\n" >/tmp/logon60.conf
    echo bait >/tmp/krb5cc_'"$uid"'_bait00; chown alice: /tmp/krb5cc_*_bait00; chmod 644 /tmp/logon60.conf'
  run -0 in_member ws1 "$lab_top/tests/system/talk" 'assword: $' Passw0rd-alice -- su localuser -c \
    "KRB5CCNAME=FILE:/tmp/krb5cc_${uid}_bait00 KRB5_CONFIG=/tmp/logon60.conf AUTHSOD_PAM_SOCKET=/tmp/logon60.sock \
    AUTHSOD_SOCKET=/tmp/logon60.sock RUNSTATEDIR=/tmp LD_PRELOAD=/tmp/logon60.so LD_LIBRARY_PATH=/tmp su alice -c 'HOME=/home/alice LOGNAME=alice; $who'"
  is_in alice
  [[ "$output" != *bait00* ]]
  run -0 in_member ws1 cat "/tmp/krb5cc_${uid}_bait00"
  run ! in_member ws1 test -e /tmp/logon60.evil
  run -0 member_sudo ws1 localuser Local-Pass1 "KRB5CCNAME=FILE:/tmp/krb5cc_${uid}_bait00 sudo -u alice true"
  run -0 in_member ws1 cat "/tmp/krb5cc_${uid}_bait00"
}

# One worker makes one logon after the other, and keeps nothing of the one before.
@test "a wrong password after the right one, and the right one after that" {
  local password
  for password in Passw0rd-bob wrong Passw0rd-bob wrong; do
    if [ "$password" = wrong ]; then
      run ! member_do ws1 authsod bob "$password" authenticate
      [[ "$output" == *AUTH_ERR* ]]
    else
      run -0 member_do ws1 authsod bob "$password" authenticate
    fi
  done
  dc_unlock bob
}

# An account that was renamed keeps the salt of the name that it had when it was given its password.
@test "the key is made while the controller works; another salt than the usual one makes no logon fail" {
  local mark
  member_stop ws1
  member_start ws1 --debug
  mark=$(member_log_mark ws1)
  run -0 member_do ws1 authsod ALICE Passw0rd-alice authenticate
  member_logged_since ws1 "$mark" 'the key of the password was there when it was asked for'
  in_dc dc1 samba-tool user create logon60old Passw0rd-renamed
  in_dc dc1 samba-tool user rename logon60old --samaccountname=logon60new
  mark=$(member_log_mark ws1)
  run -0 member_do ws1 authsod logon60new Passw0rd-renamed authenticate acct_mgmt
  [ "$(dc_badpwdcount logon60new)" = 0 ]
  in_dc dc1 samba-tool user delete logon60new
  member_logged_since ws1 "$mark" 'the key of the password was not made ahead'
  member_stop ws1
  member_start ws1
}

# crowd: LDIF of 32 users of the domain, crowd60-1 and so on.
crowd() {
  local n
  for n in {1..32}; do
    printf '%s\n' "dn: CN=crowd60-$n,CN=Users,DC=corp,DC=test" 'objectClass: user' "sAMAccountName: crowd60-$n" \
      'userAccountControl: 512' "unicodePwd:: $(printf '"Passw0rd-crowd60-%s"' "$n" | iconv -t UTF-16LE | base64 -w0)" ''
  done
}

@test "32 people at once" {
  local n failed=0
  local -a pids=()
  in_dc dc1 ldbsearch -H "$sam_ldb" '(sAMAccountName=crowd60-1)' dn | grep -q '^dn:' ||
    crowd | in_dc dc1 ldbadd -H "$sam_ldb" >&2
  for n in {1..32}; do
    member_do ws1 authsod "crowd60-$n" "Passw0rd-crowd60-$n" authenticate acct_mgmt establish open_session \
      'run:klist -s && id -un' close_session delete >"$BATS_TEST_TMPDIR/$n" 2>&1 &
    pids+=($!)
  done
  for n in {1..32}; do
    wait "${pids[n - 1]}" && grep -qx "crowd60-$n" "$BATS_TEST_TMPDIR/$n" || {
      failed=1
      cat "$BATS_TEST_TMPDIR/$n"
    }
  done
  for n in {1..32}; do
    echo "CN=crowd60-$n,CN=Users,DC=corp,DC=test"
  done | in_dc dc1 xargs ldbdel -H "$sam_ldb" >&2
  [ "$failed" = 0 ]
}
