using System.Text;
using KvStore.Access;
using KvStore.Commands;
using KvStore.Demo;
using KvStore.Tests.Commands;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.Access;

/// <summary>Users and what they may do, compared with redis-server byte for byte; and what only we have.</summary>
public sealed class AclTests
{
    private static readonly string[] s_setUp =
    [
        "SETUSER reader on >r ~k:* +@read +ping +multi +exec +acl|whoami",
        "SETUSER keys on nopass %R~r:* %W~w:* ~k:* +@all -@dangerous -set +config|get",
        "SETUSER select on nopass +get ~a:* (+set ~b:*) (%R~c:* +@read -mget)",
        "SETUSER first on nopass ~* +set|get +set|nx",
        "SETUSER nothing on nopass",
        "SETUSER all on nopass ~* &* +@all",
        "SETUSER nokeys on nopass +@all",
    ];

    private static readonly string[] s_lines =
    [
        "ACL WHOAMI", "ACL WHOAMI x", "ACL", "ACL NOSUCH", "ACL CAT", "ACL CAT nosuch", "ACL CAT TRANSACTION x",
        "ACL USERS", "ACL HELP",
        "ACL SETUSER", "ACL SETUSER \"a b\"", "ACL GETUSER nosuch", "ACL DELUSER", "ACL DELUSER nosuch",
        "ACL DELUSER default",
        "ACL GENPASS 0", "ACL GENPASS 5000", "ACL GENPASS x", "ACL GENPASS 1 2", "ACL LOG", "ACL LOG RESET",
        "ACL LOG 5", "ACL LOG x",
        "ACL LOG -1", "ACL LOG 1 2", "ACL SAVE", "ACL LOAD", "ACL DRYRUN", "ACL DRYRUN nosuch get a", "ACL LIST",
        "ACL SETUSER a", "ACL GETUSER a", "ACL SETUSER a +nosuch", "ACL SETUSER a +@nosuch", "ACL SETUSER a bogus",
        "ACL SETUSER a <nopass",
        "ACL SETUSER a >", "ACL SETUSER a #abc", "ACL SETUSER a !abc", "ACL SETUSER a +config|nosuch",
        "ACL SETUSER a -config|nosuch",
        "ACL SETUSER a %X~a", "ACL SETUSER a %~a", "ACL SETUSER a +", "ACL SETUSER a -", "ACL SETUSER a ~",
        "ACL SETUSER a &",
        "ACL SETUSER a (", "ACL SETUSER a (+get", "ACL SETUSER a ()", "ACL SETUSER a (nopass)",
        "ACL SETUSER a (+get ~x)", "ACL GETUSER a",
        "ACL SETUSER a clearselectors", "ACL SETUSER a ~* ~x", "ACL SETUSER a resetkeys ~x ~x allkeys",
        "ACL SETUSER a allchannels &x",
        "ACL SETUSER a -set|get", "ACL SETUSER a +config|get|x", "ACL SETUSER a +set|get|x", "ACL SETUSER a \"~a b\"",
        "ACL SETUSER a resetkeys \"~a b\"", "ACL LIST",
        "ACL SETUSER a RESET ON >p >q %r~x %W~x %W~y +GET +@All -@Dangerous", "ACL LIST", "ACL GETUSER a",
        "ACL SETUSER a <p <q", "ACL LIST",
        "ACL SETUSER a +get -get +@transaction +set -@transaction", "ACL LIST",
        "ACL SETUSER a nocommands +client -client|list -client|id +client|id",
        "ACL LIST", "ACL SETUSER a allcommands allkeys nopass resetpass resetchannels off", "ACL LIST",
        "ACL SETUSER a >foo #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "ACL GETUSER a",
        "ACL SETUSER a !2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "ACL GETUSER a",
        "ACL SETUSER a +set|get +set|nx", "ACL LIST", "ACL DELUSER a a", "ACL USERS", "CONFIG SET requirepass foo",
        "ACL LIST",
        "CONFIG SET requirepass \"\"", "ACL GETUSER default", "COMMAND LIST FILTERBY ACLCAT nosuch",
    ];

