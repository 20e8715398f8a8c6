using GuestMemFs;

namespace KvStore.Engine;

/// <summary>
/// Collections whose making was cut off, by a kill or for want of room: the name is there, and nothing in it. To finish
/// one takes room; a store that has none opens without it, as if it had never been made.
/// </summary>
internal static class Unfinished
{
    /// <summary>
    /// Opens what the store has the name of; null where it holds nothing and there is no room for it.
    /// </summary>
    public static T? Try<T>(Func<T> open)
        where T : class
    {
        try
        {
            return open();
        }
        catch (ArenaException e) when (e is ArenaOutOfSpaceException or ArenaReadOnlyException)
        {
            return null;
        }
    }
}
