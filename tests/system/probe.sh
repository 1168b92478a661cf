# Programs that run for long on ws1 and look names up there when they are told
# to, and a service that is stopped meanwhile. Source it in bats after member.sh; $probe is the folder of the build's
# system tests.
# shellcheck shell=bash disable=SC2034,SC2154 # bats' variables, and what callers read

declare -gA probe_to=() probe_from=() probe_pids=()
declare -ga stopped=()

# probe_start NAME SERVICES [CMD...]: a process NAME begins, to which nsswitch.conf says SERVICES; CMD is put before it.
probe_start() {
  local name=$1 services=$2 fd
  local pipe=$LAB/tmp-probe-$BASHPID-$1
  shift 2
  mkfifo "$pipe.to" "$pipe.from"
  # Whoever holds bats' descriptors is waited for.
  in_member ws1 "$@" "$probe/nssprobe" -s "$services" ask <"$pipe.to" >"$pipe.from" 2>/dev/null 3>&- 4>&- &
  probe_pids[$name]=$!
  exec {fd}>"$pipe.to"
  probe_to[$name]=$fd
  exec {fd}<"$pipe.from"
  probe_from[$name]=$fd
  rm "$pipe.to" "$pipe.from"
}

# probe_ask NAME QUESTION: asks that process; $probe_answer, and $probe_ms for how many milliseconds it took.
probe_ask() {
  local line
  printf '%s\n' "$2" >&"${probe_to[$1]}" && IFS= read -r -t 25 line <&"${probe_from[$1]}" || {
    echo "process $1 is gone, or waits: $2"
    return 1
  }
  probe_ms=${line%% *}
  probe_answer=${line#* }
}

# probe_within MS NAME QUESTION: asks, and it takes no longer.
probe_within() {
  probe_ask "$2" "$3" || return 1
  [ "${probe_ms%.*}" -lt "$1" ] || {
    echo "process $2, $3: $probe_ms ms"
    return 1
  }
}

# probe_end: all of them end.
probe_end() {
  local name fd
  for name in "${!probe_pids[@]}"; do
    fd=${probe_to[$name]}
    exec {fd}>&-
    fd=${probe_from[$name]}
    exec {fd}<&-
    kill "${probe_pids[$name]}" 2>/dev/null || true
    wait "${probe_pids[$name]}" 2>/dev/null || true
  done
  probe_to=() probe_from=() probe_pids=()
}

# stop PID...: until go_on, which teardown calls; $stopped has them.
stop() {
  stopped+=("$@")
  kill -STOP "$@"
}

# stop_all: keeper and all roles of ws1.
stop_all() {
  local -a pids
  mapfile -t pids < <(member_pid ws1; member_roles ws1)
  stop "${pids[@]}"
}

go_on() {
  [ "${#stopped[@]}" -eq 0 ] || kill -CONT "${stopped[@]}" 2>/dev/null || true
  stopped=()
}
