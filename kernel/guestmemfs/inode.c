// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes: a slot in the range, a node in DRAM, a struct inode while in use.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "guestmemfs.h"

/* Of the slots that no inode has, one. 0: none left. */
u32 gmfs_slot_take(struct gmfs_range *r)
{
	u32 ino;

	mutex_lock(&r->lock);
	ino = find_next_zero_bit(r->slots_used, r->nr_slots, GMFS_ROOT_INO);
	if (ino < r->nr_slots) {
		set_bit(ino, r->slots_used);
		r->nr_slots_free--;
	} else {
		ino = 0;
	}
	mutex_unlock(&r->lock);
	return ino;
}

void gmfs_slot_return(struct gmfs_range *r, u32 ino)
{
	mutex_lock(&r->lock);
	clear_bit(ino, r->slots_used);
	r->nr_slots_free++;
	mutex_unlock(&r->lock);
}

/* One transaction: the slot is nobody's. Its blocks were given up before. */
void gmfs_slot_free(struct gmfs_range *r, u32 ino)
{
	struct gmfs_slot *slot;
	u32 generation;

	gmfs_tx_begin(r);
	slot = gmfs_tx_slot(r, ino);
	generation = le32_to_cpu(slot->generation);
	memset(slot, 0, sizeof(*slot));
	slot->ino = cpu_to_le32(ino);
	slot->generation = cpu_to_le32(generation);
	gmfs_tx_commit(r);
	gmfs_slot_return(r, ino);
}

static __le64 to_ns(struct timespec64 ts)
{
	return cpu_to_le64(timespec64_to_ns(&ts));
}

static struct timespec64 from_ns(__le64 ns)
{
	return ns_to_timespec64(le64_to_cpu(ns));
}

void gmfs_slot_from_inode(struct gmfs_slot *slot, const struct inode *inode)
{
	slot->mode = cpu_to_le16(inode->i_mode);
	slot->uid = cpu_to_le32(i_uid_read(inode));
	slot->gid = cpu_to_le32(i_gid_read(inode));
	slot->size = cpu_to_le64(S_ISREG(inode->i_mode) ? i_size_read(inode) : 0);
	slot->atime_ns = to_ns(inode_get_atime(inode));
	slot->mtime_ns = to_ns(inode_get_mtime(inode));
	slot->ctime_ns = to_ns(inode_get_ctime(inode));
}

static void inode_from_slot(struct inode *inode, const struct gmfs_slot *slot,
			    const struct gmfs_node *node)
{
	inode->i_mode = le16_to_cpu(slot->mode);
	i_uid_write(inode, le32_to_cpu(slot->uid));
	i_gid_write(inode, le32_to_cpu(slot->gid));
	inode->i_generation = le32_to_cpu(slot->generation);
	i_size_write(inode, le64_to_cpu(slot->size));
	inode_set_atime_to_ts(inode, from_ns(slot->atime_ns));
	inode_set_mtime_to_ts(inode, from_ns(slot->mtime_ns));
	inode_set_ctime_to_ts(inode, from_ns(slot->ctime_ns));
	inode->i_blocks = (blkcnt_t)node->mapped << (GMFS_BLOCK_SHIFT - 9);
	set_nlink(inode, S_ISDIR(inode->i_mode) ? 2 + node->subdirs : 1);
}

void gmfs_inode_init(struct inode *inode)
{
	if (S_ISDIR(inode->i_mode)) {
		inode->i_op = &gmfs_dir_iops;
		inode->i_fop = &gmfs_dir_fops;
	} else {
		inode->i_op = &gmfs_file_iops;
		inode->i_fop = &gmfs_file_fops;
	}
}

struct inode *gmfs_iget(struct super_block *sb, u32 ino)
{
	struct gmfs_range *r = sb->s_fs_info;
	struct inode *inode = iget_locked(sb, ino);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!gmfs_inode_is_new(inode))
		return inode;

	mutex_lock(&r->lock);
	inode_from_slot(inode, &r->slots[ino], &r->nodes[ino]);
	mutex_unlock(&r->lock);
	if (!inode->i_mode) {		/* freed since the caller looked */
		iget_failed(inode);
		return ERR_PTR(-ESTALE);
	}
	gmfs_inode_init(inode);
	unlock_new_inode(inode);
	return inode;
}

/*
 * The last user of an unlinked file is gone: its blocks are given up and
 * scrubbed, then its slot is free. A crash between is finished by the next
 * mount, which finds the slot marked as an orphan's.
 */
void gmfs_evict(struct inode *inode)
{
	struct gmfs_range *r = gmfs_range_of(inode);
	struct gmfs_node *node = gmfs_node_of(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (inode->i_nlink || is_bad_inode(inode))
		return;

	gmfs_free(r, node->map, 0, node->map_len);
	kvfree(node->map);
	node->map = NULL;
	node->map_len = 0;
	node->mapped = 0;
	gmfs_slot_free(r, inode->i_ino);
}

int gmfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	struct gmfs_range *r = gmfs_range_of(inode);
	int err = setattr_prepare(idmap, dentry, attr);

	if (!err && attr->ia_valid & ATTR_SIZE && attr->ia_size != i_size_read(inode))
		err = gmfs_resize(inode, attr->ia_size);
	if (err)
		return err;

	setattr_copy(idmap, inode, attr);
	gmfs_tx_begin(r);
	gmfs_slot_from_inode(gmfs_tx_slot(r, inode->i_ino), inode);
	gmfs_tx_commit(r);
	return 0;
}
