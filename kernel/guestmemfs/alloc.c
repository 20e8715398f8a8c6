// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of 2 MiB. Who has which is one word of the block table, and each
 * step of a block's life is one store of that word:
 *
 *	FRESH, DIRTY -> (scrub) -> USED		allocation
 *	CLEAN -> USED				allocation
 *	USED -> DIRTY -> (scrub) -> CLEAN	free
 *	USED + poison -> BAD			free, after a memory error
 *
 * A block that is not known to be zero is zeroed before it is handed out,
 * whatever crash lies between. A file's block counts only below the file's
 * size (see size.c), which is what makes many words one change.
 */
#include <linux/bitmap.h>
#include <linux/sched/signal.h>

#include "guestmemfs.h"

static u16 entry_check(u32 seed, u32 block, u64 fields)
{
	__le64 words[2] = { cpu_to_le64(block), cpu_to_le64(fields) };
	u32 crc = gmfs_crc32c(seed, words, sizeof(words));

	return crc ^ (crc >> 16);
}

u64 gmfs_entry(u32 seed, u32 block, u64 fields)
{
	return fields | FIELD_PREP(GMFS_ENTRY_CHECK, entry_check(seed, block, fields));
}

bool gmfs_entry_valid(u32 seed, u32 block, u64 entry)
{
	return entry == gmfs_entry(seed, block, entry & ~GMFS_ENTRY_CHECK);
}

u64 gmfs_entry_read(const struct gmfs_range *r, u32 block)
{
	return le64_to_cpu(READ_ONCE(r->table[block]));
}

enum gmfs_state gmfs_entry_state(const struct gmfs_range *r, u32 block)
{
	return FIELD_GET(GMFS_ENTRY_STATE, gmfs_entry_read(r, block));
}

void gmfs_entry_set(struct gmfs_range *r, u32 block, u64 fields)
{
	gmfs_publish(&r->table[block], gmfs_entry(r->crc_seed, block, fields));
}

static void entry_set_state(struct gmfs_range *r, u32 block, enum gmfs_state state)
{
	gmfs_entry_set(r, block, FIELD_PREP(GMFS_ENTRY_STATE, state));
}

/* Groups are 1 GiB of physical memory, so the first and last may be partial. */
u32 gmfs_group_of(const struct gmfs_range *r, u32 block)
{
	phys_addr_t addr = r->base + ((u64)block << GMFS_BLOCK_SHIFT);

	return (addr >> GMFS_GROUP_SHIFT) - (r->base >> GMFS_GROUP_SHIFT);
}

u32 gmfs_nr_groups(const struct gmfs_range *r)
{
	return gmfs_group_of(r, r->nr_blocks - 1) + 1;
}

static u32 group_start(const struct gmfs_range *r, u32 group)
{
	u64 addr = ((r->base >> GMFS_GROUP_SHIFT) + group) << GMFS_GROUP_SHIFT;

	return addr <= r->base ? 0 : (addr - r->base) >> GMFS_BLOCK_SHIFT;
}

void gmfs_mark_free(struct gmfs_range *r, u32 block)
{
	set_bit(block, r->free);
	r->nr_dirty += gmfs_entry_state(r, block) == GMFS_BLOCK_DIRTY;
	r->group_free[gmfs_group_of(r, block)]++;
	r->nr_free++;
}

void gmfs_mark_taken(struct gmfs_range *r, u32 block)
{
	clear_bit(block, r->free);
	r->nr_dirty -= gmfs_entry_state(r, block) == GMFS_BLOCK_DIRTY;
	r->group_free[gmfs_group_of(r, block)]--;
	r->nr_free--;
}

static bool group_whole(const struct gmfs_range *r, u32 group)
{
	return r->group_free[group] == GMFS_GROUP_BLOCKS;
}

/*
 * One block: behind the previous one if that does not break a whole GiB, else
 * in a GiB that is broken already, else anywhere.
 */
static u32 pick_block(const struct gmfs_range *r, u32 goal)
{
	u32 block = 0;

	if (goal < r->nr_blocks && test_bit(goal, r->free) &&
	    !group_whole(r, gmfs_group_of(r, goal)))
		return goal;

	while ((block = find_next_bit(r->free, r->nr_blocks, block)) < r->nr_blocks) {
		u32 group = gmfs_group_of(r, block);

		if (!group_whole(r, group))
			return block;
		block = group_start(r, group + 1);
	}
	return find_first_bit(r->free, r->nr_blocks);
}

/* 512 blocks that one PUD can map, or nothing. */
static bool pick_group(const struct gmfs_range *r, u32 *block)
{
	u32 group;

	for (group = 0; group < gmfs_nr_groups(r); group++) {
		if (group_whole(r, group)) {
			*block = group_start(r, group);
			return true;
		}
	}
	return false;
}

