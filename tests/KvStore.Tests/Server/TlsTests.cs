using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KvStore.Demo;
using KvStore.Tests.Infrastructure;
using StackExchange.Redis;

namespace KvStore.Tests.Server;

/// <summary>The port for TLS, with redis-cli, StackExchange.Redis and clients who do not behave.</summary>
public sealed class TlsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Authority _authority = new("right");

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Redis_cli_speaks_tls_with_a_certificate_and_without_one_where_none_is_asked_for()
    {
        string cli = Tool.Require("redis-cli");
        using RunningServer server = Start("no", out int port);
        (_, string help, string more) = Tool.Run(cli, ["--help"]);
        Assert.SkipUnless((help + more).Contains("--tls", StringComparison.Ordinal), "This redis-cli has no TLS.");

        (int exitCode, string output, string error) = Cli(cli, port, "SET", "a", "1");

        Assert.Equal((0, "OK\n", ""), (exitCode, output, error));
        Assert.Equal("1\n", Cli(cli, port, "GET", "a").Output);
        using var plain = new TextClient(server.Process.TcpEndPoint);
        Assert.Equal("$1\r\n1\r\n", plain.Call("GET", "a"));
    }

    [Fact]
    public void StackExchange_Redis_speaks_tls()
    {
        using RunningServer server = Start("no", out int port);
        ConfigurationOptions options = ConfigurationOptions.Parse($"127.0.0.1:{port},ssl=true,sslHost=localhost");
        string issuer = _authority.Certificate.Subject;
        options.CertificateValidation += (_, certificate, _, _) => certificate!.Issuer == issuer;

        using ConnectionMultiplexer connection = ConnectionMultiplexer.Connect(options);
        IDatabase database = connection.GetDatabase();
        var value = new byte[3_000_000];
        new Random(5).NextBytes(value);
        Assert.True(database.StringSet("large", value));

        Assert.Equal(value, (byte[]?)database.StringGet("large"));
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData("yes", "none", false)]
    [InlineData("yes", "right", true)]
    [InlineData("yes", "wrong", false)]
    [InlineData("optional", "none", true)]
    [InlineData("optional", "right", true)]
    [InlineData("optional", "wrong", false)]
    [InlineData("no", "wrong", true)]
    public void A_certificate_is_asked_for_as_the_option_says(string asked, string shown, bool letIn)
    {
        using RunningServer server = Start(asked, out int port);
        using var wrong = new Authority("wrong");
        using X509Certificate2? certificate = shown switch
        {
            "right" => _authority.Issue("client", server: false),
            "wrong" => wrong.Issue("client", server: false),
            _ => null,
        };

        Assert.Equal(letIn ? "+PONG\r\n" : "refused", Ping(port, certificate, SslProtocols.None));
        server.AssertServes();
    }

    [Theory]
    [Trait("speed", "slow")]
    [InlineData(768, "refused")] // 1.1, whose name is deprecated
    [InlineData(3072, "+PONG\r\n")] // 1.2
    [InlineData(12288, "+PONG\r\n")] // 1.3
    public void Versions_before_1_2_are_refused(int version, string expected)
    {
        using RunningServer server = Start("no", out int port);

        Assert.Equal(expected, Ping(port, null, (SslProtocols)version));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void Plain_bytes_on_the_tls_port_and_silent_clients_hurt_nobody()
    {
        using RunningServer server = Start("no", out int port);
        List<Socket> silent = [];
        for (int i = 0; i < 200; i++)
        {
            silent.Add(Connect(port));
        }

        using (Socket plain = Connect(port))
        {
            plain.Send("*1\r\n$4\r\nPING\r\n"u8);
            var answer = new byte[1000];
            int count = ReceiveAll(plain, answer);
            Assert.DoesNotContain("PONG", Encoding.Latin1.GetString(answer, 0, count), StringComparison.Ordinal);
        }

        long start = Stopwatch.GetTimestamp();
        Assert.Equal("+PONG\r\n", Ping(port, null, SslProtocols.None));
        server.AssertServes();
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, Patience.Limit / 4);

        // The time limit of a handshake ends them.
        silent[0].ReceiveTimeout = 20_000;
        Assert.Equal(0, ReceiveAll(silent[0], new byte[100]));
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    [Trait("speed", "slow")]
    public void A_client_that_reads_nothing_is_closed_at_the_limit_and_leaves_nothing_behind()
    {
        using RunningServer server = Start("no", out int port, "--client-output-hard-limit", "1mb");
        using (var filler = new TextClient(server.Process.TcpEndPoint))
        {
            Assert.Equal("+OK\r\n", filler.Call("SET", "big", new string('x', 900_000)));
        }

        int before = Descriptors(server);
        using Socket socket = Connect(port);
        using SslStream stream = Handshake(socket, null, SslProtocols.None);
        stream.Write([.. Enumerable.Repeat("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"u8.ToArray(), 200).SelectMany(b => b)]);
        Thread.Sleep(500);
        server.AssertServes();
        socket.Dispose();

        bool gone = SpinWait.SpinUntil(() => Descriptors(server) <= before, Patience.Limit);
        Assert.True(gone, "Descriptors stay open.");
    }

    [Fact]
    public void A_server_without_its_certificates_does_not_start()
    {
        string port = $"{ServerProcess.FreePort()}";
        string[] arguments = ["--arena", _directory.Path, "--size", "64M", "--port", "0", "--tls-port", port];

        (int exitCode, _, string error) = Tool.Run(TestServer.KvStorePath, arguments);
        Assert.Equal((2, "KvStore: --tls-port needs --tls-cert-file and --tls-key-file\n"), (exitCode, error));

        (string certificate, string key) = WriteServerCertificate();
        string[] with = [.. arguments, "--tls-cert-file", certificate, "--tls-key-file", key];
        (exitCode, _, error) = Tool.Run(TestServer.KvStorePath, with);
        string expected = "KvStore: --tls-port needs --tls-ca-cert-file, or --tls-auth-clients no\n";
        Assert.Equal((2, expected), (exitCode, error));

        File.WriteAllText(certificate, "none");
        (exitCode, _, error) = Tool.Run(TestServer.KvStorePath, [.. with, "--tls-auth-clients", "no"]);
        Assert.Equal(2, exitCode);
        Assert.Contains(certificate, error, StringComparison.Ordinal);
    }

    private RunningServer Start(string clients, out int port, params string[] more)
    {
        (string certificate, string key) = WriteServerCertificate();
        string authority = Path.Combine(_directory.Path, "ca.pem");
        File.WriteAllText(authority, _authority.Certificate.ExportCertificatePem());
        port = ServerProcess.FreePort();
        return new RunningServer(ServerProgram.KvStore(
            TestServer.KvStorePath,
            [
                "--size", "64M", "--tls-port", $"{port}", "--tls-cert-file", certificate, "--tls-key-file", key,
                "--tls-ca-cert-file", authority, "--tls-auth-clients", clients, .. more,
            ]));
    }

    private (string Certificate, string Key) WriteServerCertificate()
    {
        using X509Certificate2 server = _authority.Issue("localhost", server: true);
        string certificate = Path.Combine(_directory.Path, "server.pem");
        string key = Path.Combine(_directory.Path, "server.key");
        File.WriteAllText(certificate, server.ExportCertificatePem());
        File.WriteAllText(key, server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return (certificate, key);
    }

    private (int ExitCode, string Output, string Error) Cli(string cli, int port, params string[] command)
    {
        string authority = Path.Combine(_directory.Path, "ca.pem");
        return Tool.Run(cli, ["-h", "127.0.0.1", "-p", $"{port}", "--tls", "--cacert", authority, .. command]);
    }

    private static string Ping(int port, X509Certificate2? certificate, SslProtocols protocols)
    {
        using Socket socket = Connect(port);
        try
        {
            using SslStream stream = Handshake(socket, certificate, protocols);
            stream.Write("*1\r\n$4\r\nPING\r\n"u8);
            var answer = new byte[100];
            int count = stream.Read(answer);
            return count > 0 ? Encoding.ASCII.GetString(answer, 0, count) : "refused";
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return "refused";
        }
    }

    private static SslStream Handshake(Socket socket, X509Certificate2? certificate, SslProtocols protocols)
    {
        var stream = new SslStream(new NetworkStream(socket));
        stream.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = protocols,
            ClientCertificates = certificate is null ? null : [certificate],
            LocalCertificateSelectionCallback = certificate is null ? null : (_, _, _, _, _) => certificate,
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Issuer == "CN=authority right",
        });
        return stream;
    }

    private static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.ReceiveTimeout = 15_000;
        socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
        return socket;
    }

    private static int ReceiveAll(Socket socket, byte[] buffer)
    {
        int received = 0;
        try
        {
            int count;
            while ((count = socket.Receive(buffer.AsSpan(received))) > 0)
            {
                received += count;
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // That is an end too.
        }

        return received;
    }

    private static int Descriptors(RunningServer server) =>
        Directory.GetFileSystemEntries($"/proc/{server.Process.Id}/fd")
            .Count(path => new FileInfo(path).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);

    /// <summary>An authority of the test's own.</summary>
    private sealed class Authority : IDisposable
    {
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public Authority(string name)
        {
            var request = new CertificateRequest($"CN=authority {name}", _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
            Certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        }

        public X509Certificate2 Certificate { get; }

        public X509Certificate2 Issue(string name, bool server)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(name);
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
                [new Oid(server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
            byte[] serial = RandomNumberGenerator.GetBytes(8);
            using X509Certificate2 issued = request.Create(
                Certificate, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), serial);
            return issued.CopyWithPrivateKey(key);
        }

        public void Dispose()
        {
            Certificate.Dispose();
            _key.Dispose();
        }
    }
}
