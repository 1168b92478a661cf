# Builds the project out of tree. Set `top` to the source tree before.
# shellcheck shell=bash disable=SC2154 # top

# build_prepare: makes ./configure where it is missing or older than what it is
# made of.
build_prepare() {
  local newer
  if [ -e "$top/config.status" ]; then
    echo "this tree was configured in itself, which forbids builds elsewhere: run \`make distclean\` first"
    return 1
  fi
  if [ -x "$top/configure" ]; then
    newer=$(find "$top" -path "$top/.git" -prune -o -type f \
      \( -name configure.ac -o -name Makefile.am -o -name '*.mk' -o -name autogen.sh \) \
      -newer "$top/configure" -print -quit)
    [ -n "$newer" ] || return 0
  fi
  "$top/autogen.sh"
}

# build_configure DIR [ARG...]: DIR becomes a build directory configured with
# ARGs; nothing happens if it is one already.
build_configure() {
  local dir=$1
  shift
  if [ -e "$dir/Makefile" ] && [ "$(cat "$dir/.configured-with" 2>/dev/null)" = "$*" ]; then
    return 0
  fi
  mkdir -p "$dir" || return 1
  rm -f "$dir/.configured-with"
  (cd "$dir" && "$top/configure" -q "$@") || return 1
  echo "$*" >"$dir/.configured-with"
}

# build_configure_shipped DIR [ARG...]: as it is installed on Debian.
build_configure_shipped() {
  local dir=$1
  shift
  build_configure "$dir" "$@" --enable-werror --prefix=/usr --sysconfdir=/etc --localstatedir=/var --runstatedir=/run \
    "--libdir=/usr/lib/$(gcc -print-multiarch)"
}

# build_make DIR [ARG...]: make, on all processors, with errors after the first
# one, too.
build_make() {
  local dir=$1
  shift
  make -s -k -j"$(nproc)" -C "$dir" "$@"
}
