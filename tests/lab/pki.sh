# Certificates and smart cards of the lab, and PKINIT in a controller's KDC.
# What is made is in $LAB/pki, which every computer sees; NAME.pem and NAME.key
# are a certificate and its key, crl.pem the list of what was revoked.
# shellcheck shell=bash disable=SC2154 # lib.sh sets the lab's names

LAB_PIN=123456
LAB_SO_PIN=12345678
softhsm_module=/usr/lib/softhsm/libsofthsm2.so

# lab_pki [DC]: an authority (ca), the controller's KDC certificate (kdc) and
# certificates of users, most of them alice's:
#   good rsa4096 ec      fit for logon, but for the kind of key
#   expired future       not valid now
#   revoked              on the CRL
#   noeku                no extended key usage for logon
#   stranger             of another authority (otherca)
#   otherupn             bob's
#   noupn                nobody's by its subjectAltName
# and certificates with which no controller should be believed, or not by all:
#   kdcstranger          of another authority
#   kdcname              another computer's, with its name
#   kdcexpired           not valid now
#   kdcserver kdcclient  the controller's name only, and the usage of a TLS server or client
# Does nothing if they are there.
lab_pki() {
  local dc=${1:-dc1} dir=$LAB/pki domain=$LAB_DOMAIN log=$LAB/log/pki
  local logon='extendedKeyUsage=1.3.6.1.4.1.311.20.2.2,clientAuth'
  local alice bob
  alice=$(pki_upn "alice@$domain")
  bob=$(pki_upn "bob@$domain")

  [ ! -e "$dir/client.conf" ] || return 0
  lab_say "making certificates"
  mkdir -p "$dir/db" || return 1
  touch "$dir/db/index"
  echo 1000 >"$dir/db/serial"
  echo 01 >"$dir/db/crlnumber"
  pki_config "$dir" >"$dir/ca.cnf"
  {
    pki_authority ca "Lab CA" &&
      pki_authority otherca "Stranger CA" &&
      pki_make kdc rsa:2048 "$dc.$domain" "$(pki_kdc_extensions "$dc.$domain")" &&
      pki_make good rsa:2048 "Alice Liddell" "$alice"$'\n'"$logon" &&
      pki_make rsa4096 rsa:4096 "Alice Liddell" "$alice"$'\n'"$logon" &&
      pki_make ec ec:P-256 "Alice Liddell" "$alice"$'\n'"$logon" &&
      pki_make expired rsa:2048 "Alice Liddell" "$alice"$'\n'"$logon" -startdate 20200101000000Z -enddate 20210101000000Z &&
      pki_make future rsa:2048 "Alice Liddell" "$alice"$'\n'"$logon" -startdate 20480101000000Z -enddate 20490101000000Z &&
      pki_make revoked rsa:2048 "Alice Liddell" "$alice"$'\n'"$logon" &&
      pki_make noeku rsa:2048 "Alice Liddell" "$alice"$'\n'"extendedKeyUsage=clientAuth" &&
      pki_make stranger rsa:2048 "Alice Liddell" "$alice"$'\n'"$logon" -cert "$dir/otherca.pem" -keyfile "$dir/otherca.key" &&
      pki_make otherupn rsa:2048 "Bob" "$bob"$'\n'"$logon" &&
      pki_make noupn rsa:2048 "Alice Liddell" "$logon" &&
      pki_make kdcstranger rsa:2048 "$dc.$domain" "$(pki_kdc_extensions "$dc.$domain")" \
        -cert "$dir/otherca.pem" -keyfile "$dir/otherca.key" &&
      pki_make kdcname rsa:2048 "web.$domain" "extendedKeyUsage=1.3.6.1.5.2.3.5"$'\n'"subjectAltName=DNS:web.$domain" &&
      pki_make kdcexpired rsa:2048 "$dc.$domain" "$(pki_kdc_extensions "$dc.$domain")" \
        -startdate 20200101000000Z -enddate 20210101000000Z &&
      pki_make kdcserver rsa:2048 "$dc.$domain" "extendedKeyUsage=serverAuth"$'\n'"subjectAltName=DNS:$dc.$domain" &&
      pki_make kdcclient rsa:2048 "$dc.$domain" "extendedKeyUsage=clientAuth"$'\n'"subjectAltName=DNS:$dc.$domain" &&
      openssl ca -config "$dir/ca.cnf" -revoke "$dir/revoked.pem" &&
      openssl ca -config "$dir/ca.cnf" -gencrl -out "$dir/crl.pem" &&
      openssl crl -in "$dir/crl.pem" -outform DER -out "$dir/crl.der"
  } >"$log" 2>&1 || lab_fail "certificates: $(tail -n 20 "$log")" || return 1
  pki_client_config "$dc.$domain" >"$dir/client.conf"
}

