# The identity map's readers under fire: as shipped, and with ThreadSanitizer,
# for which the few sources are compiled here.
# shellcheck shell=bash disable=SC2154 # top, work: tests/run

stress_names() {
  echo stress/identmap
  echo stress/identmap-tsan
}

stress_part() {
  if selected stress/identmap && build_need shipped; then
    say stress/identmap
    one_test stress/identmap 300 "$BUILD/shipped/tests/unit/identmap_stress" 60
  fi
  if selected stress/identmap-tsan; then
    say stress/identmap-tsan
    one_test stress/identmap-tsan 0 stress_tsan
  fi
}

# ThreadSanitizer of an older compiler does not know all addresses that newer
# kernels give at random: without randomness, where that may be switched off.
stress_tsan() {
  local -a fixed=()
  stress_build -fsanitize=thread "$work/identmap_tsan" || return 1
  ! setarch -R true 2>/dev/null || fixed=(setarch -R)
  TSAN_OPTIONS='halt_on_error=1' timeout -k 5 180 "${fixed[@]}" "$work/identmap_tsan" 20
}

# stress_build FLAG PROGRAM: a fence is not understood by ThreadSanitizer; it
# stands before reading what only another process writes.
stress_build() {
  (cd "$top" && gcc -std=gnu11 -O2 -g -Wno-tsan "$1" -D_GNU_SOURCE -DAUTHSOD_RUNDIR='"/run/authsod"' -I. -pthread \
    -o "$2" tests/unit/identmap_stress.c tests/unit/stress_records.c lib/identmap/*.c \
    lib/base/{buf,fd,hash,utf8}.c lib/proto/{record,text}.c)
}
