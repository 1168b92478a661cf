#!/bin/sh
# Makes configure and Makefile.in. Needs autoconf, automake, libtool, pkg-config, autopoint, gettext.
set -e
cd "$(dirname "$0")"
mkdir -p m4 build-aux
exec autoreconf --force --install "$@"
