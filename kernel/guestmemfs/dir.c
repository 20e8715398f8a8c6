// SPDX-License-Identifier: GPL-2.0
/*
 * Names. A slot holds its own name and its parent's number, so a name is
 * made, changed or taken away by a transaction over that slot; in DRAM they
 * are hashed. A position in a directory is a slot's number: it stays where it
 * is whatever else comes and goes.
 */
#include <linux/bitmap.h>
#include <linux/stringhash.h>

#include "guestmemfs.h"

static struct hlist_head *bucket(struct gmfs_range *r, u32 parent, const u8 *name, u32 len)
{
	u32 hash = full_name_hash((void *)(unsigned long)parent, name, len);

	return &r->names[hash & ((1U << r->names_bits) - 1)];
}

/* The inode of that name, or 0. */
u32 gmfs_find(struct gmfs_range *r, u32 parent, const u8 *name, u32 len)
{
	struct gmfs_node *node;

	hlist_for_each_entry(node, bucket(r, parent, name, len), hash) {
		const struct gmfs_slot *slot = &r->slots[node - r->nodes];

		if (node->parent == parent && slot->name_len == len &&
		    !memcmp(slot->name, name, len))
			return node - r->nodes;
	}
	return 0;
}

/* By the name that the slot has now. */
void gmfs_hash_add(struct gmfs_range *r, u32 ino)
{
	const struct gmfs_slot *slot = &r->slots[ino];
	struct gmfs_node *node = &r->nodes[ino];

	hlist_add_head(&node->hash, bucket(r, node->parent, slot->name, slot->name_len));
}

/* Both follow a transaction, or come before one, under the same lock. */
static void link_node(struct gmfs_range *r, u32 ino, u32 parent, bool dir)
{
	r->nodes[ino].parent = parent;
	r->nodes[parent].children++;
	r->nodes[parent].subdirs += dir;
}

static void unlink_node(struct gmfs_range *r, u32 ino, bool dir)
{
	struct gmfs_node *node = &r->nodes[ino];

	hlist_del_init(&node->hash);
	r->nodes[node->parent].children--;
	r->nodes[node->parent].subdirs -= dir;
	node->parent = 0;
}

static void set_name(struct gmfs_slot *slot, u32 parent, const struct qstr *name)
{
	slot->parent = cpu_to_le32(parent);
	slot->name_len = name->len;
	memset(slot->name, 0, sizeof(slot->name));
	memcpy(slot->name, name->name, name->len);
}

/* @dir's entries changed: its times, in memory and in the transaction. */
static void touch_dir(struct gmfs_range *r, struct inode *dir)
{
	inode_set_mtime_to_ts(dir, inode_set_ctime_current(dir));
	gmfs_slot_from_inode(gmfs_tx_slot(r, dir->i_ino), dir);
}

static struct dentry *gmfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct gmfs_range *r = gmfs_range_of(dir);
	struct inode *inode = NULL;
	u32 ino;

	if (dentry->d_name.len > GMFS_NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);

	mutex_lock(&r->lock);
	ino = gmfs_find(r, dir->i_ino, dentry->d_name.name, dentry->d_name.len);
	mutex_unlock(&r->lock);
	if (ino)
		inode = gmfs_iget(dir->i_sb, ino);
	return d_splice_alias(inode, dentry);
}

static int gmfs_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file_inode(file);
	struct gmfs_range *r = gmfs_range_of(dir);
	u8 name[GMFS_NAME_MAX];

	if (!dir_emit_dots(file, ctx))
		return 0;

	for (; ctx->pos < r->nr_slots; ctx->pos++) {
		u32 ino = ctx->pos, len;
		u16 mode;

		if (READ_ONCE(r->nodes[ino].parent) != dir->i_ino)
			continue;
		/* A copy: the buffer may lie in memory of this filesystem. */
		mutex_lock(&r->lock);
		len = r->nodes[ino].parent == dir->i_ino ? r->slots[ino].name_len : 0;
		mode = le16_to_cpu(r->slots[ino].mode);
		memcpy(name, r->slots[ino].name, len);
		mutex_unlock(&r->lock);
		if (len && !dir_emit(ctx, name, len, ino, fs_umode_to_dtype(mode)))
			break;
	}
	return 0;
}

static int make(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct gmfs_range *r = gmfs_range_of(dir);
	bool is_dir = S_ISDIR(mode);
	struct gmfs_slot *slot;
	struct inode *inode;
	int err = -ENOMEM;
	u32 ino;

	if (dentry->d_name.len > GMFS_NAME_MAX)
		return -ENAMETOOLONG;
	ino = gmfs_slot_take(r);
	if (!ino)
		return -ENOSPC;
	inode = new_inode(dir->i_sb);
	if (!inode)
		goto return_slot;
	inode->i_ino = ino;
	err = insert_inode_locked(inode);
	if (err)
		goto drop_inode;
	inode_init_owner(idmap, inode, dir, mode);
	simple_inode_init_ts(inode);
	gmfs_inode_init(inode);
	if (is_dir)
		set_nlink(inode, 2);

	gmfs_tx_begin(r);
	slot = gmfs_tx_slot(r, ino);
	inode->i_generation = le32_to_cpu(slot->generation) + 1;
	slot->generation = cpu_to_le32(inode->i_generation);
	slot->flags = 0;
	gmfs_slot_from_inode(slot, inode);
	slot->btime_ns = slot->mtime_ns;
	set_name(slot, dir->i_ino, &dentry->d_name);
	if (is_dir)
		inc_nlink(dir);
	touch_dir(r, dir);
	gmfs_tx_apply(r);
	link_node(r, ino, dir->i_ino, is_dir);
	gmfs_hash_add(r, ino);
	gmfs_tx_end(r);

	d_instantiate_new(dentry, inode);
	return 0;

drop_inode:
	make_bad_inode(inode);
	iput(inode);
return_slot:
	gmfs_slot_return(r, ino);
	return err;
}

