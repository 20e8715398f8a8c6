/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels from 6.12 to 7.2, and nothing else. */
#ifndef _GMFS_COMPAT_H
#define _GMFS_COMPAT_H

#include <linux/crc32.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/version.h>

static inline u32 gmfs_crc32c(u32 crc, const void *p, size_t len)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
	return __crc32c_le(crc, p, len);	/* crc32c() was a module of its own */
#else
	return crc32c(crc, p, len);
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#define gmfs_huge_pfn(pfn)		pfn_to_pfn_t(pfn)
#else
#define gmfs_huge_pfn(pfn)		(pfn)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define gmfs_inode_is_new(inode)	((inode)->i_state & I_NEW)
#define gmfs_find_area(file, addr, len, pgoff, flags) \
	mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags)
#else
#define gmfs_inode_is_new(inode)	(inode_state_read_once(inode) & I_NEW)
#define gmfs_find_area(file, addr, len, pgoff, flags) \
	mm_get_unmapped_area(file, addr, len, pgoff, flags)
#endif

/* mkdir returned an errno; now a dentry, an error pointer or NULL. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define GMFS_MKDIR_TYPE			int
#define gmfs_mkdir_result(err)		(err)
#else
#define GMFS_MKDIR_TYPE			struct dentry *
#define gmfs_mkdir_result(err)		ERR_PTR(err)
#endif

#endif
