// SPDX-License-Identifier: GPL-2.0
/*
 * Mount: from the range's bytes to what is kept in DRAM. Every slot and every
 * word of the block table is checked first; what cannot have come about by a
 * crash is damage, and refused.
 */
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/slab.h>

#include "guestmemfs.h"

static int refuse(const struct gmfs_range *r, const char *what, u32 number)
{
	pr_err("range %s: %s %u is damaged; left as it is, mount with -o format to discard everything in the range\n",
	       r->name, what, number);
	return -EUCLEAN;
}

static int alloc_tables(struct gmfs_range *r)
{
	r->names_bits = max(ilog2(r->nr_slots) - 1, 6);
	r->nodes = kvcalloc(r->nr_slots, sizeof(*r->nodes), GFP_KERNEL);
	r->names = kvcalloc(1U << r->names_bits, sizeof(*r->names), GFP_KERNEL);
	r->slots_used = bitmap_zalloc(r->nr_slots, GFP_KERNEL);
	r->free = kvcalloc(BITS_TO_LONGS(r->nr_blocks), sizeof(long), GFP_KERNEL);
	r->group_free = kvcalloc(gmfs_nr_groups(r), sizeof(u32), GFP_KERNEL);
	if (!r->nodes || !r->names || !r->slots_used || !r->free || !r->group_free)
		return -ENOMEM;
	return 0;
}

static bool slot_is_blank(const struct gmfs_slot *slot)
{
	return !memchr_inv(slot, 0, sizeof(*slot));
}

static bool slot_is_sane(const struct gmfs_range *r, u32 ino)
{
	const struct gmfs_slot *slot = &r->slots[ino];
	u16 mode = le16_to_cpu(slot->mode);

	if (le32_to_cpu(slot->ino) != ino ||
	    le32_to_cpu(slot->crc) != gmfs_slot_crc(r, slot))
		return false;
	if (!mode)
		return true;
	if (!S_ISREG(mode) && !S_ISDIR(mode))
		return false;
	if (gmfs_blocks_of(le64_to_cpu(slot->size)) > r->nr_blocks)
		return false;
	if (ino == GMFS_ROOT_INO)
		return S_ISDIR(mode) && !slot->flags;
	return slot->name_len && !memchr(slot->name, '/', slot->name_len) &&
	       !memchr(slot->name, 0, slot->name_len);
}

static int load_slots(struct gmfs_range *r)
{
	u32 ino;

	for (ino = GMFS_ROOT_INO; ino < r->nr_slots; ino++) {
		const struct gmfs_slot *slot = &r->slots[ino];
		struct gmfs_node *node = &r->nodes[ino];

		if (slot_is_blank(slot))
			continue;
		if (!slot_is_sane(r, ino))
			return refuse(r, "inode", ino);
		if (!slot->mode)
			continue;
		set_bit(ino, r->slots_used);
		if (slot->flags & GMFS_SLOT_ORPHAN)
			continue;	/* map_len is 0: no block counts */
		node->map_len = gmfs_blocks_of(le64_to_cpu(slot->size));
		if (!node->map_len)
			continue;
		node->map = kvcalloc(node->map_len, sizeof(*node->map), GFP_KERNEL);
		if (!node->map)
			return -ENOMEM;
	}
	if (!test_bit(GMFS_ROOT_INO, r->slots_used))
		return refuse(r, "inode", GMFS_ROOT_INO);
	return 0;
}

/* Names: one parent that is a directory, no two the same, no circles. */
static int load_names(struct gmfs_range *r)
{
	u32 ino, up, steps;

	for_each_set_bit(ino, r->slots_used, r->nr_slots) {
		const struct gmfs_slot *slot = &r->slots[ino];
		u32 parent = le32_to_cpu(slot->parent);

		if (ino == GMFS_ROOT_INO || slot->flags & GMFS_SLOT_ORPHAN)
			continue;
		if (parent >= r->nr_slots || !test_bit(parent, r->slots_used) ||
		    !S_ISDIR(le16_to_cpu(r->slots[parent].mode)) ||
		    r->slots[parent].flags & GMFS_SLOT_ORPHAN ||
		    gmfs_find(r, parent, slot->name, slot->name_len))
			return refuse(r, "inode", ino);
		r->nodes[ino].parent = parent;
		r->nodes[parent].children++;
		if (S_ISDIR(le16_to_cpu(slot->mode)))
			r->nodes[parent].subdirs++;
		gmfs_hash_add(r, ino);
	}
	for_each_set_bit(ino, r->slots_used, r->nr_slots) {
		for (up = ino, steps = 0; r->nodes[up].parent; steps++) {
			if (steps > r->nr_slots)
				return refuse(r, "inode", ino);
			up = r->nodes[up].parent;
		}
	}
	return 0;
}

