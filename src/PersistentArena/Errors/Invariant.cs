using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace GuestMemFs;

/// <summary>
/// States what is true at a boundary, and looks whether it is: in Debug, in the labs, and where <c>tests/run</c>
/// builds. A package has no call of it: the compiler leaves them out, and what they would have worked out.
/// </summary>
/// <remarks>
/// The file that owns a mechanism begins with its invariants, numbered; a call names the number. What a damaged medium
/// or a caller's mistake can bring about is no invariant: it is refused, in a package too.
/// </remarks>
internal static class Invariant
{
    /// <summary>Fails where a condition is not true: a bug of this library.</summary>
    /// <param name="condition">What is true; without effects, for it may be left out.</param>
    /// <param name="number">The invariant, as its file numbers it.</param>
    /// <param name="text">The condition's text.</param>
    /// <param name="file">The caller's file.</param>
    [Conditional("DEBUG")]
    [Conditional("INVARIANTS")]
    public static void Holds(
        [DoesNotReturnIf(false)] bool condition,
        int number,
        [CallerArgumentExpression(nameof(condition))] string text = "",
        [CallerFilePath] string file = "")
    {
        if (!condition)
        {
            Fail(number, text, file);
        }
    }

    [DoesNotReturn]
    private static void Fail(int number, string text, string file)
    {
        string message = $"Invariant {number} of {Path.GetFileName(file)} does not hold: {text}. A bug.";
        throw new InvalidOperationException(message);
    }
}
