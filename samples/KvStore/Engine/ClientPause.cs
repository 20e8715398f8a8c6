using KvStore.Session;

namespace KvStore.Engine;

/// <summary>CLIENT PAUSE: until when whose commands wait. Used under the engine's gate.</summary>
internal sealed class ClientPause(Action changed)
{
    private readonly List<ClientSession> _postponed = [];

    /// <summary>True while commands wait.</summary>
    public bool IsOn => Until != 0;

    /// <summary>In <see cref="KvEngine.Milliseconds"/>; 0 where there is no pause.</summary>
    public long Until { get; private set; }

    /// <summary>True where reads run.</summary>
    public bool OnlyWrites { get; private set; }

    /// <summary>Clients whose commands wait.</summary>
    public int Count => _postponed.Count;

    /// <summary>Commands wait from now on. A pause that is there gets no shorter and no weaker.</summary>
    public void Begin(long until, bool onlyWrites)
    {
        OnlyWrites = onlyWrites && (!IsOn || OnlyWrites);
        Until = Math.Max(Until, Math.Max(1, until));
        changed();
    }

    /// <summary>A client's next command waits.</summary>
    public void Postpone(ClientSession session)
    {
        session.IsPostponed = true;
        _postponed.Add(session);
    }

    /// <summary>The client has gone.</summary>
    public void Forget(ClientSession session)
    {
        if (session.IsPostponed)
        {
            _postponed.Remove(session);
        }
    }

    /// <summary>All go on.</summary>
    public void End()
    {
        Until = 0;
        OnlyWrites = false;
        changed();
        foreach (ClientSession session in _postponed)
        {
            session.IsPostponed = false;
            session.Link?.Resume();
        }

        _postponed.Clear();
    }
}