    [Fact]
    public void Acl_answers_as_redis_does()
    {
        using var pair = new Pair();

        pair.Compare(s_lines);
    }

    [Fact]
    [Trait("speed", "slow")]
    public void What_a_user_may_do_is_what_he_may_in_redis()
    {
        using var pair = new Pair();
        pair.Compare(s_setUp.Select(line => "ACL " + line));
        string[] users = ["reader", "keys", "select", "first", "nothing", "all", "nokeys"];
        string[] keys = ["k:1", "r:1", "w:1", "a:1", "b:1", "c:1", "q"];

        foreach (string user in users)
        {
            pair.Compare(keys.SelectMany(key => DryRuns(key)).Select(line => $"ACL DRYRUN {user} {line}"));
        }
    }

    [Fact]
    public void Refusals_logins_and_transactions_read_as_in_redis()
    {
        using var pair = new Pair();
        pair.Compare(s_setUp.Select(line => "ACL " + line));
        using var client = new Pair(pair);

        client.Compare(
        [
            "AUTH reader wrong", "AUTH reader r", "ACL WHOAMI", "SET k:1 1", "GET k:1", "GET x",
            "CONFIG GET maxmemory", "CONFIG NOSUCH",
            "MULTI", "GET x", "EXEC", "MULTI", "SET k:1 1", "EXEC", "MULTI", "GET k:1", "MGET k:1 k:2",
        ]);
        pair.Compare(["ACL SETUSER reader -get resetkeys ~z*"]);
        client.Compare(
        [
            "EXEC", "RESET", "ACL WHOAMI", "HELLO 2 AUTH keys any", "ACL WHOAMI",
            "AUTH nosuch x", "ACL WHOAMI",
            "AUTH first x", "SET get 1", "SET a 1", "SET NX 1", "AUTH nothing x", "PING", "QUIT",
        ], sameHello: false);

        pair.CompareLog();
    }

    [Fact]
    public void Categories_are_those_of_redis()
    {
        using var pair = new Pair();
        string[] own = [.. BuiltIn.Table.WithSubcommands.Select(command => command.Name)];
        string[] old = [.. BuiltIn.Table.WithSubcommands.Where(IsInRedis).Select(command => command.Name)];
        foreach (string category in AclCategoryNames.All)
        {
            // Newer ones than the server compared with are left out.
            IEnumerable<string> expected = pair.Redis.Call("ACL", "CAT", category).Split("\r\n").Where(own.Contains);
            IEnumerable<string> actual = pair.Own.Call("ACL", "CAT", category).Split("\r\n").Where(own.Contains);
            actual = actual.Where(old.Contains);
            Assert.Equal(
                $"{category}: {string.Join(' ', expected.Order())}", $"{category}: {string.Join(' ', actual.Order())}");
        }
    }

