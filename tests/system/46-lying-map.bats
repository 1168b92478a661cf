# A front that was taken over and writes what it likes into the identity map:
# the module gives none of it that is not the domain's to say. Runs in a lab
# that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
}

# The service makes a map anew.
teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_stop ws1
  member_start ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  probe=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system
  . "$BATS_TEST_DIRNAME/probe.sh"
  map_is_ours || { member_stop ws1; member_start ws1; }
  in_member ws1 sh -c 'getent passwd alice; getent group engineers; id alice' >/dev/null
}

teardown() {
  probe_end
  liar_ends
} >&2

# Who is local, or a system account: the files' word is the last.
local_ones=('passwd root' 'passwd 0' 'passwd localuser' 'passwd 1000' 'passwd games' 'passwd 5' 'group root' 'group 0'
  'group sudo' 'group 27' 'group localuser' 'group 1000' 'groups 0 root' 'groups 1000 localuser' 'passwd nobody'
  'passwd 65534' 'passwd 999' 'group 999')

# Everybody of whom there are lies.
foreign=('passwd honest' 'passwd 300001' 'groups 99 honest' 'group honests' 'group 300500' 'passwd alice' 'groups 99 alice'
  'group engineers' 'passwd sudo' 'passwd uid-0' 'passwd uid-5' 'passwd uid-999' 'passwd uid-local' 'passwd uid-none'
  'passwd 300002' 'passwd 300003' 'passwd 300004' 'passwd gid-0' 'passwd 300010' 'passwd gid-27' 'passwd 300011'
  'passwd gid-local' 'passwd 300012' 'passwd home-relative' 'passwd 300013' 'passwd home-newline' 'passwd 300014'
  'passwd 300015' 'passwd 300016' 'passwd liar' 'group 300501' 'group 300502'
  'group 300503' 'group group-0' 'group group-27' 'group group-999' 'group group-local' 'group member-newline'
  'group member-colon' 'groups 99 in-root' 'groups 99 in-sudo' 'groups 99 in-local' 'groups 99 in-none'
  'groups 99 primary-0' 'groups 99 uid-0' 'groups 99 root' 'groups 99 localuser' 'passwd ROOT' 'passwd LocalUser'
  'group SUDO')

map_is_ours() {
  member_is_up ws1 && in_member ws1 test -e /run/authsod/identmap &&
    ! in_member ws1 grep -q "of liarmap's own" /run/authsod/identmap
}

liar_begins() {
  coproc liar { in_member ws1 "$probe/liarmap" 2>&1 3>&- 4>&-; }
}

liar_ends() {
  local fd pid=${liar_PID:-}
  [ -n "$pid" ] || return 0
  fd=${liar[1]}
  exec {fd}>&-
  wait "$pid" || true
}

# lie NAME: is in place.
lie() {
  local line
  printf '%s\n' "$1" >&"${liar[1]}"
  read -r -t 10 line <&"${liar[0]}" && [ "$line" = "$1" ] || {
    echo "$1: ${line:-liarmap is gone}"
    return 1
  }
}

# fresh SERVICES QUESTION...: the answers, one a line, that a new process gets.
fresh() {
  local services=$1
  shift
  printf '%s\n' "$@" | in_member ws1 timeout 40 "$probe/nssprobe" -s "$services" ask | cut -d ' ' -f 2-
}

# old NAME QUESTION...: those that the process NAME gets, which runs for long.
old() {
  local name=$1 question
  shift
  for question; do
    probe_ask "$name" "$question" || return 1
    printf '%s\n' "$probe_answer"
  done
}

# same WANTED GOT WHAT QUESTION...: each answer is the wanted one.
same() {
  local wanted=$1 got=$2 what=$3
  shift 3
  [ "$wanted" = "$got" ] || {
    echo "$what:"
    paste -d '|' <(printf '%s\n' "$@") - <(echo "$wanted") <<<"$got" | awk -F '|' '$2 != $3'
    return 1
  }
}

# no_worse WANTED GOT WHAT QUESTION...: each answer is the wanted one, or none. Who is asked for by id
# may have a name that is half of one and half of another while it changes: it is nobody's here.
no_worse() {
  local wanted=$1 got=$2 what=$3 mixed='^$'
  shift 3
  [[ $what != changing-name,* && $what != changing-name ]] ||
    mixed='^(ho|no)[a-z]*:[*]:300001:300500::/home/honest:/bin/sh$'
  [ "$(wc -l <<<"$got")" -eq $# ] &&
    paste -d '|' <(printf '%s\n' "$@") - <(echo "$wanted") <<<"$got" |
    awk -F '|' -v mixed="$mixed" '
      $2 != $3 && $2 !~ /^(not found|E[A-Z]+|99)$/ && $2 !~ mixed { print; bad = 1 } END { exit bad }' || {
    echo "$what"
    return 1
  }
}

