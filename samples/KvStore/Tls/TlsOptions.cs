using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KvStore.Tls;

/// <summary>Whether clients have to show a certificate.</summary>
internal enum ClientCertificates
{
    Required,
    Optional,
    Ignored,
}

/// <summary>Certificates that cannot be used. The message names the file.</summary>
internal sealed class TlsException(string message, Exception inner) : Exception(message, inner);

/// <summary>What the server shows, and whom it believes.</summary>
internal static class TlsOptions
{
    /// <summary>Reads the certificates.</summary>
    /// <param name="certificateFile">PEM: the server's certificate, then those between it and its authority.</param>
    /// <param name="keyFile">PEM: its key.</param>
    /// <param name="authorityFile">PEM: authorities of the clients' certificates; empty where none are asked
    /// for.</param>
    /// <param name="clients">Whether these are asked for.</param>
    /// <exception cref="TlsException">One of them is not there, or is none.</exception>
    public static SslServerAuthenticationOptions Read(
        string certificateFile, string keyFile, string authorityFile, ClientCertificates clients)
    {
        X509Certificate2 certificate = Try(
            certificateFile, () => X509Certificate2.CreateFromPemFile(certificateFile, keyFile));
        X509Certificate2Collection chain = Try(certificateFile, () => FromPem(certificateFile));
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ClientCertificateRequired = clients != ClientCertificates.Ignored,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        };
        if (clients == ClientCertificates.Ignored)
        {
            return options;
        }

        options.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        options.CertificateChainPolicy.CustomTrustStore.AddRange(Try(authorityFile, () => FromPem(authorityFile)));
        options.RemoteCertificateValidationCallback = (_, shown, _, errors) =>
            shown is null ? clients == ClientCertificates.Optional : errors == SslPolicyErrors.None;
        return options;
    }

    private static X509Certificate2Collection FromPem(string file)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPemFile(file);
        return certificates.Count > 0
            ? certificates
            : throw new CryptographicException("there is no certificate in it");
    }

    private static T Try<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new TlsException($"{file}: {e.Message}", e);
        }
    }
}
