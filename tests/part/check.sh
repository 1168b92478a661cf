# Programs in tests/check that look at what was built or at the sources, each
# printing TAP. They get the shipped build's directory as argument.
# shellcheck shell=bash disable=SC2154 # top: tests/run

check_part() {
  local file
  for file in "$top"/tests/check/*; do
    if selected "check/${file##*/}" && build_need shipped; then
      say "check/${file##*/}"
      tap_test "check/${file##*/}" 300 "$file" "$BUILD/shipped"
    fi
  done
}

# dist_part: the archive that is released builds, passes its tests, installs
# and uninstalls; and it has all that this tree has.
dist_part() {
  if selected distcheck && build_need shipped; then
    say distcheck
    # Left over from one that was interrupted.
    chmod -R u+w "$BUILD"/shipped/authsod-[0-9]* 2>/dev/null
    rm -rf "$BUILD"/shipped/authsod-[0-9]*
    one_test distcheck 600 setsid -w make -s -j"$(nproc)" -C "$BUILD/shipped" distcheck &&
      one_test archive 0 dist_whole
  fi
}

# dist_whole: no file that git knows is missing from the archive, but those for
# git itself and .ci.
dist_whole() {
  local archive
  archive=$(echo "$BUILD"/shipped/authsod-[0-9]*.tar.xz)
  [ -e "$top/.git" ] || { echo 'no git: nothing to compare with' && return 0; }
  git -C "$top" ls-files | grep -vE '^\.(ci/|gitignore$)' | LC_ALL=C sort |
    LC_ALL=C comm -23 - <(tar -tf "$archive" | sed 's,^[^/]*/,,' | LC_ALL=C sort) >"$work/missing"
  cat "$work/missing"
  [ ! -s "$work/missing" ]
}
