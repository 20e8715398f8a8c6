namespace KvStore.Commands;

/// <summary>
/// How many elements a HyperLogLog has seen: the improved raw estimate of Otmar Ertl, "New cardinality estimation
/// algorithms for HyperLogLog sketches" (arXiv:1702.01284), which Redis uses.
/// </summary>
internal static class CardinalityEstimate
{
    private const double AlphaOfInfinity = 0.721347520444481703680; // 1 / (2 ln 2)
    private const int Highest = 64;

    /// <summary>From registers of one byte each.</summary>
    public static long Of(ReadOnlySpan<byte> registers)
    {
        Span<int> counts = stackalloc int[Highest];
        counts.Clear();
        foreach (byte register in registers)
        {
            counts[register]++;
        }

        double all = registers.Length;
        double z = all * Tau((all - counts[HyperLogLog.HashBits + 1]) / all);
        for (int value = HyperLogLog.HashBits; value >= 1; value--)
        {
            z = (z + counts[value]) * 0.5;
        }

        z += all * Sigma(counts[0] / all);
        return (long)Math.Round(AlphaOfInfinity * all * all / z, MidpointRounding.AwayFromZero);
    }

    /// <summary>What registers that are still zero add.</summary>
    private static double Sigma(double x)
    {
        if (x == 1)
        {
            return double.PositiveInfinity;
        }

        double last;
        double factor = 1;
        double sum = x;
        do
        {
            x *= x;
            last = sum;
            sum += x * factor;
            factor += factor;
        }
        while (last != sum);
        return sum;
    }

    /// <summary>What registers that are full add.</summary>
    private static double Tau(double x)
    {
        if (x is 0 or 1)
        {
            return 0;
        }

        double last;
        double factor = 1;
        double sum = 1 - x;
        do
        {
            x = Math.Sqrt(x);
            last = sum;
            factor *= 0.5;
            sum -= Math.Pow(1 - x, 2) * factor;
        }
        while (last != sum);
        return sum / 3;
    }
}
