using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Proxy.Configuration;
using Gatehouse.TestKit;
using Gatehouse.TestKit.Tls;

namespace Gatehouse.Proxy.Tests.Tls;

/// <summary>An engine whose only listener speaks TLS, before an endpoint that a test plays.</summary>
internal sealed class TlsRig : IDisposable
{
    public const string Request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

    private readonly List<IDisposable> _made = [];

    public TlsRig(Func<TlsRig, ProxyConfig, ProxyConfig>? change = null, ManualTimeProvider? time = null)
    {
        var standard = Configs.Plain(Server).With(l => l with { Protocol = ListenerProtocol.Https, Tls = new ListenerTls { DefaultCertificate = "default" } }) with
        {
            Certificates = [Issue("default", "a.example")],
        };
        Engine = new RunningEngine(change is null ? standard : change(this, standard), time: time);
    }

    public TestAuthority Authority { get; } = new();

    public RawServer Server { get; } = new();

    public RunningEngine Engine { get; }

    public Certificate Issue(string name, params string[] names)
    {
        var issued = Keep(Authority.Issue(names.Length > 0 ? names : [name]));
        return new Certificate { Name = name, Chain = issued.Chain, Key = issued.Key };
    }

    public T Keep<T>(T made)
        where T : IDisposable
    {
        _made.Add(made);
        return made;
    }

    /// <summary>A client that has shaken hands; it believes the authority alone.</summary>
    public SslStream Client(string? name = "a.example", Action<SslClientAuthenticationOptions>? change = null)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = name ?? "",
            RemoteCertificateValidationCallback = static (_, shown, _, _) => shown?.Issuer == "CN=Test authority",
        };
        change?.Invoke(options);
        var stream = Keep(new SslStream(new NetworkStream(Engine.Connect().Socket, ownsSocket: false), leaveInnerStreamOpen: false) { ReadTimeout = (int)Patience.Limit.TotalMilliseconds });
        stream.AuthenticateAsClient(options);
        return stream;
    }

    /// <summary>Whether a handshake is refused.</summary>
    public bool Refuses(string? name = "a.example", Action<SslClientAuthenticationOptions>? change = null)
    {
        try
        {
            // TLS 1.3 tells a refused client only when it reads.
            using var client = Client(name, change);
            client.Write(Encoding.ASCII.GetBytes(Request));
            return client.Read(new byte[100]) == 0;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return true;
        }
    }

    public static string Shown(SslStream client) => client.RemoteCertificate!.Subject[3..];

    /// <summary>Asks and lets the endpoint answer.</summary>
    public string Exchange(SslStream client, string request = Request, string body = "hello")
    {
        client.Write(Encoding.Latin1.GetBytes(request));
        var upstream = Keep(Server.Accept());
        upstream.ReadHead();
        upstream.Send($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}");
        return ReadUntil(client, body);
    }

    /// <summary>A head and nothing behind it.</summary>
    public static string ReadHead(Stream stream)
    {
        var all = new StringBuilder();
        while (!all.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            var next = stream.ReadByte();
            if (next < 0) throw new InvalidOperationException($"the stream ended after: {all}");
            all.Append((char)next);
        }

        return all.ToString();
    }

    public static string ReadUntil(Stream stream, string end)
    {
        var all = new StringBuilder();
        var buffer = new byte[65_536];
        while (!all.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            var count = stream.Read(buffer);
            if (count == 0) throw new InvalidOperationException($"the stream ended after: {all}");
            all.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        return all.ToString();
    }

    public void Dispose()
    {
        for (var i = _made.Count - 1; i >= 0; i--) _made[i].Dispose();
        Engine.Dispose();
        Server.Dispose();
        Authority.Dispose();
    }
}
