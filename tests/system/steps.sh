# What was said: by krbprobe and rpcprobe of their steps, by pamdo, by the log. Source
# it in bats, behind member.sh; they were `run`.
# shellcheck shell=bash disable=SC2154 # output: bats; mark: the test

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

# says TEXT...: each is among the output, of pamdo for example.
says() {
  local text
  for text; do
    [[ "$output" == *"$text"* ]] || {
      printf 'not "%s" in:\n%s\n' "$text" "$output"
      return 1
    }
  done
}

# logged TEXT: prints the lines of ws1's log that have it since $mark.
logged() {
  tail -c "+$mark" "$(member_log ws1)" | grep -F -e "$1"
}
