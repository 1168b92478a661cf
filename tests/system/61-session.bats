# What a session has: tickets, where krb5.conf and authsod.conf say, for as long
# as it lasts; and the site. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  member_desk
  member_sshd ws1
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  in_member ws1 rm -rf /tmp/session61
  in_dc dc1 samba-tool sites subnet remove "$LAB_WS1_ADDR/32"
  in_dc dc1 samba-tool sites remove Annex61
  # The next search is to find the site as it was.
  member_stop ws1
  in_member ws1 sh -c 'rm -rf /var/lib/authsod/*'
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  uid=$(in_member ws1 id -u bob)
  mark=$(member_log_mark ws1)
}

teardown() {
  local file
  in_member ws1 sh -c 'sed -i /default_ccache_name/d /etc/krb5.conf; rm -rf /tmp/krb5cc_* /tmp/session61'
  member_as ws1 bob kdestroy -q -A -c "KEYRING:persistent:$uid" || true
  member_as ws1 bob kdestroy -q -A -c "KEYRING:user:$uid" || true
  [ -z "${table:-}" ] || in_member ws1 nft 'add table inet session61; delete table inet session61'
  member_configure ws1
  member_reload ws1
} >&2

# default_ccache NAME: what krb5.conf says.
default_ccache() {
  in_member ws1 sed -i -e /default_ccache_name/d -e "/libdefaults/a default_ccache_name = $1" /etc/krb5.conf
}

# configure LINE...: what authsod.conf says in [logon].
configure() {
  member_configure ws1 '[logon]' "$@"
  member_reload ws1
}

# ssh_bob CMD: bob's, whose flags are F, R and others.
ssh_bob() {
  member_ssh desk bob@ws1.corp.test Passw0rd-bob password "$1"
}

# has_tickets NAME [NOT]: a session of bob's, and afterwards the log has no
# warning, or one that matches NOT.
has_tickets() {
  run -0 ssh_bob 'echo "$KRB5CCNAME"; klist -f'
  [[ "${lines[0]}" =~ ^$1$ ]]
  [[ "$output" == *'Default principal: bob@CORP.TEST'*'krbtgt/CORP.TEST@CORP.TEST'* ]]
  [[ "$output" =~ Flags:\ F[a-zA-Z]*R ]]
  if [ -n "${2:-}" ]; then
    member_logged_since ws1 "$mark" "warning: the tickets of bob cannot be put into $2"
  else
    run ! member_logged_since ws1 "$mark" 'ccache: '
  fi
}

file='FILE:/tmp/krb5cc_[0-9]+_[A-Za-z0-9]{6}'

@test "the cache is of the type that krb5.conf says: FILE" {
  default_ccache 'FILE:/tmp/krb5cc_%{uid}'
  has_tickets "FILE:/tmp/krb5cc_$uid"
  [ "$(in_member ws1 stat -c '%u %a' "/tmp/krb5cc_$uid")" = "$uid 600" ]
  default_ccache '/tmp/krb5cc_%{uid}_XXXXXX'
  has_tickets "$file"
}

@test "the cache is of the type that krb5.conf says: DIR" {
  default_ccache 'DIR:/tmp/krb5cc_%{username}_dir'
  has_tickets "DIR:/tmp/krb5cc_bob_dir"
  [ "$(in_member ws1 stat -c '%u %a' "/tmp/krb5cc_bob_dir" /tmp/krb5cc_bob_dir/tkt | uniq)" = "$uid 700"$'\n'"$uid 600" ]
}

@test "the cache is of the type that krb5.conf says: KEYRING" {
  default_ccache 'KEYRING:user:%{uid}'
  has_tickets "KEYRING:user:$uid"
  default_ccache 'KEYRING:persistent:%{uid}'
  has_tickets "KEYRING:persistent:$uid"
}

@test "where nothing says, the cache is the persistent keyring" {
  has_tickets "KEYRING:persistent:$uid"
}

@test "where the cache cannot be as krb5.conf says it is a file, and the log says so" {
  default_ccache 'KCM:'
  has_tickets "$file" 'KCM: .*No KCM server found'
  default_ccache 'KEYRING:session:tickets'
  has_tickets "$file" 'KEYRING:session:tickets .*only persistent'
  default_ccache 'DIR:/nowhere/%{uid}'
  has_tickets "$file" 'DIR:/nowhere/'
}

# fill_keyring USER BYTES: a key of that size in the user's keyring; the kernel
# gives each user 20,000 bytes. empty_keyring: without it.
fill_keyring() {
  member_as ws1 "$1" /usr/bin/python3 - "$2" <<'END'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
ADD_KEY, USER_KEYRING = 248, -4
size = int(sys.argv[1])
if libc.syscall(ADD_KEY, b'user', b'session61', b'x' * size, ctypes.c_size_t(size), USER_KEYRING) < 0:
    sys.exit('add_key: errno %d' % ctypes.get_errno())
END
}

empty_keyring() {
  member_as ws1 "$1" /usr/bin/python3 - <<'END'
import ctypes
KEYCTL, CLEAR, USER_KEYRING = 250, 7, -4
ctypes.CDLL(None).syscall(KEYCTL, CLEAR, USER_KEYRING)
END
}

