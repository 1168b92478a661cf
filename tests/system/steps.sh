# What krbprobe and rpcprobe say of their steps. Source it in bats; they were
# `run`.
# shellcheck shell=bash disable=SC2154 # output: bats

# told STEP TEXT...: the step's line begins with STEP and has each TEXT.
told() {
  local line text
  line=$(grep "^$1 " <<<"$output") || { echo "no step $1 in: $output"; return 1; }
  shift
  for text; do
    [[ "$line " == *" $text "* ]] || { echo "no '$text' in: $line"; return 1; }
  done
}

# both CMD...: without FAST and with it, set in $fast.
both() {
  for fast in '' --fast; do
    "$@" || { echo "fast='$fast'"; return 1; }
  done
}
