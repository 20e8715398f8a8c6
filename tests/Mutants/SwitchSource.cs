namespace GuestMemFs.Mutants;

/// <summary>
/// What is compiled beside the switched sources: <c>Mutant.Is(n)</c> is true in a process that was started with the
/// mutant's number. A readonly field, so that the second compilation of a method folds it.
/// </summary>
internal static class SwitchSource
{
    /// <summary>The variable that says which mutant is on.</summary>
    public const string Active = "GMF_MUTANT";

    /// <summary>The variable that names a file with a byte for each mutant: 1 where its switch was reached.</summary>
    public const string Reached = "GMF_MUTANTS_REACHED";

    public const string Text = """
        using System.IO.MemoryMappedFiles;

        internal static unsafe class Mutant
        {
            private static readonly int s_active = int.Parse(
                System.Environment.GetEnvironmentVariable("GMF_MUTANT") ?? "-1");

            private static readonly byte* s_reached = Map(
                System.Environment.GetEnvironmentVariable("GMF_MUTANTS_REACHED"));

            [System.Runtime.CompilerServices.MethodImpl(
                System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
            public static bool Is(int number)
            {
                if (s_reached != null)
                {
                    s_reached[number] = 1;
                }

                return number == s_active;
            }

            // Memory of the file, so that what a killed child has reached is there too.
            private static byte* Map(string? path)
            {
                if (path is null)
                {
                    return null;
                }

                byte* begin = null;
                MemoryMappedFile.CreateFromFile(path, System.IO.FileMode.Open).CreateViewAccessor()
                    .SafeMemoryMappedViewHandle.AcquirePointer(ref begin);
                return begin;
            }
        }
        """;
}
