using GuestMemFs.Collections;
using GuestMemFs.Format;
using GuestMemFs.Inspection;

namespace GuestMemFs.CrashLab;

/// <summary>
/// Runs an operation on an arena with everything that outlives the process recorded (stores, files made, cut and
/// unlinked), then attaches to every state that a crash during it can leave, and to every state that a crash during
/// that attach can leave. Each must hold what was there before or what is there after, whole, with nothing leaked.
/// </summary>
internal sealed unsafe partial class ArenaLab : IDisposable
{
    private readonly LabWorld _world;
    private readonly string _part;
    private readonly int? _sampleSeed;
    private readonly List<string> _history = [];
    private ArenaProcess _process;
    private ArenaModel _model = ArenaModel.None;
    private (int Log, Room Room, ArenaModel Model, string Name) _beginning;
    private int _checks;

    /// <param name="kind">How the medium behaves.</param>
    /// <param name="part">Under which name its crash states are counted.</param>
    /// <param name="capacity">Of the medium, in bytes; all of it is touched.</param>
    public ArenaLab(WorldKind kind, string part, long capacity = 64 << 20)
    {
        _part = part;
        _world = new LabWorld(kind, capacity);
        Persist.Trace = _world;
        _process = new ArenaProcess(_world);
        if (kind == WorldKind.OlderLife)
        {
            // Two lives: the later one's files are where the earlier one's were, and of the same sizes.
            Do(ArenaOperation.CreateArena());
            Do(ArenaOperation.Create("a", 2 << 20));
            Do(ArenaOperation.Create("b", 2 << 20));
            _process.Kill();
            _world.Begin(forget: true);
            _model = ArenaModel.None;
        }

        Begin("nothing");
    }

    public ArenaModel Model => _model;

    public ArenaProcess Process => _process;

    /// <summary>Whether crashes of the attach after a crash are looked at too.</summary>
    public bool CrashRecoveryToo { get; set; } = true;

    /// <summary>Whether what went past the seam is looked for in all of the memory.</summary>
    public bool CompareAll { get; set; } = true;

    /// <summary>
    /// Where set, what no fence followed yet may be there in any part. Samples are drawn from it. See
    /// <see cref="PowerMode"/>.
    /// </summary>
    public Random? PowerLoss { get; private init; }

    /// <summary>Turns <see cref="PowerLoss"/> on; told with each failure.</summary>
    public int? SampleSeed
    {
        get => _sampleSeed;
        init
        {
            _sampleSeed = value;
            PowerLoss = value is { } seed ? new Random(seed) : null;
        }
    }

    /// <summary>What is now is where <see cref="Restart"/> goes back to. The process is gone.</summary>
    public void Begin(string name)
    {
        _process.Kill();
        _world.Begin();
        _beginning = (0, _world.Room, _model, name);
        Restart();
    }

    public void Restart()
    {
        _process.Kill();
        _world.GoBack(_beginning.Log);
        _world.Room = _beginning.Room;
        _world.CreationsUntilFull = -1;
        _floating.Clear();
        _unnamed.Clear();
        _model = _beginning.Model;
        _history.Clear();
        _history.Add(_beginning.Name);
        _process = new ArenaProcess(_world);
        if (_model.Exists)
        {
            _process.Open();
        }
    }

    /// <summary>Does an operation without a look at its crashes; false where it does not apply.</summary>
    public bool Do(ArenaOperation operation) => Each(operation, step =>
    {
        int mark = _world.Log.Count;
        step.Run(_process);
        _model = step.Model(_model);
        if (PowerLoss is not null)
        {
            Float([.. _world.Log.Skip(mark)]);
        }
    });

    /// <summary>Does an operation and explores its crashes; false where it does not apply.</summary>
    public bool Explore(ArenaOperation operation) => Each(operation, ExploreStep);

    /// <summary>
    /// Forgets the way to where it is now, of which a long run has too much; <see cref="Restart"/> is of no use then.
    /// </summary>
    public void Settle() => _world.Settle();

    public void Dispose()
    {
        PowerMode = false;
        _process.Kill();
        Persist.Trace = null;
        _world.Dispose();
    }

