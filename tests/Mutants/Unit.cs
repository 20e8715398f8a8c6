using System.Globalization;

namespace GuestMemFs.Mutants;

/// <summary>A part of a stage, as it was without a mutant.</summary>
/// <param name="Stage">That it belongs to.</param>
/// <param name="Name">The argument that stands for it.</param>
/// <param name="Seconds">Of processor time, its process with it.</param>
/// <param name="Reached">A byte for each mutant: 1 where its switch was reached.</param>
internal sealed record Unit(Stage Stage, string Name, double Seconds, byte[] Reached)
{
    /// <summary>Of a process that does nothing, in <see cref="Seconds"/>.</summary>
    public const double StartSeconds = 0.4;

    /// <summary>What it adds to a process that is there.</summary>
    public double OwnSeconds => Math.Max(0, Seconds - StartSeconds);

    public bool Equals(Unit? other) => other is not null && other.Name == Name && other.Stage.Name == Stage.Name;

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Stage.Name}\t{Name}\t{Seconds:F2}\t{Runs()}");

    public static Unit Parse(string line, IReadOnlyDictionary<string, Stage> stages)
    {
        string[] parts = line.Split('\t');
        byte[] reached = new byte[parts[3].Split(' ').Sum(run => int.Parse(run, CultureInfo.InvariantCulture))];
        int at = 0;
        byte value = 0;
        foreach (string run in parts[3].Split(' '))
        {
            int length = int.Parse(run, CultureInfo.InvariantCulture);
            reached.AsSpan(at, length).Fill(value);
            (at, value) = (at + length, (byte)(1 - value));
        }

        return new Unit(stages[parts[0]], parts[1], double.Parse(parts[2], CultureInfo.InvariantCulture), reached);
    }

    // Lengths of runs of the same value, of 0 first.
    private string Runs()
    {
        List<int> runs = [0];
        byte value = 0;
        foreach (byte reached in Reached)
        {
            if (reached != value)
            {
                runs.Add(0);
                value = reached;
            }

            runs[^1]++;
        }

        return string.Join(' ', runs);
    }
}
