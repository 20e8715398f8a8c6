using KvStore.Replication;

namespace KvStore.Engine;

/// <summary>How far a replica's connection to its master has come; the names are Redis's.</summary>
internal enum MasterLinkState
{
    /// <summary>It is about to connect, or waits until it tries again.</summary>
    Connect,

    /// <summary>The master has not taken the connection yet.</summary>
    Connecting,

    /// <summary>The two tell each other who they are.</summary>
    Handshake,

    /// <summary>It is sent all keys.</summary>
    Sync,

    /// <summary>It is sent each change.</summary>
    Connected,
}

/// <summary>Whose replica this is, and how far it has come. Used under the engine's gate.</summary>
internal sealed class Following(MasterNote note)
{
    private long _downSince = Environment.TickCount64;

    /// <summary>What of it lies in the arena.</summary>
    public MasterNote Note { get; } = note;

    /// <summary>The master; null where this is one itself.</summary>
    public MasterAddress? Address { get; private set; } = note.Address;

    /// <summary>True where it is a replica.</summary>
    public bool IsOn { get; private set; } = note.Address is not null;

    /// <summary>True where the data is no whole copy of the master's.</summary>
    public bool IsLoading { get; private set; } = note.IsLoading;

    /// <summary>How far the connection has come.</summary>
    public MasterLinkState State
    {
        get;
        set
        {
            if (field == MasterLinkState.Connected && value != field)
            {
                _downSince = Environment.TickCount64;
            }

            field = value;
        }
    }

    /// <summary>When the master was heard of last, in <see cref="Environment.TickCount64"/>.</summary>
    public long HeardAt { get; set; }

    /// <summary>Bytes of the copy that is being read; 0: not known.</summary>
    public long CopyLength { get; set; }

    /// <summary>How many of them were read.</summary>
    public long CopyRead { get; set; }

    /// <summary>Commands of the master's that were refused here.</summary>
    public long Refused { get; set; }

    /// <summary>For how many seconds there has been no connection.</summary>
    public long DownSeconds => (Environment.TickCount64 - _downSince) / 1000;

    /// <summary>It is a replica of that one from here on.</summary>
    public void Follow(MasterAddress master)
    {
        Note.Follow(master);
        Look();
    }

    /// <summary>It is a master.</summary>
    public void Leave()
    {
        Note.Leave();
        Look();
    }

    /// <summary>The data is about to go; what comes in its place is not served before it is whole.</summary>
    public void BeginCopy()
    {
        Note.BeginCopy();
        Look();
    }

    /// <summary>The copy is whole.</summary>
    public void EndCopy(int database)
    {
        Note.EndCopy(database);
        Look();
    }

    private void Look()
    {
        (Address, IsLoading) = (Note.Address, Note.IsLoading);
        IsOn = Address is not null;
    }
}
