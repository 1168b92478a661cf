# Debian's packages that the lab needs and this machine must not have: they are
# fetched, and never installed. For scripts that print why, and end with 77,
# where that cannot be done.
# shellcheck shell=bash

# debs_not_here TEXT: ends the script: what it wants is not to be had here.
debs_not_here() {
  echo "$1"
  exit 77
}

# debs_begin SUITE...: sets debs_work, a folder that goes with the script, and
# debs_mirror, from where this machine has its own Debian, for debs_get with the
# SUITEs. The machine's own lists of sources and packages stay as they are.
debs_begin() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg own suite

  [ -r "$keys" ] || debs_not_here "there is no $keys to check Debian's packages with"
  own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  # shellcheck disable=SC2016 # apt's variable
  debs_mirror=$(apt-get indextargets --format '$(REPO_URI)' "Origin: Debian" "Codename: $own" | head -n 1)
  [ -n "$debs_mirror" ] || debs_not_here "no mirror of Debian $own is among this machine's sources"
  debs_work=$(mktemp -d)
  trap 'rm -rf "$debs_work"' EXIT
  chmod 755 "$debs_work"
  mkdir -p "$debs_work"/{lists,archives}/partial
  for suite; do
    echo "deb [signed-by=$keys] $debs_mirror $suite main"
  done >"$debs_work/sources.list"
}

# debs_get ARG...: apt-get ARG... with those sources; what it fetches is in
# $debs_work/archives, or for `download` in the current folder.
debs_get() {
  apt-get -q -y -o "Dir::Etc::SourceList=$debs_work/sources.list" -o Dir::Etc::SourceParts=- \
    -o "Dir::State::Lists=$debs_work/lists" -o "Dir::Cache=$debs_work" -o "Dir::Cache::Archives=$debs_work/archives" \
    -o Acquire::Languages=none "$@" >>"$debs_work/log" 2>&1 </dev/null
}
