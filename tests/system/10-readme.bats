# The commands of README.md and HACKING.md, as they stand there. Runs in a lab
# that is up, on a computer that nobody has used before.
# shellcheck shell=bash disable=SC1091,SC2016,SC2030,SC2031,SC2154 # bats' variables; commands for other shells

bats_require_minimum_version 1.5.0

setup_file() {
  local n=9
  . "$BATS_TEST_DIRNAME/member.sh"
  while [ -e "$LAB/hosts/ws$n" ]; do
    n=$((n + 1))
  done
  export README_HOST=ws$n
  lab_host "$README_HOST" "10.99.0.$((180 + n))" "$LAB_DC_ADDR" "$LAB_DOMAIN"
  member_local_user "$README_HOST"
  # Who sets it up is not root, but may become it.
  echo 'localuser ALL=(ALL) NOPASSWD: ALL' | in_member "$README_HOST" sh -c 'umask 227; cat >/etc/sudoers.d/readme10'
  member_sshd "$README_HOST"
  member_desk
} >&2

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_stop "$README_HOST"
  member_stop ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  host=$README_HOST
  build=${AUTHSOD_BUILD:-$lab_top/build-test/shipped}
  etc=$LAB/hosts/$host/etc
}

# blocks FILE SECTION: prints the code in the section; a command is one line.
blocks() {
  awk -v section="## $2" '
    /^## / { on = ($0 == section) }
    on && /^```/ { code = !code; next }
    on && (code || /^    /) { sub(/^    /, ""); print }
  ' "$lab_top/$1" | sed -e ':a' -e '/\\$/ { N; s/ *\\\n */ /; ba' -e '}'
}

# state FILE: writes down what the computer's files are.
state() {
  {
    (cd "$etc" && find . -type f -exec sha256sum {} + && find . -type l -printf '%p -> %l\n')
    # What was added to /usr, of which the machine has its own.
    (cd "$LAB/hosts/$host/changes/usr" && find . -type f ! -name '*.cache' ! -name '*.pyc')
    (cd "$LAB/hosts/$host" && find run/authsod changes/var/lib/authsod changes/var/lib/authsod-cards 2>/dev/null)
  } | sort -k 2 >"$1"
}

# is_configured_as LINE: the build that is tested was configured as the line says.
is_configured_as() {
  local word words=${1#*configure }
  for word in ${words//'$(gcc -print-multiarch)'/$(gcc -print-multiarch)}; do
    "$build/config.status" --config | tr -d "'" | tr ' ' '\n' | grep -qxF -e "$word" || {
      echo "not configured with $word"
      return 1
    }
  done
}

# type_command LINE: as a person types it. What was built is there already; there
# is no systemd.
type_command() {
  local line=${1//corp.example.com/$LAB_DOMAIN} unit
  echo "\$ $line"
  case $line in
    ./autogen.sh | 'mkdir -p build' | 'cd build' | make) ;;
    # The lab has no way to Debian's servers: the packages must be there.
    'sudo apt-get install -y --no-install-recommends '*)
      # Nobody has readers here, whose daemon may be missing.
      # shellcheck disable=SC2046 # words
      dpkg-query -W $(tr ' ' '\n' <<<"${line#*-recommends }" | grep -vx pcscd) >/dev/null
      ;;
    ../configure*) is_configured_as "$line" ;;
    'sudo make '*) in_member "$host" sh -c "cd '$build' && $line" >/dev/null ;;
    'sudo systemctl '*)
      for unit in $(grep -oE '[a-z0-9-]+\.(socket|service)' <<<"$line"); do
        in_member "$host" test -e "/lib/systemd/system/$unit" || return 1
      done
      case $line in
        *' enable '*) member_start "$host" ;;
        *' disable '*) member_stop "$host" ;;
        *' reload authsodd') member_reload "$host" ;;
        *) return 1 ;;
      esac
      ;;
    'sudo authsodctl join '*)
      in_member "$host" "$lab_top/tests/system/talk" 'assword for Administrator@.*: $' "$LAB_ADMIN_PASSWORD" -- \
        su - localuser --session-command "$line"
      ;;
    *) in_member "$host" su - localuser -c "$line" ;;
  esac
}

# type_section NAME: all commands of README's section.
type_section() {
  local line
  while IFS= read -r line <&3; do
    type_command "$line" 3<&- || {
      echo "failed: $line"
      return 1
    }
  done 3< <(blocks README.md "$1")
}

# typed CMD...: CMD, whose output is shown if it fails.
typed() {
  run "$@"
  [ "$status" -eq 0 ] || {
    echo "$output"
    return 1
  }
}

@test "README: set up a computer, log on, and go back" {
  local address
  address=$(cat "$LAB/hosts/$host/addr")
  state "$BATS_TEST_TMPDIR/before"
  typed type_section 'Set up a computer'
  # It says what is in force, and alice exists.
  [[ "$output" == *'name = corp.test'*'alice:*:'* ]]

  run -0 member_login "$host" alice Passw0rd-alice 'pwd; klist'
  [[ "$output" == *$'\n/home/alice\n'*'krbtgt/CORP.TEST@CORP.TEST'* ]]
  run -0 member_ssh desk "alice@$address" Passw0rd-alice keyboard-interactive 'id -un'
  [ "$output" = alice ]
  run -0 in_member "$host" su - alice -c pwd
  [ "$output" = /home/alice ]
  run -0 in_member "$host" su - localuser -c 'sudo id -u'
  [ "$output" = 0 ]
  # Groups of the domain that are called like one of the system do not exist here.
  run ! in_member "$host" su - alice -c 'id -Gn | grep -w sudo'

  # With a card, which stands on the computer's own anchors.
  in_member "$host" cat /etc/softhsm/softhsm2.conf >"$BATS_TEST_TMPDIR/softhsm2.conf"
  lab_cards "$host" good >&2
  lab_pkinit_on dc1 >&2
  in_member "$host" install -m 644 -o localuser "$LAB/pki/ca.pem" /home/localuser/ca.pem
  typed type_section 'Smart cards'
  [[ "$output" == *'anchors = /etc/authsod/ca.pem'* ]]
  member_cards "$host"
  member_insert "$host" good
  run -0 in_member "$host" "$lab_top/tests/system/talk" 'PIN for good: $' "$LAB_PIN" '\$ $' 'klist; exit' -- login alice
  [[ "$output" == *'krbtgt/CORP.TEST@CORP.TEST'* ]]
  member_cards_away "$host"
  lab_pkinit_off dc1 >&2
  in_member "$host" sh -c 'cat >/etc/softhsm/softhsm2.conf; rm -f /home/localuser/ca.pem' <"$BATS_TEST_TMPDIR/softhsm2.conf"

  typed type_section 'Go back'
  state "$BATS_TEST_TMPDIR/after"
  # But for what the README says stays: configuration, keytab, three users.
  diff <(grep -vE ' \./(passwd|group|g?shadow)-?$' "$BATS_TEST_TMPDIR/before") \
    <(grep -vE ' \./((passwd|group|g?shadow)-?|authsod/(authsod\.conf|machine-secret)|krb5\.keytab)$' "$BATS_TEST_TMPDIR/after")
  run -0 in_member "$host" sh -c 'diff /etc/passwd- /etc/passwd >/dev/null; grep -c "^authsod" /etc/passwd'
  [ "$output" = 3 ]
  run -2 in_member "$host" getent passwd alice
  run ! member_ssh desk "alice@$address" Passw0rd-alice password true
  run -0 member_ssh desk "localuser@$address" Local-Pass1 password 'id -un'
  [ "$output" = localuser ]
  run -0 member_login "$host" root Root-Pass1 'id -u'
}

@test "README: an installation that goes from SSSD to authsod" {
  local lines
  lines=$(blocks README.md 'Move from SSSD')
  [[ $lines == *'nsswitch.conf'*'pam-auth-update'*'systemctl disable --now sssd'* ]]
  printf '%s\n' 'passwd: files systemd sss' 'group: files sss' 'netgroup: nis sss' >"$BATS_TEST_TMPDIR/nsswitch.conf"
  sed -n '/nsswitch/p' <<<"$lines" | sed -e 's/^sudo //' -e "s|/etc|$BATS_TEST_TMPDIR|" | bash -e
  diff "$BATS_TEST_TMPDIR/nsswitch.conf" - <<'END'
passwd: authsod [TRYAGAIN=return] files systemd
group: authsod [TRYAGAIN=return] files
netgroup: nis sss
END
}

@test "HACKING: the lab to look around in" {
  local commands
  commands=$(blocks HACKING.md 'A lab to look around in' | sed '/tests\/lab\/shell/d')
  [[ $commands == *member_install*member_start*getent* ]]
  member_stop ws1
  cd "$lab_top"
  typed bash -e <<<"${commands//build-test\/shipped/$(realpath --relative-to="$lab_top" "$build")}"
  [[ "$output" == *'alice:*:'* ]]
  member_is_up ws1
}

@test "HACKING: tests that can be named" {
  local pattern list
  list=$("$lab_top/tests/run" --list)
  grep -qx system/10-readme <<<"$list"
  while read -r pattern; do
    grep -qE -e "$pattern" <<<"$list" || {
      echo "no part is called $pattern"
      false
    }
  done < <(blocks HACKING.md 'Build and test while you work' | sed -n 's|^sudo tests/run \([^ -][^ ]*\).*|\1|p')
}
