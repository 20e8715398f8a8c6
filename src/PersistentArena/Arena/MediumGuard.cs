using GuestMemFs.Native;

namespace GuestMemFs.Arena;

/// <summary>Turns what a medium says into what an arena says.</summary>
internal static class MediumGuard
{
    /// <summary>Runs something that calls the medium.</summary>
    /// <param name="medium">The medium.</param>
    /// <param name="asked">How many bytes are asked of it, for the message.</param>
    /// <param name="action">What calls it.</param>
    public static T Guard<T>(this Medium medium, long asked, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (MediumException e)
        {
            throw medium.Translate(e, asked);
        }
    }

    /// <inheritdoc cref="Guard{T}"/>
    public static void Guard(this Medium medium, long asked, Action action)
    {
        try
        {
            action();
        }
        catch (MediumException e)
        {
            throw medium.Translate(e, asked);
        }
    }

    /// <summary>The arena's exception for the medium's.</summary>
    public static ArenaException Translate(this Medium medium, MediumException e, long asked)
    {
        if (e.Kind == MediumErrorKind.Preserved)
        {
            return new ArenaPreservedException(medium.Location, e);
        }

        if (e.Kind != MediumErrorKind.NoSpace)
        {
            return new ArenaMediumException(medium.Location, e);
        }

        MediumSpace space = default;
        try
        {
            space = medium.GetSpace();
        }
        catch (MediumException)
        {
            // The first failure is the one to tell.
        }

        return ArenaOutOfSpaceException.OnMedium(medium.Location, asked, space.Free, space.Total, e);
    }
}
