using GuestMemFs.Inspection;
using GuestMemFs.ScheduleLab.Checking;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>A reader of another process lives across a writer's death: the writer dies at each of its stores, while the
/// reader is at each of its points, and the next writer attaches at once or a few points later.</summary>
internal sealed partial class Explorer
{
    private const int MostPointsBeforeRecovery = 4;

    /// <summary>All of them for a reader (the first script), a writer (the second) and each successor.</summary>
    public Finding? Deaths(Scenario scenario)
    {
        Begin(scenario);
        for (int successor = 0; successor < _scenario.Successors.Length; successor++)
        {
            int readerSteps = int.MaxValue;
            for (int reader = 0; reader < readerSteps && !Enough(); reader++)
            {
                bool died = true;
                for (int store = 1; died; store++)
                {
                    for (int later = 0; later < MostPointsBeforeRecovery; later++)
                    {
                        Prepare();
                        died = RunDeath(successor, reader, store, later, out bool recovered);
                        readerSteps = Math.Min(readerSteps, _schedule.Choices.Length);
                        if (CheckDeath(_scenario.Successors[successor]) is { } what)
                        {
                            int[] place = [successor, reader, store, later];
                            return Describe(what, $"{scenario.Name} death {string.Join(' ', place)}", () =>
                                RunDeath(place[0], place[1], place[2], place[3], out _));
                        }

                        if (!died || !recovered)
                        {
                            break;
                        }
                    }
                }
            }
        }

        return null;
    }

    private Finding ShowDeath(string[] plan)
    {
        int[] place = [.. plan.Skip(1).Select(text => int.Parse(text, null))];
        return Describe("", "", () => RunDeath(place[0], place[1], place[2], place[3], out _));
    }

    private bool RunDeath(int successor, int reader, int store, int later, out bool recovered)
    {
        int stores = 0, waiting = -1;
        bool hasDied = false, hasRecovered = false;
        void Recover()
        {
            hasRecovered = true;
            try
            {
                _history.Call(2, Operation.Recover());
                _world = Attach(_memory, 3, _scenario.Beginning);
                _history.Return(2, "ok");
                foreach (Operation operation in _scenario.Successors[successor])
                {
                    _history.Call(2, operation);
                    _history.Return(2, operation.Perform(_world));
                }
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                _wrong = $"the next writer: {error.GetType().Name}: {error.Message}";
            }
        }

        _schedule.AfterStore = (me, _) =>
        {
            if (me.Index == 1 && ++stores == store)
            {
                CrashStates++;
                hasDied = me.Dying = true;
                _history.Die(me.Index);
                waiting = later;
                if (waiting == 0)
                {
                    Recover();
                }
            }
        };
        _schedule.AtPoint = _ =>
        {
            if (hasDied && !hasRecovered && --waiting == 0)
            {
                Recover();
            }
        };
        _schedule.Run(_bodies.AsSpan(0, 2), 0, [new Preemption(reader, 1)]);
        recovered = hasRecovered;
        if (hasDied && !hasRecovered)
        {
            Recover();
        }

        return hasDied;
    }

    private string? CheckDeath(Operation[] successor)
    {
        if ((_wrong ?? _schedule.Failure) is { } what)
        {
            return what;
        }

        IReadOnlyList<string> problems = HeapVerifier.Verify(_world.Heap);
        if (problems.Count > 0)
        {
            return "the heap is damaged: " + string.Join("; ", problems.Take(5));
        }

        if (_world != _own && SnapshotOperation.ProblemAfterTheDeath(_own) is { } leftover)
        {
            return leftover;
        }

        string content = Content(_world);
        return _history.IsLinearizable(_model, model => model.AfterCrash() == content) ? ScanProblem(successor)
            : $"no order of the operations gives these results and this content: {content}";
    }
}
