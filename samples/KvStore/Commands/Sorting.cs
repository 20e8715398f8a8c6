using GuestMemFs;
using KvStore.Access;
using KvStore.Engine;
using KvStore.Protocol;
using static KvStore.Commands.CommandFlags;

namespace KvStore.Commands;

/// <summary>SORT and SORT_RO.</summary>
internal static class Sorting
{
    private const AclCategories Kinds =
        AclCategories.Set | AclCategories.SortedSet | AclCategories.List | AclCategories.Dangerous;

    /// <summary>What clients may call of it.</summary>
    public static Command[] Commands => Command.Family("generic",
    [
        new("sort", -2, Write | DenyOom, KeySpec.OneAndStored, Sort)
        {
            Kinds = Kinds,
            KeyAccess = KeyAccess.Read,
            SecondKeyAccess = KeyAccess.Write,
            Event = "sortstore",
            EventKind = KeyEvents.List,
            Since = "1.0.0",
            Summary = "Sort the elements in a list, set or sorted set",
        },
        new("sort_ro", -2, ReadOnly, KeySpec.OneAndPatterns, Sort)
        {
            Kinds = Kinds,
            Since = "7.0.0",
            Summary = "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
        },
    ]);

    public static void Sort(in Call call)
    {
        if (!SortOptions.TryParse(call, out SortOptions options)
            || !SortedElements.TryRead(call, out List<byte[]> elements, out RecordType type))
        {
            return;
        }

        (int start, int count) = RangeOf(options, elements.Count);
        if (options.Sorts(type == RecordType.Set, call.Session.IsOfScript))
        {
            if (!TrySort(call, options, type, elements))
            {
                return;
            }
        }
        else if (type != RecordType.Set && options.Descends)
        {
            elements.Reverse();
        }

        elements = elements.GetRange(start, count);
        if (options.StoreAt > 0)
        {
            Store(call, options, elements);
        }
        else
        {
            Reply(call, options, elements);
        }
    }

    private static (int Start, int Count) RangeOf(SortOptions options, int length)
    {
        long start = Math.Clamp(options.Offset, 0, length);
        long count = options.Count < 0 ? length : options.Count;
        return ((int)start, (int)Math.Min(count, length - start));
    }

    private static bool TrySort(in Call call, SortOptions options, RecordType type, List<byte[]> elements)
    {
        // What has no pattern and is a set: in the order of bytes, so that a list made of it is always the same.
        bool alpha = options.Alpha || (!options.HasPattern && options.ByAt > 0 && type == RecordType.Set);
        var weighed = new SortedElements.Weighed[elements.Count];
        for (int i = 0; i < weighed.Length; i++)
        {
            byte[]? weight = options.HasPattern
                ? SortPattern.Find(call, call.Args[options.ByAt], elements[i])
                : elements[i];
            double score = 0;
            if (!alpha && weight is not null && !SortedElements.TryScore(weight, out score))
            {
                call.Reply.Error("ERR One or more scores can't be converted into double"u8);
                return false;
            }

            weighed[i] = new(elements[i], score, weight, alpha);
        }

        Array.Sort(weighed, options.Descends ? static (a, b) => b.CompareTo(a) : static (a, b) => a.CompareTo(b));
        for (int i = 0; i < weighed.Length; i++)
        {
            elements[i] = weighed[i].Element;
        }

        return true;
    }

    private static void Reply(in Call call, SortOptions options, List<byte[]> elements)
    {
        call.Reply.Array((long)elements.Count * Math.Max(1, options.Gets.Count));
        foreach (byte[] element in elements)
        {
            if (options.Gets.Count == 0)
            {
                call.Reply.Bulk(element);
            }

            foreach (int at in options.Gets)
            {
                if (SortPattern.Find(call, call.Args[at], element) is { } value)
                {
                    call.Reply.Bulk(value);
                }
                else
                {
                    call.Reply.Null();
                }
            }
        }
    }

    private static void Store(in Call call, SortOptions options, List<byte[]> elements)
    {
        List<byte[]> values = elements;
        if (options.Gets.Count > 0)
        {
            values = [];
            foreach (byte[] element in elements)
            {
                foreach (int at in options.Gets)
                {
                    values.Add(SortPattern.Find(call, call.Args[at], element) ?? []);
                }
            }
        }

        CollectionCalls.Store(
            call, call.Args[options.StoreAt], call.Engine.List, values,
            static (result, value) => result.Push(value, atHead: false));
    }
}
