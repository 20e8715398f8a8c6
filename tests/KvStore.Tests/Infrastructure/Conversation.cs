using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using KvStore.Tests.Commands;

namespace KvStore.Tests.Infrastructure;

/// <summary>
/// What several clients say to a server, and hear, line by line. <c>a: PING</c>: client a calls and has its reply.
/// <c>a> BLPOP k 0</c>: it calls, and waits. <c>a> BLPOP k 0 ; PING</c>: it sends several commands at once, and waits
/// in the first. <c>a, PING ; PING</c>: it sends several at once. <c>a&lt;</c>: it hears what comes next.
/// <c>a.</c>: it goes away. <c>$a</c> in a command is the number of client a.
/// </summary>
internal sealed partial class Conversation(RunningServer server, bool resp3) : IDisposable
{
    private const StringSplitOptions AsLines =
        StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

    private readonly Dictionary<string, (TextClient Client, string Id)> _clients = new(StringComparer.Ordinal);
    private readonly TextClient _control = new(server.Process.TcpEndPoint);

    /// <summary>The names of conversations, with both protocols, and of those that only RESP3 has.</summary>
    public static TheoryData<string, bool> Each(IEnumerable<string> both, IEnumerable<string> resp3Only)
    {
        var data = new TheoryData<string, bool>();
        foreach (string name in both)
        {
            data.Add(name, false);
            data.Add(name, true);
        }

        foreach (string name in resp3Only)
        {
            data.Add(name, true);
        }

        return data;
    }

    /// <summary>Each line with what was heard in it, from clients that are gone after it.</summary>
    public static string Of(RunningServer server, bool resp3, string lines)
    {
        using var conversation = new Conversation(server, resp3);
        return conversation.Run(lines);
    }

    /// <summary>Each line with what was heard in it.</summary>
    public string Run(string lines)
    {
        var heard = new StringBuilder();
        foreach (string line in lines.Split('\n', AsLines))
        {
            string reply = Step(line).Replace("\r\n", "|", StringComparison.Ordinal);
            reply = Redirects().Replace(reply, "$1|:(number)");
            heard.Append(CultureInfo.InvariantCulture, $"{line}   {reply}\n");
        }

        return heard.ToString();
    }

    /// <summary>Where a client's number stands, which is another for each server.</summary>
    [GeneratedRegex(@"(redirect|tracking-redir-broken)\|:[1-9]\d*")]
    private static partial Regex Redirects();

    public void Dispose()
    {
        foreach ((TextClient client, _) in _clients.Values)
        {
            client.Dispose();
        }

        _control.Dispose();
    }

    private string Step(string line)
    {
        int end = line.IndexOfAny([':', '>', '<', '.', ',']);
        (TextClient client, string id) = Client(line[..end]);
        string[][] commands = [.. line[(end + 1)..].Split(" ; ").Select(it => CommandLines.Split(Numbered(it.Trim())))];
        switch (line[end])
        {
            case ':':
                return client.Call(commands[0]);
            case '<':
                return client.Receive();
            case '.':
                client.Dispose();
                _clients.Remove(line[..end]);
                WaitFor(id, it => !it.Contains("id=" + id, StringComparison.Ordinal));
                return "";
            case ',':
                client.Send(Encoding.Latin1.GetBytes(string.Concat(commands.Select(Frame))));
                return "";
            default:
                client.Send(Encoding.Latin1.GetBytes(string.Concat(commands.Select(Frame))));
                WaitFor(id, IsBlocked);
                return "";
        }
    }

    private static string Frame(string[] args) =>
        $"*{args.Length}\r\n{string.Concat(args.Select(it => $"${it.Length}\r\n{it}\r\n"))}";

    private static bool IsBlocked(string list)
    {
        int flags = list.IndexOf(" flags=", StringComparison.Ordinal) + 7;
        return flags > 7 && list[flags..list.IndexOf(' ', flags)].Contains('b', StringComparison.Ordinal);
    }

    private string Numbered(string command)
    {
        foreach ((string name, (_, string id)) in _clients)
        {
            command = command.Replace("$" + name, id, StringComparison.Ordinal);
        }

        return command;
    }

    private (TextClient Client, string Id) Client(string name)
    {
        if (!_clients.TryGetValue(name, out (TextClient Client, string Id) client))
        {
            var made = new TextClient(server.Process.TcpEndPoint);
            if (resp3)
            {
                made.Call("HELLO", "3");
            }

            client = (made, made.Call("CLIENT", "ID")[1..].TrimEnd());
            _clients[name] = client;
        }

        return client;
    }

    private void WaitFor(string id, Func<string, bool> isSo) =>
        Assert.True(
            SpinWait.SpinUntil(() => isSo(_control.Call("CLIENT", "LIST", "ID", id)), Patience.Limit),
            $"client {id} is not as expected: {_control.Call("CLIENT", "LIST")}");
}
