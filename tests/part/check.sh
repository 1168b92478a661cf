# Programs in tests/check that look at what was built or at the sources, each
# printing TAP. They get the shipped build's directory as argument.
# shellcheck shell=bash disable=SC2154 # top: tests/run

check_part() {
  local file
  for file in "$top"/tests/check/*; do
    if selected "check/${file##*/}" && build_need shipped; then
      say "check/${file##*/}"
      tap_test "check/${file##*/}" 120 "$file" "$BUILD/shipped"
    fi
  done
}

# dist_part: the archive that is released builds, passes its tests, installs
# and uninstalls.
dist_part() {
  if selected distcheck && build_need shipped; then
    say distcheck
    # Left over from one that was interrupted.
    chmod -R u+w "$BUILD"/shipped/authsod-[0-9]* 2>/dev/null
    rm -rf "$BUILD"/shipped/authsod-[0-9]*
    one_test distcheck 400 setsid -w make -s -j"$(nproc)" -C "$BUILD/shipped" distcheck
  fi
}
