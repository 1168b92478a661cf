# A smart card reader: pcscd with its driver vpcd, and a PIV card that is put in
# and taken out. PKCS #11: OpenSC's module.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir, host.sh host_path

# shellcheck disable=SC2034 # for tests
for opensc_module in /usr/lib/*/opensc-pkcs11.so; do :; done

# lab_reader NAME [polkit]: a reader at the computer NAME. Readers that this
# machine may have are not for it. With `polkit` it has lab_bus, and pcscd asks
# there who may use a card; else nobody is asked.
lab_reader() {
  local name=$1
  local -a pcscd=(pcscd)
  # Debian 12's pcscd asks nobody, and does not know the option.
  if [[ $(pcscd --help) = *--disable-polkit* ]]; then
    [ "${2:-}" = polkit ] || pcscd+=(--disable-polkit)
  elif [ "${2:-}" = polkit ]; then
    reader_fetched "$name" || return 1
  fi
  in_host "$name" sh -ec 'rm -rf /usr/lib/pcsc/drivers/*.bundle; mkdir -p /run/pcscd' || return 1
  host_start "$name" pcscd "${pcscd[@]}" --foreground
  lab_wait 10 in_host "$name" test -S /run/pcscd/pcscd.comm ||
    lab_fail "$name: pcscd: $(tail -n 5 "$LAB/log/$name.pcscd")"
}

# reader_fetched NAME: sets the caller's pcscd to the one of polkit-packages, with
# the libraries that it was built for. The library of its clients takes the place
# of the computer's own, which speaks an older protocol, until lab_reader_end.
reader_fetched() {
  local from=$lab_packages/pcscd loader
  for loader in "$from"/usr/lib/*/ld-linux*.so.*; do :; done
  [ -x "$loader" ] || lab_fail "there is no pcscd that asks polkit in $lab_packages (tests/lab/polkit-packages)" || return 1
  pcscd=("$loader" --library-path "${loader%/*}" "$from/usr/sbin/pcscd")
  # shellcheck disable=SC2016 # the inner shell's variables
  in_host "$1" sh -ec '
    own=/usr/lib/$(basename "$2")
    [ -e "$own/libpcsclite.own" ] || mv "$own/libpcsclite.so.1" "$own/libpcsclite.own"
    cp --remove-destination "$2"/libpcsclite*.so.1 "$own/"
    for file in "$1"/usr/share/polkit-1/actions/*; do
      cp "$file" /usr/share/polkit-1/actions/
    done' sh "$from" "${loader%/*}" && lab_polkit "$1"
}

# lab_reader_end NAME: the reader is gone, and with it the card.
lab_reader_end() {
  host_stop "$1" card && host_stop "$1" pcscd || return 1
  in_host "$1" sh -ec 'for own in /usr/lib/*/libpcsclite.own; do
    [ ! -e "$own" ] || mv "$own" "${own%.own}.so.1"
  done'
}

# lab_card_in NAME CARD: the card of that certificate and key of pki.sh's is put
# into the reader; returns once it is seen there. How many tries its PIN has
# left stays what it was, in $LAB/pki/CARD.tries.
lab_card_in() {
  local name=$1 card=$2
  host_start "$name" card "$lab_dir/pivcard" "$LAB/pki/$card.pem" "$LAB/pki/$card.key" "$LAB/pki/$card.tries"
  lab_wait 10 reader_has "$name" Yes || lab_fail "$name: card: $(tail -n 5 "$LAB/log/$name.card")"
}

# lab_card_out NAME: it is taken out, and not seen any more.
lab_card_out() {
  host_stop "$1" card && lab_wait 10 reader_has "$1" No
}

# lab_card_tries CARD: prints how many are left.
lab_card_tries() {
  cat "$LAB/pki/$1.tries" 2>/dev/null || echo 3
}

# reader_has NAME Yes|No: as the list of readers says of the card in the first.
reader_has() {
  in_host "$1" opensc-tool --list-readers | grep -E "^0 +$2 "
}
