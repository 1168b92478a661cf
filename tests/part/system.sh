# The lab's own test, and the system tests in one lab that all of them share.
# shellcheck shell=bash disable=SC2154 # top: tests/run

lab_part() {
  if selected lab; then
    say lab
    tap_test lab 300 "$top/tests/lab/selftest"
  fi
}

system_part() {
  local -a files=()
  local file
  for file in "$top"/tests/system/*.bats; do
    if [ -e "$file" ] && selected "system/$(basename "$file" .bats)"; then
      files+=("$file")
    fi
  done
  [ "${#files[@]}" -gt 0 ] || return 0
  build_need shipped || return 0
  build_need sanitizers || return 0
  say "system: ${#files[@]} files"
  # A computer of the lab sees this tree; the build may be elsewhere.
  export AUTHSOD_LAB_SHOW=$BUILD AUTHSOD_BUILD=$BUILD/shipped AUTHSOD_BUILD_SANITIZERS=$BUILD/sanitizers
  export BATS_TEST_TIMEOUT=60
  tap_test system 1800 "$top/tests/lab/up" bats --tap --timing "${files[@]}"
}
