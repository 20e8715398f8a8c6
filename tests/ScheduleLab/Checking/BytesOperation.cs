using System.Globalization;
using System.Text;

namespace GuestMemFs.ScheduleLab.Checking;

/// <summary>The public operations of a run of bytes, on the library and on the model alike. Bytes that were never
/// written are shown as dots.</summary>
internal static class BytesOperation
{
    private const string Name = "bytes:content";

    /// <summary>The bytes of a beginning.</summary>
    public static Part Part { get; } = new("bytes", (world, heap, elsewhere) =>
    {
        world.Bytes = PersistentBytes.OpenOrCreate(heap, "bytes");
        world.BytesElsewhere = PersistentBytes.OpenOrCreate(elsewhere, "bytes");
    }, AddContent);

    /// <summary>Gives where the text begins.</summary>
    public static Operation Append(string text) => Change($"bytes-append {text}",
        bytes => Text(bytes.Append(Encoding.UTF8.GetBytes(text))),
        there => (there + text, Text(there.Length)));

    public static Operation Write(int offset, string text) => Change($"bytes-write {offset} {text}", bytes =>
    {
        bytes.Write(offset, Encoding.UTF8.GetBytes(text));
        return "ok";
    }, there =>
    {
        string before = there.PadRight(offset, '.');
        string behind = before[Math.Min(before.Length, offset + text.Length)..];
        return (before[..offset] + text + behind, "ok");
    });

    public static Operation SetLength(int length) => Change($"bytes-set-length {length}", bytes =>
    {
        bytes.SetLength(length);
        return "ok";
    }, there => (there.PadRight(length, '.')[..length], "ok"));

    /// <summary>Bytes of one chunk.</summary>
    public static Operation Read(int offset, int count, bool elsewhere = false) => new(
        $"bytes-read{(elsewhere ? "-elsewhere" : "")} {offset} {count}",
        world =>
        {
            byte[] room = new byte[count];
            int read = (elsewhere ? world.BytesElsewhere! : world.Bytes!).Read(offset, room);
            return Show(room.AsSpan(0, read));
        },
        (model, _, result) =>
        {
            string there = model[Name] ?? "";
            int from = Math.Min(offset, there.Length);
            return Operation.Is(result, there[from..Math.Min(there.Length, offset + count)]);
        }, Writes: false) { Reads = true };

    public static Operation Length() => new("bytes-length", world => Text(world.Bytes!.Length), (model, _, result) =>
        Operation.Is(result, Text(model[Name]?.Length ?? 0)), Writes: false) { Reads = true };

    private static Operation Change(
        string name, Func<PersistentBytes, string> run, Func<string, (string Content, string Result)> effect) => new(
        name, world => run(world.Bytes!), (model, _, result) =>
        {
            (string content, string expected) = effect(model[Name] ?? "");
            model[Name] = content.Length == 0 ? null : content;
            return Operation.Is(result, expected);
        });

    private static string? AddContent(World world, SortedDictionary<string, string> texts)
    {
        byte[] all = new byte[world.Bytes!.Length];
        int read = world.Bytes.Read(0, all);
        if (all.Length > 0)
        {
            texts.Add(Name, Show(all));
        }

        return read == all.Length ? null : $"of {all.Length} bytes {read} can be read";
    }

    private static string Show(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes).Replace('\0', '.');

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