# what_is_true: $of_files and $of_domain, the answers that may be given to both kinds of questions.
what_is_true() {
  local truth
  of_files=$(fresh files "${local_ones[@]}")
  [[ $of_files == root:x:0:*localuser:x:1000:*sudo:x:27:* ]]
  lie entries
  of_domain=$(fresh authsod "${foreign[@]}")
  # The map is read, and the socket asked for who is not in it.
  truth='honest:*:300001:300500::/home/honest:/bin/sh
honest:*:300001:300500::/home/honest:/bin/sh
99 300500 300501
honests:*:300500:honest
honests:*:300500:honest
alice:'
  [[ $of_domain == "$truth"* ]] || { echo "$of_domain"; return 1; }
  [[ $of_domain == *:Alice\ Liddell:*engineers:* ]]
  # No lie but honest's and the domain's own is there.
  [ "$(tail -n +9 <<<"$of_domain" | grep -vcx 'not found\|99')" -eq 0 ] || { echo "$of_domain"; return 1; }
}

# told NAME: what everybody gets who asks, while the lie is in place.
told() {
  lie "$1" || return 1
  same "$of_files" "$(old both "${local_ones[@]}")" "$1, authsod files, a process that runs for long" "${local_ones[@]}" &&
    same "$of_files" "$(fresh 'authsod [TRYAGAIN=return] files' "${local_ones[@]}")" "$1, authsod files" "${local_ones[@]}" &&
    same "$of_files" "$(fresh 'files authsod' "${local_ones[@]}")" "$1, files authsod" "${local_ones[@]}" &&
    no_worse "$of_domain" "$(old alone "${foreign[@]}")" "$1, a process that runs for long" "${foreign[@]}" &&
    no_worse "$of_domain" "$(fresh authsod "${foreign[@]}")" "$1" "${foreign[@]}"
}

begin() {
  liar_begins
  what_is_true
  probe_start both 'authsod [TRYAGAIN=return] files'
  probe_start alone authsod
}

# all_lies PATTERN [not]: those whose names match, or do not.
all_lies() {
  local option=-E
  [ "${2:-}" != not ] || option=-vE
  in_member ws1 "$probe/liarmap" list | grep "$option" "$1"
}

@test "entries that are not the domain's to have: none is given, and no local one changes" {
  local name
  begin
  for name in entries nobody; do
    told "$name"
  done
}

@test "offsets, lengths and tables of all kinds: slower answers, never a wrong one" {
  local name n=0
  begin
  for name in $(all_lies '^(entries|nobody|changing|version|superseded)' not); do
    told "$name"
    n=$((n + 1))
  done
  [ "$n" -gt 40 ]
}

@test "records and slots that change while they are read: the true one or none" {
  local name question answers n=0
  begin
  for name in $(all_lies '^changing'); do
    told "$name"
    for question in 'passwd honest' 'passwd 300001' 'groups 99 honest'; do
      # By the socket there is no such user; and a name that is half of one and half of another is nobody's here.
      answers=$(in_member ws1 "$probe/nssprobe" -s authsod repeat 0.4 "$question" | cut -d ' ' -f 2-)
      ! grep -vx 'ho[a-z]*:\*:300001:300500::/home/honest:/bin/sh\|no[a-z]*:\*:300001:300500::/home/honest:/bin/sh\|not found\|99\|99 300500 300501' \
        <<<"$answers" && ! grep ^nobody: <<<"$answers" || {
        echo "$name: $question"
        return 1
      }
    done
    n=$((n + 1))
  done
  [ "$n" -ge 8 ]
}

@test "a map of another version, or one that is superseded: everybody is answered by the socket" {
  local name
  begin
  for name in $(all_lies '^(version|superseded)'); do
    told "$name"
    [ "$(fresh authsod 'passwd honest')" = 'not found' ]
    [[ $(fresh authsod 'passwd alice') == alice:* ]]
    probe_ask alone 'passwd honest'
    [ "$probe_answer" = 'not found' ]
    probe_ask alone 'passwd alice'
    [[ $probe_answer == alice:* ]]
  done
  # And as soon as there is one that can be read it is.
  lie entries
  [[ $(fresh authsod 'passwd honest') == honest:* ]]
  probe_ask alone 'passwd honest'
  [[ $probe_answer == honest:* ]]
}
