# Local accounts win: a user and a group that are added under the names of the
# domain's, whatever the service does at that moment, are the ones from then on,
# in both orders of nsswitch.conf. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
  local file
  # Before this the network may have been cut: the service need not know yet that it is back.
  member_stop ws1
  member_start ws1
  lab_wait 20 in_member ws1 getent -s authsod passwd bob
  for file in passwd group shadow gshadow nsswitch.conf; do
    in_member ws1 cp -p "/etc/$file" "/etc/$file.44"
  done
  in_member ws1 sh -c 'mkdir -p /tmp/prefix44 && ln -sfn /etc /tmp/prefix44/etc'
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  local file
  for file in passwd group shadow gshadow nsswitch.conf; do
    in_member ws1 mv "/etc/$file.44" "/etc/$file"
  done
  in_member ws1 rm -r /tmp/prefix44
  member_configure ws1
  member_reload ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  probe=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}/tests/system
  . "$BATS_TEST_DIRNAME/probe.sh"
  stopped=()
  member_is_up ws1 || member_start ws1
}

teardown() {
  probe_end
  go_on
  delete_local
  member_is_up ws1 || member_start ws1
} >&2

# Processes that run for long, by the order that they have in nsswitch.conf.
declare -gA orders=([files_first]='files authsod' [domain_first]='authsod [TRYAGAIN=return] files')

# everybody_knows_the_domains: both processes have the map, and have found bob and the engineers in it.
everybody_knows_the_domains() {
  local order
  for order in "${!orders[@]}"; do
    probe_start "$order" "${orders[$order]}"
  done
  for order in "${!orders[@]}" "${!orders[@]}"; do
    answers "$order" 'passwd bob' "bob:*:*" || return 1
    bob=$(cut -d : -f 3 <<<"$probe_answer")
    answers "$order" "passwd $bob" 'bob:*:*' || return 1
    answers "$order" 'group engineers' 'engineers:*:*' || return 1
    engineers=$(cut -d : -f 3 <<<"$probe_answer")
    answers "$order" "group $engineers" 'engineers:*:*' || return 1
    answers "$order" 'passwd alice' 'alice:*' || return 1
    probe_ask "$order" 'groups 99 bob' || return 1
    [[ $probe_answer == '99 '[0-9]* ]] || return 1
    probe_ask "$order" 'groups 99 alice' || return 1
    [[ " $probe_answer " == *" $engineers "* ]] || return 1
  done
}

# answers PROCESS QUESTION PATTERN
answers() {
  probe_ask "$1" "$2" || return 1
  # shellcheck disable=SC2053 # a pattern
  [[ $probe_answer == $3 ]] || {
    echo "$1, $2: $probe_answer, and not $3"
    return 1
  }
}

# nobody PROCESS QUESTION: there is no such entry, or it cannot be known now.
nobody() {
  probe_ask "$1" "$2" || return 1
  [[ $probe_answer == 'not found' ]] || [[ $probe_answer =~ ^E[A-Z]+$ ]] || {
    echo "$1, $2: $probe_answer"
    return 1
  }
}

# local_ones_answer PROCESS: by name, by id and by initgroups it is the local ones, and nobody else in any letters. Where
# all of the service hangs ($hung) only who is local is asked for: all others are waited for.
local_ones_answer() {
  answers "$1" 'passwd bob' 'bob:x:5005:*' && answers "$1" 'passwd 5005' 'bob:x:5005:*' &&
    answers "$1" 'group engineers' 'engineers:x:5006:*' && answers "$1" 'group 5006' 'engineers:x:5006:*' &&
    answers "$1" 'groups 5005 bob' 5005 && answers "$1" 'groups 99 bob' 99 || return 1
  [ -z "${hung:-}" ] || return 0
  nobody "$1" "passwd $bob" && nobody "$1" "group $engineers" && nobody "$1" 'passwd BOB' &&
    nobody "$1" 'group Engineers' && nobody "$1" 'passwd CORP\bob' && nobody "$1" 'passwd bob@corp.test' &&
    nobody "$1" 'group CORP\engineers' && answers "$1" 'groups 99 CORP\bob' 99 || return 1
  probe_ask "$1" 'groups 99 alice' || return 1
  [[ " $probe_answer " != *" $engineers "* ]] || {
    echo "$1, groups 99 alice: $probe_answer"
    return 1
  }
}

