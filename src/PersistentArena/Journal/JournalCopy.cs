using System.Runtime.InteropServices;
using GuestMemFs.Format;

namespace GuestMemFs.Journal;

/// <summary>
/// A copy of the half in force, and whether it still is in force. A half is only ever rewritten when it is not, so an
/// unchanged active word proves the copy whole. Between the two steps a writer may do anything.
/// </summary>
internal sealed unsafe class JournalCopy(MetadataLayout layout)
{
    private byte[] _bytes = [];
    private ulong _active;
    private ulong _tailWord;
    private uint _generation;
    private int _log;

    /// <summary>True while the half that was copied is in force.</summary>
    public bool IsWhole
    {
        get
        {
            Interlocked.MemoryBarrier();
            return Words.Read(layout.Active) == _active;
        }
    }

    /// <summary>A number that another commit changes, when it was copied.</summary>
    public ulong Version => VersionOf(_active, _tailWord);

    /// <summary>The same, of the active word and the tail word.</summary>
    public static ulong VersionOf(ulong active, ulong tailWord) => (active * 0x9E37_79B9_7F4A_7C15) ^ tailWord;

    /// <summary>Copies the half in force; false where the active word does not check.</summary>
    public bool TryTake()
    {
        _active = Words.Read(layout.Active);
        if (!SealedWord.TryOpen(_active, layout.Seed(WordKind.Active), out _generation))
        {
            return false;
        }

        byte* half = layout.Half(_generation);
        uint seed = JournalHeader.SeedOf(layout.Superblock.ArenaId, _generation);
        _tailWord = Words.Read((ulong*)(half + JournalHeader.TailOffset));
        _log = SealedWord.TryOpen(_tailWord, seed, out uint tail) ? (int)Math.Min(tail, (uint)layout.LogCapacity)
            : layout.LogCapacity;
        int length = JournalHeader.LogOffset + _log;
        if (_bytes.Length < length)
        {
            _bytes = GC.AllocateUninitializedArray<byte>(
                Math.Min(length + (length / 4), JournalHeader.LogOffset + layout.LogCapacity));
        }

        new ReadOnlySpan<byte>(half, length).CopyTo(_bytes);
        MemoryMarshal.Write(_bytes.AsSpan(JournalHeader.TailOffset), _tailWord);
        return true;
    }

    /// <summary>What the copy says.</summary>
    /// <exception cref="ArenaDamagedException">It does not check, and says where.</exception>
    public JournalImage Read(string where)
    {
        fixed (byte* start = _bytes)
        {
            return JournalImage.Read(start, _generation, layout.Superblock.ArenaId, _log, where);
        }
    }
}
