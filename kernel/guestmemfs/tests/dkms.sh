#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# dkms.sh KDIR RELEASE: DKMS takes the sources, builds them against the kernel
# build tree KDIR and lets go of them again, all in a folder of its own. Needs
# dkms in the path, and nothing of the machine's own DKMS tree.

kdir=$1
release=$2
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
failed=0
trap 'rm -rf "$work"' EXIT
check() { name=$1; shift; if "$@" > "$work/log" 2>&1; then echo "ok $name"; else echo "FAIL $name"; cat "$work/log"; failed=1; fi; }
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' "$here/dkms.conf")
mkdir "$work/src" "$work/var" "$work/lib" "$work/src/guestmemfs-$version"
cp "$here"/*.[ch] "$here/Kbuild" "$here/Makefile" "$here/dkms.conf" "$work/src/guestmemfs-$version/"
own() { action=$1; shift; dkms "$action" -m guestmemfs -v "$version" --sourcetree "$work/src" --dkmstree "$work/var" --installtree "$work/lib" "$@"; }

check add own add
check build own build -k "$release/x86_64" --kernelsourcedir "$kdir"
check built grep -qs "vermagic=$release " "$work/var/guestmemfs/$version/$release/x86_64/module/guestmemfs.ko"
check remove own remove --all
exit $failed
