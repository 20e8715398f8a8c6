namespace GuestMemFs.CrashLab;

/// <summary>What a seeded fault does to the stores of one place in the sources.</summary>
internal enum FaultKind
{
    /// <summary>The store is not made.</summary>
    Drop,

    /// <summary>The store is made after the next one of its thread: two stores have changed places.</summary>
    Late,

    /// <summary>A publishing store is an ordinary one: the barrier is missing.</summary>
    Unordered,
}

/// <summary>
/// A deliberate fault: a place in the library's sources where a store goes wrong. Faults are found by their place, so the library's code does not know of them.
/// </summary>
internal sealed unsafe class SeededFault(string file, int line, FaultKind kind)
{
    [ThreadStatic]
    private static SeededFault? t_active;

    [ThreadStatic]
    private static Dictionary<(string File, int Line, bool Publishes), int>? t_places;

    private (nint At, ulong Value, bool Publishes)? _late;
    private bool _passing;

    /// <summary>The fault that this thread's stores suffer, or null.</summary>
    public static SeededFault? Active
    {
        get => t_active;
        set => t_active = value;
    }

    /// <summary>Where set, counts the stores of each place instead.</summary>
    public static Dictionary<(string File, int Line, bool Publishes), int>? Places
    {
        get => t_places;
        set => t_places = value;
    }

    /// <summary>How often the fault struck.</summary>
    public int Strikes { get; private set; }

    public override string ToString() => $"{kind} {Path.GetFileName(file)}:{line}";

    /// <summary>True where the fault has taken care of the store, in its way.</summary>
    public static bool Takes(ulong* at, ulong value, bool publishes, string file, int line)
    {
        if (t_places is { } places)
        {
            places[(file, line, publishes)] = places.GetValueOrDefault((file, line, publishes)) + 1;
        }

        return t_active is { _passing: false } fault && fault.Take(at, value, publishes, file, line);
    }

    private bool Take(ulong* at, ulong value, bool publishes, string where, int number)
    {
        if (number == line && where == file && _late is null)
        {
            Strikes++;
            switch (kind)
            {
                case FaultKind.Late:
                    _late = ((nint)at, value, publishes);
                    return true;
                case FaultKind.Unordered:
                    *at = value;
                    Format.Persist.Trace?.Add((byte*)at, sizeof(ulong), publishes: false);
                    return true;
                default:
                    return true;
            }
        }

        if (_late is var (lateAt, lateValue, latePublishes))
        {
            _late = null;
            Make(at, value, publishes);
            Make((ulong*)lateAt, lateValue, latePublishes);
            return true;
        }

        return false;
    }

    private void Make(ulong* at, ulong value, bool publishes)
    {
        _passing = true;
        if (publishes)
        {
            Format.Persist.Publish(at, value);
        }
        else
        {
            Format.Persist.Store(at, value);
        }

        _passing = false;
    }
}
