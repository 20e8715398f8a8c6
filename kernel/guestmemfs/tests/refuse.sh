#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# refuse.sh MODULE BASE: what must not be mounted, or claimed, is refused with
# a reason and left as it is. Needs 64 MiB reserved at BASE and nothing loaded.
#
# The bytes of a range are reached through a second one that begins 2 MiB
# before it and has them in a file: "outer" pokes into what "inner" mounts.

module=$1
base=$(($2))
inner=$((base + 2097152))
size=33554432
failed=0

ok() { echo "ok $1"; }
fail() { echo "FAIL $1 $2"; failed=1; }
check() { name=$1; shift; if "$@"; then ok "$name"; else fail "$name" "$*"; fi; }
refused() { # NAME REASON COMMAND...
	name=$1 reason=$2; shift 2
	dmesg -c > /dev/null
	if "$@" 2> /dev/null; then
		fail "$name" "was not refused"
	elif dmesg | grep -q "guestmemfs: .*$reason"; then
		ok "$name"
	else
		fail "$name" "refused, but dmesg says: $(dmesg | tail -n 2)"
	fi
}
load() { insmod "$module" "ranges=$1"; }
unload() { rmmod guestmemfs; }
try_inner() { # SIZE OPTIONS
	load "inner:$1@$inner" || return 1
	mount -t guestmemfs -o "range=inner$2" none /mnt && return 0
	unload
	return 1
}
leave() { umount /mnt && unload; }
with_outer() { # COMMAND: with the bytes of the inner range in the file /mnt/img
	load "outer:64M@$base" && mount -t guestmemfs none /mnt || fail outer "not mounted"
	[ -e /mnt/img ] || { touch /mnt/img && truncate -s 62914560 /mnt/img; }
	"$@"
	leave
}
poke2() { poke /mnt/img $1 $2; poke /mnt/img $(($1 + 4096)) $2; }

# What the module will not claim.
refused no-ranges "no ranges" insmod "$module"
refused bad-syntax "is not NAME" load "a=1M@2M"
refused misaligned "multiples of 2 MiB" load "a:64M@$((base + 4096))"
refused system-ram "overlap System RAM" load "a:64M@16M"
refused half-ram "overlap System RAM" load "a:1G@$base"
refused no-memory "not reserved" load "a:64M@1T"
refused same-name "two are named" insmod "$module" "ranges=a:4M@$base,a:4M@$inner"
refused overlap "in use by another" insmod "$module" "ranges=a:4M@$base,b:4M@$inner"
check nothing-left test ! -e /sys/fs/guestmemfs

# New memory, but not all of it: a filesystem begins inside.
try_inner $size && touch /mnt/kept && leave || fail new-inner "not formatted"
load "outer:64M@$base"
refused begins-before "another filesystem begins 2097152 bytes into it" mount -t guestmemfs none /mnt
unload
check begins-before-kept try_inner $size && check begins-before-file test -e /mnt/kept && leave

# Several ranges, several mounts.
insmod "$module" "ranges=a:16M@$base,b:16M@$((base + 16777216))"
mount -t guestmemfs none /mnt 2> /dev/null && fail which-range "mounted without range="
mount -t guestmemfs -o range=c none /mnt 2> /dev/null && fail no-such-range "mounted"
mount -t guestmemfs -o range=a,format none /mnt
mount -t guestmemfs -o range=b none /mnt2
touch /mnt/in-a
check two-ranges test ! -e /mnt2/in-a
umount /mnt2
mount -t guestmemfs -o range=a none /mnt2
check one-superblock test -e /mnt2/in-a
touch /mnt2/again
check one-superblock-both test -e /mnt/again
mount -t guestmemfs -o range=a,format=force none /mnt2 2> /dev/null && fail format-mounted "formatted"
rmmod guestmemfs 2> /dev/null && fail unload-mounted "unloaded"
umount /mnt
rmmod guestmemfs 2> /dev/null && fail unload-still-mounted "unloaded"
umount /mnt2
check unload rmmod guestmemfs

# Whole, then damaged here and there. The outer filesystem comes first.
load "a:64M@$base" && mount -t guestmemfs -o format=force none /mnt && leave
with_outer true
try_inner $size || fail inner "new memory was not formatted"
mkdir /mnt/d && touch /mnt/d/f && truncate -s 4M /mnt/d/f
leave
refused bigger "was formatted with" try_inner $((size + 2097152))
refused smaller "was formatted with" try_inner $((size - 2097152))
refused bigger-format "was formatted with" try_inner $((size + 2097152)) ,format
check kept-after-size try_inner $size && leave

with_outer poke /mnt/img 20 9
check one-superblock-damaged try_inner $size && leave
with_outer poke /mnt/img 4130 1
check other-superblock-damaged try_inner $size && leave
check kept-after-repair try_inner $size && check kept-file test -e /mnt/d/f && leave

# Whole, but from the future.
both() { poke2 "$1" "$2"; poke /mnt/img seal 0; poke /mnt/img seal 4096; }
with_outer both 16 2
refused newer "holds format version 2" try_inner $size
refused newer-format "holds format version 2" try_inner $size ,format
with_outer both 16 1
check kept-after-newer try_inner $size && check kept-file-after-newer test -e /mnt/d/f && leave
with_outer both 40 4
refused features "features this module does not know" try_inner $size
with_outer both 40 0
check kept-after-features try_inner $size && leave

with_outer poke2 100 77
refused both-superblocks "both superblocks are damaged" try_inner $size
refused both-superblocks-again "both superblocks are damaged" try_inner $size
check format try_inner $size ,format && check format-empty test ! -e /mnt/d && touch /mnt/mine && leave
check format-harmless try_inner $size ,format && check format-keeps test -e /mnt/mine && leave

with_outer poke /mnt/img $((8192 + 4)) 3
refused journal "the journal is damaged" try_inner $size
with_outer poke /mnt/img $((8192 + 4)) 0
check journal-mended try_inner $size && leave
with_outer poke /mnt/img $((0x4000 + 8 * 3)) 3
refused block-table "block 3 is damaged" try_inner $size
check block-format try_inner $size ,format && touch /mnt/a && leave
with_outer poke /mnt/img $((0x5000 + 512 * 2 + 300)) 1
refused slot "inode 2 is damaged" try_inner $size
refused slot-again "inode 2 is damaged" try_inner $size
check format-force try_inner $size ,format=force && leave

# Somebody else's bytes: not a superblock, and not zero.
with_outer poke2 0 0x7f 0x45
with_outer poke2 1 0x46
refused foreign "not guestmemfs" try_inner $size
exit $failed
