using GuestMemFs.Format;

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

/// <summary>How a place in the sources reaches persistent memory.</summary>
internal enum PlaceKind
{
    Store,
    Publish,
    Copy,
    Fill,
}

/// <summary>
/// A deliberate fault: a place in the library's sources where a store goes wrong. Faults are found by their place, so
/// the library's code does not know of them.
/// </summary>
internal sealed unsafe class SeededFault(string file, int line, FaultKind kind)
{
    [ThreadStatic]
    private static SeededFault? t_active;

    [ThreadStatic]
    private static Dictionary<(string File, int Line, PlaceKind Kind), int>? t_places;

    private (nint At, byte[] Bytes, PlaceKind Place)? _late;
    private bool _passing;

    /// <summary>The fault that this thread's stores suffer, or null.</summary>
    public static SeededFault? Active
    {
        get => t_active;
        set => t_active = value;
    }

    /// <summary>Where set, counts the stores of each place instead.</summary>
    public static Dictionary<(string File, int Line, PlaceKind Kind), int>? Places
    {
        get => t_places;
        set => t_places = value;
    }

    /// <summary>How often the fault struck.</summary>
    public int Strikes { get; private set; }

    public override string ToString() => $"{kind} {Path.GetFileName(file)}:{line}";

    /// <summary>
    /// True where the fault has taken care of the store, in its way. A fill has no bytes here: it can only be left out.
    /// </summary>
    public static bool Takes(PlaceKind place, void* at, ReadOnlySpan<byte> bytes, string file, int line)
    {
        if (t_places is { } places)
        {
            places[(file, line, place)] = places.GetValueOrDefault((file, line, place)) + 1;
        }

        return t_active is { _passing: false } fault && fault.Take(place, at, bytes, file, line);
    }

    private bool Take(PlaceKind place, void* at, ReadOnlySpan<byte> bytes, string where, int number)
    {
        if (number == line && where == file && _late is null)
        {
            Strikes++;
            switch (kind)
            {
                case FaultKind.Late:
                    _late = ((nint)at, bytes.ToArray(), place);
                    return true;
                case FaultKind.Unordered:
                    Make(PlaceKind.Store, at, bytes);
                    return true;
                default:
                    return true;
            }
        }

        if (_late is var (lateAt, lateBytes, latePlace) && place != PlaceKind.Fill)
        {
            _late = null;
            Make(place, at, bytes);
            Make(latePlace, (void*)lateAt, lateBytes);
            return true;
        }

        return false;
    }

    private void Make(PlaceKind place, void* at, ReadOnlySpan<byte> bytes)
    {
        _passing = true;
        switch (place)
        {
            case PlaceKind.Publish:
                Persist.Publish((ulong*)at, BitConverter.ToUInt64(bytes));
                break;
            case PlaceKind.Store:
                Persist.Store((ulong*)at, BitConverter.ToUInt64(bytes));
                break;
            default:
                Persist.Copy(at, bytes);
                break;
        }

        _passing = false;
    }
}
