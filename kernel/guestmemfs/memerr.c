// SPDX-License-Identifier: GPL-2.0
/*
 * Memory errors. The block that holds a bad address is taken out of use for
 * good: at once if it is free, else when its file gives it up, and until then
 * a touch of it is SIGBUS to who touches. On x86 the machine check tells; on
 * any machine /sys/fs/guestmemfs/RANGE/retire may be told.
 */
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/pagemap.h>

#include "guestmemfs.h"

#ifdef CONFIG_X86_MCE
#include <asm/mce.h>
#endif

/* The one store: the block's word. -EAGAIN: it is between two owners. */
static int retire_free(struct gmfs_range *r, u32 block, u64 *entry)
{
	int err = 0;

	mutex_lock(&r->lock);
	*entry = gmfs_entry_read(r, block);
	if (test_bit(block, r->free)) {
		gmfs_mark_taken(r, block);
		gmfs_entry_set(r, block, FIELD_PREP(GMFS_ENTRY_STATE, GMFS_BLOCK_BAD));
		r->nr_bad++;
	} else if (FIELD_GET(GMFS_ENTRY_STATE, *entry) != GMFS_BLOCK_USED) {
		err = FIELD_GET(GMFS_ENTRY_STATE, *entry) == GMFS_BLOCK_BAD ? 0 : -EAGAIN;
	}
	mutex_unlock(&r->lock);
	return err;
}

/* The one store: the same word, its poison bit. */
static int poison_used(struct gmfs_range *r, u32 block, u64 entry)
{
	struct inode *inode = gmfs_iget(r->sb, FIELD_GET(GMFS_ENTRY_INO, entry));
	u64 at = (u64)FIELD_GET(GMFS_ENTRY_INDEX, entry) << GMFS_BLOCK_SHIFT;
	int err = -EAGAIN;

	if (IS_ERR(inode))
		return -EAGAIN;
	filemap_invalidate_lock(inode->i_mapping);
	mutex_lock(&r->lock);
	if (gmfs_entry_read(r, block) == entry) {
		gmfs_entry_set(r, block, (entry & ~GMFS_ENTRY_CHECK) | GMFS_ENTRY_POISON);
		err = 0;
	}
	mutex_unlock(&r->lock);
	if (!err)
		gmfs_unmap(inode, at, at + GMFS_BLOCK_SIZE);
	filemap_invalidate_unlock(inode->i_mapping);
	iput(inode);
	return err;
}

/*
 * gmfs_retire - take the block at physical address @addr out of use
 *
 * Return: 0; -ERANGE outside of the range's data; -ENODEV not mounted;
 * -EAGAIN while the block changes hands.
 */
int gmfs_retire(struct gmfs_range *r, phys_addr_t addr)
{
	struct super_block *sb;
	u64 entry;
	u32 block;
	int err;

	if (addr < r->base || addr - r->base >= r->size)
		return -ERANGE;
	rcu_read_lock();	/* a superblock is freed behind a grace period */
	sb = READ_ONCE(r->sb);
	if (sb && !atomic_inc_not_zero(&sb->s_active))
		sb = NULL;
	rcu_read_unlock();
	if (!sb)
		return -ENODEV;
	block = (addr - r->base) >> GMFS_BLOCK_SHIFT;
	err = -ERANGE;
	if (block >= r->meta_blocks) {
		err = retire_free(r, block, &entry);
		if (!err && FIELD_GET(GMFS_ENTRY_STATE, entry) == GMFS_BLOCK_USED)
			err = poison_used(r, block, entry);
	}
	deactivate_super(sb);
	if (!err)
		pr_warn("range %s: block %u (%pa) retired after a memory error\n",
			r->name, block, &addr);
	return err;
}

#ifdef CONFIG_X86_MCE
static int machine_check(struct notifier_block *block, unsigned long val, void *data)
{
	struct mce *mce = data;
	struct gmfs_range *r;
	phys_addr_t addr;

	if (!mce || !mce_is_memory_error(mce) || mce_is_correctable(mce) ||
	    !mce_usable_address(mce))
		return NOTIFY_DONE;
	addr = mce->addr & MCI_ADDR_PHYSADDR;
	r = gmfs_range_at(addr);
	if (r && gmfs_retire(r, addr))
		pr_err("range %s: memory error at %pa, in a block that cannot be retired now\n",
		       r->name, &addr);
	return NOTIFY_DONE;
}

static struct notifier_block machine_check_block = {
	.notifier_call	= machine_check,
	.priority	= MCE_PRIO_LOWEST,
};

void gmfs_memerr_init(void)
{
	mce_register_decode_chain(&machine_check_block);
}

void gmfs_memerr_exit(void)
{
	mce_unregister_decode_chain(&machine_check_block);
}
#else
void gmfs_memerr_init(void) {}
void gmfs_memerr_exit(void) {}
#endif
