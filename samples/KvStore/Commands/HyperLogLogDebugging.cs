using System.Text;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>PFDEBUG and PFSELFTEST: what a HyperLogLog is made of, and whether it counts right.</summary>
internal static class HyperLogLogDebugging
{
    private const int MostElements = 100_000;
    private const double MostWrong = 0.05; // the estimate's standard error is 0.0081

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("hyperloglog",
    [
        new("pfdebug", 3, Write | DenyOom | ForOperators, new KeySpec(2, 2, 1), Debug)
        {
            Event = "pfadd",
            Since = "2.8.9",
            Summary = "Internal commands for debugging HyperLogLog values",
        },
        new("pfselftest", 1, ForOperators, KeySpec.None, SelfTest)
            { Since = "2.8.9", Summary = "An internal command for testing HyperLogLog values" },
    ]);

    public static void Debug(in Call call)
    {
        if (!HyperLogLogs.TryRead(call, call.Args[2], out HyperLogLog? value))
        {
            return;
        }

        if (value is null)
        {
            call.Reply.Error("ERR The specified key does not exist"u8);
        }
        else if (call.Args.Is(1, "encoding"u8))
        {
            call.Reply.Simple(value.IsDense ? "dense"u8 : "sparse"u8);
        }
        else if (call.Args.Is(1, "decode"u8))
        {
            Decode(call, value);
        }
        else if (call.Args.Is(1, "todense"u8) || call.Args.Is(1, "getreg"u8))
        {
            MakeDense(call, value);
        }
        else
        {
            call.Reply.Error($"ERR Unknown PFDEBUG subcommand '{call.Args.Shown(1)}'");
        }
    }

    /// <summary>Counts elements of its own, with runs and with six bits each.</summary>
    public static void SelfTest(in Call call)
    {
        HyperLogLog runs = new();
        HyperLogLog dense = new();
        bool isRight = dense.TryMakeDense();
        long nextLook = 1;
        for (int i = 1; i <= MostElements && isRight; i++)
        {
            byte[] element = Encoding.ASCII.GetBytes(Numbers.Text(i));
            isRight = runs.TryAdd(element, call.Engine.Options.SparseHyperLogLog, out bool raised)
                && dense.TryAdd(element, 0, out bool alsoRaised) && raised == alsoRaised;
            if (i == nextLook)
            {
                nextLook *= 10;
                isRight &= Count(runs) == Count(dense) && Math.Abs(Count(dense) - i) <= Math.Max(1, MostWrong * i);
            }
        }

        if (isRight)
        {
            call.Reply.Ok();
        }
        else
        {
            call.Reply.Error("ERR TESTFAILED a HyperLogLog does not count right"u8);
        }
    }

    private static long Count(HyperLogLog value)
    {
        byte[] registers = new byte[HyperLogLog.RegisterCount];
        return value.TryMergeInto(registers) ? CardinalityEstimate.Of(registers) : -1;
    }

    private static void Decode(in Call call, HyperLogLog value)
    {
        if (value.DescribeRuns() is { } runs)
        {
            call.Reply.Bulk(runs);
        }
        else
        {
            call.Reply.Error("ERR HLL encoding is not sparse"u8);
        }
    }

    /// <summary>TODENSE says whether that was to be done, GETREG has the registers then.</summary>
    private static void MakeDense(in Call call, HyperLogLog value)
    {
        bool wasDense = value.IsDense;
        byte[] registers = new byte[HyperLogLog.RegisterCount];
        if (!value.TryMakeDense() || !value.TryMergeInto(registers))
        {
            call.Reply.Error("INVALIDOBJ Corrupted HLL object detected"u8);
            return;
        }

        if (!wasDense)
        {
            HyperLogLogs.Put(call, call.Args[2], value);
            call.Touched(call.Args[2]);
        }

        if (call.Args.Is(1, "todense"u8))
        {
            call.Reply.Integer(wasDense ? 0 : 1);
            return;
        }

        call.Reply.Array(registers.Length);
        foreach (byte register in registers)
        {
            call.Reply.Integer(register);
        }
    }
}
