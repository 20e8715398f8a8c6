using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GuestMemFs.Format;

namespace GuestMemFs.Heap;

/// <summary>
/// The right to change the heap: one thread at a time holds a lane. Its persistent half is the intent
/// (<see cref="IntentWord"/>); its volatile half caches free blocks.
/// </summary>
/// <remarks>
/// <para>The protocol of a change: take new blocks (they are reserved, so free to a crash), fill them without their
/// headers, <see cref="Begin"/>, publish the new headers, publish the slot (the change is true now),
/// <see cref="Finish"/>.</para>
/// <code>
///   idle --Begin--> intended --slot--> true --Finish--> idle
///                      |                 |
///   a crash here:    undone           finished          by the next attach, in any number of attempts
/// </code>
/// <para>Invariants:</para>
/// <list type="number">
/// <item>A lane's words are written by the thread that holds the lane. Else one change's recovery meets
/// another's.</item>
/// <item>A lane has one intent at a time. Else recovery knows one of two changes.</item>
/// <item>A new block is free to a crash until the intent counts. Else a crash before it leaks the block.</item>
/// <item>The lock that covers the slot is held until the intent has ended: so the slot has its value then. Else
/// recovery takes somebody else's change for this one.</item>
/// </list>
/// </remarks>
internal sealed unsafe class Lane
{
    private readonly ulong* _words;
    private readonly byte* _base;
    private readonly ulong _reserved;
    private BlockEraser? _eraser;
    private int _filling;
    private long _firstFilling;
    private int _holder;
    private int _call;
    private bool _waitsForRoom;

    public Lane(int index, byte* heapBase, ulong epoch)
    {
        Index = index;
        _base = heapBase;
        _words = (ulong*)(heapBase + HeapFormat.LanesOffset + ((long)index * HeapFormat.LaneLength));
        _reserved = BlockHeader.Reserved(epoch);
        Cache = new BlockCache();
    }

    public int Index { get; }

    /// <summary>Blocks that this lane has taken from the heap and not used yet. Volatile.</summary>
    public BlockCache Cache { get; }

    public ulong* Words => _words;

    /// <summary>
    /// True while a thread has the heap for itself with this lane: each of its calls enters and leaves it, and it stays
    /// held.
    /// </summary>
    public bool IsExclusive { get; set; }

    /// <summary>
    /// True while an <see cref="AtomicGroup"/> holds the lane: replaced blocks are kept then, for the way back.
    /// </summary>
    public bool InGroup { get; set; }

    /// <summary>The number of the group that the lane holds, or held last. Volatile.</summary>
    public long Group { get; set; }

    /// <summary>
    /// How many points there are that groups of this lane can go back to: what a member has noted before the newest of
    /// them, it notes again. Volatile.
    /// </summary>
    public int Savepoints { get; set; }

    /// <summary>True while the lane keeps the open group of an earlier attach.</summary>
    public bool IsParked { get; set; }

    /// <summary>True while blocks are better taken from slabs that waste some of their pages than not at all.</summary>
    public bool TakesAnything { get; set; }

    /// <summary>
    /// True while the holder waits for its turn to make room: its cache is empty, and it does nothing until then.
    /// Volatile.
    /// </summary>
    public bool WaitsForRoom
    {
        get => Volatile.Read(ref _waitsForRoom);
        set => Volatile.Write(ref _waitsForRoom, value);
    }

    /// <summary>Inserts since the dictionary last looked whether it should grow. Volatile.</summary>
    public int InsertsSinceGrowthCheck { get; set; }

    /// <summary>Has freed blocks zeroed from now on. While nobody changes the heap.</summary>
    public void EraseWith(BlockEraser eraser) => _eraser = eraser;

    public bool IsHeld => Volatile.Read(ref _holder) != 0;

    /// <summary>The thread that took the lane; 0 for none.</summary>
    public int Holder => Volatile.Read(ref _holder);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(int thread) => Volatile.Read(ref _holder) == 0
        && Interlocked.CompareExchange(ref _holder, thread, 0) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Release() => Volatile.Write(ref _holder, 0);

    /// <summary>
    /// Begins a call of the thread that has the heap for itself; false while there is one, or somebody else ends the
    /// group.
    /// </summary>
    public bool TryEnter(int thread) => Interlocked.CompareExchange(ref _call, thread, 0) == 0;

    /// <summary>The thread whose call it is; 0 for none.</summary>
    public int Caller => Volatile.Read(ref _call);

    public void Leave() => Volatile.Write(ref _call, 0);

