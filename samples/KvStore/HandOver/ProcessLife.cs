using System.Diagnostics;
using System.Globalization;

namespace KvStore.HandOver;

/// <summary>
/// Whether a process that is no child of this one has ended. Its number may be used again: it began at a time.
/// </summary>
/// <remarks>One that cannot be seen from here (of another pid namespace its number is 0) counts as alive.</remarks>
internal sealed class ProcessLife
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly string? _began;

    public ProcessLife(int id)
    {
        Id = id;
        _began = Look(id).Began;
    }

    public int Id { get; }

    /// <summary>
    /// True where it has ended. One whose sockets are closed already may take a moment until that can be seen.
    /// </summary>
    public bool HasEnded()
    {
        if (_began is null)
        {
            return false;
        }

        long start = Stopwatch.GetTimestamp();
        do
        {
            (string? began, char state) = Look(Id);
            if (began is null || began != _began || state is 'Z' or 'X')
            {
                return true;
            }

            Thread.Sleep(1);
        }
        while (Stopwatch.GetElapsedTime(start) < s_patience);
        return false;
    }

    // proc(5): "pid (name) state ppid ...", the 22nd is the time at which it began. A name may have anything in it.
    private static (string? Began, char State) Look(int id)
    {
        try
        {
            string line = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            string[] words = line[(line.LastIndexOf(')') + 2)..].Split(' ');
            return (words[19], words[0][0]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, 'X');
        }
    }
}
