#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# points.sh MODULE BASE [ROUNDS [FIRST]]: to be run at every boot of a machine that is
# reset with its memory kept, with a module built with -DGMFS_CRASH_TEST and
# 32 MiB reserved at BASE. Each boot verifies what the last crash left and runs
# until the next crash point: the first boot to the first (or FIRST), and so on, until the
# rounds of changes end before the point is reached.

insmod "$1" "ranges=points:32M@$2" || exit 1
mount -t guestmemfs none /mnt || { dmesg | tail -n 2; exit 1; }
if [ ! -e /mnt/current ]; then
	touch /mnt/next && truncate -s 4096 /mnt/next && crash run /mnt 1
	poke /mnt/next 0 $(((${4:-1} - 1) % 256)) $(((${4:-1} - 1) / 256))
fi
point=$(($(poke /mnt/next 0) + 256 * $(poke /mnt/next 1) + 1))
poke /mnt/next 0 $((point % 256)) $((point / 256))
echo "# point $point $(dmesg | grep -c 'cut off')"
if crash verify /mnt points | grep -v '^[o#]'; then exit 1; fi
echo $point > /sys/module/guestmemfs/parameters/crash_at
crash run /mnt "${3:-2}"
echo 0 > /sys/module/guestmemfs/parameters/crash_at
umount /mnt
rmmod guestmemfs
echo "ok points # $point crash points, each survived"
