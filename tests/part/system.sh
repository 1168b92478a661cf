# The lab's own test, and the system tests: two labs side by side, each of which
# takes the next file from a common queue, since most of a file's time is
# waiting.
# shellcheck shell=bash disable=SC2154 # top, work, results: tests/run

# Far more than any file needs.
system_file_seconds=600

lab_part() {
  if selected lab; then
    say lab
    tap_test lab 300 "$top/tests/lab/selftest"
  fi
}

system_part() {
  local -a files=()
  local file
  while read -r _ file; do
    ! selected "system/$(basename "$file" .bats)" || files+=("$file")
  done < <(system_order)
  [ "${#files[@]}" -gt 0 ] || return 0
  build_need shipped || return 0
  build_need sanitizers || return 0
  ! selected system/59-polkit || system_polkit
  # A computer of the lab sees this tree; the build may be elsewhere.
  export AUTHSOD_LAB_SHOW=$BUILD AUTHSOD_BUILD=$BUILD/shipped AUTHSOD_BUILD_SANITIZERS=$BUILD/sanitizers
  export AUTHSOD_LAB_PACKAGES=$BUILD/polkit-packages
  # A test that has the machine for itself takes a third of it at most.
  export BATS_TEST_TIMEOUT=90
  system_labs $((${#files[@]} > 1 ? 2 : 1)) "${files[@]}"
}

# system_order: prints the files, each after its place, in the order in which
# they are begun.
system_order() {
  printf '%s\n' "$top"/tests/system/*.bats | awk -v order="$(grep -v '^#' "$top/tests/system/order")" '
    BEGIN { for (i = split(order, names, "\n"); i > 0; i--) place[names[i]] = i }
    { name = $0; gsub(/^.*\/|\.bats$/, "", name); print (name in place ? place[name] : place["*"] + 0), $0 }' |
    sort -k 1,1n -k 2
}

# system_seconds: prints how long the labs may take: half an hour, but where
# LABS_END says when they shall have ended not longer than until then. They get
# ten minutes anyway.
system_seconds() {
  local seconds=1800
  if [ -n "$LABS_END" ] && [ "$((LABS_END - SECONDS))" -lt "$seconds" ]; then
    seconds=$((LABS_END - SECONDS))
  fi
  echo "$((seconds < 600 ? 600 : seconds))"
}

# system_labs COUNT FILE...: these, in so many labs.
system_labs() {
  local count=$1 dir=$work/system limit pipe finished i name seconds
  limit=$(system_seconds)
  shift
  say "system: files: $#, labs: $count"
  mkdir "$dir" && mkfifo "$dir/finished" && printf '%s\n' "$@" >"$dir/queue" || exit 1
  # Open for both ways, or a lab would wait for a reader. Its end comes when no
  # lab has it any more.
  exec {pipe}<>"$dir/finished"
  for ((i = 1; i <= count; i++)); do
    timeout -k 10 "$limit" "$top/tests/lab/up" "$top/tests/lab/queue" "$dir" "$system_file_seconds" \
      >&"$pipe" 2>"$dir/lab$i" {pipe}>&- </dev/null &
    background+=("$!")
  done
  exec {finished}<"$dir/finished" {pipe}>&-
  while read -r -u "$finished" name seconds; do
    say "system/$name: $seconds s"
    show "system/$name" <"$dir/$name.tap"
    tap_status "system/$name" "$(cat "$dir/$name.status")"
  done
  exec {finished}<&-
  system_ends "$dir" "$@"
}

# system_ends DIR FILE...: waits for the labs. One that fails is a failure, and
# so is a file that none has run to its end.
system_ends() {
  local dir=$1 i=0 pid status file name
  shift
  for pid in "${background[@]}"; do
    i=$((i + 1))
    status=0
    wait "$pid" || status=$?
    [ "$status" -eq 0 ] || verdict "system: lab $i" "$status" "$dir/lab$i"
  done
  background=()
  for file; do
    name=$(basename "$file" .bats)
    if [ ! -e "$dir/$name.status" ]; then
      # Of a lab that was ended.
      [ ! -e "$dir/$name.tap" ] || show "system/$name" <"$dir/$name.tap"
      fail "system/$name" 'no lab has run it to its end'
    fi
  done
}

# system_polkit: fetches what that file needs. Where that cannot be done its tests
# are skipped, and say why.
system_polkit() {
  fetch system/59-polkit polkit-packages "$BUILD/polkit-packages" || fetch_missing='tests/lab/polkit-packages failed'
  export AUTHSOD_LAB_MISSING=$fetch_missing
}
