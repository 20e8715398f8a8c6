using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>PFADD, PFCOUNT, PFMERGE: strings that count how many different elements they have seen.</summary>
internal static class HyperLogLogs
{
    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("hyperloglog",
    [
        new("pfadd", -2, Write | DenyOom | Fast, KeySpec.One, PfAdd)
            { Since = "2.8.9", Summary = "Adds the specified elements to the specified HyperLogLog." },
        new("pfcount", -2, ReadOnly, KeySpec.Every, PfCount)
        {
            Since = "2.8.9",
            Summary = "Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).",
        },
        new("pfmerge", -2, Write | DenyOom, KeySpec.Every, PfMerge)
        {
            KeyAccess = KeyAccess.ReadWrite,
            SecondKeyAccess = KeyAccess.Read,
            Event = "pfadd",
            Since = "2.8.9",
            Summary = "Merge N different HyperLogLogs into a single one.",
        },
    ]);

    private static ReadOnlySpan<byte> Damaged => "INVALIDOBJ Corrupted HLL object detected"u8;

    public static void PfAdd(in Call call)
    {
        if (!TryRead(call, call.Key, out HyperLogLog? value))
        {
            return;
        }

        bool changed = value is null;
        value ??= new HyperLogLog();
        for (int i = 2; i < call.Args.Count; i++)
        {
            if (!value.TryAdd(call.Args[i], call.Engine.Options.SparseHyperLogLog, out bool raised))
            {
                call.Reply.Error(Damaged);
                return;
            }

            changed |= raised;
        }

        if (changed)
        {
            value.ForgetCount();
            Put(call, call.Key, value);
            call.Changed(call.Key);
        }

        call.Reply.Integer(changed ? 1 : 0);
    }

    public static void PfCount(in Call call)
    {
        if (call.Args.Count > 2)
        {
            byte[] registers = new byte[HyperLogLog.RegisterCount];
            if (TryMergeAll(call, registers, out _))
            {
                call.Reply.Integer(CardinalityEstimate.Of(registers));
            }
        }
        else if (TryRead(call, call.Key, out HyperLogLog? value))
        {
            call.Looked(value is not null);
            CountOne(call, value);
        }
    }

    public static void PfMerge(in Call call)
    {
        byte[] registers = new byte[HyperLogLog.RegisterCount];
        if (!TryMergeAll(call, registers, out bool anyDense) || !TryRead(call, call.Key, out HyperLogLog? value))
        {
            return;
        }

        value ??= new HyperLogLog();
        bool isWhole = !anyDense || value.TryMakeDense();
        for (int i = 0; i < registers.Length && isWhole; i++)
        {
            isWhole = registers[i] == 0
                || value.TryRaise(i, registers[i], call.Engine.Options.SparseHyperLogLog, out _);
        }

        if (!isWhole)
        {
            call.Reply.Error(Damaged);
            return;
        }

        value.ForgetCount();
        Put(call, call.Key, value);
        call.Changed(call.Key);
        call.Reply.Ok();
    }

    /// <summary>Replies the count, and keeps it in the value where it is new, as Redis does.</summary>
    private static void CountOne(in Call call, HyperLogLog? value)
    {
        long count = 0;
        if (value is not null && !value.TryGetCount(out count))
        {
            byte[] registers = new byte[HyperLogLog.RegisterCount];
            if (!value.TryMergeInto(registers))
            {
                call.Reply.Error(Damaged);
                return;
            }

            count = CardinalityEstimate.Of(registers);
            value.KeepCount(count);
            KeepCount(call, value);
        }

        call.Reply.Integer(count);
    }

    /// <summary>Where it cannot be kept the count is as right. A transaction's room is for its writes.</summary>
    private static void KeepCount(in Call call, HyperLogLog value)
    {
        if (call.Engine.InGroup || !call.Engine.WriteRefusal.IsEmpty)
        {
            return;
        }

        try
        {
            Put(call, call.Key, value);
            call.Touched(call.Key);
        }
        catch (ArenaOutOfSpaceException)
        {
            // The next PFCOUNT counts again.
        }
    }

    /// <summary>Raises registers to those of all keys, or replies what is wrong with one.</summary>
    private static bool TryMergeAll(in Call call, byte[] registers, out bool anyDense)
    {
        anyDense = false;
        for (int i = 1; i < call.Args.Count; i++)
        {
            if (!TryRead(call, call.Args[i], out HyperLogLog? value))
            {
                return false;
            }

            call.Looked(value is not null, call.Args[i]);
            anyDense |= value is { IsDense: true };
            if (value?.TryMergeInto(registers) == false)
            {
                call.Reply.Error(Damaged);
                return false;
            }
        }

        return true;
    }

    public static void Put(in Call call, ReadOnlySpan<byte> key, HyperLogLog value)
    {
        SetMutation put = new(value.ToArray()) { KeepExpiry = true };
        SetMutation.Run(call, key, ref put);
    }

    /// <summary>What a key has; null where there is none. Replies where it is something else.</summary>
    public static bool TryRead(in Call call, ReadOnlySpan<byte> key, out HyperLogLog? value)
    {
        var reader = new Reader(call.Engine.Keyspace);
        bool found = call.Keys.TryRead(key, ref reader);
        value = reader.Value;
        if (found && value is null)
        {
            call.Reply.Error(
                reader.IsString ? "WRONGTYPE Key is not a valid HyperLogLog string value."u8 : Errors.WrongType);
        }

        return !found || value is not null;
    }

    private struct Reader(Keyspace keyspace) : IRecordReader
    {
        public bool IsString { get; private set; }

        /// <summary>Null where it is none.</summary>
        public HyperLogLog? Value { get; private set; }

        public void Read(in RecordView record)
        {
            IsString = !StringValue.IsWrong(record);
            if (!IsString)
            {
                Value = null;
                return;
            }

            Span<byte> scratch = stackalloc byte[Numbers.MaxIntegerLength];
            StringValue value = StringValue.Of(record, keyspace, scratch);
            Span<byte> head = stackalloc byte[HyperLogLog.HeaderLength];
            head = head[..value.CopyTo(0, head)];
            Value = HyperLogLog.IsValid(head, value.Length) ? new HyperLogLog(value.ToArray()) : null;
        }
    }
}