    private bool Each(ArenaOperation operation, Action<ArenaOperation> act)
    {
        if (!operation.Applies(_model))
        {
            return false;
        }

        for (ArenaOperation? step = operation; step is not null; step = step.Then)
        {
            _history.Add(step.Name);
            try
            {
                act(step);
            }
            catch (ArenaOutOfSpaceException)
            {
                return true; // Nothing changed, and the model neither.
            }
            catch (Exception error) when (error is not (LabException or OutOfMemoryException))
            {
                throw new LabException($"{Text()}: {error.GetType().Name}: {error.Message}", error);
            }
        }

        return true;
    }

    private void ExploreStep(ArenaOperation step)
    {
        int mark = _world.Log.Count;
        Room room = _world.Room;
        ArenaModel old = _model;
        step.Run(_process);
        _model = step.Model(_model);
        if (CompareAll && _world.Difference() is >= 0 and long at)
        {
            throw new LabException($"{Text()}: a store went past the seam at {at} of the medium's memory");
        }

        LivingProcess living = _world.Suspend();
        LabEvent[] events = [.. _world.Log.Skip(mark)];
        if (PowerLoss is null)
        {
            _world.GoBack(mark);
            _world.Room = room;
            Crashes(events, (when, complete) => Check(complete ? null : old, when, deeper: CrashRecoveryToo));
            _world.Log.AddRange(events);
        }
        else
        {
            ExplorePowerLoss(old, events);
        }

        _world.Resume(living);
    }

    /// <summary>
    /// Applies events one by one, and shows each state on the way: between any two, and inside a store of more than a
    /// word.
    /// </summary>
    private void Crashes(LabEvent[] events, Action<string, bool> visit)
    {
        for (int i = 0; i < events.Length; i++)
        {
            visit($"after {i} of {events.Length}, before the {events[i]}", false);
            if (events[i] is StoreEvent { Length: > sizeof(ulong) } store)
            {
                int half = store.Length / 2 & -sizeof(ulong);
                _world.Poke(store.Offset, store.Bytes, 0, half);
                visit($"inside {i} of {events.Length}, the {store}, first half", false);
                _world.Poke(store.Offset, store.Old, 0, half);
                _world.Poke(store.Offset, store.Bytes, half, store.Length - half);
                visit($"inside {i} of {events.Length}, the {store}, second half", false);
            }

            events[i].Apply(_world);
        }

        visit($"after all {events.Length}", true);
    }

    /// <summary>Attaches as the next process, compares, and puts everything back.</summary>
    private void Check(ArenaModel? old, string when, bool deeper, bool again = false)
    {
        LabCounts.Add(LabCounts.CrashStates, _part);
        int mark = _world.Log.Count;
        Room room = _world.Room;
        LabEvent[] recovery = [];
        using (ArenaProcess next = new(_world))
        {
            try
            {
                next.Open(creating: !(old ?? _model).Exists);
                recovery = [.. _world.Log.Skip(mark)];
                Compare(next, old, again);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                throw new LabException(
                    $"{Text()}: {when}: {(error is LabException ? "" : error.GetType().Name + ": ")}{error.Message}",
                    error);
            }
        }

        _world.GoBack(mark);
        if (PowerLoss is null || !deeper)
        {
            // Where a file's making was lost, its memory is not the next one's with what was stored to it.
            _world.Room = room;
        }

        if (deeper)
        {
            if (PowerLoss is null)
            {
                Crashes(recovery, Again);
            }
            else
            {
                List<StoreEvent> floating = [];
                List<LabEvent> unnamed = [];
                _inRecovery = true;
                Weaken(recovery, floating, unnamed, Again);
                _inRecovery = false;
                ApplyAll(floating);
                ApplyAll(unnamed);
            }

            for (int i = recovery.Length - 1; i >= 0; i--)
            {
                recovery[i].Revert(_world);
            }

            _world.Room = room;
        }

        void Again(string then, bool complete)
        {
            if (!complete)
            {
                Check(old, $"{when}; and in the attach after it {then}", deeper: false, again: true);
            }
        }
    }