# the_domains_are_gone: while all of the service hangs, nobody gets them from what is left of it. All at once: each waits.
the_domains_are_gone() {
  local order question pid
  local -a pids=()
  for order in "${orders[@]}"; do
    for question in "passwd $bob" "group $engineers" 'passwd BOB' 'groups 99 CORP\bob' 'groups 99 alice'; do
      (
        answer=$(in_member ws1 timeout 25 "$probe/nssprobe" -s "$order" ask <<<"$question" | cut -d ' ' -f 2-)
        [[ $answer =~ ^(not found|E[A-Z]+|99)$ ]] || {
          echo "$order, $question: $answer"
          exit 1
        }
      ) 3>&- 4>&- &
      pids+=($!)
    done
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || return 1
  done
}

# getent_says_so: new processes, with their order in the file.
getent_says_so() {
  local order
  for order in "${orders[@]}"; do
    in_member ws1 sed -i -E "s/^(passwd|group):.*/\\1: $order/" /etc/nsswitch.conf
    [[ $(in_member ws1 timeout 30 getent passwd bob) == bob:x:5005:* ]] &&
      [[ $(in_member ws1 timeout 30 getent passwd 5005) == bob:x:5005:* ]] &&
      [[ $(in_member ws1 timeout 30 getent group engineers) == engineers:x:5006:* ]] &&
      [[ $(in_member ws1 timeout 30 id -G bob) == 5005 ]] || {
      echo "getent and id with $order: another bob, or other engineers"
      return 1
    }
  done
}

