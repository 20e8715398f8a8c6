namespace GuestMemFs.Mutants;

/// <summary>Which lines of a source are still there after it was rewritten.</summary>
internal sealed class LineMap
{
    private readonly int[] _beginsBefore;
    private readonly int[] _beginsAfter;
    private readonly int[] _lineBefore;

    public LineMap(string before, string after)
    {
        string[] a = before.Split('\n'), b = after.Split('\n');
        (_beginsBefore, _beginsAfter) = (Begins(a), Begins(b));
        _lineBefore = Match(a, b);
    }

    /// <summary>Where a place of the rewritten source was before; null where its line is another.</summary>
    public int? Before(int at)
    {
        int line = Array.BinarySearch(_beginsAfter, at);
        line = line < 0 ? ~line - 1 : line;
        return _lineBefore[line] < 0 ? null : _beginsBefore[_lineBefore[line]] + at - _beginsAfter[line];
    }

    private static int[] Begins(string[] lines)
    {
        int[] begins = new int[lines.Length];
        for (int i = 1; i < lines.Length; i++)
        {
            begins[i] = begins[i - 1] + lines[i - 1].Length + 1;
        }

        return begins;
    }

    // The longest common subsequence.
    private static int[] Match(string[] a, string[] b)
    {
        int[,] longest = new int[a.Length + 1, b.Length + 1];
        for (int i = a.Length - 1; i >= 0; i--)
        {
            for (int j = b.Length - 1; j >= 0; j--)
            {
                longest[i, j] = a[i] == b[j] ? longest[i + 1, j + 1] + 1
                    : Math.Max(longest[i + 1, j], longest[i, j + 1]);
            }
        }

        int[] lines = new int[b.Length];
        Array.Fill(lines, -1);
        for (int i = 0, j = 0; i < a.Length && j < b.Length;)
        {
            if (a[i] == b[j])
            {
                lines[j++] = i++;
            }
            else if (longest[i + 1, j] >= longest[i, j + 1])
            {
                i++;
            }
            else
            {
                j++;
            }
        }

        return lines;
    }
}
