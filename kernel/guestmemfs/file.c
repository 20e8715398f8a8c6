// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping a file. There is no read and no write: memory is reached by
 * mmap(MAP_SHARED) only, in pages of 1 GiB, 2 MiB or 4 KiB, the largest that
 * the block, the address and the end of the file allow.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>

#include "guestmemfs.h"

#define GMFS_HOLE	((vm_fault_t)0)

/* Do the blocks behind @index follow each other for a whole GiB? */
static bool is_run(const struct gmfs_node *node, u64 index)
{
	u32 i;

	if (index + GMFS_GROUP_BLOCKS > node->map_len)
		return false;
	for (i = 1; i < GMFS_GROUP_BLOCKS; i++)
		if (node->map[index + i] != node->map[index] + i)
			return false;
	return true;
}

static bool is_poisoned(const struct gmfs_range *r, u32 block, u32 count)
{
	for (; count; block++, count--)
		if (gmfs_entry_read(r, block) & GMFS_ENTRY_POISON)
			return true;
	return false;
}

static vm_fault_t insert(struct vm_fault *vmf, unsigned int order, unsigned long pfn)
{
	struct gmfs_range *r = gmfs_range_of(file_inode(vmf->vma->vm_file));
	bool write = vmf->flags & FAULT_FLAG_WRITE;

#ifdef CONFIG_HAVE_ARCH_TRANSPARENT_HUGEPAGE_PUD
	if (order == PUD_ORDER) {
		atomic64_inc(&r->faults[GMFS_FAULT_1G]);
		return vmf_insert_pfn_pud(vmf, gmfs_huge_pfn(pfn), write);
	}
#endif
	if (order == PMD_ORDER) {
		atomic64_inc(&r->faults[GMFS_FAULT_2M]);
		return vmf_insert_pfn_pmd(vmf, gmfs_huge_pfn(pfn), write);
	}
	atomic64_inc(&r->faults[GMFS_FAULT_4K]);
	return vmf_insert_pfn(vmf->vma, vmf->address, pfn);
}

/* With the invalidate_lock held: what is found here stays until it is mapped. */
static vm_fault_t map_pages(struct vm_fault *vmf, unsigned int order)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct gmfs_range *r = gmfs_range_of(inode);
	struct gmfs_node *node = gmfs_node_of(inode);
	pgoff_t pages = 1UL << order;
	pgoff_t first = vmf->pgoff & ~(pages - 1);
	pgoff_t end = DIV_ROUND_UP(i_size_read(inode), PAGE_SIZE);
	u64 index = first / GMFS_BLOCK_PAGES;
	u32 block;

	if (vmf->pgoff >= end)
		return VM_FAULT_SIGBUS;
	if (first + pages > end)
		return VM_FAULT_FALLBACK;

	block = node->map[index];
	if (order > PMD_ORDER && (!block || !is_run(node, index)))
		return VM_FAULT_FALLBACK;
	if (!block)
		return GMFS_HOLE;
	if (gmfs_block_pfn(r, block) & (pages - 1) && order)
		return VM_FAULT_FALLBACK;
	if (is_poisoned(r, block, max_t(u32, pages / GMFS_BLOCK_PAGES, 1)))
		return order > PMD_ORDER ? VM_FAULT_FALLBACK : VM_FAULT_HWPOISON;
	return insert(vmf, order, gmfs_block_pfn(r, block) + first % GMFS_BLOCK_PAGES);
}

/* Where the mapping has room for such a page, in step with the file? */
static bool fits(const struct vm_fault *vmf, unsigned int order)
{
	const struct vm_area_struct *vma = vmf->vma;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = vmf->address & ~(size - 1);

	if (order != PMD_ORDER && order != PUD_ORDER)
		return false;
	return addr >= vma->vm_start && addr + size <= vma->vm_end &&
	       ((vmf->pgoff - (vmf->address >> PAGE_SHIFT)) & ((1UL << order) - 1)) == 0;
}

static vm_fault_t gmfs_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	struct address_space *mapping = inode->i_mapping;
	vm_fault_t ret;
	int err;

	if (order && !fits(vmf, order))
		return VM_FAULT_FALLBACK;

	for (;;) {
		filemap_invalidate_lock_shared(mapping);
		ret = map_pages(vmf, order);
		filemap_invalidate_unlock_shared(mapping);
		if (ret != GMFS_HOLE)
			return ret;

		filemap_invalidate_lock(mapping);
		err = vmf->pgoff / GMFS_BLOCK_PAGES < gmfs_node_of(inode)->map_len ?
		      gmfs_fill_hole(inode, vmf->pgoff / GMFS_BLOCK_PAGES) : 0;
		filemap_invalidate_unlock(mapping);
		if (err)
			return VM_FAULT_SIGBUS;
	}
}

static vm_fault_t gmfs_fault(struct vm_fault *vmf)
{
	return gmfs_huge_fault(vmf, 0);
}

/*
 * A mapping is split (by mprotect, munmap, ...) inside a 1 GiB page. The
 * kernel takes 2 MiB pages apart then, but walks into a 1 GiB page as if it
 * were a page table. So it goes before the split, and comes back as 2 MiB
 * pages with the next faults; none of them can come in between, since the
 * mapping is write-locked.
 */
static int gmfs_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long giant = addr & ~(GMFS_GROUP_SIZE - 1);
	loff_t at;

	if (addr == giant || giant < vma->vm_start || giant + GMFS_GROUP_SIZE > vma->vm_end)
		return 0;
	vma_start_write(vma);
	at = (loff_t)linear_page_index(vma, giant) << PAGE_SHIFT;
	unmap_mapping_range(vma->vm_file->f_mapping, at, GMFS_GROUP_SIZE, 1);
	return 0;
}

static const struct vm_operations_struct gmfs_vm_ops = {
	.may_split	= gmfs_may_split,
	.fault		= gmfs_fault,
	.huge_fault	= gmfs_huge_fault,
};

/*
 * VM_HUGEPAGE: early 6.12 kernels ask for it, or transparent_hugepage=always,
 * before they try huge_fault; the blocks are huge whatever that knob says.
 */
static int gmfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;		/* nothing to copy a page to, or from */
	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP | VM_HUGEPAGE);
	vma->vm_ops = &gmfs_vm_ops;
	return 0;
}

/* An address in step with the file modulo 1 GiB where that may serve. */
static unsigned long gmfs_get_area(struct file *file, unsigned long addr, unsigned long len,
				   unsigned long pgoff, unsigned long flags)
{
	unsigned long found;

	if (!addr && !(flags & MAP_FIXED) && len >= GMFS_GROUP_SIZE &&
	    len + GMFS_GROUP_SIZE > len) {
		found = gmfs_find_area(file, 0, len + GMFS_GROUP_SIZE, pgoff, flags);
		if (!IS_ERR_VALUE(found))
			return found + (((pgoff << PAGE_SHIFT) - found) & (GMFS_GROUP_SIZE - 1));
	}
	return thp_get_unmapped_area(file, addr, len, pgoff, flags);
}

const struct inode_operations gmfs_file_iops = {
	.setattr	= gmfs_setattr,
	.fiemap		= gmfs_fiemap,
};

const struct file_operations gmfs_file_fops = {
	.owner			= THIS_MODULE,
	.llseek			= generic_file_llseek,
	.mmap			= gmfs_mmap,
	.get_unmapped_area	= gmfs_get_area,
	.fsync			= noop_fsync,
	.fallocate		= gmfs_fallocate,
};
