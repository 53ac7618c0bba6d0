using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Linux;

namespace Gatehouse.Bench.Overlay;

/// <summary>An operator's client of a role's API, over HTTPS as any other, from the network of a host of the lab.</summary>
internal static class Operator
{
    /// <param name="kubeconfig">The file that the role wrote.</param>
    /// <param name="host">Whose network the connection comes from.</param>
    public static HttpObjectClient Open(string kubeconfig, NetworkNamespace host)
    {
        var lines = File.ReadAllLines(kubeconfig);
        var trust = new X509Certificate2Collection();
        trust.ImportFromPem(Pem(lines, "certificate-authority-data"));
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Pem(lines, "client-certificate-data"));
        using var paired = X509Certificate2.CreateFromPem(chain[0].ExportCertificatePem(), Pem(lines, "client-key-data"));
        var credentials = new ApiCredentials
        {
            Trust = trust,
            Chain = [.. chain.Skip(1)],
            Certificate = X509CertificateLoader.LoadPkcs12(paired.Export(X509ContentType.Pkcs12), null),
        };
        return new HttpObjectClient(new HttpObjectClientOptions
        {
            Server = new Uri(Field(lines, "server")),
            Credentials = new FixedCredentials(credentials),
            RequestTimeout = TimeSpan.FromSeconds(60),
            Connect = (server, cancellation) => ConnectAsync(host, server, cancellation),
        });
    }

    /// <summary>A socket belongs to the network in which it was made, wherever it is used.</summary>
    private static async ValueTask<Stream> ConnectAsync(NetworkNamespace host, DnsEndPoint server, CancellationToken cancellation)
    {
        var address = IPAddress.Parse(server.Host.Trim('[', ']'));
        var socket = host.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, server.Port), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Pem(string[] lines, string field) => Encoding.ASCII.GetString(Convert.FromBase64String(Field(lines, field)));

    private static string Field(string[] lines, string field) =>
        lines.Select(l => l.TrimStart(' ', '-')).First(l => l.StartsWith(field + ": ", StringComparison.Ordinal))[(field.Length + 2)..].Trim(' ', '"', '\'');
}
