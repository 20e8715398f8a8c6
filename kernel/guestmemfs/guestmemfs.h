/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GUESTMEMFS_H
#define _GUESTMEMFS_H

#include <linux/atomic.h>
#include <linux/bitfield.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/kobject.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "format.h"

#undef pr_fmt
#define pr_fmt(fmt)	KBUILD_MODNAME ": " fmt

/* Physical memory of 1 GiB, aligned to it: what one PUD maps. */
#define GMFS_GROUP_SHIFT	30
#define GMFS_GROUP_SIZE		BIT(GMFS_GROUP_SHIFT)
#define GMFS_GROUP_BLOCKS	(1U << (GMFS_GROUP_SHIFT - GMFS_BLOCK_SHIFT))

#define GMFS_BLOCK_PAGES	(GMFS_BLOCK_SIZE >> PAGE_SHIFT)

/*
 * What is known in DRAM of an inode slot while the range is mounted.
 * @map and @map_len change under the inode's invalidate_lock, the rest under
 * the range's lock.
 */
struct gmfs_node {
	struct hlist_node hash;		/* by parent and name */
	u32 parent;			/* 0: free, or unlinked */
	u32 children;
	u32 subdirs;
	u32 map_len;
	u32 mapped;			/* blocks, holes not counted */
	u32 *map;			/* block by index, 0 is a hole */
};

enum gmfs_fault_size { GMFS_FAULT_4K, GMFS_FAULT_2M, GMFS_FAULT_1G, GMFS_FAULT_SIZES };

/*
 * struct gmfs_range - one reserved range of physical memory
 * @lock: serialises metadata: journal, slots, nodes, names, the free bitmap.
 *	Innermost: inode lock, invalidate_lock, then this one. Nothing that
 *	can sleep on memory reclaim or on user memory happens under it.
 * @table: a word belongs to who took its block out of @free, and is written
 *	without @lock.
 */
struct gmfs_range {
	struct kobject kobj;
	const char *name;
	phys_addr_t base;
	u64 size;
	int node;
	struct resource *res;
	void *mem;

	atomic64_t faults[GMFS_FAULT_SIZES];
	u32 nr_blocks;
	u32 meta_blocks;
	u32 nr_slots;

	/* From here on: while mounted. */
	struct mutex lock;
	struct super_block *sb;
	struct gmfs_super super;	/* the current one, in DRAM */
	u32 crc_seed;

	__le64 *commit;
	struct gmfs_slot *records;
	unsigned int tx_count;
	u32 tx_seq;

	__le64 *table;
	struct gmfs_slot *slots;

	struct gmfs_node *nodes;
	struct hlist_head *names;
	unsigned int names_bits;
	unsigned long *slots_used;
	u32 nr_slots_free;

	unsigned long *free;
	u32 *group_free;
	u32 nr_free;
	u32 nr_bad;
	u32 nr_dirty;
	struct work_struct scrub;
};

struct gmfs_mount_opts {
	char *range;
	bool format;
	bool format_force;
	bool has_mode, has_uid, has_gid;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
};

/*
 * For tests/points.sh (make KCFLAGS=-DGMFS_CRASH_TEST): the machine is reset
 * at the crash_at'th of these, which stand before and after each store that
 * counts, and between the slots that a transaction copies.
 */
#ifdef GMFS_CRASH_TEST
void gmfs_crash_point(void);
#else
static inline void gmfs_crash_point(void) {}
#endif

/*
 * gmfs_publish - the one 8-byte store that makes a change true
 *
 * Everything stored before it is seen before it, everything after it after.
 * That is all a kexec or a panic asks for: the memory is write-back and the
 * caches are not lost with the kernel, so nothing has to be flushed; other
 * processors are stopped between two instructions, so a reader sees a prefix
 * of this program order.
 */
static inline void gmfs_publish(__le64 *word, u64 value)
{
	gmfs_crash_point();
	smp_wmb();	/* what @value makes true comes before it */
	WRITE_ONCE(*word, cpu_to_le64(value));
	smp_wmb();	/* what relies on it comes after */
	gmfs_crash_point();
}

static inline struct gmfs_range *gmfs_range_of(const struct inode *inode)
{
	return inode->i_sb->s_fs_info;
}