    private void Compare(ArenaProcess next, ArenaModel? old, bool again)
    {
        PersistentArena arena = next.Arena;
        string actual = ArenaModel.Describe(arena);
        if (arena.AttachReport.Kind == AttachKind.Fresh && (old ?? _model).Exists)
        {
            throw new LabException("the arena was there, and a new one was made");
        }

        if (arena.AttachReport.Kind == AttachKind.Warm && !_model.Closed && old is not { Closed: true } && !again
            && (old ?? _model).Exists)
        {
            throw new LabException("it was not closed, and is said to be");
        }

        RequireIdentities(next);
        string difference = actual == _model.ToString() ? Difference(next, _model, old, actual) : "other regions";
        if (difference.Length > 0 && old is not null && actual == old.ToString())
        {
            difference = Difference(next, old, _model, actual);
        }

        if (difference.Length > 0)
        {
            throw new LabException(
                $"{difference}; there is '{actual}', and should be '{_model}'{(old is null ? "" : $" or '{old}'")}");
        }

        if (arena.IsFrozen)
        {
            return; // What is left over stays until it is thawed.
        }

        RequireMarks(next);
        Account(arena, again);
        if (_checks++ % 4 == 0)
        {
            string before = ArenaModel.Describe(arena);
            next.Close();
            next.Open();
            if (next.Arena.AttachReport is { Kind: not AttachKind.Warm }
                or { Reasons: [not { Code: ReasonCodes.ForeignFilesIgnored }, ..] }
                || ArenaModel.Describe(next.Arena) != before)
            {
                throw new LabException(
                    $"closed and opened again it is '{ArenaModel.Describe(next.Arena)}': {next.Arena.AttachReport}");
            }

            Account(next.Arena, again);
        }
    }

    /// <summary>
    /// What is written for people and for repair by hand: the writer's record, and each extent's owner beside its
    /// identity, with zeros behind.
    /// </summary>
    private void RequireIdentities(ArenaProcess next)
    {
        foreach (LabFile file in _world.Files)
        {
            if (file.Name == Arena.ExtentFiles.MetadataName
                && (!WriterRecord.TryRead(_world.At(file.Start + MetadataLayout.Writer), out WriterRecord lease)
                    || lease.Epoch != next.Arena.Epoch))
            {
                throw new LabException("the writer's record does not name the writer");
            }

            if (Arena.ExtentFiles.TryParseName(file.Name, out ulong id)
                && next.Tables.FindExtent(id) is { State: Journal.ExtentState.InUse } extent
                && next.Tables.Find(extent.RegionId) is { } region)
            {
                byte* block = _world.At(file.Start + file.Length - ExtentIdentity.BlockBytes);
                OwnerHint hint = *(OwnerHint*)(block + OwnerHint.Offset);
                ExtentMark mark = ExtentMark.Read(_world.At(file.Start), file.Length, extent.Nonce);
                if (mark.Generation == 0 || !region.Entry.Generation.Accepts(mark.Generation) || mark.Epoch == 0
                    || mark.Epoch > next.Arena.Epoch)
                {
                    throw new LabException($"{file.Name} is of generation {mark.Generation} and epoch {mark.Epoch}, " +
                        $"its region of {region.Entry.Generation}");
                }

                const int End = OwnerHint.Offset + OwnerHint.Bytes;
                const int Behind = ExtentMark.Offset + ExtentMark.Bytes;
                if (hint.RegionId != extent.RegionId || hint.Ordinal != extent.Ordinal
                    || hint.RegionNonce != region.Entry.Nonce
                    || new ReadOnlySpan<byte>(block + End, ExtentMark.Offset - End).IndexOfAnyExcept((byte)0) >= 0
                    || new ReadOnlySpan<byte>(block + Behind, ExtentIdentity.BlockBytes - Behind).IndexOfAnyExcept(
                        (byte)0) >= 0)
                {
                    throw new LabException($"{file.Name} does not name its owner, or has something behind that");
                }
            }
        }
    }

