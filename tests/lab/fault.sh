# Faults of the network. Those of a controller itself are in dc.sh, a wrong
# clock is in member.sh.
# shellcheck shell=bash

# lab_block_port MEMBER PORT [reject]: what MEMBER sends to PORT of any other
# computer, by TCP or UDP, vanishes; with `reject` it is refused at once.
# Connections that exist are hit as well.
lab_block_port() {
  local member=$1 port=$2 what=drop tcp=drop
  if [ "${3:-}" = reject ]; then
    what=reject
    tcp='reject with tcp reset'
  fi
  in_member "$member" nft -f - <<EOF
table inet lab_block {
  chain out {
    type filter hook output priority filter;
    oifname != "lo" tcp dport $port $tcp
    oifname != "lo" udp dport $port $what
  }
}
EOF
}

# lab_unblock MEMBER: undoes every lab_block_port.
lab_unblock() {
  fault_drop_table "$1" inet lab_block
}

# lab_cut NAME: pulls the network cable of the computer NAME at the switch:
# what is sent to it vanishes, after some seconds it is "no route to host".
lab_cut() {
  ip link set "v-$1" down
}

# lab_mend NAME: plugs the cable in again.
lab_mend() {
  ip link set "v-$1" up
}

# fault_drop_table MEMBER FAMILY TABLE: deletes the table if there is one.
fault_drop_table() {
  in_member "$1" nft "add table $2 $3; delete table $2 $3"
}
