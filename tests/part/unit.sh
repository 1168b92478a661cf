# Unit tests, and the fuzz targets' replay of their corpus: as shipped, with
# sanitizers, under valgrind.
# shellcheck shell=bash disable=SC2154 # top, work, results: tests/run

# What valgrind cannot run: it makes system calls of its own, which a role's
# filter forbids; it does not keep a limit of descriptors as the kernel does,
# which test_shared counts on; before 3.21 it does not know pidfd_open, without
# which test_front_removal has no session; and the replay of a corpus, or of a
# store's life up to each of its steps, is long without it.
unit_valgrind_not='test_sandbox|test_session|test_shared|test_front_removal|test_store_steps|fuzz_'

# unit_names GROUP: prints the parts GROUP/PROGRAM.
unit_names() {
  local file
  for file in "$top"/tests/unit/test_*.c "$top"/tests/unit/*/test_*.c "$top"/tests/fuzz/fuzz_*.c; do
    [ -e "$file" ] || continue
    file=${file##*/}
    if [ "$1" != valgrind ] || ! [[ $file =~ ^($unit_valgrind_not) ]]; then
      echo "$1/${file%.c}"
    fi
  done
}

# unit_programs GROUP: prints the wanted programs of the group, as make calls
# them.
unit_programs() {
  local name
  unit_names "$1" | while read -r name; do
    ! selected "$name" || case ${name##*/} in
    fuzz_*) echo "tests/fuzz/${name##*/}" ;;
    *) echo "tests/unit/${name##*/}" ;;
    esac
  done
}

unit_part() {
  ! any unit || unit_make_check unit shipped
  ! any sanitizers || unit_make_check sanitizers sanitizers
  ! any valgrind || unit_valgrind
}

# unit_make_check GROUP BUILD: the wanted programs of the group by `make check`.
unit_make_check() {
  local group=$1 dir=$BUILD/$2
  local -a programs
  local program

  build_need "$2" || return 0
  mapfile -t programs < <(unit_programs "$group")
  say "$group: make check in ${dir#"$PWD"/}"
  for program in "${programs[@]}"; do
    rm -f "$dir/$program".{log,trs}
  done
  # On its own session: a test that signals its group must not end us.
  CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C.UTF-8 setsid -w timeout -k 10 300 \
    make -s -k -j"$(nproc)" -C "$dir" check TESTS="${programs[*]}" \
    LOG_COMPILER='timeout -k 5 120' >"$work/check" 2>&1 </dev/null
  for program in "${programs[@]}"; do
    unit_result "$group/${program##*/}" "$dir/$program" "$work/check"
  done
}

# unit_result PART PROGRAM OUTPUT: counts what automake's harness left of the
# program's run; OUTPUT is make's, for the case that there is nothing.
unit_result() {
  local part=$1 log=$2.log state
  state=$(sed -n 's/^:global-test-result: //p' "$2.trs" 2>/dev/null)
  if [ -z "$state" ]; then
    verdict "$part" 1 "$3"
  elif grep -qE '^1\.\.[0-9]+' "$log"; then
    # The harness adds its own last line.
    sed '$d' "$log" | show "$part"
    # A program can fail after its last test, as leaks do.
    if [ "$state" != PASS ] && ! grep -q '^not ok' "$log"; then
      verdict "$part" 1 "$log"
    fi
  else
    [ "$state" = PASS ]
    verdict "$part" $? "$log"
  fi
}

# unit_valgrind: memory errors that the sanitizers do not see (use of what was
# never written), in the build as shipped. One test for a program.
unit_valgrind() {
  local -a programs
  local program

  build_need shipped || return 0
  mapfile -t programs < <(unit_programs valgrind)
  say "valgrind: ${#programs[@]} programs"
  mkdir -p "$work/valgrind"
  unit_keys "$work/keys"
  # shellcheck disable=SC2016 # the inner shell's variables
  printf '%s\n' "${programs[@]}" | (
    cd "$BUILD/shipped" || exit
    export srcdir=$top AUTHSOD_TEST_KEYS=$work/keys
    xargs -P "$(nproc)" -I {} setsid -w bash -c '
      timeout -k 5 180 ./libtool --mode=execute valgrind -q --error-exitcode=99 --trace-children=no \
        "$1" >"$2/${1##*/}" 2>&1 </dev/null
      echo $? >"$2/${1##*/}.status"' bash {} "$work/valgrind"
  )
  for program in "${programs[@]##*/}"; do
    verdict "valgrind/$program" "$(cat "$work/valgrind/$program.status" || echo 1)" "$work/valgrind/$program"
  done
}

# unit_keys DIR: makes the keys that build_rsa_key of certificate_builder.h
# takes, which is long work under valgrind, as many as a program wants.
unit_keys() {
  local bits i
  mkdir -p "$1"
  for bits in 1024 2048; do
    for i in 0 1 2 3; do
      openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out "$1/rsa-$bits-$i.pem" || return 1
    done
  done
}
