// SPDX-License-Identifier: GPL-2.0
/*
 * Growing, shrinking, holes. What belongs to a file is decided by one number,
 * its size, in its slot: a block at or beyond it does not count. So a file
 * grows by taking blocks first and committing the size then, and shrinks the
 * other way round; a crash between leaves blocks that the next mount frees.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "guestmemfs.h"

static bool may_write(const struct gmfs_range *r, u32 block)
{
	return block && !(gmfs_entry_read(r, block) & GMFS_ENTRY_POISON);
}

/* Zero the bytes [from, to) of the file where it has blocks that hold. */
static void zero_bytes(struct inode *inode, u64 from, u64 to)
{
	struct gmfs_range *r = gmfs_range_of(inode);
	struct gmfs_node *node = gmfs_node_of(inode);

	while (from < to) {
		u64 index = from >> GMFS_BLOCK_SHIFT;
		u64 end = min(to, (index + 1) << GMFS_BLOCK_SHIFT);

		if (index < node->map_len && may_write(r, node->map[index]))
			memset(gmfs_block_mem(r, node->map[index]) +
			       (from & (GMFS_BLOCK_SIZE - 1)), 0, end - from);
		from = end;
	}
}

/*
 * Take [from, to) out of every mapping. In whole GiB, since a 1 GiB page that
 * is hit only in part would have to be split under the mapper's mmap lock;
 * what was unmapped needlessly comes back with the next fault.
 */
void gmfs_unmap(struct inode *inode, u64 from, u64 to)
{
	from = round_down(from, GMFS_GROUP_SIZE);
	to = round_up(to, GMFS_GROUP_SIZE);
	unmap_mapping_range(inode->i_mapping, from, to - from, 1);
}

static void set_mapped(struct inode *inode, u32 mapped)
{
	gmfs_node_of(inode)->mapped = mapped;
	inode->i_blocks = (blkcnt_t)mapped << (GMFS_BLOCK_SHIFT - 9);
}

static void count_blocks(struct inode *inode)
{
	const struct gmfs_node *node = gmfs_node_of(inode);
	u32 index, mapped = 0;

	for (index = 0; index < node->map_len; index++)
		mapped += !!node->map[index];
	set_mapped(inode, mapped);
}

/* The one store is the commit word of this transaction. */
static void commit_size(struct inode *inode, loff_t size)
{
	struct gmfs_range *r = gmfs_range_of(inode);

	i_size_write(inode, size);
	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
	gmfs_tx_begin(r);
	gmfs_slot_from_inode(gmfs_tx_slot(r, inode->i_ino), inode);
	gmfs_tx_commit(r);
}

static int grow(struct inode *inode, loff_t size)
{
	struct gmfs_range *r = gmfs_range_of(inode);
	struct gmfs_node *node = gmfs_node_of(inode);
	loff_t old_size = i_size_read(inode);
	u64 want = gmfs_blocks_of(size);
	u32 *map = NULL;
	int err;

	if (want > r->nr_blocks - r->meta_blocks)
		return -ENOSPC;
	if (want > node->map_len) {
		map = kvmalloc_array(want, sizeof(*map), GFP_KERNEL | __GFP_ZERO);
		if (!map)
			return -ENOMEM;
		/* The inode lock keeps others from changing the old map ... */
		if (node->map)
			memcpy(map, node->map, node->map_len * sizeof(*map));
		err = gmfs_alloc(r, inode->i_ino, map, node->map_len, want);
		if (err) {
			kvfree(map);
			return err;
		}
	}

	filemap_invalidate_lock(inode->i_mapping);
	/* What mappings wrote behind the old end of file is not the file's. */
	zero_bytes(inode, old_size, min_t(u64, size, gmfs_blocks_of(old_size) << GMFS_BLOCK_SHIFT));
	if (map) {
		/* ... but for a fault that filled a hole meanwhile. */
		if (node->map)
			memcpy(map, node->map, node->map_len * sizeof(*map));
		swap(map, node->map);
		node->map_len = want;
	}
	count_blocks(inode);
	commit_size(inode, size);
	filemap_invalidate_unlock(inode->i_mapping);
	kvfree(map);
	return 0;
}

static void shrink(struct inode *inode, loff_t size)
{
	struct gmfs_range *r = gmfs_range_of(inode);
	struct gmfs_node *node = gmfs_node_of(inode);
	u32 keep = gmfs_blocks_of(size);
	u32 had = node->map_len;

	filemap_invalidate_lock(inode->i_mapping);
	commit_size(inode, size);
	gmfs_unmap(inode, size, (u64)had << GMFS_BLOCK_SHIFT);
	gmfs_free(r, node->map, keep, had);
	node->map_len = keep;
	zero_bytes(inode, size, (u64)keep << GMFS_BLOCK_SHIFT);
	count_blocks(inode);
	filemap_invalidate_unlock(inode->i_mapping);
}

