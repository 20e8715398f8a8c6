using System.Globalization;
using System.Text;
using GuestMemFs.Heap;
using GuestMemFs.ScheduleLab.Seam;

namespace GuestMemFs.ScheduleLab.Running;

/// <summary>A schedule as a table: step, thread, what it does, with which value, where in the sources.</summary>
internal static class Tables
{
    public static string Of(IReadOnlyList<Step> steps)
    {
        StringBuilder text = new("  step  thread  does       where and what\n");
        int thread = -1;
        foreach (Step step in steps)
        {
            string mark = thread >= 0 && thread != step.Thread ? "* " : "  ";
            thread = step.Thread;
            string does = step.Kind == PointKind.Operation ? step.Text! : step.Kind.ToString().ToLowerInvariant();
            text.Append(mark).Append(CultureInfo.InvariantCulture,
                $"{step.Number,4}  {new string(' ', step.Thread * 2) + step.Thread,-8} {does,-10}");
            if (step.Kind is PointKind.Store or PointKind.Publish)
            {
                text.Append(CultureInfo.InvariantCulture, $" {Name(step.Offset)} = 0x{step.Value:X}");
            }
            else if (step.Kind is PointKind.Copy)
            {
                text.Append(CultureInfo.InvariantCulture, $" {Name(step.Offset)}, {step.Value} bytes");
            }

            if (step.File.Length > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"  ({Path.GetFileName(step.File)}:{step.Line})");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static string Name(long offset)
    {
        const long Lanes = HeapFormat.LanesOffset;
        long inLanes = offset - Lanes;
        return offset is >= Lanes and < Lanes + (HeapFormat.LaneCount * HeapFormat.LaneLength)
            ? string.Create(
                CultureInfo.InvariantCulture,
                    $"lane {inLanes / HeapFormat.LaneLength} word {inLanes % HeapFormat.LaneLength / 8}")
            : offset >= HeapFormat.RootsOffset && offset < HeapFormat.RootsOffset + (
                HeapFormat.RootCount * HeapFormat.RootLength)
                    ? string.Create(CultureInfo.InvariantCulture,
                        $"root {(offset - HeapFormat.RootsOffset) / HeapFormat.RootLength}")
            : offset.ToString(CultureInfo.InvariantCulture);
    }
}
