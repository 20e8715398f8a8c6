namespace GuestMemFs.Dumps;

/// <summary>The copies that a command keeps: one a slot. For one thread at a time.</summary>
/// <remarks>
/// Invariant: the newest whole copy is not stored over while there is another slot. A kill at any time leaves it.
/// </remarks>
/// <param name="command">The commands.</param>
/// <param name="count">How many slots there are, where the command has slots.</param>
/// <param name="scratch">A file that copies are fetched into to be looked at.</param>
internal sealed class CommandCopies(BackupCommand command, int count, string scratch)
{
    private int Slots => command.HasSlots ? count : 1;

    /// <summary>Has the command keep a file, and looks whether it gives back the same.</summary>
    /// <exception cref="BackupCommandException">It does not.</exception>
    public void Store(string file, CancellationToken cancellationToken)
    {
        int slot = command.NextSlot is { } next && next < Slots ? next : ChooseSlot(cancellationToken);
        command.NextSlot = slot; // Until it is whole: the others stay as they are.
        using FileStream copy = File.OpenRead(file);
        using (CommandRun run = new(command.StoreWords(slot), command.Timeout, cancellationToken))
        {
            run.Feed(copy);
        }

        copy.Position = 0;
        using (CommandRun run = new(command.FetchWords(slot), command.Timeout, cancellationToken))
        {
            bool same = false;
            run.Drain(output => same = AreSame(copy, output));
            if (!same)
            {
                throw new BackupCommandException(
                    command.FetchProgram, "gave back other bytes than were stored a moment before.", said: null);
            }
        }

        command.NextSlot = (slot + 1) % Slots;
    }

    /// <summary>What the slots say of themselves by the beginnings of their copies, newest first.</summary>
    /// <param name="damaged">What is wrong with one that gave bytes which are no copy; null where none did.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="BackupCommandException">No slot could be asked.</exception>
    public IReadOnlyList<(int Slot, DumpInfo Dump)> Find(
        out DumpDamagedException? damaged, CancellationToken cancellationToken) =>
        NewestFirst(Ask(out damaged, cancellationToken));

    /// <summary>Fetches a copy into the scratch file, and lets it be read there.</summary>
    /// <exception cref="BackupCommandException">It cannot be.</exception>
    /// <exception cref="DumpInUseException">Another process or thread fetches there.</exception>
    public void Fetch(int slot, Action<string> read, CancellationToken cancellationToken)
    {
        using ClaimedFile file = ClaimedFile.TryTake(scratch) ?? throw new DumpInUseException(scratch);
        try
        {
            using (CommandRun run = new(command.FetchWords(slot), command.Timeout, cancellationToken))
            {
                run.Drain(output => output.CopyTo(file.Stream, DumpHeader.BlockBytes));
            }

            read(scratch);
        }
        finally
        {
            File.Delete(scratch);
        }
    }

    private static bool AreSame(Stream one, Stream other)
    {
        byte[] first = new byte[DumpHeader.BlockBytes];
        byte[] second = new byte[DumpHeader.BlockBytes];
        while (true)
        {
            int count = one.ReadAtLeast(first, first.Length, throwOnEndOfStream: false);
            int there = other.ReadAtLeast(second, second.Length, throwOnEndOfStream: false);
            if (!first.AsSpan(0, count).SequenceEqual(second.AsSpan(0, there)))
            {
                return false;
            }

            if (count == 0)
            {
                return true;
            }
        }
    }

    // Null for a slot that has no copy: it gives no byte.
    private DumpInfo? ReadHeader(int slot, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[DumpHeader.Bytes];
        using CommandRun run = new(command.FetchWords(slot), command.Timeout, cancellationToken);
        return run.ReadFirst(bytes) == 0 ? null
            : DumpInfo.Of(DumpHeader.Read(bytes, command.FetchProgram, out _), trailer: null, fileLength: 0);
    }

    private static List<(int Slot, DumpInfo Dump)> NewestFirst(Dictionary<int, DumpInfo?> answers) =>
        [.. answers.Where(answer => answer.Value is not null)
            .Select(answer => (answer.Key, answer.Value!))
            .OrderByDescending(one => one.Item2.Taken)];

    // The slots that answered; null for one that has no copy, or what is none.
    private Dictionary<int, DumpInfo?> Ask(out DumpDamagedException? damaged, CancellationToken cancellationToken)
    {
        damaged = null;
        Dictionary<int, DumpInfo?> answers = [];
        BackupCommandException? failure = null;
        for (int slot = 0; slot < Slots; slot++)
        {
            try
            {
                answers[slot] = ReadHeader(slot, cancellationToken);
            }
            catch (DumpDamagedException e)
            {
                answers[slot] = null;
                damaged ??= e; // Where there is no other, nothing is made without it.
            }
            catch (BackupCommandException e)
            {
                failure ??= e; // Perhaps a slot that nothing was stored to yet.
            }
        }

        return answers.Count > 0 ? answers : throw failure!;
    }

    // What a process before this one left: one may be cut off, and then has the newest beginning. A slot that does not
    // answer may have the newest of all: it is stored to where no other is left to spare.
    private int ChooseSlot(CancellationToken cancellationToken)
    {
        if (Slots == 1)
        {
            return 0;
        }

        Dictionary<int, DumpInfo?> answers;
        try
        {
            answers = Ask(out _, cancellationToken);
        }
        catch (BackupCommandException)
        {
            return 0; // Nothing is there, or storing will fail as well.
        }

        List<(int Slot, DumpInfo Dump)> found = NewestFirst(answers);
        if (found.Count < answers.Count)
        {
            return answers.First(answer => answer.Value is null).Key;
        }

        return found.Count < 2 ? Enumerable.Range(0, Slots).Except(answers.Keys).First()
            : IsWhole(found[0].Slot, cancellationToken) ? found[^1].Slot
            : found[0].Slot;
    }

    private bool IsWhole(int slot, CancellationToken cancellationToken)
    {
        try
        {
            Fetch(slot, file => RegionDump.Verify(file, PathTrust.Own, cancellationToken), cancellationToken);
            return true;
        }
        catch (DumpDamagedException)
        {
            return false;
        }
    }
}