@test "a full keyring: the tickets are in a file, and the log says so" {
  local size status=0
  # As much as there is room for.
  for size in 19500 18000 16000 14000 12000; do
    fill_keyring bob "$size" && break
  done
  has_tickets "$file" "KEYRING:persistent:$uid .*quota" || status=1
  empty_keyring bob
  [ "$status" = 0 ]
}

# sessions_of CCACHE: the second of two sessions ends, and the first one's
# tickets are still there. Sets $first and $second, the names of their caches.
sessions_of() {
  local first_pid
  configure "ccache = $1"
  in_member ws1 sh -c 'rm -rf /tmp/session61; mkdir -m 1777 /tmp/session61'
  ssh_bob 'echo "$KRB5CCNAME" >/tmp/session61/first
    while [ ! -e /tmp/session61/go ]; do sleep 0.1; done
    klist -s && echo "still has tickets"' >"$BATS_TEST_TMPDIR/first" 2>&1 &
  first_pid=$!
  lab_wait 20 in_member ws1 test -s /tmp/session61/first
  second=$(ssh_bob 'klist -s && echo "$KRB5CCNAME"')
  first=$(in_member ws1 cat /tmp/session61/first)
  [ -n "$second" ]
  # sshd closes the session after ssh has ended.
  [[ $1 != *XXXXXX ]] || lab_wait 20 in_member ws1 test ! -e "${second#FILE:}"
  in_member ws1 touch /tmp/session61/go
  wait "$first_pid"
  grep -qx 'still has tickets' "$BATS_TEST_TMPDIR/first"
}

@test "closing a session leaves the tickets of another, and removes what was its own" {
  sessions_of 'FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  [ "$first" != "$second" ]
  lab_wait 20 in_member ws1 test ! -e "${first#FILE:}"
}

@test "closing a session leaves what sessions share" {
  for name in 'KEYRING:persistent:%{uid}' 'DIR:/tmp/krb5cc_%{uid}_d' 'FILE:/tmp/krb5cc_%{uid}'; do
    sessions_of "$name"
    [ "$first" = "$second" ]
    run -0 member_as ws1 bob klist -s -c "$first"
  done
}

