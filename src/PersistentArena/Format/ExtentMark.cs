namespace GuestMemFs.Format;

/// <summary>
/// What an extent's file says of the metadata that it belongs to: three words in a cache line of the identity block.
/// They tell an older copy of a file, and a file that older metadata does not know.
/// </summary>
/// <param name="Generation">The region's, drawn anew by each writer that opens it; 0 where there is none.</param>
/// <param name="Committed">The journal has had the extent, and its region may hold data: nobody deletes the file
/// because a journal does not name it.</param>
/// <param name="Epoch">Of the writer that stamped the generation: for people.</param>
internal readonly unsafe record struct ExtentMark(uint Generation, bool Committed, uint Epoch)
{
    /// <summary>Behind the owner's hint.</summary>
    public const int Offset = 128;

    public const int Bytes = 24;

    private const uint GenerationSeed = 0x4745_4E52;
    private const uint CommittedSeed = 0x434F_4D4D;
    private const uint EpochSeed = 0x4550_4F43;

    /// <summary>
    /// True where the file was made for a creation that was not committed. One without a generation is an older
    /// library's: that cannot be told of it.
    /// </summary>
    public bool IsUncommitted => !Committed && Generation != 0;

    /// <summary>Reads the mark of a file that is mapped at <paramref name="file"/>.</summary>
    public static ExtentMark Read(byte* file, long fileLength, ulong nonce)
    {
        ulong* words = Words(file, fileLength);
        return new ExtentMark(
            SealedWord.TryOpen(words[0], Seed(nonce, GenerationSeed), out uint generation) ? generation : 0,
            SealedWord.TryOpen(words[1], Seed(nonce, CommittedSeed), out uint committed) && committed == 1,
            SealedWord.TryOpen(words[2], Seed(nonce, EpochSeed), out uint epoch) ? epoch : 0);
    }

    /// <summary>Stamps the generation of the region that the extent is, or is to be, part of.</summary>
    public static void Stamp(byte* file, long fileLength, ulong nonce, uint generation, uint epoch)
    {
        ulong* words = Words(file, fileLength);
        Persist.Store(words + 2, SealedWord.Seal(epoch, Seed(nonce, EpochSeed)));
        Persist.Publish(words, SealedWord.Seal(generation, Seed(nonce, GenerationSeed)));
    }

    /// <summary>Says that the journal has the extent. After the commit, before anybody stores data.</summary>
    public static void Commit(byte* file, long fileLength, ulong nonce) =>
        Persist.Publish(Words(file, fileLength) + 1, SealedWord.Seal(1, Seed(nonce, CommittedSeed)));

    /// <summary>Takes that back, before the region is deleted.</summary>
    public static void Release(byte* file, long fileLength) => Persist.Publish(Words(file, fileLength) + 1, 0);

    /// <summary>
    /// True where the file of a creation that was interrupted was not even given an identity: on a medium that clears
    /// its memory, and only with no data in sight.
    /// </summary>
    public static bool IsUntouched(byte* file, long fileLength)
    {
        const int Looked = 64 << 10;
        byte* block = file + fileLength - ExtentIdentity.BlockBytes;
        return *(ulong*)block == 0 && Words(file, fileLength)[1] == 0
            && new ReadOnlySpan<byte>(file, (int)Math.Min(Looked, fileLength)).IndexOfAnyExcept((byte)0) < 0;
    }

    private static ulong* Words(byte* file, long fileLength) =>
        (ulong*)(file + fileLength - ExtentIdentity.BlockBytes + Offset);

    private static uint Seed(ulong nonce, uint what) => Checksum.Of(nonce, what);
}
