namespace KvStore.Engine;

/// <summary>Those who want to know which keys change.</summary>
[Flags]
internal enum KeyOnlooker
{
    Nobody = 0,

    /// <summary>Clients in WATCH.</summary>
    Watching = 1,

    /// <summary>Clients in a blocking command.</summary>
    Waiting = 2,

    /// <summary>Clients that keep what they read in a cache of their own.</summary>
    Tracking = 4,
}

/// <summary>Which <see cref="KeyOnlooker"/>s there are: one word, so that writers look at one thing.</summary>
internal sealed class KeyOnlookers
{
    private KeyOnlooker _present;

    public bool Any => _present != 0;

    public void Note(KeyOnlooker onlooker, bool isPresent) =>
        _present = isPresent ? _present | onlooker : _present & ~onlooker;
}