static inline struct gmfs_node *gmfs_node_of(const struct inode *inode)
{
	return &gmfs_range_of(inode)->nodes[inode->i_ino];
}

static inline void *gmfs_block_mem(struct gmfs_range *r, u32 block)
{
	return r->mem + ((u64)block << GMFS_BLOCK_SHIFT);
}

static inline unsigned long gmfs_block_pfn(struct gmfs_range *r, u32 block)
{
	return PHYS_PFN(r->base) + ((unsigned long)block << (GMFS_BLOCK_SHIFT - PAGE_SHIFT));
}

static inline u64 gmfs_blocks_of(u64 size)
{
	return (size + GMFS_BLOCK_SIZE - 1) >> GMFS_BLOCK_SHIFT;
}

/* range.c */
int gmfs_ranges_init(void);
void gmfs_ranges_exit(void);
struct gmfs_range *gmfs_range_find(const char *name);
struct gmfs_range *gmfs_range_at(phys_addr_t addr);

/* format.c */
void gmfs_super_make(struct gmfs_range *r);
int gmfs_super_open(struct gmfs_range *r, const struct gmfs_mount_opts *opts);
void gmfs_super_mounted(struct gmfs_range *r);

/* load.c */
int gmfs_load(struct gmfs_range *r);
void gmfs_unload(struct gmfs_range *r);

/* journal.c */
u32 gmfs_slot_crc(const struct gmfs_range *r, const struct gmfs_slot *slot);
void gmfs_tx_begin(struct gmfs_range *r);
struct gmfs_slot *gmfs_tx_slot(struct gmfs_range *r, u32 ino);
void gmfs_tx_commit(struct gmfs_range *r);
void gmfs_tx_apply(struct gmfs_range *r);
void gmfs_tx_end(struct gmfs_range *r);
int gmfs_journal_replay(struct gmfs_range *r);

/* alloc.c */
u64 gmfs_entry(u32 seed, u32 block, u64 fields);
bool gmfs_entry_valid(u32 seed, u32 block, u64 entry);
u64 gmfs_entry_read(const struct gmfs_range *r, u32 block);
enum gmfs_state gmfs_entry_state(const struct gmfs_range *r, u32 block);
u32 gmfs_group_of(const struct gmfs_range *r, u32 block);
u32 gmfs_nr_groups(const struct gmfs_range *r);
void gmfs_entry_set(struct gmfs_range *r, u32 block, u64 fields);
void gmfs_mark_free(struct gmfs_range *r, u32 block);
void gmfs_mark_taken(struct gmfs_range *r, u32 block);
int gmfs_alloc(struct gmfs_range *r, u32 ino, u32 *map, u32 from, u32 to);
void gmfs_free(struct gmfs_range *r, u32 *map, u32 from, u32 to);
void gmfs_surrender(struct gmfs_range *r, u32 block);
void gmfs_scrub_work(struct work_struct *work);

/* memerr.c */
int gmfs_retire(struct gmfs_range *r, phys_addr_t addr);
void gmfs_memerr_init(void);
void gmfs_memerr_exit(void);

/* inode.c */
struct inode *gmfs_iget(struct super_block *sb, u32 ino);
void gmfs_inode_init(struct inode *inode);
void gmfs_slot_from_inode(struct gmfs_slot *slot, const struct inode *inode);
u32 gmfs_slot_take(struct gmfs_range *r);
void gmfs_slot_return(struct gmfs_range *r, u32 ino);
void gmfs_slot_free(struct gmfs_range *r, u32 ino);
void gmfs_evict(struct inode *inode);
int gmfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr);

/* size.c */
void gmfs_unmap(struct inode *inode, u64 from, u64 to);
int gmfs_resize(struct inode *inode, loff_t size);
int gmfs_fill_hole(struct inode *inode, u32 index);
int gmfs_fiemap(struct inode *inode, struct fiemap_extent_info *info, u64 start, u64 len);
long gmfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len);

/* dir.c */
u32 gmfs_find(struct gmfs_range *r, u32 parent, const u8 *name, u32 len);
void gmfs_hash_add(struct gmfs_range *r, u32 ino);
extern const struct inode_operations gmfs_dir_iops;
extern const struct file_operations gmfs_dir_fops;

/* file.c */
extern const struct inode_operations gmfs_file_iops;
extern const struct file_operations gmfs_file_fops;

#endif