/* Called with the inode lock held. */
int gmfs_resize(struct inode *inode, loff_t size)
{
	if (size > i_size_read(inode))
		return grow(inode, size);
	shrink(inode, size);
	return 0;
}

/* Called with the invalidate_lock held. One store a block: its own word. */
int gmfs_fill_hole(struct inode *inode, u32 index)
{
	struct gmfs_node *node = gmfs_node_of(inode);
	int err;

	if (node->map[index])
		return 0;
	err = gmfs_alloc(gmfs_range_of(inode), inode->i_ino, node->map, index, index + 1);
	if (!err)
		set_mapped(inode, node->mapped + 1);
	return err;
}

static int fill_holes(struct inode *inode, u64 from, u64 to)
{
	int err = 0;

	filemap_invalidate_lock(inode->i_mapping);
	for (; !err && from < to; from++)
		err = gmfs_fill_hole(inode, from);
	filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

/* Whole blocks become holes, the bytes at the edges become zero. */
static void punch_hole(struct inode *inode, u64 from, u64 to)
{
	struct gmfs_range *r = gmfs_range_of(inode);
	struct gmfs_node *node = gmfs_node_of(inode);
	u64 first = gmfs_blocks_of(from);
	u64 last = to >> GMFS_BLOCK_SHIFT;

	/* The end of the file ends its last block too. */
	if (to == i_size_read(inode))
		last = node->map_len;

	filemap_invalidate_lock(inode->i_mapping);
	if (first < last) {
		gmfs_unmap(inode, first << GMFS_BLOCK_SHIFT, last << GMFS_BLOCK_SHIFT);
		gmfs_free(r, node->map, first, last);
		zero_bytes(inode, from, first << GMFS_BLOCK_SHIFT);
		zero_bytes(inode, last << GMFS_BLOCK_SHIFT, to);
	} else {
		zero_bytes(inode, from, to);
	}
	count_blocks(inode);
	filemap_invalidate_unlock(inode->i_mapping);
}

/*
 * gmfs_fallocate - extend, fill holes, or punch them
 *
 * Files have their blocks from truncate on; holes are what was punched. Mode
 * 0 and FALLOC_FL_KEEP_SIZE fill them, the first extends the file too. Blocks
 * beyond the end of file are not kept, so KEEP_SIZE there is refused.
 */
long gmfs_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct inode *inode = file_inode(file);
	loff_t size, end = offset + len;
	long err;

	if (!S_ISREG(inode->i_mode) ||
	    (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)))
		return -EOPNOTSUPP;

	inode_lock(inode);
	size = i_size_read(inode);
	err = 0;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		end = min(end, size);
		if (offset < end)
			punch_hole(inode, offset, end);
		goto done;
	}
	if (end > size) {
		err = mode & FALLOC_FL_KEEP_SIZE ? -EOPNOTSUPP : inode_newsize_ok(inode, end);
		if (!err)
			err = grow(inode, end);
		if (err)
			goto unlock;
	}
	err = fill_holes(inode, offset >> GMFS_BLOCK_SHIFT, gmfs_blocks_of(end));
done:
	commit_size(inode, i_size_read(inode));	/* the times */
unlock:
	inode_unlock(inode);
	return err;
}

/*
 * Where a file's bytes lie: offsets within the range, as with a block device,
 * so that who may read a file does not learn physical addresses.
 */
int gmfs_fiemap(struct inode *inode, struct fiemap_extent_info *info, u64 start, u64 len)
{
	struct gmfs_node *node = gmfs_node_of(inode);
	u64 index, end;
	int err;

	inode_lock_shared(inode);
	err = fiemap_prep(inode, info, start, &len, 0);
	index = start >> GMFS_BLOCK_SHIFT;
	end = min_t(u64, gmfs_blocks_of(start + len), node->map_len);
	while (!err && index < end) {
		u32 block = node->map[index], run = 1;
		u32 flags = 0;

		while (block && index + run < end && node->map[index + run] == block + run)
			run++;
		if (index + run == node->map_len)
			flags = FIEMAP_EXTENT_LAST;
		if (block)
			err = fiemap_fill_next_extent(info, index << GMFS_BLOCK_SHIFT,
						      (u64)block << GMFS_BLOCK_SHIFT,
						      (u64)run << GMFS_BLOCK_SHIFT, flags);
		index += run;
	}
	inode_unlock_shared(inode);
	return min(err, 0);
}
