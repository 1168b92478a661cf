# The domain's users and groups, as programs on ws1 see them: getent, id and
# glibc itself, through the installed module and the running service. Runs in a
# lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  # Nobody was ever here.
  member_stop ws1
  in_member ws1 sh -c 'rm -rf /var/lib/authsod/*'
  member_configure ws1
  lab_spawn "$LAB/log/nss40-wire" /usr/bin/python3 "$BATS_TEST_DIRNAME/wire" v-dc1 389 "$LAB/tmp-nss40-wire"
  lab_wait 10 test -e "$LAB/tmp-nss40-wire"
  count_connections
  member_start ws1
}

# As it was: the service with the domain's name in its configuration alone.
teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  in_member ws1 nft 'add table inet nss40; delete table inet nss40'
  [ ! -e "$LAB/tmp-nss40-wire" ] || kill "$(cat "$LAB/tmp-nss40-wire.pid")" 2>/dev/null || true
  rm -f "$LAB"/tmp-nss40-*
  in_dc dc1 samba-tool group removemembers Engineers bob
  in_member ws1 rm -f /usr/local/bin/nss40-getent
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  probe=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system
}

teardown() {
  [ -z "${cut:-}" ] || lab_mend dc1
  [ -z "${frozen:-}" ] || lab_dc_cont dc1
  if [ -n "${made:-}" ]; then
    in_dc dc1 sh -c 'samba-tool user delete nss40new || samba-tool user delete nss40other' || true
  fi
  if [ -n "${configured:-}" ]; then
    member_configure ws1
    member_reload ws1
  fi
  if [ -n "${local_accounts:-}" ]; then
    no_local_accounts
  fi
  member_is_up ws1 || member_start ws1
} >&2

# count_connections: counts ws1's connections to LDAP from now on.
count_connections() {
  in_member ws1 nft -f - <<'END'
add table inet nss40
delete table inet nss40
table inet nss40 {
  counter ldap {}
  chain out {
    type filter hook output priority filter;
    tcp dport 389 tcp flags & (syn | ack) == syn counter name ldap
  }
}
END
}