# within SECONDS CMD...: CMD succeeds by then, the first time at once or later. What it says the last time is said.
within() {
  local seconds=$1 deadline said
  shift
  deadline=$((${EPOCHREALTIME/./} + seconds * 1000000))
  until said=$("$@" 2>&1); do
    [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || {
      echo "not within $seconds s: $said"
      return 1
    }
    sleep 0.05
  done
}

# roots_never_wait: root's and local users' lookups, by processes old and new.
roots_never_wait() {
  local order question
  for order in "${!orders[@]}"; do
    for question in 'passwd root' 'passwd 0' 'groups 0 root' 'group root' 'group 0' 'passwd localuser' 'passwd 1000' \
      'groups 1000 localuser'; do
      probe_within 50 "$order" "$question" || probe_within 50 "$order" "$question" || return 1
    done
  done
}

# add_local: bob and the engineers, by the usual tools. By NSS they would see that there are some: with --prefix they
# read the files alone; but they ask for other names, too, and where all of the service hangs ($hung) for long. There an
# editor does it.
add_local() {
  if [ -n "${hung:-}" ]; then
    in_member ws1 sh -ec 'cd /etc
      { cat passwd; echo bob:x:5005:5005::/nonexistent:/bin/sh; } >passwd.new
      { cat group; echo bob:x:5005:; echo engineers:x:5006:; } >group.new
      mv passwd.new passwd
      mv group.new group'
    return
  fi
  in_member ws1 timeout 20 groupadd -P /tmp/prefix44 -g 5005 bob &&
    in_member ws1 timeout 20 useradd -P /tmp/prefix44 -M -N -u 5005 -g 5005 -d /nonexistent -s /bin/sh bob &&
    in_member ws1 timeout 20 groupadd -P /tmp/prefix44 -g 5006 engineers &&
    in_member ws1 grep -q '^bob:x:5005:5005:' /etc/passwd && in_member ws1 grep -q '^engineers:x:5006:' /etc/group
}

# delete_local: the files become what they were, by renaming.
delete_local() {
  local file
  for file in passwd group shadow gshadow; do
    in_member ws1 cp -p "/etc/$file.44" "/etc/$file.back"
    in_member ws1 mv "/etc/$file.back" "/etc/$file"
  done
}

domains_are_back() {
  local order
  for order in "${!orders[@]}"; do
    answers "$order" 'passwd bob' "bob:*:$bob:*" && answers "$order" "passwd $bob" 'bob:*' &&
      answers "$order" 'group engineers' "engineers:*:$engineers:*" &&
      answers "$order" "group $engineers" 'engineers:*' && probe_ask "$order" 'groups 99 alice' &&
      [[ " $probe_answer " == *" $engineers "* ]] || return 1
  done
}

# both_locals_answer
both_locals_answer() {
  local order
  for order in "${!orders[@]}"; do
    local_ones_answer "$order" || return 1
  done
}

others_are_served() {
  local order
  for order in "${!orders[@]}"; do
    answers "$order" 'passwd alice' 'alice:*' && answers "$order" 'passwd carol' 'carol:*' || return 1
  done
}

# the_local_ones_win SECONDS: added now, they are the ones from then on, SECONDS later at most.
the_local_ones_win() {
  roots_never_wait
  add_local
  within "$1" both_locals_answer
  # And so it stays.
  both_locals_answer
  getent_says_so
  roots_never_wait
}

# How long an answer from before may be given: a moment where keeper sees the file change, the lease (5 s) where not.
moment=2 lease=6

@test "the tools refuse a name that the domain has, as long as they can see it" {
  in_member ws1 getent passwd bob
  run ! in_member ws1 timeout 20 useradd -M bob
  [[ $output == *exists* ]]
  run ! in_member ws1 timeout 20 groupadd engineers
  [[ $output == *exists* ]]
}

@test "the service is alive" {
  everybody_knows_the_domains
  the_local_ones_win "$moment"
  others_are_served
  delete_local
  within 5 domains_are_back
}

@test "all of the service is stopped" {
  everybody_knows_the_domains
  hung=1
  stop_all
  the_local_ones_win "$lease"
  go_on
  hung=
  within 10 others_are_served
  both_locals_answer
  delete_local
  within 10 domains_are_back
}

@test "all of the service has been stopped for long" {
  everybody_knows_the_domains
  hung=1
  stop_all
  sleep 6
  the_local_ones_win 0
  the_domains_are_gone
}

@test "front hangs" {
  everybody_knows_the_domains
  stop "$(member_roles ws1 front)"
  the_local_ones_win "$moment"
  # keeper puts another one in its place.
  within 20 others_are_served
  both_locals_answer
  delete_local
  within 10 domains_are_back
}

@test "keeper hangs" {
  everybody_knows_the_domains
  stop "$(member_pid ws1)"
  the_local_ones_win "$lease"
  others_are_served
  go_on
  both_locals_answer
  delete_local
  within 10 domains_are_back
}

@test "all of the service is killed" {
  everybody_knows_the_domains
  member_kill ws1
  the_local_ones_win "$lease"
  member_start ws1
  within 10 others_are_served
  both_locals_answer
  delete_local
  within 10 domains_are_back
}

@test "front is killed" {
  everybody_knows_the_domains
  kill -KILL "$(member_roles ws1 front)"
  the_local_ones_win "$moment"
  within 20 others_are_served
  both_locals_answer
  delete_local
  within 10 domains_are_back
}

@test "names that become reserved are nobody's from then on, and somebody's again when they are not" {
  local order
  everybody_knows_the_domains
  member_configure ws1 '[identity]' 'reserved_names = + bob engineers'
  member_reload ws1
  reserved_are_nobodys() {
    for order in "${!orders[@]}"; do
      nobody "$order" 'passwd bob' && nobody "$order" "passwd $bob" && nobody "$order" 'group engineers' &&
        nobody "$order" "group $engineers" && nobody "$order" 'passwd CORP\bob' && answers "$order" 'groups 99 bob' 99 &&
        probe_ask "$order" 'groups 99 alice' && [[ " $probe_answer " != *" $engineers "* ]] || return 1
    done
  }
  within "$moment" reserved_are_nobodys
  others_are_served
  member_configure ws1
  member_reload ws1
  within 10 domains_are_back
}
