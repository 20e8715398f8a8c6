#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# numa.sh MODULE LOW HIGH: 8 MiB reserved at LOW, in node 0, and at HIGH, in
# node 1. Each range says its node; what a file of it holds lies in the memory
# that the firmware's table gives to that node. Needs the boot's messages, and
# /dev/mem to look there once the module has let go of it.

module=$1
failed=0
check() { name=$1; shift; if "$@"; then echo "ok $name"; else echo "FAIL $name $*"; failed=1; fi; }

node_of() { # ADDRESS
	dmesg | sed -n 's/.*SRAT: Node \([0-9]*\) PXM [0-9]* \[mem \(0x[0-9a-f]*\)-\(0x[0-9a-f]*\)\].*/\1 \2 \3/p' |
	while read -r node from to; do
		[ $(($1)) -lt $((from)) ] || [ $(($1)) -gt $((to)) ] || echo "$node"
	done
}
holds() { # ADDRESS NODE
	dd if=/dev/mem bs=1048576 skip=$(($1 / 1048576)) count=8 2> /dev/null | grep -q "NUMA-$2-HERE"
}

insmod "$module" "ranges=node0:8M@$2,node1:8M@$3" || exit 1
for node in 0 1; do
	check "node$node-told" test "$(cat /sys/fs/guestmemfs/node$node/node)" = $node
	mount -t guestmemfs -o range=node$node,format=force none /mnt || exit 1
	touch /mnt/f && truncate -s 4M /mnt/f
	poke /mnt/f 3000000 78 85 77 65 45 $((48 + node)) 45 72 69 82 69
	umount /mnt
done
rmmod guestmemfs
check node0-firmware test "$(node_of "$2")" = 0
check node1-firmware test "$(node_of "$3")" = 1
check node0-holds holds "$2" 0
check node1-holds holds "$3" 1
check node0-only test "$(holds "$2" 1; echo $?)" = 1

# Told by hand, against the firmware's word.
insmod "$module" "ranges=other:8M@$2:1"
check node-by-hand test "$(cat /sys/fs/guestmemfs/other/node)" = 1
rmmod guestmemfs
exit $failed
