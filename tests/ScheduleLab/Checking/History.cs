using System.Text;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>What a step of an operation does to the model, if it can be done with that result.</summary>
internal delegate bool Effect(Model model, int thread, string result);

/// <summary>
/// The calls and returns of a schedule in their order, and whether there is an order of the operations, each between
/// its call and its return, in which a model gives the same
/// results (Wing and Gong). An operation that did not return may have happened or not.
/// </summary>
internal sealed class History
{
    private readonly List<Item>[] _threads;
    private int _clock;

    /// <summary>Tells histories apart.</summary>
    public ulong Hash { get; private set; }

    public History(int threads) => _threads = [.. Enumerable.Range(0, threads).Select(_ => new List<Item>())];

    private sealed class Item(Operation operation, int called)
    {
        public Operation Operation { get; } = operation;
        public int Called { get; } = called;
        public int Returned { get; set; } = int.MaxValue;
        public string? Result { get; set; }
    }

    public void Clear()
    {
        foreach (List<Item> thread in _threads)
        {
            thread.Clear();
        }

        (_clock, Hash) = (0, 0);
    }

    public void Call(int thread, Operation operation)
    {
        _threads[thread].Add(new Item(operation, _clock++));
        Add(thread, 1);
    }

    public void Return(int thread, string result)
    {
        Item item = _threads[thread][^1];
        item.Returned = _clock++;
        item.Result = result;
        Add(thread, (ulong)result.GetHashCode(StringComparison.Ordinal) | 2);
    }

    /// <summary>A thread is dead: what it had in flight happened by now, or never.</summary>
    public void Die(int thread)
    {
        if (_threads[thread] is [.., { Result: null } item])
        {
            item.Returned = _clock++;
        }
    }

    /// <summary>The results by thread, for a failure's text.</summary>
    public string Describe()
    {
        StringBuilder text = new();
        for (int i = 0; i < _threads.Length; i++)
        {
            foreach (Item item in _threads[i])
            {
                text.Append("  thread ").Append(i).Append(": ").Append(item.Operation.Name).Append(" -> ").AppendLine(
                    item.Result ?? "(in flight)");
            }
        }

        return text.ToString();
    }

    /// <summary>The results of all operations of a name that returned.</summary>
    public IEnumerable<string> ResultsOf(string name) => _threads.SelectMany(thread => thread).Where(item =>
        item.Operation.Name == name && item.Result is not null).Select(item => item.Result!);

    /// <summary>True where there is such an order, and what the model holds at its end is accepted.</summary>
    public bool IsLinearizable(Model beginning, Func<Model, bool> end) =>
        Search(beginning, new int[_threads.Length], end, 0);

    private bool Search(Model model, int[] done, Func<Model, bool> end, int depth)
    {
        int firstReturn = int.MaxValue;
        bool left = false;
        for (int i = 0; i < _threads.Length; i++)
        {
            if (done[i] < _threads[i].Count)
            {
                firstReturn = Math.Min(firstReturn, _threads[i][done[i]].Returned);
                left |= _threads[i][done[i]].Result is not null;
            }
        }

        if (!left && end(model))
        {
            return true; // what is left was in flight, and need not have happened
        }

        if (depth > 200)
        {
            return false;
        }

        for (int i = 0; i < _threads.Length; i++)
        {
            if (done[i] < _threads[i].Count && _threads[i][done[i]] is var item && item.Called <= firstReturn
                && Try(model, done, end, depth, i, item))
            {
                return true;
            }
        }

        return false;
    }

    private bool Try(Model model, int[] done, Func<Model, bool> end, int depth, int thread, Item item)
    {
        if (item is { Result: null, Returned: not int.MaxValue })
        {
            done[thread]++;
            bool without = Search(model, done, end, depth + 1);
            done[thread]--;
            if (without)
            {
                return true;
            }
        }

        if (item.Operation.Partly is { } partly)
        {
            Model part = model.Copy();
            if (partly(part, thread, item.Result ?? Operation.Any) && Search(part, done, end, depth + 1))
            {
                return true;
            }
        }

        Model after = model.Copy();
        if (!item.Operation.Applies(after, thread, item.Result ?? Operation.Any))
        {
            return false;
        }

        done[thread]++;
        bool found = Search(after, done, end, depth + 1);
        done[thread]--;
        return found;
    }

    private void Add(int thread, ulong what) => Hash = (Hash * 31) ^ Running.Memory.Mix(thread + 1, what + Hash);
}