/* Take blocks out of the bitmap for map[index...]; says how many. */
static u32 claim(struct gmfs_range *r, u32 *map, u32 index, u32 to)
{
	u32 goal = index && map[index - 1] ? map[index - 1] + 1 : 0;
	u32 count = 0, block, i;

	mutex_lock(&r->lock);
	if (r->nr_free) {
		count = 1;
		if (index % GMFS_GROUP_BLOCKS == 0 &&
		    to - index >= GMFS_GROUP_BLOCKS && pick_group(r, &block))
			count = GMFS_GROUP_BLOCKS;
		else
			block = pick_block(r, goal);
		for (i = 0; i < count; i++) {
			gmfs_mark_taken(r, block + i);
			map[index + i] = block + i;
		}
	}
	mutex_unlock(&r->lock);
	return count;
}

static void give_back(struct gmfs_range *r, u32 block)
{
	mutex_lock(&r->lock);
	gmfs_mark_free(r, block);
	mutex_unlock(&r->lock);
}

static void scrub(struct gmfs_range *r, u32 block)
{
	memset(gmfs_block_mem(r, block), 0, GMFS_BLOCK_SIZE);
	cond_resched();
}

/* The one store that takes a block from its file: to be scrubbed, or retired. */
void gmfs_surrender(struct gmfs_range *r, u32 block)
{
	mutex_lock(&r->lock);
	if (gmfs_entry_read(r, block) & GMFS_ENTRY_POISON) {
		entry_set_state(r, block, GMFS_BLOCK_BAD);
		r->nr_bad++;
	} else {
		entry_set_state(r, block, GMFS_BLOCK_DIRTY);
	}
	mutex_unlock(&r->lock);
}

/*
 * gmfs_free - take map[@from..@to) from its file, and scrub it
 *
 * The caller has made it true already that they are the file's no more, and
 * nobody maps them.
 */
void gmfs_free(struct gmfs_range *r, u32 *map, u32 from, u32 to)
{
	u32 index;

	/* All are given up before the first is scrubbed: a crash loses none. */
	for (index = from; index < to; index++)
		if (map[index])
			gmfs_surrender(r, map[index]);
	for (index = from; index < to; index++) {
		u32 block = map[index];

		map[index] = 0;
		if (!block || gmfs_entry_state(r, block) == GMFS_BLOCK_BAD)
			continue;
		scrub(r, block);
		entry_set_state(r, block, GMFS_BLOCK_CLEAN);
		give_back(r, block);
	}
}

/*
 * gmfs_alloc - zeroed blocks for map[@from..@to), which are holes
 *
 * The blocks belong to @ino from the store of each one's word on, but lie
 * beyond its size (or in a hole) until the caller makes that true. All or
 * nothing. Return: 0, -ENOSPC, or -EINTR by a fatal signal.
 */
int gmfs_alloc(struct gmfs_range *r, u32 ino, u32 *map, u32 from, u32 to)
{
	u32 claimed = from, index;
	int err;

	for (index = from; index < to; index++) {
		u32 block;

		if (index == claimed) {
			claimed += claim(r, map, index, to);
			err = -ENOSPC;
			if (index == claimed)
				goto undo;
		}
		err = -EINTR;
		if (fatal_signal_pending(current))
			goto undo;
		block = map[index];
		if (gmfs_entry_state(r, block) != GMFS_BLOCK_CLEAN)
			scrub(r, block);
		gmfs_entry_set(r, block, FIELD_PREP(GMFS_ENTRY_STATE, GMFS_BLOCK_USED) |
				      FIELD_PREP(GMFS_ENTRY_INO, ino) |
				      FIELD_PREP(GMFS_ENTRY_INDEX, index));
	}
	return 0;

undo:
	while (claimed-- > index) {		/* taken, not ours yet */
		give_back(r, map[claimed]);
		map[claimed] = 0;
	}
	gmfs_free(r, map, from, index);
	return err;
}

/* After a mount: scrub what a crash left DIRTY, a block at a time. */
void gmfs_scrub_work(struct work_struct *work)
{
	struct gmfs_range *r = container_of(work, struct gmfs_range, scrub);
	u32 block;

	for (block = r->meta_blocks; block < r->nr_blocks && READ_ONCE(r->nr_dirty); block++) {
		bool mine = false;

		if (!READ_ONCE(r->sb))		/* unmounting */
			break;
		mutex_lock(&r->lock);
		if (test_bit(block, r->free) &&
		    gmfs_entry_state(r, block) == GMFS_BLOCK_DIRTY) {
			gmfs_mark_taken(r, block);
			mine = true;
		}
		mutex_unlock(&r->lock);
		if (!mine)
			continue;
		scrub(r, block);
		entry_set_state(r, block, GMFS_BLOCK_CLEAN);
		give_back(r, block);
	}
}