    /// <summary>Writes the intent down. From the last store on, a crash is answered by it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Begin(in Intent intent)
    {
        ulong* words = _words;
        Invariant.Holds(_holder != 0, 1);
        Invariant.Holds(words[IntentWord.Operation] == 0, 2);
        Invariant.Holds(IsFreeToCrash(intent.New), 3);
        uint operation = IntentWord.Active;
        uint change = IntentWord.Check((ulong)intent.Slot, intent.Value, (ulong)intent.New, (ulong)intent.Old);
        uint rest = 0;
        Persist.Store(words + IntentWord.Slot, (ulong)intent.Slot);
        Persist.Store(words + IntentWord.Value, intent.Value);
        Persist.Store(words + IntentWord.New, (ulong)intent.New);
        Persist.Store(words + IntentWord.Old, (ulong)intent.Old);
        if (intent.Counters != 0)
        {
            operation |= IntentWord.HasCounters;
            Persist.Store(words + IntentWord.Counters, (ulong)intent.Counters);
            Persist.Store(words + IntentWord.Keys, (ulong)intent.Keys);
            Persist.Store(words + IntentWord.Bytes, (ulong)intent.Bytes);
            Persist.Store(words + IntentWord.Expiring, (ulong)intent.Expiring);
            rest = IntentWord.Check((ulong)intent.Counters, (ulong)intent.Keys, (ulong)intent.Bytes,
                (ulong)intent.Expiring);
        }

        if (intent.SecondSlot != 0 || !intent.MoreNew.IsEmpty || !intent.MoreOld.IsEmpty)
        {
            operation |= BeginRare(intent, ref rest);
        }

        Persist.Publish(words + IntentWord.Operation, IntentWord.Seal(operation, change, rest));
    }

    /// <summary>
    /// After the slot was published: counters, second word, old blocks, and the end of the intent, in this order.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Finish(in Intent intent)
    {
        Invariant.Holds(*(ulong*)(_base + intent.Slot) == intent.Value, 4);
        if (intent.Counters != 0)
        {
            ulong* counters = (ulong*)(_base + intent.Counters);
            Persist.Publish(counters, (ulong)intent.Keys);
            Persist.Publish(counters + 1, (ulong)intent.Bytes);
            Persist.Publish(counters + 2, (ulong)intent.Expiring);
        }

        if (intent.SecondSlot != 0)
        {
            Persist.Publish((ulong*)(_base + intent.SecondSlot), intent.SecondValue);
        }

        if (_eraser is not null)
        {
            FinishErasing(intent);
        }

        if (intent.Old != 0)
        {
            Persist.Publish((ulong*)(_base + intent.Old), _reserved);
        }

        foreach (long block in intent.MoreOld)
        {
            Persist.Publish((ulong*)(_base + block), _reserved);
        }

        Persist.Publish(_words + IntentWord.Operation, 0);
    }

    /// <summary>
    /// Before bytes of the caller's go into a block that was taken: notes it, where the heap erases. A crash before the
    /// intent names it leaves the bytes in a free block, which the next attach zeroes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeginFill(long block)
    {
        if (_eraser is not null)
        {
            NoteFilling(block);
        }
    }

    /// <summary>
    /// Where the heap erases: zeroes a block that was taken, perhaps filled, and is not going to be published.
    /// </summary>
    public void Discard(long block)
    {
        if (_eraser is not null)
        {
            _eraser.Erase(block);
            ForgetFilling();
        }
    }

    /// <summary>Where the heap erases: zeroes all that the lane has begun to fill. No intent names it.</summary>
    public void DiscardFilling()
    {
        for (int i = 0; i < _filling; i++)
        {
            _eraser!.Erase(SealedOffset.Get(_words[IntentWord.Filling + i]));
        }

        ForgetFilling();
    }

    /// <summary>
    /// Where the heap erases: zeroes a block that is about to be freed. Its header stays, so that a crash finds it
    /// again.
    /// </summary>
    public void Erase(long block) => _eraser?.EraseHeld(block);

    // All within the intent: recovery does it again.
    private void FinishErasing(in Intent intent)
    {
        if (intent.Old != 0)
        {
            _eraser!.EraseHeld(intent.Old);
        }

        foreach (long block in intent.MoreOld)
        {
            _eraser!.EraseHeld(block);
        }

        // Not by the intent of a longer group log, which comes between the filling of a block and the block's own
        // intent.
        if (_filling > 0 && (intent.New == _firstFilling || intent.MoreNew.Contains(_firstFilling)))
        {
            ForgetFilling();
        }
    }

