# The builds that the other parts use: $BUILD/shipped, $BUILD/sanitizers,
# $BUILD/clang (for the fuzz targets; and a second compiler's warnings).
# shellcheck shell=bash disable=SC2154 # top, work: tests/run

build_done=' '

# build_part: those that are wanted for themselves.
build_part() {
  local name
  for name in shipped sanitizers clang; do
    ! selected "build/$name" || build_need "$name"
  done
}

# build_need NAME: makes a build that the caller is about to use, once. False
# if there is none; this was counted as a failed test then.
build_need() {
  case $build_done in
  *" $1:ok "*) return 0 ;;
  *" $1:bad "*) return 1 ;;
  esac
  say "build/$1"
  if one_test "build/$1" 0 build_whole "$1"; then
    build_done+="$1:ok "
  else
    build_done+="$1:bad "
    return 1
  fi
}

# build_whole NAME: everything compiled, the tests too.
build_whole() {
  local dir=$BUILD/$1
  build_prepare || return 1
  case $1 in
  shipped) build_configure_shipped "$dir" ;;
  sanitizers) build_configure_shipped "$dir" --enable-sanitizers ;;
  clang) build_configure "$dir" --enable-werror --enable-fuzzing CC=clang ;;
  esac &&
    build_make "$dir" all &&
    build_make "$dir" check TESTS= &&
    # Programs that system tests start.
    build_make "$dir" -f - extra <<<$'include Makefile\nextra: $(EXTRA_PROGRAMS)'
}