    /// <summary>
    /// Once its writer has opened a region, its files say that they are committed and of the journal's generation;
    /// those of no region do not say so.
    /// </summary>
    private void RequireMarks(ArenaProcess next)
    {
        foreach (RegionInfo region in next.Arena.ListRegions())
        {
            next.Arena.OpenRegion(region.Name).Dispose();
        }

        foreach (LabFile file in _world.Files)
        {
            if (!Arena.ExtentFiles.TryParseName(file.Name, out ulong id)
                || next.Tables.FindExtent(id) is not { } extent)
            {
                continue;
            }

            ExtentMark mark = ExtentMark.Read(_world.At(file.Start), file.Length, extent.Nonce);
            Journal.RegionGeneration generation = next.Tables.Find(extent.RegionId)?.Entry.Generation ?? default;
            bool right = extent.State == Journal.ExtentState.InUse
                ? mark.Committed && mark.Generation == generation.Current && !generation.IsStamping
                : !mark.Committed;
            if (!right)
            {
                throw new LabException(
                    $"{file.Name} is {extent.State}, and is marked as {mark} where the journal says {generation}");
            }
        }
    }

    /// <summary>Every file is accounted for, and every byte of a file.</summary>
    private void Account(PersistentArena arena, bool again)
    {
        ArenaSpace space = arena.GetSpace();
        int files = _world.Files.Count;

        // A file that was made and holds an older life's identity cannot be told from another arena's: one for each
        // crash at most.
        int foreign = _world.Kind == WorldKind.OlderLife ? files - space.FileCount : 0;
        if (files - foreign != space.FileCount || foreign < 0 || foreign > _history.Count + (again ? 1 : 0))
        {
            throw new LabException($"{files} files, of which the arena " +
                $"knows {space.FileCount}: {string.Join(", ", _world.Files.Select(file => file.Name))}");
        }

        int extents = arena.ListRegions().Sum(region => region.ExtentCount);
        if (arena.Medium.Capabilities.UnlinkFreesSpace && space.FileCount != 1 + extents)
        {
            throw new LabException($"{space.FileCount} files for {extents} extents");
        }
    }

    private string Difference(ArenaProcess next, ArenaModel model, ArenaModel? other, string actual)
    {
        foreach ((string name, RegionModel region) in model.Regions)
        {
            RegionModel? alternative = other?.Regions.GetValueOrDefault(name);
            string difference = region.Kind == RegionKind.Heap
                ? (actual.StartsWith("frozen", StringComparison.Ordinal) && !region.Formatted ? ""
                    : HeapDifference(next.Region(name), region, alternative))
                : WordDifference(next.Region(name), region, alternative, other is not null);
            if (difference.Length > 0)
            {
                return $"{name}: {difference}";
            }
        }

        return "";
    }

    private string WordDifference(PersistentRegion memory, RegionModel region, RegionModel? other, bool underWay)
    {
        ulong At(long place) => *(ulong*)(memory.Address + (nint)place);
        IEnumerable<long> places = region.Words.Keys.Union(other?.Words.Keys ?? []).Where(place =>
            place < region.Length);
        foreach (long place in places)
        {
            ulong expected = region.Words.GetValueOrDefault(place);
            if (At(place) != expected
                && !(underWay && other is not null && At(place) == other.Words.GetValueOrDefault(place)))
            {
                return $"the word at {place} is {At(place):X} instead of {expected:X}";
            }
        }

        // Everything else is zero: the pages where something could have been left out, and now and then all of them.
        HashSet<long> known = [.. places];
        long step = _checks % 32 == 0 ? 4096 : region.Length / 4 & -4096;
        for (long page = 0; page < region.Length; page += step)
        {
            for (long place = page; place < page + 4096; place += sizeof(ulong))
            {
                if (At(place) != 0 && !known.Contains(place))
                {
                    return $"the word at {place} is {At(place):X} instead of 0";
                }
            }
        }

        return At(region.Length - 16) != 0 && !known.Contains(region.Length - 16) ? "its last but one word is not zero"
            : "";
    }

    private static string HeapDifference(PersistentRegion memory, RegionModel region, RegionModel? other)
    {
        PersistentHeap heap = PersistentHeap.Open(memory);
        PersistentDictionary dictionary = PersistentDictionary.OpenOrCreate(heap, "keys");
        string? value = dictionary.Get("key"u8) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;
        return value != region.Value && (other is null || value != other.Value)
            ? $"its dictionary holds '{value}'"
            : string.Join("; ", HeapVerifier.Verify(heap));
    }

    private string Text() => (SampleSeed is { } seed ? $"(samples of seed {seed}) " : "") + string.Join(" | ",
        _history);
}