static int gmfs_create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
		       umode_t mode, bool excl)
{
	return make(idmap, dir, dentry, (mode & 07777) | S_IFREG);
}

static GMFS_MKDIR_TYPE gmfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
				  struct dentry *dentry, umode_t mode)
{
	return gmfs_mkdir_result(make(idmap, dir, dentry, (mode & 07777) | S_IFDIR));
}

/* In the open transaction: @inode has no name any more. */
static void orphan(struct gmfs_range *r, struct inode *inode)
{
	inode_set_ctime_current(inode);
	gmfs_slot_from_inode(gmfs_tx_slot(r, inode->i_ino), inode);
	gmfs_tx_slot(r, inode->i_ino)->flags |= GMFS_SLOT_ORPHAN;
}

static void drop_links(struct inode *dir, struct inode *inode)
{
	if (S_ISDIR(inode->i_mode)) {
		clear_nlink(inode);
		drop_nlink(dir);
	} else {
		drop_nlink(inode);
	}
}

static int gmfs_unlink(struct inode *dir, struct dentry *dentry)
{
	struct gmfs_range *r = gmfs_range_of(dir);
	struct inode *inode = d_inode(dentry);

	gmfs_tx_begin(r);
	orphan(r, inode);
	touch_dir(r, dir);
	gmfs_tx_apply(r);
	unlink_node(r, inode->i_ino, S_ISDIR(inode->i_mode));
	gmfs_tx_end(r);
	drop_links(dir, inode);
	return 0;
}

static bool is_empty(struct inode *dir)
{
	return !gmfs_node_of(dir)->children;
}

static int gmfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	return is_empty(d_inode(dentry)) ? gmfs_unlink(dir, dentry) : -ENOTEMPTY;
}

/*
 * One transaction over all that changes: the file, what it replaces or is
 * exchanged with, and the two directories' times.
 */
static int gmfs_rename(struct mnt_idmap *idmap, struct inode *old_dir, struct dentry *old_dentry,
		       struct inode *new_dir, struct dentry *new_dentry, unsigned int flags)
{
	struct gmfs_range *r = gmfs_range_of(old_dir);
	struct inode *inode = d_inode(old_dentry), *other = d_inode(new_dentry);
	bool exchange = flags & RENAME_EXCHANGE;
	bool is_dir = S_ISDIR(inode->i_mode);
	bool other_is_dir = other && S_ISDIR(other->i_mode);

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (new_dentry->d_name.len > GMFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (other_is_dir && !exchange && !is_empty(other))
		return -ENOTEMPTY;

	gmfs_tx_begin(r);
	inode_set_ctime_current(inode);
	gmfs_slot_from_inode(gmfs_tx_slot(r, inode->i_ino), inode);
	set_name(gmfs_tx_slot(r, inode->i_ino), new_dir->i_ino, &new_dentry->d_name);
	if (exchange) {
		inode_set_ctime_current(other);
		gmfs_slot_from_inode(gmfs_tx_slot(r, other->i_ino), other);
		set_name(gmfs_tx_slot(r, other->i_ino), old_dir->i_ino, &old_dentry->d_name);
	} else if (other) {
		orphan(r, other);
	}
	touch_dir(r, old_dir);
	touch_dir(r, new_dir);
	gmfs_tx_apply(r);

	unlink_node(r, inode->i_ino, is_dir);
	if (other)
		unlink_node(r, other->i_ino, other_is_dir);
	link_node(r, inode->i_ino, new_dir->i_ino, is_dir);
	gmfs_hash_add(r, inode->i_ino);
	if (exchange) {
		link_node(r, other->i_ino, old_dir->i_ino, other_is_dir);
		gmfs_hash_add(r, other->i_ino);
	}
	gmfs_tx_end(r);

	if (other && !exchange)
		drop_links(new_dir, other);
	set_nlink(old_dir, 2 + gmfs_node_of(old_dir)->subdirs);
	set_nlink(new_dir, 2 + gmfs_node_of(new_dir)->subdirs);
	return 0;
}

const struct inode_operations gmfs_dir_iops = {
	.lookup		= gmfs_lookup,
	.create		= gmfs_create,
	.mkdir		= gmfs_mkdir,
	.unlink		= gmfs_unlink,
	.rmdir		= gmfs_rmdir,
	.rename		= gmfs_rename,
	.setattr	= gmfs_setattr,
};

const struct file_operations gmfs_dir_fops = {
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= gmfs_readdir,
	.fsync		= noop_fsync,
};
