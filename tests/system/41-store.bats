# What the service remembers on disk, where the disk is full, the writer is
# killed, or somebody else has written there. Runs in a lab that is up.
# shellcheck shell=bash disable=SC1091,SC2030,SC2031,SC2154 # bats' variables

bats_require_minimum_version 1.5.0

store=/var/lib/authsod

setup_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_up ws1
}

teardown_file() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_fresh ws1
} >&2

setup() {
  . "$BATS_TEST_DIRNAME/member.sh"
  member_fresh ws1
  mark=$(member_log_mark ws1)
}

teardown() {
  [ -z "${growing:-}" ] || wait "$growing" || true
  [ -z "${cut:-}" ] || lab_mend dc1
  member_stop ws1
  [ -z "${mounted:-}" ] || in_member ws1 umount -l "$store"
  in_member ws1 rm -rf "$store"/store.db*
  member_start ws1
} >&2

# on_tmpfs SIZE: the service begins anew with a disk of its own for the store.
on_tmpfs() {
  member_stop ws1
  mounted=1
  in_member ws1 mount -t tmpfs -o "size=$1,mode=700,uid=$(in_member ws1 stat -c %u "$store"),gid=$(in_member ws1 stat -c %g "$store")" \
    tmpfs "$store"
  mark=$(member_log_mark ws1)
  member_start ws1
}

logged() {
  member_logged_since ws1 "$mark" "$1"
}

# everybody_is_answered: users, their groups, a thousand of them.
everybody_is_answered() {
  in_member ws1 timeout 20 getent passwd alice >/dev/null &&
    [ "$(in_member ws1 timeout 30 id -Gn alice)" = 'domain users engineers all staff everyone nested' ] &&
    [ "$(in_member ws1 timeout 30 id -G many | wc -w)" -eq 1001 ]
}

# remembered: who was answered, by a service that begins anew and has no domain.
remembered() {
  cut=1
  lab_cut dc1
  member_stop ws1
  member_start ws1
  everybody_is_answered
  lab_mend dc1
  cut=
}

@test "no room at all: what is learned is kept in memory, and the log says so" {
  on_tmpfs 4k
  everybody_is_answered
  lab_wait 5 logged 'store.*(full|kept in memory)'
}

@test "the disk becomes full: everybody is answered, the log says so, and with room again it is remembered" {
  on_tmpfs 10m
  in_member ws1 getent passwd alice
  in_member ws1 sh -c "dd if=/dev/zero of=$store/ballast bs=4k 2>/dev/null || true"
  everybody_is_answered
  in_member ws1 id many >/dev/null
  lab_wait 5 logged 'the store .*full'
  run ! logged 'damaged'
  in_member ws1 rm "$store/ballast"
  # As at the next refresh.
  member_reload ws1
  everybody_is_answered
  in_member ws1 id alice >/dev/null
  remembered
  run ! logged 'damaged'
}

# grow: a thousand groups are learned. In the background.
grow() {
  in_member ws1 timeout 30 id many >/dev/null 2>&1 3>&- 4>&- &
  growing=$!
}

directory_is_up() {
  [ -n "$(member_roles ws1 directory)" ]
}

@test "directory and the whole service are killed in the middle of their writing: nothing is damaged, or lost" {
  local i
  for i in 0.02 0.1 0.3; do
    grow
    sleep "$i"
    kill -KILL "$(member_roles ws1 directory)"
    lab_wait 20 directory_is_up
    wait "$growing" || true
  done
  for i in 0.02 0.05 0.1 0.2 0.4; do
    grow
    sleep "$i"
    member_kill ws1
    wait "$growing" || true
    growing=
    member_start ws1
  done
  everybody_is_answered
  # As if the power had gone.
  member_kill ws1
  remembered
  run ! logged 'damaged'
  run ! in_member ws1 sh -c "ls $store/*.damaged*"
}

# all_in_one_file: the service has ended; what is in the WAL goes into the store itself.
all_in_one_file() {
  in_member ws1 /usr/bin/python3 -c '
import sqlite3
import sys
db = sqlite3.connect(sys.argv[1])
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()' "$store/store.db"
}

@test "damage of every kind: the file is set aside, the log says so, and everybody is answered" {
  local how file=$store/store.db
  everybody_is_answered
  in_member ws1 id many >/dev/null
  member_stop ws1
  all_in_one_file
  in_member ws1 cp -p "$file" /tmp/store41
  for how in 'dd if=/dev/urandom of=FILE bs=4096 count=1 conv=notrunc' 'dd if=/dev/urandom of=FILE bs=4096 seek=2 count=8 conv=notrunc' \
    'truncate -s 5000 FILE' 'truncate -s 20 FILE' 'rm FILE; mkdir FILE' 'rm FILE; ln -s /etc/passwd FILE' \
    'dd if=/dev/zero of=FILE bs=100 count=1 conv=notrunc' 'rm FILE; mkfifo FILE; chown authsod FILE' 'echo text >FILE'; do
    in_member ws1 sh -ec "rm -rf $file*; cp -p /tmp/store41 $file; ${how//FILE/$file}" 2>/dev/null
    mark=$(member_log_mark ws1)
    member_start ws1
    in_member ws1 timeout 20 getent passwd alice >/dev/null
    logged 'it is kept as /var/lib/authsod/store.db.damaged and a new store begun' || { echo "$how"; return 1; }
    in_member ws1 sh -c "test -f $file && { test -e $file.damaged || test -h $file.damaged; }"
    member_stop ws1
  done
  in_member ws1 rm /tmp/store41
}

@test "damage while the service runs: the file is set aside at the latest when it begins anew, and everybody is answered" {
  in_member ws1 id many >/dev/null
  member_stop ws1
  all_in_one_file
  member_start ws1
  in_member ws1 dd if=/dev/urandom of="$store/store.db" bs=4096 count=200 conv=notrunc status=none
  everybody_is_answered
  member_reload ws1
  everybody_is_answered
  member_stop ws1
  member_start ws1
  everybody_is_answered
  logged 'kept as /var/lib/authsod/store.db.damaged and a new (store|one) begun'
}
