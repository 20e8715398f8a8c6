// SPDX-License-Identifier: GPL-2.0
/*
 * A change of names, owners, sizes or times is a transaction: the new images
 * of up to GMFS_TX_MAX inode slots. They are written to the journal, made
 * true all at once by one store of the commit word, copied to their slots,
 * and retired by storing 0. A crash before the commit word leaves the old
 * slots, one after it is finished by gmfs_journal_replay(), any number of
 * times.
 *
 * A transaction cannot fail: the caller checks first, under the same lock.
 */
#include <linux/string.h>

#include "guestmemfs.h"

u32 gmfs_slot_crc(const struct gmfs_range *r, const struct gmfs_slot *slot)
{
	return gmfs_crc32c(r->crc_seed, (const u8 *)slot + sizeof(slot->crc),
			   sizeof(*slot) - sizeof(slot->crc));
}

void gmfs_tx_begin(struct gmfs_range *r)
{
	mutex_lock(&r->lock);
	r->tx_count = 0;
}

/* The image of slot @ino within the open transaction, to be edited. */
struct gmfs_slot *gmfs_tx_slot(struct gmfs_range *r, u32 ino)
{
	struct gmfs_slot *image;
	unsigned int i;

	lockdep_assert_held(&r->lock);
	for (i = 0; i < r->tx_count; i++)
		if (le32_to_cpu(r->records[i].ino) == ino)
			return &r->records[i];

	BUG_ON(r->tx_count == GMFS_TX_MAX);	/* the next would be the block table */
	image = &r->records[r->tx_count++];
	*image = r->slots[ino];
	image->ino = cpu_to_le32(ino);
	return image;
}

static u32 records_crc(const struct gmfs_range *r, unsigned int count)
{
	return gmfs_crc32c(r->crc_seed, r->records, count * sizeof(*r->records));
}

static void apply(struct gmfs_range *r, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		r->slots[le32_to_cpu(r->records[i].ino)] = r->records[i];
		gmfs_crash_point();
	}
	gmfs_publish(r->commit, 0);
}

/* The one store: *r->commit. */
void gmfs_tx_apply(struct gmfs_range *r)
{
	unsigned int i;

	for (i = 0; i < r->tx_count; i++)
		r->records[i].crc = cpu_to_le32(gmfs_slot_crc(r, &r->records[i]));

	gmfs_publish(r->commit,
		     FIELD_PREP(GMFS_COMMIT_CRC, records_crc(r, r->tx_count)) |
		     FIELD_PREP(GMFS_COMMIT_COUNT, r->tx_count) |
		     FIELD_PREP(GMFS_COMMIT_SEQ, ++r->tx_seq & 0xffffff));
	apply(r, r->tx_count);
}

void gmfs_tx_end(struct gmfs_range *r)
{
	mutex_unlock(&r->lock);
}

void gmfs_tx_commit(struct gmfs_range *r)
{
	gmfs_tx_apply(r);
	gmfs_tx_end(r);
}

/* At mount: finish the transaction that a crash cut off, if there is one. */
int gmfs_journal_replay(struct gmfs_range *r)
{
	u64 commit = le64_to_cpu(READ_ONCE(*r->commit));
	unsigned int count = FIELD_GET(GMFS_COMMIT_COUNT, commit);
	unsigned int i;

	if (!commit)
		return 0;
	if (!count || count > GMFS_TX_MAX ||
	    records_crc(r, count) != FIELD_GET(GMFS_COMMIT_CRC, commit))
		goto damaged;
	for (i = 0; i < count; i++) {
		u32 ino = le32_to_cpu(r->records[i].ino);

		if (!ino || ino >= r->nr_slots)
			goto damaged;
	}
	apply(r, count);
	pr_info("range %s: finished a change of %u inodes that a crash had cut off\n",
		r->name, count);
	return 0;

damaged:
	pr_err("range %s: the journal is damaged (commit word %#llx); mount with -o format to discard everything in the range\n",
	       r->name, commit);
	return -EUCLEAN;
}
