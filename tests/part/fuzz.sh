# Fuzz targets under libFuzzer, each for FUZZ_SECONDS.
# shellcheck shell=bash disable=SC2154 # top, work: tests/run

fuzz_part() {
  local -a names=()
  local name file

  for file in "$top"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$file" .c)
    ! selected "fuzz/$name" || names+=("$name")
  done
  [ "${#names[@]}" -gt 0 ] || return 0
  build_need clang || return 0
  say "fuzz: ${#names[@]} targets, $FUZZ_SECONDS s each"
  mkdir -p "$work/fuzz"
  # shellcheck disable=SC2016 # the inner shell's variables
  printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I {} bash -c '
    timeout -k 5 $((FUZZ_SECONDS + 60)) make -s -C "$BUILD/clang" fuzz \
      FUZZ_TARGETS="tests/fuzz/$1" FUZZ_SECONDS="$FUZZ_SECONDS" >"$2/$1" 2>&1 </dev/null
    echo $? >"$2/$1.status"' bash {} "$work/fuzz"
  for name in "${names[@]}"; do
    verdict "fuzz/$name" "$(cat "$work/fuzz/$name.status" || echo 1)" "$work/fuzz/$name"
  done
}