connections() {
  in_member ws1 nft list counter inet nss40 ldap | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# getent_line DATABASE KEY: what getent says, "" if nothing.
getent_line() {
  in_member ws1 timeout 20 getent "$1" "$2" || true
}

# says TEXT CMD...: CMD prints exactly TEXT.
says() {
  local wanted=$1 got
  shift
  got=$("$@")
  [ "$got" = "$wanted" ] || {
    printf '%s: %s\nand not: %s\n' "$*" "$got" "$wanted"
    return 1
  }
}

# uid NAME, gid NAME: a number.
uid() {
  getent_line passwd "$1" | cut -d: -f3
}

gid() {
  getent_line group "$1" | cut -d: -f3
}

# domain_id ACCOUNT: the id that libsss_idmap itself gives to the account's SID.
domain_id() {
  /usr/bin/python3 - "$(dc_get "$1" objectSid)" <<'END'
import ctypes
import sys

class Range(ctypes.Structure):
    _fields_ = [('min', ctypes.c_uint32), ('max', ctypes.c_uint32)]

lib = ctypes.CDLL('libsss_idmap.so.0')
context = ctypes.c_void_p()
assert lib.sss_idmap_init(None, None, None, ctypes.byref(context)) == 0
domain, rid = sys.argv[1].rsplit('-', 1)
found = Range()
assert lib.sss_idmap_calculate_range(context, domain.encode(), None, ctypes.byref(found)) == 0
assert found.max - found.min == 199999 and int(rid) < 200000
print(found.min + int(rid))
END
}

# configure LINE...: the service has these lines besides the domain's name, until the test's end.
configure() {
  configured=1
  member_configure ws1 "$@"
  member_reload ws1
}

# groups_of USER: names of groups as id shows them, one a line, sorted.
groups_of() {
  in_member ws1 timeout 20 id -Gn -z "$1" | tr '\0' '\n' | sort
}

# every_gid_has_a_name USER: id says no group by its number alone.
every_gid_has_a_name() {
  local text
  text=$(in_member ws1 timeout 20 id "$1" 2>&1)
  [[ ! $text =~ cannot\ find\ name ]] && [[ ! $text =~ [=,][0-9]+(,|\ |$) ]] || {
    echo "$text"
    return 1
  }
}

@test "users and groups that were never here are found" {
  local line
  line=$(getent_line passwd alice)
  [[ $line == "alice:*:"*:*":Alice Liddell:/home/alice:/bin/bash" ]]
  line=$(getent_line group engineers)
  [[ $line == "engineers:*:"*":alice" ]]
  says "$(getent_line passwd alice)" getent_line passwd "$(uid alice)"
  says "engineers:*:$(gid engineers):" cut_members "$(gid engineers)"
  [[ $(getent_line group 'everyone nested') == *:alice ]]
  [ -z "$(getent_line passwd nobody-here)" ]
  [ -z "$(getent_line group nobody-here)" ]
  # A group is no user, and a user is no group.
  [ -z "$(getent_line passwd engineers)" ]
  [ -z "$(getent_line group alice)" ]
}

# cut_members GID: the group's line without its members.
cut_members() {
  getent_line group "$1" | sed 's/:[^:]*$/:/'
}

@test "the same groups before the first logon and after it, nested ones too, each with a name" {
  local before
  before=$(in_member ws1 id alice)
  every_gid_has_a_name alice
  says $'all staff\ndomain users\nengineers\neveryone nested' groups_of alice
  run -0 member_pam ws1 alice Passw0rd-alice authenticate
  says "$before" in_member ws1 id alice
  # Asked for again, at the domain.
  member_reload ws1
  says "$before" in_member ws1 id alice
}

@test "a user in a thousand groups: all of them, each with a name" {
  run -0 in_member ws1 timeout 20 id -G many
  [ "$(wc -w <<<"$output")" -eq 1001 ]
  every_gid_has_a_name many
  [ "$(groups_of many | grep -c '^grp[01][0-9][0-9][0-9]$')" -eq 1000 ]
  run -0 member_pam ws1 many Passw0rd-many authenticate
  [ "$(in_member ws1 id -G many | wc -w)" -eq 1001 ]
  every_gid_has_a_name many
}

@test "the directory is asked over one connection, on which nothing can be read" {
  local name before
  before=$(connections)
  for name in carol prot wsok MixedCase josé 'domain guests' 'cert publishers'; do
    getent_line passwd "$name"
    getent_line group "$name"
  done >/dev/null
  says "$before" connections
  # One when the service began, and one when it read its configuration again.
  [ "$before" -le 2 ]
  # What was captured is these, from their beginning.
  lab_wait 5 grep -aq GSSAPI "$LAB/tmp-nss40-wire"
  [ "$(stat -c %s "$LAB/tmp-nss40-wire")" -gt 50000 ]
  run grep -aciE 'liddell|alice|engineers|grp0|tokengroups|useraccountcontrol|memberOf' "$LAB/tmp-nss40-wire"
  [ "$output" = 0 ]
}

@test "it is the computer's account that asks: without its key nobody is found" {
  local mark
  mark=$(member_log_mark ws1)
  configure 'keytab = /etc/no-such-keytab'
  # At once, and not when the ticket ends that it got with the key.
  lab_wait 5 member_logged_since ws1 "$mark" 'cannot read the keytab /etc/no-such-keytab'
  run ! member_pam ws1 alice Passw0rd-alice authenticate
  member_stop ws1
  member_start ws1
  run in_member ws1 timeout 20 "$probe/nssprobe" passwd hours
  [[ $output == *EAGAIN* ]]
  member_logged_since ws1 "$mark" 'the directory of corp.test .*NO_KEYTAB'
  member_configure ws1
  member_reload ws1
  lab_wait 10 in_member ws1 getent passwd hours
}

@test "ids are those that SSSD's library computes" {
  local name
  for name in alice bob many josé; do
    says "$(domain_id "$name")" uid "$name"
  done
  for name in Engineers 'Domain Users' 'All Staff' grp0500; do
    says "$(domain_id "$name")" gid "$name"
  done
}

@test "all forms of a name, in any letters, are one account with one name" {
  local wanted form
  wanted=$(getent_line passwd alice)
  for form in ALICE aLiCe alice@corp.test ALICE@CORP.TEST Alice@Corp.Test 'CORP\alice' 'corp\ALICE' 'corp.test\alice'; do
    says "$wanted" getent_line passwd "$form"
    says "$(in_member ws1 id -G alice)" in_member ws1 id -G "$form"
  done
  wanted=$(getent_line passwd carol)
  [[ $wanted == carol:* ]]
  for form in carol@brand.example Carol@BRAND.Example carol@corp.test 'CORP\Carol'; do
    says "$wanted" getent_line passwd "$form"
    says "$(in_member ws1 id -G carol)" in_member ws1 id -G "$form"
  done
  [[ $(getent_line passwd MIXEDCASE) == mixedcase:* ]]
  says "$(getent_line passwd josé)" getent_line passwd 'CORP\JOSÉ'
  wanted=$(getent_line group engineers)
  for form in ENGINEERS 'CORP\Engineers' engineers@corp.test; do
    says "$wanted" getent_line group "$form"
  done
  for form in alice@brand.example 'OTHER\alice' alice@other.test 'CORP\' '@corp.test' 'alice@' '\alice' 'CORP\alice@corp.test'; do
    says '' getent_line passwd "$form"
  done
}

@test "home, shell and gecos are made of the configuration's templates" {
  local id
  id=$(uid alice)
  configure '[identity]' 'home = /srv/%d/%n/%u-%U' 'shell = /bin/sh' 'gecos = %f of %d'
  says "alice:*:$id:$(gid 'domain users'):Alice Liddell of corp.test:/srv/corp.test/corp/alice-$id:/bin/sh" \
    getent_line passwd alice
}

@test "qualified names: the account is called so, and found by all its forms but the short one" {
  local form id
  id=$(uid alice)
  configure '[identity]' 'name_format = qualified'
  for form in alice@corp.test ALICE@CORP.TEST 'CORP\alice'; do
    [[ $(getent_line passwd "$form") == "alice@corp.test:*:$id:"*:/home/alice@corp.test:/bin/bash ]]
  done
  [[ $(getent_line passwd "$id") == alice@corp.test:* ]]
  says '' getent_line passwd alice
  [[ $(getent_line passwd carol@brand.example) == carol@corp.test:* ]]
  [[ $(getent_line group 'CORP\Engineers') == engineers@corp.test:*:alice@corp.test ]]
  every_gid_has_a_name 'CORP\alice'
  # Nobody takes these for the local ones.
  says $'all staff\ndomain users\nengineers\neveryone nested\nstaff\nsudo' \
    bash -c '"$@" | sed s/@corp.test$//' - "$lab_dir/in" ws1 sh -c 'id -Gn -z alice@corp.test | tr "\0" "\n" | sort'
  [[ $(getent_line group sudo@corp.test) == sudo@corp.test:*:alice@corp.test ]]
  [[ $(getent_line passwd 'CORP\daemon') == daemon@corp.test:* ]]
  [[ $(getent_line group 'CORP\domain users') == *,daemon@corp.test* ]]
}

@test "reserved names are nobody's" {
  local bob
  bob=$(uid bob)
  getent_line group engineers
  says "$(domain_id bob)" uid bob
  configure '[identity]' 'reserved_names = + bob engineers'
  nobody bob "$bob"
  no_group engineers "$(domain_id Engineers)" alice
  configure '[identity]' 'reserved_names = carol'
  [ -n "$(getent_line passwd bob)" ]
  says '' getent_line passwd carol
}

# What nsswitch.conf may say; the last, so that no local entry hides one of the domain's.
orders=('files authsod' 'authsod files' authsod)

# domain_says_nothing KIND KEY: the name or id is not found, or a local one's (of an id below 100000).
domain_says_nothing() {
  local kind=$1 key=$2 order line id
  for order in "${orders[@]}"; do
    line=$(in_member ws1 timeout 20 "$probe/nssprobe" -s "$order" "$kind" "$key" 2>/dev/null || true)
    id=$(cut -d: -f3 <<<"$line")
    [ "$line" = 'not found' ] || { [ "$order" != authsod ] && [ "${id:-200000}" -lt 100000 ]; } || {
      echo "$kind $key ($order): $line"
      return 1
    }
  done
}

# nobody NAME UID: no domain user is found by any form of the name, nor by the id, nor by initgroups.
nobody() {
  local form order
  for form in "$1" "${1^^}" "CORP\\$1" "corp\\${1^^}" "$1@corp.test" "${1^^}@CORP.TEST"; do
    domain_says_nothing passwd "$form" || return 1
    for order in "${orders[@]}"; do
      # Nothing but the primary group that was given, and those of the computer.
      in_member ws1 "$probe/nssprobe" -s "$order" groups "$form" 99 2>/dev/null |
        awk '$1 > 100000 { bad = 1 } END { exit bad }' || {
        echo "$form has groups of the domain ($order)"
        return 1
      }
    done
  done
  domain_says_nothing passwd "$2"
}

# no_group NAME GID MEMBER: no domain group is found by name or id, or is among MEMBER's.
no_group() {
  local form
  for form in "$1" "${1^^}" "CORP\\$1" "$1@corp.test"; do
    domain_says_nothing group "$form" || return 1
  done
  domain_says_nothing group "$2" || return 1
  [[ " $(in_member ws1 id -G "$3") " != *" $2 "* ]] || {
    echo "$3 is in $1"
    return 1
  }
}

@test "namesakes of local accounts are nobody: users" {
  local name
  for name in root daemon games; do
    nobody "$name" "$(domain_id "$name")"
  done
  # The local ones are themselves.
  [[ $(getent_line passwd root) == root:x:0:0:* ]]
  [[ $(getent_line passwd games) == games:x:5:* ]]
}

@test "namesakes of local accounts are nobody: groups" {
  no_group sudo "$(domain_id sudo)" alice
  no_group staff "$(domain_id Staff)" alice
  run -0 member_pam ws1 alice Passw0rd-alice authenticate
  no_group sudo "$(domain_id sudo)" alice
  no_group staff "$(domain_id Staff)" alice
}

@test "a local account that is added while the service runs is the one from then on" {
  local bob engineers
  bob=$(uid bob) engineers=$(gid engineers)
  [ -n "$(getent_line passwd "$bob")" ] && [ -n "$(in_member ws1 id -G bob)" ] && [ -n "$(in_member ws1 id alice)" ]
  is_member bob 'domain users'
  local_accounts=1
  # Not by useradd, which says that there is a bob.
  in_member ws1 sh -c 'echo bob:x:5005:5005::/nonexistent:/bin/sh >>/etc/passwd; echo engineers:x:5006: >>/etc/group'
  # What front hears from the kernel, it hears in no time, but not in none.
  sleep 0.5
  # Already in the first answer: programs take the member for the local bob.
  run ! is_member alice "$engineers"
  run ! is_member bob 'domain users'
  is_member carol 'domain users'
  nobody bob "$bob"
  no_group engineers "$engineers" alice
  [[ $(getent_line passwd bob) == bob:x:5005:* ]]
  says 'engineers:x:5006:' getent_line group engineers
  # Nor by a logon.
  run ! member_pam ws1 'CORP\bob' Passw0rd-bob authenticate
  run -0 member_pam ws1 alice Passw0rd-alice authenticate
  no_group engineers "$engineers" alice
  no_local_accounts
  lab_wait 10 test_uid bob "$bob"
  says "$engineers" gid engineers
}

# is_member USER GROUP: by the user's groups where that is a number, by the group's members otherwise.
is_member() {
  if [[ $2 =~ ^[0-9]+$ ]]; then
    # Not id, whose first question is another one.
    in_member ws1 "$probe/nssprobe" groups "$1" 99 2>/dev/null | grep -qx "$2"
  else
    [[ ",$(getent_line group "$2" | cut -d: -f4)," == *",$1,"* ]]
  fi
}

# sed renames a new file into place, as most tools do.
no_local_accounts() {
  in_member ws1 sed -i /^bob:/d /etc/passwd
  in_member ws1 sed -i /^engineers:/d /etc/group
  local_accounts=
}

test_uid() {
  [ "$(uid "$1")" = "$2" ]
}

@test "nothing is listed" {
  run -0 in_member ws1 timeout 10 getent passwd
  [ "$output" = "$(cat "$LAB/hosts/ws1/etc/passwd")" ]
  run -0 in_member ws1 timeout 10 getent group
  [ "$output" = "$(cat "$LAB/hosts/ws1/etc/group")" ]
}

@test "programs may do what they like meanwhile: small buffers, signals, threads, forks, descriptors, roots" {
  run -0 member_without ws1 map timeout 50 "$probe/nsscallers" socket alice 'domain users'
  echo "$output"
  [ "$(grep -c '^ok ' <<<"$output")" -ge 12 ]
}

@test "a program with more rights than its caller" {
  in_member ws1 install -m 4755 /usr/bin/getent /usr/local/bin/nss40-getent
  says "$(getent_line passwd alice)" in_member ws1 setpriv --reuid 65534 --regid 65534 --clear-groups \
    /usr/local/bin/nss40-getent passwd alice
}

@test "names that can be nobody's: long, with NULs, not UTF-8, in glibc and on the socket itself" {
  local long
  long=$(printf 'a%.0s' {1..300})
  for name in "$long" "$long@corp.test" "CORP\\$long" $'ali\377ce' $'alice\302' $'\300\257alice' $'ali\nce' ':' '*' ''; do
    says '' getent_line passwd "$name"
    says '' getent_line group "$name"
  done
  run -0 in_member ws1 /usr/bin/python3 - <<'END'
import socket
import struct

def ask(name, kind=1):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(15)
    s.connect('/run/authsod/nss.sock')
    s.send(bytes([1, 1, kind, 1]) + struct.pack('<I', len(name)) + name)
    try:
        answer = s.recv(65536)
    except ConnectionResetError:
        answer = b''
    return {b'': 'closed', b'\x01\x03': 'none', b'\x01\x04': 'later'}.get(answer, 'found')

assert ask(b'alice') == 'found'
for kind in 1, 2, 3:
    for name in (b'a' * 300, b'a' * 256, b'a' * 250 + b'@corp.test', b'CORP\\' + b'a' * 251, b'alice\0', b'\0', b'',
                 b'a\0lice', b'\xff\xfe', b'alice\xc2', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xc0\xafalice',
                 b'alice\n', b'a:b', b'../alice', b'*', b'a)(b', b'CORP\\', b'@', b'\\', b'-alice'):
        assert ask(name, kind) in ('none', 'closed'), (kind, name)
assert ask(b'alice') == 'found'
print('all refused')
END
  [ "$output" = 'all refused' ]
}

# answers UID GID: what the service knows without the domain; alice's uid, the gid of engineers.
answers() {
  {
    getent_line passwd alice
    getent_line passwd "$1"
    getent_line passwd 'CORP\Alice'
    getent_line passwd carol@brand.example
    getent_line group engineers
    getent_line group "$2"
    in_member ws1 timeout 20 id alice
    in_member ws1 timeout 20 id -G many | tr ' ' '\n' | wc -l
  } 2>&1
}

@test "what was learned is answered after a restart and after a crash, without the domain" {
  local wanted alice engineers
  alice=$(uid alice) engineers=$(gid engineers)
  in_member ws1 id many >/dev/null
  wanted=$(answers "$alice" "$engineers")
  grep -q carol: <<<"$wanted"
  cut=1
  lab_cut dc1
  member_stop ws1
  member_start ws1
  says "$wanted" answers "$alice" "$engineers"
  no_group sudo "$(domain_id sudo)" alice
  nobody games "$(domain_id games)"
  member_kill ws1
  member_start ws1
  says "$wanted" answers "$alice" "$engineers"
  # Who was never asked for is not denied.
  run in_member ws1 timeout 20 "$probe/nssprobe" passwd acctexpired
  [[ $output == *EAGAIN* ]]
}

@test "when the domain is back the way to it is found within seconds" {
  local began
  cut=1
  lab_cut dc1
  member_stop ws1
  member_start ws1
  run in_member ws1 timeout 20 "$probe/nssprobe" passwd wsres
  [[ $output == *EAGAIN* ]]
  lab_mend dc1
  cut=
  began=$SECONDS
  lab_wait 20 in_member ws1 getent passwd wsres
  [ $((SECONDS - began)) -le 6 ]
}

# at_once CMD...: CMD succeeds in less than a second.
at_once() {
  local began=${EPOCHREALTIME/./}
  "$@" >/dev/null && [ $((${EPOCHREALTIME/./} - began)) -lt 1000000 ]
}

# not_known_now DATABASE KEY: neither found nor denied.
not_known_now() {
  local line
  line=$(in_member ws1 timeout 20 "$probe/nssprobe" "$1" "$2" 2>/dev/null || true)
  [ "$line" = EAGAIN ] || {
    echo "$1 $2: $line"
    return 1
  }
}

@test "a controller that hangs: what is known is answered at once until its end, the rest when it goes on" {
  configure '[identity]' 'cache_refresh = 1s' 'cache_end = 15s'
  [ -n "$(uid alice)" ]
  in_member ws1 id -G alice
  # Past its refresh.
  sleep 1.5
  frozen=1
  lab_dc_stop dc1
  at_once in_member ws1 getent passwd alice
  at_once in_member ws1 id -G alice
  not_known_now passwd pwexpired
  at_once in_member ws1 getent passwd alice
  lab_wait 25 not_known_now passwd alice
  lab_dc_cont dc1
  lab_wait 10 in_member ws1 getent passwd pwexpired
  lab_wait 10 in_member ws1 getent passwd alice
}

is_gone() {
  [ -z "$(getent_line passwd "$1")" ]
}

@test "people come to the domain, are called otherwise, and leave it" {
  local id
  configure '[identity]' 'cache_refresh = 6s' 'negative = 1s'
  is_gone nss40new
  made=1
  in_dc dc1 samba-tool user create nss40new Passw0rd-nss40new
  lab_wait 10 in_member ws1 getent passwd nss40new
  id=$(uid nss40new)
  in_dc dc1 samba-tool user rename nss40new --samaccountname=nss40other
  # The files are still his.
  lab_wait 20 name_of "$id" nss40other
  lab_wait 20 is_gone nss40new
  says "$id" uid nss40other
  in_dc dc1 samba-tool user delete nss40other
  made=
  lab_wait 20 is_gone nss40other
  lab_wait 20 is_gone "$id"
}

name_of() {
  [ "$(getent_line passwd "$1" | cut -d: -f1)" = "$2" ]
}

@test "a damaged store is set aside, and the log says so" {
  local mark store
  store=/var/lib/authsod/store.db
  member_stop ws1
  in_member ws1 test -s "$store"
  in_member ws1 dd if=/dev/urandom of="$store" bs=1024 count=100 status=none
  in_member ws1 rm -f "$store-wal"
  mark=$(member_log_mark ws1)
  member_start ws1
  [ -n "$(uid alice)" ]
  member_logged_since ws1 "$mark" 'it is kept as /var/lib/authsod/store.db.damaged and a new store begun'
  in_member ws1 test -s "$store.damaged"
  in_member ws1 rm -f "$store".damaged*
}

bob_in_engineers() {
  grep -qx engineers <<<"$(groups_of bob)"
}

bob_not_in_engineers() {
  ! bob_in_engineers
}

@test "memberships are those of the domain again after the refresh, and after the next logon" {
  [ -n "$(in_member ws1 id bob)" ]
  bob_not_in_engineers
  in_dc dc1 samba-tool group addmembers Engineers bob
  # Not before its time: the lifetime is 15 minutes.
  bob_not_in_engineers
  run -0 member_pam ws1 bob Passw0rd-bob authenticate
  bob_in_engineers
  in_dc dc1 samba-tool group removemembers Engineers bob
  bob_in_engineers
  configure '[identity]' 'cache_refresh = 6s'
  lab_wait 20 bob_not_in_engineers
  lab_wait 20 bash -c '! "$@" | grep -w bob' - "$lab_dir/in" ws1 getent group engineers
}