    private void NoteFilling(long block)
    {
        if (_filling == IntentWord.FillingCount)
        {
            throw new InvalidOperationException(
                $"A change fills more than {IntentWord.FillingCount} blocks before its intent names them.");
        }

        _firstFilling = _filling == 0 ? block : _firstFilling;
        ulong* word = _words + IntentWord.Filling + _filling++;
        Persist.Publish(word, SealedOffset.Seal(block, (byte*)word - _base));
    }

    // Before the block can become something else: the word would then name the middle of another's.
    private void ForgetFilling()
    {
        while (_filling > 0)
        {
            Persist.Publish(_words + IntentWord.Filling + --_filling, 0);
        }
    }

    private bool IsFreeToCrash(long block) =>
        block == 0 || !BlockHeader.IsAllocated(*(ulong*)(_base + block));

    private uint BeginRare(in Intent intent, ref uint rest)
    {
        uint flags = 0;
        if (intent.SecondSlot != 0)
        {
            flags |= IntentWord.HasSecondSlot;
            Persist.Store(_words + IntentWord.SecondSlot, (ulong)intent.SecondSlot);
            Persist.Store(_words + IntentWord.SecondValue, intent.SecondValue);
            rest = BitOperations.Crc32C(BitOperations.Crc32C(rest, (ulong)intent.SecondSlot), intent.SecondValue);
        }

        for (int i = 0; i < intent.MoreNew.Length; i++)
        {
            Persist.Store(_words + IntentWord.MoreNew + i, (ulong)intent.MoreNew[i]);
            rest = BitOperations.Crc32C(rest, (ulong)intent.MoreNew[i]);
        }

        for (int i = 0; i < intent.MoreOld.Length; i++)
        {
            Persist.Store(_words + IntentWord.MoreOld + i, (ulong)intent.MoreOld[i]);
            rest = BitOperations.Crc32C(rest, (ulong)intent.MoreOld[i]);
        }

        flags |= (uint)intent.MoreNew.Length << IntentWord.MoreNewShift;
        return flags | ((uint)intent.MoreOld.Length << IntentWord.MoreOldShift);
    }
}

/// <summary>
/// Free blocks that a lane holds, a small stack and a range a size class. Volatile: after a crash they are free,
/// because their headers say so.
/// </summary>
internal sealed unsafe class BlockCache
{
    private const int Depth = 64;
    private const long BytesAClass = 64 << 10;

    // Until the first block comes, a cache that is empty for ever: most lanes never hold one.
    private static readonly Bin* s_empty = NewBins();

    private Bin* _bins = s_empty;

    [StructLayout(LayoutKind.Sequential)]
    private struct Bin
    {
        public int Count;
        public long Next;
        public long End;
        public fixed long Items[Depth];
    }

    ~BlockCache()
    {
        if (_bins != s_empty)
        {
            NativeMemory.Free(_bins);
        }
    }

    /// <summary>False for a cache that never held a block.</summary>
    public bool IsUsed => _bins != s_empty;

    /// <summary>
    /// How many blocks of a class a lane keeps: few of the large ones, so that what is cached stays small beside what
    /// is used.
    /// </summary>
    public static int DepthOf(int sizeClass) => (int)Math.Clamp(BytesAClass / SizeClasses.SizeOf(sizeClass), 2, Depth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryPop(int sizeClass, out long block)
    {
        Bin* bin = _bins + sizeClass;
        if (bin->Count > 0)
        {
            block = bin->Items[--bin->Count];
            return true;
        }

        if (bin->Next < bin->End)
        {
            block = bin->Next;
            bin->Next += SizeClasses.SizeOf(sizeClass);
            return true;
        }

        block = 0;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryPush(int sizeClass, long block)
    {
        Bin* bin = OwnBins() + sizeClass;
        if (bin->Count >= DepthOf(sizeClass))
        {
            return false;
        }

        bin->Items[bin->Count++] = block;
        return true;
    }

    /// <summary>Hands the cache a range of reserved blocks that lie side by side.</summary>
    public void SetRange(int sizeClass, long start, long end)
    {
        Bin* bin = OwnBins() + sizeClass;
        bin->Next = start;
        bin->End = end;
    }

    private static Bin* NewBins() => (Bin*)NativeMemory.AllocZeroed((nuint)(sizeof(Bin) * SizeClasses.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Bin* OwnBins() => _bins != s_empty ? _bins : _bins = NewBins();
}
