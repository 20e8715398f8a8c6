using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KvStore.Demo;
using KvStore.HandOver;
using KvStore.Tests.Infrastructure;

namespace KvStore.Tests.HandOver;

/// <summary>Clients over TLS: their keys stay in the process that shook hands with them.</summary>
public sealed class EncryptedHandOverTests : IDisposable
{
    private const string Name = "CN=localhost";
    private readonly TemporaryDirectory _directory = new();
    private readonly int _port = ServerProcess.FreePort();

    public void Dispose() => _directory.Dispose();

    [Fact]
    [Trait("speed", "slow")]
    public void They_are_closed_behind_their_last_reply_and_come_again()
    {
        using HandOverLab lab = Lab();
        using SslStream client = Connect();
        using var plain = new TextClient(lab.EndPoint);
        Assert.Equal("+PONG\r\n", Ping(client));
        ServerProcess before = lab.Server;

        lab.Succeed();

        Assert.Equal("", Ping(client));
        Printed.Contains("1 clients over TLS were closed", before);
        Assert.Equal("+PONG\r\n", plain.Call("PING"));
        using SslStream again = Connect();
        Assert.Equal("+PONG\r\n", Ping(again));
    }

    [Fact]
    [Trait("speed", "slow")]
    public void They_stay_where_the_successor_fails()
    {
        using HandOverLab lab = Lab();
        using SslStream client = Connect();
        Assert.Equal("+PONG\r\n", Ping(client));
        using (HandOverLink link = lab.Link())
        {
            link.Send(HandOverMessage.Hello, lab.Greeting().ToBytes());
            Assert.Equal(HandOverMessage.Welcome, link.Receive(out _));
            link.Send(HandOverMessage.Go);
            while (link.Receive(out _) != HandOverMessage.Released)
            {
                // It is about to have all, and dies.
            }
        }

        Assert.Equal("+PONG\r\n", Ping(client));
        using SslStream another = Connect();
        Assert.Equal("+PONG\r\n", Ping(another));
    }

    private HandOverLab Lab()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Name, key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        string[] files = [Path.Combine(_directory.Path, "c.pem"), Path.Combine(_directory.Path, "k.pem")];
        File.WriteAllText(files[0], certificate.ExportCertificatePem());
        File.WriteAllText(files[1], key.ExportPkcs8PrivateKeyPem());
        return new HandOverLab(
            "--tls-port", $"{_port}", "--tls-cert-file", files[0], "--tls-key-file", files[1],
            "--tls-auth-clients", "no");
    }

    private SslStream Connect()
    {
        var socket = new TcpClient("127.0.0.1", _port)
        {
            ReceiveTimeout = (int)Patience.Limit.TotalMilliseconds,
        };
        var stream = new SslStream(
            socket.GetStream(), leaveInnerStreamOpen: false, (_, shown, _, _) => shown?.Subject == Name);
        stream.AuthenticateAsClient("localhost");
        return stream;
    }

    /// <summary>The reply; empty where the connection was closed.</summary>
    private static string Ping(SslStream client)
    {
        byte[] reply = new byte[100];
        try
        {
            client.Write("*1\r\n$4\r\nPING\r\n"u8);
            return Encoding.ASCII.GetString(reply, 0, client.Read(reply));
        }
        catch (IOException)
        {
            return "";
        }
    }
}
