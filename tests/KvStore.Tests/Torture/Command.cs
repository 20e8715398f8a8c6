using System.Text;
using KvStore.Demo;

namespace KvStore.Tests.Torture;

/// <summary>A command as it is sent.</summary>
internal sealed record Command(params byte[][] Arguments)
{
    public string Name { get; } = Encoding.ASCII.GetString(Arguments[0]);

    public static Command Of(params RespArgument[] arguments) => new([.. arguments.Select(a => a.Bytes.ToArray())]);

    public bool Touches(string key) =>
        Arguments.Skip(1).Any(a => a.Length == key.Length && Encoding.Latin1.GetString(a) == key);

    public void AddTo(RespClient client)
    {
        client.Begin(Arguments.Length);
        foreach (byte[] argument in Arguments)
        {
            client.Argument(argument);
        }
    }

    public int Length => Arguments.Sum(a => a.Length + 16);

    public override string ToString() =>
        string.Join(' ', Arguments.Take(8).Select((a, i) =>
            i == 0 || a.Length < 24 ? Encoding.Latin1.GetString(a) : RespReply.Describe(a)))
        + (Arguments.Length > 8 ? " …" : "");
}

/// <summary>What is acknowledged at once: one command, or several between MULTI and EXEC.</summary>
internal sealed record Operation(Command[] Commands, bool IsTransaction)
{
    private static readonly Command s_multi = Command.Of("MULTI");
    private static readonly Command s_exec = Command.Of("EXEC");

    public int Length => Commands.Sum(c => c.Length);

    public void AddTo(RespClient client)
    {
        if (IsTransaction)
        {
            s_multi.AddTo(client);
        }

        foreach (Command command in Commands)
        {
            command.AddTo(client);
        }

        if (IsTransaction)
        {
            s_exec.AddTo(client);
        }
    }

    /// <summary>Reads all its replies and returns the one that acknowledges it.</summary>
    public RespReply ReadReply(RespClient client)
    {
        if (IsTransaction)
        {
            Expect("OK", client.Read());
            foreach (Command _ in Commands)
            {
                Expect("QUEUED", client.Read());
            }
        }

        return client.Read();

        void Expect(string text, RespReply reply)
        {
            if (reply.Text != text)
            {
                throw new TortureException($"{text} was expected within {this}, not {reply}.");
            }
        }
    }

    /// <summary>What the server should answer, and, in the oracle, what it should hold then.</summary>
    public RespReply ExecuteOn(Oracle oracle, Instant now)
    {
        RespReply[] replies = [.. Commands.Select(command => oracle.Execute(command, now))];
        return IsTransaction ? new RespReply(RespKind.Array, Items: replies) : replies[0];
    }

    /// <summary>What of it is whole or absent over a crash. That is all of it, but for DEL and UNLINK of several keys
    /// where room is short: they must work where there is none left for a way back, and then take the keys one by
    /// one.</summary>
    public IEnumerable<Operation> Steps(bool tight) =>
        tight && !IsTransaction && Commands[0] is { Name: "DEL" or "UNLINK" } delete
            ? delete.Arguments[1..].Select(key =>
                new Operation([new Command(delete.Arguments[0], key)], IsTransaction: false))
            : [this];

    public override string ToString() => IsTransaction
        ? $"MULTI {{ {string.Join("; ", Commands.AsEnumerable())} }} EXEC" : Commands[0].ToString();
}

/// <summary>The server did what it must not.</summary>
internal sealed class TortureException(string message, IReadOnlyList<string>? keys = null) : Exception(message)
{
    /// <summary>The keys that are not as they should be.</summary>
    public IReadOnlyList<string> Keys { get; } = keys ?? [];
}
