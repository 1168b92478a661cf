# TAP lines for plain bash scripts.
# shellcheck shell=bash

tap_count=0
tap_failed=0

# check NAME CMD...: runs CMD in a subshell of its own; prints "ok" or
# "not ok", and in the latter case CMD's output as a comment.
check() {
  local name=$1 out
  shift
  tap_count=$((tap_count + 1))
  if out=$("$@" 2>&1); then
    echo "ok $tap_count - $name"
  else
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $name"
    echo "# ${out//$'\n'/$'\n# '}"
  fi
}

# refuse CMD...: succeeds if CMD fails.
refuse() {
  ! "$@"
}

# says TEXT CMD...: succeeds if CMD's output contains TEXT, whatever its
# status. Shows the output.
says() {
  local text=$1 out
  shift
  out=$("$@" 2>&1) || true
  printf '%s\n' "$out"
  [[ $out == *"$text"* ]]
}

# tap_done: the plan; returns nonzero if anything failed.
tap_done() {
  echo "1..$tap_count"
  [ "$tap_failed" -eq 0 ]
}