    [Fact]
    public void A_user_who_is_deleted_loses_his_connections_and_one_who_is_switched_off_cannot_come_back()
    {
        using RunningServer server = TestServer.Start("64M");
        using var admin = new TextClient(server.Process.TcpEndPoint);
        using var client = new TextClient(server.Process.TcpEndPoint);
        admin.Call("ACL", "SETUSER", "u", "on", ">p", "+@all", "~*");
        Assert.Equal("+OK\r\n", client.Call("AUTH", "u", "p"));
        Assert.Equal("+PONG\r\n", client.Call("PING"));

        admin.Call("ACL", "SETUSER", "u", "off");
        using var late = new TextClient(server.Process.TcpEndPoint);
        Assert.StartsWith("-WRONGPASS", late.Call("AUTH", "u", "p"), StringComparison.Ordinal);
        Assert.Equal(":1\r\n", admin.Call("ACL", "DELUSER", "u"));

        Assert.Equal("(closed)", client.Call("PING"));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Users_are_saved_to_a_file_and_there_again_after_a_restart()
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "users.acl");
        File.WriteAllText(file, "\nuser reader on >r ~k:* +@read\n");
        using RunningServer server = Start("--aclfile", file);
        using (var admin = new TextClient(server.Process.TcpEndPoint))
        {
            Assert.Equal("+OK\r\n", admin.Call("ACL", "SETUSER", "writer", "on", ">w", "%W~k:*", "+set"));
            Assert.Equal("+OK\r\n", admin.Call("ACL", "SAVE"));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(file).UnixFileMode);
            Assert.DoesNotContain(">w", File.ReadAllText(file), StringComparison.Ordinal);
        }

        server.Process.Kill();
        server.Restart();
        using var client = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("+OK\r\n", client.Call("AUTH", "writer", "w"));
        Assert.Equal("+OK\r\n", client.Call("SET", "k:1", "1"));
        Assert.StartsWith("-NOPERM", client.Call("SET", "x", "1"), StringComparison.Ordinal);
        Assert.StartsWith("-NOPERM", client.Call("SET", "k:1", "1", "GET"), StringComparison.Ordinal);
        Assert.Equal("+OK\r\n", client.Call("AUTH", "reader", "r"));
        Assert.Equal("$1\r\n1\r\n", client.Call("GET", "k:1"));
    }

    [Fact]
    public void A_file_that_is_wrong_changes_nothing_and_says_where_it_is_wrong()
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "users.acl");
        File.WriteAllText(file, "user a on nopass +get ~*\nuser b on nopass +get ~*\n");
        using RunningServer server = Start("--aclfile", file);
        using var admin = new TextClient(server.Process.TcpEndPoint);
        string before = admin.Call("ACL", "LIST");

        File.WriteAllText(file, "user a on\nuser c +nosuch\nnobody\nuser a off\n");
        string refused = admin.Call("ACL", "LOAD");

        Assert.Equal(
            $"-ERR {file}:2: Error in ACL SETUSER modifier '+nosuch': Unknown command or category name in ACL. "
            + $"{file}:3 should start with user keyword followed by the username. {file}:4: Duplicate user 'a' found. "
            + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed\r\n",
            refused);
        Assert.Equal(before, admin.Call("ACL", "LIST"));

        File.WriteAllText(file, "user b on nopass +set ~*\n");
        using var gone = new TextClient(server.Process.TcpEndPoint);
        gone.Call("AUTH", "a", "x");
        Assert.Equal("+OK\r\n", admin.Call("ACL", "LOAD"));
        Assert.Equal("*2\r\n$1\r\nb\r\n$7\r\ndefault\r\n", admin.Call("ACL", "USERS"));
        Assert.Equal("(closed)", gone.Call("GET", "a"));
    }

    [Theory]
    [InlineData("user a on +nosuch\n", ":1: Error in ACL SETUSER modifier '+nosuch'")]
    [InlineData(null, "Error loading ACLs, opening file")]
    public void A_server_does_not_start_on_a_file_that_is_wrong(string? content, string expected)
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "users.acl");
        if (content is not null)
        {
            File.WriteAllText(file, content);
        }

        string[] arguments = ["--port", "0", "--unixsocket", file + ".s", "--aclfile", file, "--arena", directory.Path];
        (int exitCode, _, string error) = Tool.Run(TestServer.KvStorePath, [.. arguments, "--size", "64M"]);

        Assert.Equal(2, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_of_the_configuration_make_users()
    {
        using var directory = new TemporaryDirectory();
        string file = Path.Combine(directory.Path, "kvstore.conf");
        File.WriteAllText(file, "size 64m\nuser worker on >w +get ~*\nuser default off\n");
        ServerProgram program = ServerProgram.KvStore(TestServer.KvStorePath, "--config", file);
        using ServerProcess server = ServerProcess.Start(program, Path.Combine(directory.Path, "data"));
        server.WaitFor(probe => probe.Call("PING").Text!.StartsWith("NOAUTH", StringComparison.Ordinal));
        using var client = new TextClient(server.TcpEndPoint);

        Assert.Equal("-NOAUTH Authentication required.\r\n", client.Call("GET", "a"));
        Assert.Equal("+OK\r\n", client.Call("AUTH", "worker", "w"));
        Assert.Equal("$-1\r\n", client.Call("GET", "a"));
        Assert.StartsWith("-NOPERM", client.Call("SET", "a", "1"), StringComparison.Ordinal);
    }

    private static RunningServer Start(params string[] more) =>
        new(ServerProgram.KvStore(TestServer.KvStorePath, ["--size", "64M", .. more]));

    /// <summary>True for what redis-server 7.0 has.</summary>
    private static bool IsInRedis(Command command) => Version.Parse(command.Since) < new Version(7, 2);

    private static IEnumerable<string> DryRuns(string key)
    {
        foreach (Command command in BuiltIn.Table.WithSubcommands)
        {
            int count = Math.Abs(command.Arity) - command.Name.Split('|').Length;
            if (!command.HasSubcommands && IsInRedis(command))
            {
                // Of a PFMERGE without a source redis looks at no key at all.
                count += command.Name == "pfmerge" ? 1 : 0;
                yield return string.Join(' ', [.. command.Name.Split('|'), .. Enumerable.Repeat(key, count)]);
            }
        }

        yield return $"set {key} 1 get";
        yield return $"set {key} 1 xx get";
        yield return $"mget k:1 {key}";
        yield return $"mset k:1 {key} {key} 1";
        yield return $"rename r:1 {key}";
        yield return $"copy r:1 {key}";
        yield return $"copy {key} w:1";
        yield return $"pfmerge {key} r:1";
        yield return $"pfmerge w:1 {key}";
        yield return $"geosearchstore {key} r:1 fromlonlat 1 2 byradius 1 m";
        yield return $"georadius r:1 1 2 3 m store {key}";
        yield return $"georadiusbymember {key} x 3 m count 1 storedist w:1";
        yield return $"set get {key}";
        yield return $"config set {key} 1";
    }

    /// <summary>A client of redis-server and one of ours.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly RunningServer _redis;
        private readonly RunningServer _own;
        private readonly bool _isFirst; // whose servers they are

        public Pair()
            : this(
                new RunningServer(ServerProgram.Redis(Tool.Require("redis-server"))),
                TestServer.Start("64M")) =>
            _isFirst = true;

        public Pair(Pair servers)
            : this(servers._redis, servers._own)
        {
        }

        private Pair(RunningServer redis, RunningServer own)
        {
            _redis = redis;
            _own = own;
            Redis = new TextClient(redis.Process.TcpEndPoint);
            Own = new TextClient(own.Process.TcpEndPoint);
        }

        public TextClient Redis { get; }

        public TextClient Own { get; }

        public void Compare(IEnumerable<string> lines, bool sameHello = true)
        {
            var differences = new StringBuilder();
            foreach (string line in lines)
            {
                string[] args = CommandLines.Split(line);
                (string expected, string actual) = (Redis.Call(args), Own.Call(args));
                bool same = !sameHello && args[0] == "HELLO" ? expected[0] == actual[0] : expected == actual;
                if (!same)
                {
                    differences.Append($"{line}\n   redis {expected}\n   own   {actual}\n");
                }
            }

            Assert.True(differences.Length == 0, differences.ToString());
        }

        /// <summary>All of the entries but the times and the clients.</summary>
        public void CompareLog()
        {
            string[] expected = Entries(Redis.Call("ACL", "LOG", "100"));
            string[] actual = Entries(Own.Call("ACL", "LOG", "100"));
            Assert.NotEmpty(expected);
            Assert.Equal(expected, actual);
        }

        public void Dispose()
        {
            Redis.Dispose();
            Own.Dispose();
            if (_isFirst)
            {
                _redis.Dispose();
                _own.Dispose();
            }
        }

        private static string[] Entries(string log)
        {
            string[] lines = log.Split("\r\n");
            string[] names = ["reason", "context", "object", "username"];
            IEnumerable<(string Line, int At)> all = lines.Select((line, i) => (line, i));
            return [.. all.Where(it => names.Contains(it.Line)).Select(it => $"{it.Line} {lines[it.At + 2]}")];
        }
    }
}
