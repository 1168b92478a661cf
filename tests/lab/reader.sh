# A smart card reader: pcscd with its driver vpcd, and a PIV card that is put in
# and taken out. PKCS #11: OpenSC's module.
# shellcheck shell=bash disable=SC2154 # lib.sh sets lab_dir, host.sh host_path

# shellcheck disable=SC2034 # for tests
for opensc_module in /usr/lib/*/opensc-pkcs11.so; do :; done

# lab_reader NAME: a reader at the computer NAME. Readers that this machine may
# have are not for it.
lab_reader() {
  local name=$1 polkit=
  # Where it is built to ask polkit who may use a card: nobody is asked here.
  [[ $(pcscd --help) != *--disable-polkit* ]] || polkit=--disable-polkit
  in_host "$name" sh -ec 'rm -rf /usr/lib/pcsc/drivers/*.bundle; mkdir -p /run/pcscd' || return 1
  reader_spawn "$name" pcscd pcscd --foreground ${polkit:+"$polkit"}
  lab_wait 10 in_host "$name" test -S /run/pcscd/pcscd.comm ||
    lab_fail "$name: pcscd: $(tail -n 5 "$LAB/log/$name.pcscd")"
}

# lab_reader_end NAME: the reader is gone, and with it the card.
lab_reader_end() {
  reader_stop "$1" card && reader_stop "$1" pcscd
}

# lab_card_in NAME CARD: the card of that certificate and key of pki.sh's is put
# into the reader; returns once it is seen there. How many tries its PIN has
# left stays what it was, in $LAB/pki/CARD.tries.
lab_card_in() {
  local name=$1 card=$2
  reader_spawn "$name" card "$lab_dir/pivcard" "$LAB/pki/$card.pem" "$LAB/pki/$card.key" "$LAB/pki/$card.tries"
  lab_wait 10 reader_has "$name" Yes || lab_fail "$name: card: $(tail -n 5 "$LAB/log/$name.card")"
}

# lab_card_out NAME: it is taken out, and not seen any more.
lab_card_out() {
  reader_stop "$1" card && lab_wait 10 reader_has "$1" No
}

# lab_card_tries CARD: prints how many are left.
lab_card_tries() {
  cat "$LAB/pki/$1.tries" 2>/dev/null || echo 3
}

# reader_has NAME Yes|No: as the list of readers says of the card in the first.
reader_has() {
  in_host "$1" opensc-tool --list-readers | grep -E "^0 +$2 "
}

# reader_spawn NAME PART CMD...: runs it on the computer; its process id is
# kept, and its output is in $LAB/log/NAME.PART.
reader_spawn() {
  local name=$1 part=$2
  local pid=$LAB/hosts/$1/$2.pid
  shift 2
  rm -f "$pid"
  # All of these become the next one, so that the id is the last one's.
  # shellcheck disable=SC2016 # the inner shell's variables
  lab_spawn "$LAB/log/$name.$part" sh -c 'echo $$ >"$1.new" && mv "$1.new" "$1"; shift; exec "$@"' \
    sh "$pid" nsenter --target "$(cat "$LAB/hosts/$name/holder")" --mount --root --net --uts -- \
    env --chdir=/ PATH="$host_path" "$@"
  lab_wait 5 test -e "$pid" || lab_fail "$name: $part was not started"
}

# reader_stop NAME PART: ends it, if it runs, and waits for its end.
reader_stop() {
  local file=$LAB/hosts/$1/$2.pid pid
  pid=$(cat "$file" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null
  lab_wait 5 reader_ended "$pid" || kill -KILL "$pid"
  rm -f "$file"
}

# A zombie has ended, too.
reader_ended() {
  [[ $(ps -o stat= -p "$1") != [^Z]* ]]
}
