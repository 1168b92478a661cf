# The builds that the other parts use: $BUILD/shipped, $BUILD/sanitizers,
# $BUILD/clang (for the fuzz targets; and a second compiler's warnings).
# shellcheck shell=bash disable=SC2154 # top, work: tests/run

declare -A build_arguments=(
  [shipped]='--enable-werror --prefix=/usr --sysconfdir=/etc --localstatedir=/var --runstatedir=/run'
  [sanitizers]='--enable-werror --enable-sanitizers --prefix=/usr --sysconfdir=/etc --localstatedir=/var --runstatedir=/run'
  [clang]='--enable-werror --enable-fuzzing CC=clang'
)
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
  local -a arguments
  read -r -a arguments <<<"${build_arguments[$1]}"
  build_prepare || return 1
  # Debian keeps modules below the name of the machine's type.
  [ "$1" = clang ] || arguments+=("--libdir=/usr/lib/$(gcc -print-multiarch)")
  build_configure "$BUILD/$1" "${arguments[@]}" && build_make "$BUILD/$1" all && build_make "$BUILD/$1" check TESTS= &&
    # Programs that system tests start.
    build_make "$BUILD/$1" -f - extra <<<$'include Makefile\nextra: $(EXTRA_PROGRAMS)'
}