# pki_upn UPN: prints the extension that says it.
pki_upn() {
  echo "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:$1"
}

# pki_kdc_extensions FQDN: a KDC's (RFC 4556 3.2.4): its name, and what it may do.
pki_kdc_extensions() {
  cat <<EOF
extendedKeyUsage=1.3.6.1.5.2.3.5,serverAuth
subjectAltName=otherName:1.3.6.1.5.2.2;SEQUENCE:kdc_principal,DNS:$1,DNS:$LAB_DOMAIN
[kdc_principal]
realm=EXP:0,GeneralString:$LAB_REALM
name=EXP:1,SEQUENCE:kdc_name
[kdc_name]
type=EXP:0,INTEGER:2
strings=EXP:1,SEQUENCE:kdc_strings
[kdc_strings]
1=GeneralString:krbtgt
2=GeneralString:$LAB_REALM
EOF
}

# pki_config DIR: prints the configuration of openssl's authority in DIR.
pki_config() {
  cat <<EOF
[ca]
default_ca=lab
[lab]
database=$1/db/index
serial=$1/db/serial
crlnumber=$1/db/crlnumber
new_certs_dir=$1/db
certificate=$1/ca.pem
private_key=$1/ca.key
default_md=sha256
default_days=365
default_crl_days=30
policy=any_name
unique_subject=no
[any_name]
commonName=supplied
[req]
distinguished_name=empty
prompt=no
[empty]
[authority]
basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
EOF
}

# pki_client_config FQDN: prints a krb5.conf for stock clients, which knows the
# authority and that KDC.
pki_client_config() {
  cat <<EOF
[libdefaults]
  default_realm = $LAB_REALM
  dns_lookup_kdc = true
  rdns = false
  dns_canonicalize_hostname = false
[realms]
  $LAB_REALM = {
    pkinit_anchors = FILE:$LAB/pki/ca.pem
    pkinit_eku_checking = kpKDC
    pkinit_kdc_hostname = $1
  }
EOF
}

# pki_authority NAME TITLE: an authority that signs itself.
pki_authority() {
  local dir=$LAB/pki name=$1
  pki_request "$name" rsa:2048 "$2" &&
    openssl ca -batch -notext -config "$dir/ca.cnf" -selfsign -keyfile "$dir/$name.key" -in "$dir/$name.csr" \
      -extensions authority -startdate 20190101000000Z -enddate 20450101000000Z -out "$dir/$name.pem"
}

# pki_make NAME KEY COMMON-NAME EXTENSIONS [ARG...]: a certificate of the lab's
# authority, or the one in the arguments, which go to `openssl ca`.
pki_make() {
  local dir=$LAB/pki name=$1 key=$2 title=$3 extensions=$4
  shift 4
  printf '%s\n' basicConstraints=CA:false keyUsage=digitalSignature,keyEncipherment \
    authorityKeyIdentifier=keyid subjectKeyIdentifier=hash "$extensions" >"$dir/$name.ext"
  pki_request "$name" "$key" "$title" &&
    openssl ca -batch -notext -config "$dir/ca.cnf" -in "$dir/$name.csr" -extfile "$dir/$name.ext" \
      -out "$dir/$name.pem" "$@"
}

# pki_request NAME KEY COMMON-NAME: a key (rsa:BITS, ec:CURVE) and a request.
pki_request() {
  local dir=$LAB/pki name=$1 key=$2
  local -a kind=(-algorithm RSA -pkeyopt "rsa_keygen_bits:${key#rsa:}")
  [[ $key == rsa:* ]] || kind=(-algorithm EC -pkeyopt "ec_paramgen_curve:${key#ec:}")
  (umask 077 && openssl genpkey "${kind[@]}" -out "$dir/$name.key") || return 1
  openssl req -new -config "$dir/ca.cnf" -key "$dir/$name.key" -subj "/CN=$3" -out "$dir/$name.csr"
}