static int load_used(struct gmfs_range *r, u32 block, u64 entry)
{
	u32 ino = FIELD_GET(GMFS_ENTRY_INO, entry);
	u32 index = FIELD_GET(GMFS_ENTRY_INDEX, entry);
	struct gmfs_node *node;

	if (!ino || ino >= r->nr_slots || !test_bit(ino, r->slots_used) ||
	    !S_ISREG(le16_to_cpu(r->slots[ino].mode)))
		return refuse(r, "block", block);
	node = &r->nodes[ino];
	if (index >= node->map_len) {	/* a crash cut a change of size off */
		gmfs_surrender(r, block);
		return 0;
	}
	if (node->map[index])
		return refuse(r, "block", block);
	node->map[index] = block;
	node->mapped++;
	return 0;
}

static int check_blocks(struct gmfs_range *r)
{
	u32 block;

	for (block = 0; block < r->nr_blocks; block++) {
		u64 entry = gmfs_entry_read(r, block);
		u32 state = FIELD_GET(GMFS_ENTRY_STATE, entry);

		bool meta = state == GMFS_BLOCK_META;

		if (!gmfs_entry_valid(r->crc_seed, block, entry) ||
		    state == GMFS_BLOCK_INVALID || state > GMFS_BLOCK_BAD ||
		    meta != (block < r->meta_blocks))
			return refuse(r, "block", block);
	}
	return 0;
}

static int load_blocks(struct gmfs_range *r)
{
	u32 block;
	int err;

	for (block = r->meta_blocks; block < r->nr_blocks; block++) {
		u64 entry = gmfs_entry_read(r, block);

		if (FIELD_GET(GMFS_ENTRY_STATE, entry) == GMFS_BLOCK_USED) {
			err = load_used(r, block, entry);
			if (err)
				return err;
		} else if (FIELD_GET(GMFS_ENTRY_STATE, entry) == GMFS_BLOCK_BAD) {
			r->nr_bad++;
		}
	}
	/* Only now, when nothing more can be refused, is anything free. */
	for (block = r->meta_blocks; block < r->nr_blocks; block++) {
		u32 state = gmfs_entry_state(r, block);

		if (state != GMFS_BLOCK_USED && state != GMFS_BLOCK_BAD)
			gmfs_mark_free(r, block);
	}
	return 0;
}

/* Whoever held an unlinked file open is gone; its blocks were surrendered. */
static void release_orphans(struct gmfs_range *r)
{
	u32 ino;

	for_each_set_bit(ino, r->slots_used, r->nr_slots) {
		if (r->slots[ino].flags & GMFS_SLOT_ORPHAN)
			gmfs_slot_free(r, ino);
	}
}

/*
 * gmfs_load - read the range's metadata
 *
 * Return: 0, -EUCLEAN (damage, the range is unchanged) or -ENOMEM. The caller
 * calls gmfs_unload() in either case.
 */
int gmfs_load(struct gmfs_range *r)
{
	int err = alloc_tables(r);

	if (!err)
		err = gmfs_journal_replay(r);
	if (!err)
		err = load_slots(r);
	if (!err)
		err = load_names(r);
	if (!err)
		err = check_blocks(r);
	if (!err)
		err = load_blocks(r);
	if (err)
		return err;
	r->nr_slots_free = r->nr_slots - 1 - bitmap_weight(r->slots_used, r->nr_slots);
	release_orphans(r);
	return 0;
}

void gmfs_unload(struct gmfs_range *r)
{
	u32 ino;

	for (ino = 0; r->nodes && ino < r->nr_slots; ino++)
		kvfree(r->nodes[ino].map);
	kvfree(r->nodes);
	kvfree(r->names);
	bitmap_free(r->slots_used);
	kvfree(r->free);
	kvfree(r->group_free);
	r->nodes = NULL;
	r->names = NULL;
	r->slots_used = NULL;
	r->free = NULL;
	r->group_free = NULL;
	r->nr_free = 0;
	r->nr_slots_free = 0;
	r->nr_bad = 0;
	r->nr_dirty = 0;
}
