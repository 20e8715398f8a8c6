using System.Globalization;

namespace KvStore.Engine;

/// <summary>The forms that most settings have: how a value is read, what is wrong with it, how it is shown.</summary>
internal static class SettingForms
{
    /// <summary>The value is taken; an assignment stands for it.</summary>
    public static string? Done(string value) => null;

    /// <summary>A whole number within bounds.</summary>
    public static Setting Number(
        string name, string help, Bounds bounds, Func<ServerOptions, long> get, Action<ServerOptions, long> set,
        bool atRunTime = false) =>
        new(name, help, o => get(o).ToString(CultureInfo.InvariantCulture), (o, v) =>
        {
            if (!long.TryParse(v, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            {
                return "argument couldn't be parsed into an integer";
            }

            return bounds.Problem(number) ?? Apply(o, number, set);
        }, atRunTime);

    /// <summary>Bytes, with k, m, g or t.</summary>
    public static Setting Bytes(
        string name, string help, Bounds bounds, Func<ServerOptions, long> get, Action<ServerOptions, long> set,
        bool atRunTime = true) =>
        new(name, help + " (bytes; k, m, g, t)", o => get(o).ToString(CultureInfo.InvariantCulture), (o, v) =>
        {
            if (!ByteSize.TryParse(v, out long number))
            {
                return "argument must be a memory value";
            }

            return bounds.Problem(number) ?? Apply(o, number, set);
        }, atRunTime);

    /// <summary>Yes or no.</summary>
    public static Setting YesNo(
        string name, string help, Func<ServerOptions, bool> get, Action<ServerOptions, bool> set,
        bool atRunTime = false) =>
        new(name, help, o => get(o) ? "yes" : "no", (o, v) =>
        {
            bool on = v.Equals("yes", StringComparison.OrdinalIgnoreCase);
            if (!on && !v.Equals("no", StringComparison.OrdinalIgnoreCase))
            {
                return "argument must be 'yes' or 'no'";
            }

            set(o, on);
            return null;
        }, atRunTime);

    /// <summary>One of some words.</summary>
    public static Setting Choice<T>(
        string name, string help, (string Name, T Value)[] choices, Func<ServerOptions, T> get,
        Action<ServerOptions, T> set, bool atRunTime = false) =>
        new(name, help, o => choices.First(it => EqualityComparer<T>.Default.Equals(it.Value, get(o))).Name, (o, v) =>
        {
            int index = Array.FindIndex(choices, it => it.Name.Equals(v, StringComparison.OrdinalIgnoreCase));
            if (index < 0)
            {
                string[] names = [.. choices.Select(it => it.Name)];
                return $"argument must be {string.Join(", ", names[..^1])} or {names[^1]}";
            }

            set(o, choices[index].Value);
            return null;
        }, atRunTime);

    /// <summary>Sets it; nothing is wrong with it.</summary>
    public static string? Apply(ServerOptions options, long value, Action<ServerOptions, long> set)
    {
        set(options, value);
        return null;
    }

    /// <summary>What a number may be.</summary>
    internal readonly record struct Bounds(long Least, long Most)
    {
        public string? Problem(long value) =>
            value >= Least && value <= Most ? null : $"argument must be between {Least} and {Most} inclusive";
    }
}
