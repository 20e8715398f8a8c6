/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of a guestmemfs range; docs/guestmemfs-format.md says the same
 * at length. All numbers are little-endian and naturally aligned.
 *
 *   0x0000  superblock, copy 0
 *   0x1000  superblock, copy 1
 *   0x2000  journal: the commit word
 *   0x3000  journal: GMFS_TX_MAX slot images
 *   0x4000  block table, one word for each block of the range
 *   ...     inode slots, up to the end of the metadata blocks
 *   ...     data blocks
 */
#ifndef _GMFS_FORMAT_H
#define _GMFS_FORMAT_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>

#define GMFS_MAGIC		0x474d4653	/* statfs f_type */
#define GMFS_VERSION		1
#define GMFS_BLOCK_SHIFT	21
#define GMFS_BLOCK_SIZE		BIT(GMFS_BLOCK_SHIFT)

#define GMFS_SB_MAGIC		"GUESTMEMFS-RANGE"	/* 16 bytes, no NUL */
#define GMFS_SB_COPIES		2
#define GMFS_SB_STEP		0x1000
#define GMFS_COMMIT_OFF		0x2000
#define GMFS_RECORDS_OFF	0x3000
#define GMFS_TABLE_OFF		0x4000
#define GMFS_HEADER_ALIGN	0x1000

#define GMFS_ROOT_INO		1
#define GMFS_NAME_MAX		255
#define GMFS_TX_MAX		8
#define GMFS_MAX_SLOTS		BIT(20)
#define GMFS_MAX_FILE_BLOCKS	BIT(24)

struct gmfs_super {
	u8	magic[16];
	__le32	version;
	__le32	bytes;			/* of this structure */
	__le64	compat;
	__le64	ro_compat;
	__le64	incompat;
	u8	uuid[16];
	__le64	generation;		/* the higher valid copy is the true one */
	__le64	range_bytes;
	__le32	block_bytes;
	__le32	nr_blocks;		/* metadata blocks included */
	__le32	meta_blocks;
	__le32	nr_slots;
	__le64	slots_off;
	__le64	formatted_ns;		/* wall clock, since the epoch */
	__le64	mounted_ns;
	u8	reserved[128];
	__le64	seal;			/* CRC-32C of all before it, and GMFS_SEAL */
};

static_assert(sizeof(struct gmfs_super) == 256);

#define GMFS_SEAL		0x4c41455300000000ULL

/* An inode, and the one name it has. A slot of zeroes was never used. */
struct gmfs_slot {
	__le32	crc;			/* of the other 508 bytes */
	__le32	ino;			/* this slot's own number */
	__le32	parent;
	__le32	generation;		/* times the slot was taken */
	__le16	mode;			/* 0: free */
	u8	name_len;
	u8	flags;
	__le32	uid;
	__le32	gid;
	__le32	reserved0;
	__le64	size;
	__le64	atime_ns;
	__le64	mtime_ns;
	__le64	ctime_ns;
	__le64	btime_ns;
	u8	reserved[184];
	u8	name[256];
};

static_assert(sizeof(struct gmfs_slot) == 512);

#define GMFS_SLOT_ORPHAN	BIT(0)	/* unlinked, still open when last seen */

/*
 * A word of the block table: which file's which block this is.
 *
 *   0..23   index within the file
 *   24..43  inode number
 *   44..46  state
 *   47      a memory error was reported in this block
 *   48..63  check: CRC-32C of the block's number and bits 0..47, folded
 */
enum gmfs_state {
	GMFS_BLOCK_INVALID = 0,
	GMFS_BLOCK_META,	/* superblock, journal, tables */
	GMFS_BLOCK_FRESH,	/* never handed out, content unknown */
	GMFS_BLOCK_DIRTY,	/* was a file's, not scrubbed yet */
	GMFS_BLOCK_CLEAN,	/* free and zero */
	GMFS_BLOCK_USED,
	GMFS_BLOCK_BAD,		/* retired after a memory error */
};

#define GMFS_ENTRY_INDEX	GENMASK_ULL(23, 0)
#define GMFS_ENTRY_INO		GENMASK_ULL(43, 24)
#define GMFS_ENTRY_STATE	GENMASK_ULL(46, 44)
#define GMFS_ENTRY_POISON	BIT_ULL(47)
#define GMFS_ENTRY_CHECK	GENMASK_ULL(63, 48)

/*
 * The journal's commit word: 0 while nothing is in flight.
 *
 *   0..31   CRC-32C of the images
 *   32..39  how many, 1..GMFS_TX_MAX
 *   40..63  sequence number
 */
#define GMFS_COMMIT_CRC		GENMASK_ULL(31, 0)
#define GMFS_COMMIT_COUNT	GENMASK_ULL(39, 32)
#define GMFS_COMMIT_SEQ		GENMASK_ULL(63, 40)

#endif