@test "a screen locker puts new tickets into the session's cache, and makes no other" {
  local cache before
  default_ccache 'FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  run -0 member_do ws1 authsod bob Passw0rd-bob authenticate establish env
  cache=$(grep -oE "$file" <<<"$output")
  before=$(in_member ws1 sha256sum "${cache#FILE:}")
  for operation in refresh reinitialize; do
    run -0 member_as ws1 bob env KRB5CCNAME="$cache" "$lab_top/tests/system/pamdo" authsod bob Passw0rd-bob \
      authenticate "$operation" env
    [[ "$output" == *"KRB5CCNAME=$cache"* ]]
    [ "$(in_member ws1 sha256sum "${cache#FILE:}")" != "$before" ]
    before=$(in_member ws1 sha256sum "${cache#FILE:}")
    [ "$(in_member ws1 sh -c 'ls /tmp/krb5cc_*')" = "${cache#FILE:}" ]
  done
  # Another name than one of ours is not written to.
  run -0 member_as ws1 bob env KRB5CCNAME=FILE:/tmp/session61 "$lab_top/tests/system/pamdo" authsod bob Passw0rd-bob \
    authenticate refresh
  run ! in_member ws1 test -e /tmp/session61
}

@test "login and su set KRB5CCNAME too, and their end removes the file" {
  configure 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  run -0 member_login ws1 bob Passw0rd-bob 'klist'
  [[ "$output" =~ FILE:/tmp/krb5cc_${uid}_.*bob@CORP.TEST ]]
  run -0 member_su ws1 localuser bob Passw0rd-bob klist
  [[ "$output" =~ FILE:/tmp/krb5cc_${uid}_.*bob@CORP.TEST ]]
  run ! in_member ws1 sh -c 'ls /tmp/krb5cc_*'
}

@test "onwards by ssh: -K brings tickets along, and no password is asked for" {
  local onwards="${ssh_command[*]:1} -o BatchMode=yes -o PreferredAuthentications=gssapi-with-mic"
  run -0 ssh_bob "ssh -K $onwards ws1.corp.test 'id -un; klist -f'"
  [ "${lines[0]}" = bob ]
  [[ "$output" == *'krbtgt/CORP.TEST@CORP.TEST'* ]]
  [[ "$output" =~ Flags:\ Ff ]]
  run -0 ssh_bob "ssh -o GSSAPIAuthentication=yes $onwards ws1.corp.test 'id -un; klist -s || echo none'"
  [ "$output" = $'bob\nnone' ]
  # Bound to no address, as a computer behind a router needs it.
  run -0 ssh_bob "ssh -K $onwards ws1.corp.test 'klist -a'"
  [[ "$output" == *'Addresses: (none)'* ]]
}

# tickets: flags and lifetimes of a session of bob's, in $flags, $lasts and $renews (0 if it cannot be renewed).
tickets() {
  local start end until
  run -0 member_do ws1 authsod bob Passw0rd-bob authenticate establish 'run:klist -f' delete
  flags=$(sed -n 's/.*Flags: //p' <<<"$output")
  read -r start end < <(sed -n 's/^\(.*  \)\(.*  \)krbtgt.*/\1|\2/p' <<<"$output" | tr -s ' ' _ | tr '|' ' ')
  until=$(sed -n 's/.*renew until \([^,]*\),.*/\1/p' <<<"$output")
  lasts=$(($(seconds "$end") - $(seconds "$start")))
  renews=0
  [ -z "$until" ] || renews=$(($(seconds "$until") - $(seconds "$start")))
  echo "$output"$'\n'"flags $flags, $lasts s, renewable for $renews s"
}

seconds() {
  date -d "${1//_/ }" +%s
}

# about SECONDS WANTED: the clock may go on by a second from the request to the ticket.
about() {
  [ "$1" -ge $(($2 - 2)) ] && [ "$1" -le $(($2 + 2)) ]
}

@test "lifetime, renew_lifetime, forwardable and renewable are as configured" {
  configure 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  tickets
  [[ $flags == *F* && $flags == *R* ]]
  about "$lasts" 36000
  about "$renews" 604800
  configure 'lifetime = 1h' 'renew_lifetime = 2d'
  tickets
  about "$lasts" 3600
  about "$renews" 172800
  configure 'forwardable = no' 'renewable = no'
  tickets
  [[ $flags != *F* && $flags != *R* ]]
  about "$lasts" 36000
  [ "$renews" = 0 ]
}

@test "ccache of authsod.conf goes before krb5.conf" {
  default_ccache 'KEYRING:persistent:%{uid}'
  configure 'ccache = FILE:/tmp/krb5cc_%{username}_%{uid}'
  has_tickets "FILE:/tmp/krb5cc_bob_$uid"
}

@test "what a child has left is its parent's, and nobody else's" {
  configure 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  run -0 member_do ws1 authsod bob Passw0rd-bob child:authenticate establish env
  [[ "${lines[-1]}" =~ ^KRB5CCNAME=$file$ ]]
  run -0 member_do ws1 authsod bob Passw0rd-bob authenticate user:alice establish user:bob env
  [[ "$output" != *KRB5CCNAME* ]]
  run -0 member_do ws1 authsod bob Passw0rd-bob establish env
  [[ "$output" != *KRB5CCNAME* ]]
}

# writers: the processes for credential caches: the one that is copied, and the copy that stands ready.
writers() {
  member_roles ws1 ccache | sort -n
}

# has_writers [OLD]: they are there, and none of OLD.
has_writers() {
  [ "$(writers | wc -l)" -eq 2 ] && [ -z "$(comm -12 <(writers | sort) <(sort <<<"${1:-}"))" ]
}

@test "the processes that write caches die or hang: others take their place" {
  local signal old
  configure 'ccache = FILE:/tmp/krb5cc_%{uid}_XXXXXX'
  for signal in KILL STOP; do
    lab_wait 20 has_writers
    old=$(writers)
    # shellcheck disable=SC2086 # a list of processes
    kill -$signal $old
    # Who logs on gets in; his tickets may be lost with them.
    run -0 member_do ws1 authsod bob Passw0rd-bob authenticate establish
    lab_wait 40 has_writers "$old"
    has_tickets "$file"
  done
  member_logged_since ws1 "$mark" 'ccache \(process [0-9]+\) was ended by signal 9'
}

# dns: how many packets have gone to name servers since the table was made.
dns() {
  in_member ws1 nft list counter inet session61 dns | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

@test "site and controller are remembered: after a restart nobody asks DNS" {
  table=1
  in_dc dc1 samba-tool sites create Annex61
  in_dc dc1 samba-tool sites subnet create "$LAB_WS1_ADDR/32" Annex61
  # Samba's CLDAP server may know subnets from before.
  lab_wait 30 site_seen Annex61
  member_stop ws1
  in_member ws1 nft 'add table inet session61; add counter inet session61 dns
    add chain inet session61 out { type filter hook output priority filter; }
    add rule inet session61 out meta l4proto { tcp, udp } th dport 53 counter name dns drop'
  mark=$(member_log_mark ws1)
  member_start ws1
  run -0 member_do ws1 authsod bob Passw0rd-bob authenticate
  [ "$(dns)" = 0 ]
  member_logged_since ws1 "$mark" 'bob has logged on'
  # With nothing remembered DNS is asked: the counter counts.
  member_stop ws1
  in_member ws1 sh -c 'rm -rf /var/lib/authsod/*'
  member_start ws1
  run -1 member_do ws1 authsod bob Passw0rd-bob authenticate
  [ "$(dns)" -gt 0 ]
}

# site_seen SITE: a service that starts anew finds itself in that site.
site_seen() {
  mark=$(member_log_mark ws1)
  member_stop ws1
  in_member ws1 sh -c 'rm -rf /var/lib/authsod/*'
  member_start ws1
  lab_wait 5 member_logged_since ws1 "$mark" "domain controller dc1.corp.test .*, site $1\$"
}
