using System.Runtime.InteropServices;
using System.Text;
using GuestMemFs;

namespace KvStore.Replication;

/// <summary>
/// What a replica has to know of its master after a kill, in a root of the heap: where it is, whether the data is a
/// whole copy of the master's, and which database its stream has selected. How much of the stream the data has is the
/// history's position (<see cref="Backlog"/>).
/// </summary>
/// <remarks>
/// <para>A copy begins with the mark that the data is none, before the first old key goes; the mark goes last, once all
/// keys are there. Without it a process that was killed in between would serve, and go on from, half a copy.</para>
/// <para>The selected database is set in the group of the command that selects it. Without it what follows in the
/// stream would be done in another database after a kill.</para>
/// <para>What was named on the command line is remembered beside it: it counts once. A replica that was made a master
/// at run time stays one when the same command line starts it again.</para>
/// <para>Used under the engine's gate.</para>
/// </remarks>
internal sealed class MasterNote
{
    private const string RootName = "master";
    private const ulong Follows = 1;
    private const ulong IsCopying = 2;

    private readonly PersistentHeap _heap;
    private PersistentRoot<Record>? _root;

    /// <summary>Opens it, where it is there; else it is made with the first master.</summary>
    public MasterNote(PersistentHeap heap)
    {
        _heap = heap;
        _root = heap.Roots.Contains(RootName) ? heap.OpenOrCreateRoot<Record>(RootName) : null;
    }

    /// <summary>The master; null where there is none.</summary>
    public MasterAddress? Address => (Value.State & Follows) != 0
        ? new MasterAddress(Text(Value.Host), (int)Value.Port) : null;

    /// <summary>True where the data is no whole copy: it is not served.</summary>
    public bool IsLoading => (Value.State & IsCopying) != 0;

    /// <summary>The database that the master's stream has selected.</summary>
    public int Database => (int)Value.Database;

    /// <summary>What the command line named when it was followed last.</summary>
    public string Option => Text(Value.Option);

    private Record Value => _root is { } root ? root.Value : default;

    /// <summary>It is a replica of that one from here on; its data stays what it is.</summary>
    public void Follow(MasterAddress master)
    {
        Record record = Value;
        record.State |= Follows;
        record.Port = master.Port;
        record.Host = NameOf(master.Host);
        Root.Set(record); // COMMIT POINT: master named
    }

    /// <summary>It is nobody's replica from here on.</summary>
    public void Leave()
    {
        Record record = Value;
        record.State = 0;
        record.Database = 0;
        Root.Set(record); // COMMIT POINT: master left
    }

    /// <summary>What the command line names was followed.</summary>
    public void Remember(string option)
    {
        Record record = Value;
        record.Option = NameOf(option);
        Root.Set(record);
    }

    /// <summary>The data is about to go, and a copy of the master's comes.</summary>
    public void BeginCopy()
    {
        Record record = Value;
        record.State |= IsCopying;
        Root.Set(record); // COMMIT POINT: copy begun
    }

    /// <summary>All of the copy is there.</summary>
    public void EndCopy(int database)
    {
        Record record = Value;
        record.State &= ~IsCopying;
        record.Database = database;
        Root.Set(record); // COMMIT POINT: copy whole
    }

    /// <summary>The stream selects a database; in the group of the command that does it.</summary>
    public void Select(int database)
    {
        Record record = Value;
        record.Database = database;
        Root.Set(record);
    }

    private PersistentRoot<Record> Root => _root ??= _heap.OpenOrCreateRoot<Record>(RootName);

    private static Name NameOf(string text)
    {
        Name name = default;
        Encoding.ASCII.GetBytes(text, MemoryMarshal.AsBytes((Span<ulong>)name));
        return name;
    }

    private static string Text(Name name)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes((ReadOnlySpan<ulong>)name);
        int end = bytes.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Record
    {
        public ulong State;
        public long Database;
        public long Port;
        public Name Host;
        public Name Option;
    }

    [System.Runtime.CompilerServices.InlineArray(Words)]
    private struct Name
    {
        private const int Words = 36; // a host, a space, and a port
        private ulong _first;
    }
}
