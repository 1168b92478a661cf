# Installs what the tests need from Debian's packages.
# shellcheck shell=bash

# packages_install FILE...: every package named in the FILEs, one a line, that
# is not installed yet. Says what it does; does and says nothing if all is
# there. No service of a new package is started, now or at the next boot.
packages_install() {
  local -a wanted missing=()
  local package before

  mapfile -t wanted < <(cat "$@" | sort -u)
  for package in "${wanted[@]}"; do
    packages_installed "$package" || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "these packages are missing, and this is no Debian: ${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${#missing[@]} packages: ${missing[*]}"
  before=$(dpkg-query -W -f '${Package}\n' | sort)
  (
    packages_forbid_services || exit 1
    export DEBIAN_FRONTEND=noninteractive
    # Only Debian's own archives matter: a foreign one that fails must not end us.
    apt-get update -q </dev/null || echo "apt-get update failed; trying with the lists that are there" >&2
    apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
      -o Dpkg::Options::=--force-confold "${missing[@]}" </dev/null
  ) || return 1
  packages_disable_services "$before"
}

# packages_installed NAME: is it, by this name or as what another one provides?
packages_installed() {
  [[ $(dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null) == *'ok installed'* ]]
}

# packages_forbid_services: until this subshell ends, maintainer scripts start
# nothing. The policy goes by our process id: left behind, it forbids nothing.
packages_forbid_services() {
  local policy=/usr/sbin/policy-rc.d
  [ ! -e "$policy" ] || {
    echo "$policy is there: it decides whether services start" >&2
    return 0
  }
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  printf '#!/bin/sh\n# Made by the tests of authsod; may be removed.\nkill -0 %s 2>/dev/null && exit 101\nexit 0\n' \
    "$BASHPID" >"$policy" && chmod 755 "$policy"
}

# packages_disable_services BEFORE: units that came with packages that are not
# in the list BEFORE shall not start at boot either.
packages_disable_services() {
  local -a new units
  mapfile -t new < <(dpkg-query -W -f '${Package}\n' | sort | comm -13 <(echo "$1") -)
  # systemd itself may be among them; its own units are the system's.
  mapfile -t units < <(for package in "${new[@]}"; do
    [[ $package == systemd* || $package == udev || $package == dbus* ]] || dpkg -L "$package" 2>/dev/null
  done | sed -nE 's,^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer|path))$,\2,p' | sort -u)
  if [ "${#units[@]}" -gt 0 ] && command -v systemctl >/dev/null; then
    systemctl disable --quiet "${units[@]}" 2>/dev/null || true
  fi
}
