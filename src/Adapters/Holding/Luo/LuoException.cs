using System.Runtime.InteropServices;

namespace GuestMemFs.Holding;

/// <summary>
/// The Live Update Orchestrator refused: the message names what was asked, why, and the way out. Nothing was changed,
/// unless it says so.
/// </summary>
public class LuoException : HoldingException
{
    internal LuoException(LuoErrorKind kind, string operation, int errno, string message)
        : base(message)
    {
        Kind = kind;
        Operation = operation;
        Errno = errno;
    }

    /// <summary>The kind.</summary>
    public LuoErrorKind Kind { get; }

    /// <summary>
    /// What was asked: <c>open</c>, <c>create session</c>, <c>retrieve session</c>, <c>preserve</c>, <c>retrieve</c>,
    /// <c>finish</c>, <c>get name</c>.
    /// </summary>
    public string Operation { get; }

    /// <summary>The errno.</summary>
    public int Errno { get; }
}