# lab_cards NAME [CARD...]: SoftHSM tokens on the computer NAME, found by p11-kit's
# configuration: one for each certificate of a user, with its label, the
# certificate and key as object 01, and the PIN $LAB_PIN; besides these
#   two                  good as 01, otherupn as 02
#   locked               good, and its PIN is locked
# With CARDs: those, which are named after their certificates, and no others.
lab_cards() {
  local name=$1 log=$LAB/log/$1.cards
  lab_pki || return 1
  lab_say "$name: making smart cards"
  # A computer's own: whatever this machine has stays out.
  in_host "$name" sh -ec '
    rm -rf /var/lib/softhsm/tokens
    mkdir -p /var/lib/softhsm/tokens
    printf "directories.tokendir = /var/lib/softhsm/tokens\nlog.level = ERROR\n" >/etc/softhsm/softhsm2.conf' || return 1
  {
    if [ $# -gt 1 ]; then
      pki_cards "$@"
    else
      pki_cards "$name" good rsa4096 ec expired future revoked noeku stranger otherupn noupn &&
        pki_token "$name" two && pki_put "$name" two 01 good && pki_put "$name" two 02 otherupn &&
        pki_token "$name" locked && pki_put "$name" locked 01 good && pki_lock "$name" locked
    fi
  } >"$log" 2>&1 || lab_fail "$name: smart cards: $(tail -n 20 "$log")"
}

# pki_cards NAME CARD...: tokens with the certificates that they are called after.
pki_cards() {
  local name=$1 card
  shift
  for card; do
    pki_token "$name" "$card" && pki_put "$name" "$card" 01 "$card" || return 1
  done
}

# lab_cards_away NAME: none of them is there any more.
lab_cards_away() {
  in_host "$1" sh -c 'rm -rf /var/lib/softhsm/tokens/*'
}

# pki_token NAME LABEL: a new token without objects.
pki_token() {
  in_host "$1" softhsm2-util --init-token --free --label "$2" --pin "$LAB_PIN" --so-pin "$LAB_SO_PIN"
}

# pki_put NAME LABEL ID CERTIFICATE: a certificate and its key onto a token.
pki_put() {
  local name=$1 label=$2 id=$3 certificate=$4
  [ -e "$LAB/pki/$certificate.der" ] ||
    openssl x509 -in "$LAB/pki/$certificate.pem" -outform DER -out "$LAB/pki/$certificate.der" || return 1
  in_host "$name" softhsm2-util --import "$LAB/pki/$certificate.key" --token "$label" --label "$certificate" \
    --id "$id" --pin "$LAB_PIN" &&
    in_host "$name" pkcs11-tool --module "$softhsm_module" --token-label "$label" --login --pin "$LAB_PIN" \
      --write-object "$LAB/pki/$certificate.der" --type cert --id "$id" --label "$certificate"
}

# pki_lock NAME LABEL: SoftHSM counts no tries: the flag that says that the PIN
# is locked (PKCS #11: bit 18) is set in its file. There the token's label,
# serial number and flags come first, each as type, kind and value, in eight
# bytes big-endian each; the label has 32 bytes behind its length, the number 16.
pki_lock() {
  # shellcheck disable=SC2016 # the inner shell's variables
  in_host "$1" sh -ec '
    file=$(grep -l "$1" /var/lib/softhsm/tokens/*/token.object)
    [ "$(od -An -tx1 -j104 -N8 "$file" | tr -d " ")" = 000000008000534b ]
    printf "\004" | dd of="$file" bs=1 seek=125 conv=notrunc status=none' pki-lock "$2"
}

# lab_pkinit_on DC [CERTIFICATE], lab_pkinit_off DC: the KDC of that controller
# does PKINIT with the certificate kdc, or that one, or no longer. It is started
# anew for that.
lab_pkinit_on() {
  local dc=$1 certificate=${2:-kdc} conf=$LAB/hosts/$1/etc/krb5.conf
  lab_pki "$dc" || return 1
  (umask 077 && cat "$LAB/pki/$certificate.pem" "$LAB/pki/$certificate.key" >"$LAB/pki/kdc-both.pem") || return 1
  [ -e "$conf.without-pkinit" ] || cp "$conf" "$conf.without-pkinit"
  {
    cat "$conf.without-pkinit"
    cat <<EOF
[kdc]
  enable-pkinit = yes
  pkinit_identity = FILE:$LAB/pki/kdc-both.pem
  pkinit_anchors = FILE:$LAB/pki/ca.pem
  pkinit_revoke = FILE:$LAB/pki/crl.der
  pkinit_principal_in_certificate = yes
  pkinit_win2k = no
  pkinit_win2k_require_binding = yes
EOF
  } >"$conf" && pki_restart "$dc"
}

lab_pkinit_off() {
  local conf=$LAB/hosts/$1/etc/krb5.conf
  [ -e "$conf.without-pkinit" ] || return 0
  mv "$conf.without-pkinit" "$conf" && pki_restart "$1"
}

pki_restart() {
  lab_dc_kill "$1" && lab_dc_start "$1"
}
