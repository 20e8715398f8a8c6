namespace GuestMemFs.Holding;

/// <summary>A kernel's command line (Documentation/admin-guide/kernel-parameters.txt).</summary>
/// <param name="text">As it is passed on.</param>
public sealed class KernelCommandLine(string text)
{
    /// <summary>As it is passed on.</summary>
    public string Text { get; } = text.Trim();

    /// <summary>Its words. One may hold blanks, between quotation marks, which stay in it.</summary>
    public IEnumerable<string> Words
    {
        get
        {
            bool quoted = false;
            int start = 0;
            for (int i = 0; i <= Text.Length; i++)
            {
                if (i == Text.Length || (!quoted && char.IsWhiteSpace(Text[i])))
                {
                    if (i > start)
                    {
                        yield return Text[start..i];
                    }

                    start = i + 1;
                }
                else if (Text[i] == '"')
                {
                    quoted = !quoted;
                }
            }
        }
    }
}
