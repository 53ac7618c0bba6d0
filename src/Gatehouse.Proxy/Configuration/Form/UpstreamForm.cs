using System.Net;
using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of a group of endpoints.</summary>
internal static class UpstreamForm
{
    private static readonly UpstreamGroup Standard = new() { Name = "" };
    private static readonly UpstreamTls StandardTls = new();
    private static readonly UpstreamTimeouts StandardTimeouts = new();

    private static readonly Field<Endpoint, string> EndpointName = new("name", new TextShape("a name", TextRules.EndpointName), e => e.Name == e.Address?.ToString() ? "" : e.Name, "",
        "Its name, unique in the group; HAProxy's server in log lines. Default: the address.");

    private static readonly Field<Endpoint, IPEndPoint> Address = new("address", Shapes.PeerAddress, e => e.Address, Shapes.PeerAddress.Placeholder, "Address and port.") { Required = true };

    private static readonly Field<Endpoint, int> Weight = new("weight", new NumberShape<int>(0, 256), e => e.Weight, 1, "How often it is chosen, compared with the others; 0 gets nothing new.");

    private static readonly ObjectShape<Endpoint> EndpointShape = new("endpoint", "One place that serves.", [EndpointName, Address, Weight], static v => Named(EndpointName.From(v), Address.From(v), Weight.From(v)))
    {
        Short = new ShortForm<Endpoint, IPEndPoint>("address", Shapes.PeerAddress, static address => Named("", address, 1)),
    };

    private static readonly Field<UpstreamTls, string?> Authorities = new("authorities", Shapes.Pem!, t => t.Authorities, null,
        "Who may have signed the endpoints' certificates, in PEM. Without it: the system's authorities.")
    { Group = "authorities" };

    private static readonly Field<UpstreamTls, string?> ServerName = new("serverName", new TextShape("an exact name", t => t.Contains('*', StringComparison.Ordinal) ? "an exact name" : TextRules.ServerName(t))!, t => t.ServerName, null,
        "The name that is sent (SNI) and that the certificate must have. Without it: the request's host; for TCP then no name is checked, only the signature.");

    private static readonly Field<UpstreamTls, bool> Verify = new("verify", Shapes.Truth, t => t.Verify, StandardTls.Verify, "Whether the certificate is checked.");

    private static readonly Field<UpstreamTls, string?> Shown = new("certificate", Shapes.Reference!, t => t.Certificate, null, "The name of the certificate that is shown. Without it: none.");

    private static readonly Field<UpstreamTls, TlsVersion> MinVersion = new("minVersion", Shapes.Version, t => t.MinVersion, StandardTls.MinVersion, "The oldest version of TLS.");

    private static readonly ObjectShape<UpstreamTls> TlsShape = new(
        "upstreamTls",
        "How endpoints are spoken to in TLS.",
        [Authorities, Shapes.File("authoritiesFile", Authorities, "The file that holds them, in PEM.", Shapes.PemText), ServerName, Verify, Shown, MinVersion],
        static v => new UpstreamTls { Authorities = Authorities.From(v), ServerName = ServerName.From(v), Verify = Verify.From(v), Certificate = Shown.From(v), MinVersion = MinVersion.From(v) })
    {
        Rule = static (tls, check) => CertificateRules.CheckAuthorities(tls.Authorities, check, "authorities"),
    };

    private static readonly Field<UpstreamTimeouts, TimeSpan> Connect = new("connect", Shapes.Span, t => t.Connect, StandardTimeouts.Connect, "To connect, with TLS; then 503 after the last try.");

    private static readonly Field<UpstreamTimeouts, TimeSpan> Response = new("response", Shapes.Span, t => t.Response, StandardTimeouts.Response, "From the end of a request to the head of its response; then 504.");

    private static readonly Field<UpstreamTimeouts, TimeSpan> Idle = new("idle", Shapes.Span, t => t.Idle, StandardTimeouts.Idle, "Without a byte within a response; then the connection to the client is cut.");

    private static readonly Field<UpstreamTimeouts, TimeSpan?> Tunnel = new("tunnel", new NullableShape<TimeSpan>(Shapes.Span), t => t.Tunnel, StandardTimeouts.Tunnel,
        "Without a byte in either direction after an upgrade, and for TCP and UDP. Default: 1h, for UDP 30s.");

    private static readonly Field<UpstreamTimeouts, TimeSpan> KeepAlive = new("keepAlive", Shapes.Span, t => t.KeepAlive, StandardTimeouts.KeepAlive, "How long a connection may wait for another request.");

    private static readonly ObjectShape<UpstreamTimeouts> TimeoutsShape = new("upstreamTimeouts", "How long endpoints may take.", [Connect, Response, Idle, Tunnel, KeepAlive],
        static v => new UpstreamTimeouts { Connect = Connect.From(v), Response = Response.From(v), Idle = Idle.From(v), Tunnel = Tunnel.From(v), KeepAlive = KeepAlive.From(v) });

    private static readonly Field<UpstreamGroup, string> Name = new("name", Shapes.Name, u => u.Name, "", "Its name; HAProxy's backend in log lines.") { Required = true };

    private static readonly Field<UpstreamGroup, BalanceAlgorithm> Balance = new("balance", new WordShape<BalanceAlgorithm>((BalanceAlgorithm.RoundRobin, "roundRobin")), u => u.Balance, Standard.Balance,
        "How an endpoint is chosen. roundRobin: each connection or request the next, as often as its weight says.");

    private static readonly Field<UpstreamGroup, EquatableArray<Endpoint>> Endpoints = new("endpoints", new ListShape<Endpoint>(EndpointShape, 10_000), u => u.Endpoints, [],
        "The places that serve. None: 503, or the connection is closed.");

    private static readonly Field<UpstreamGroup, UpstreamTls?> Tls = new("tls", TlsShape!, u => u.Tls, null, "Without it the endpoints are spoken to in plain. {}: TLS with all defaults.");

    private static readonly Field<UpstreamGroup, ProxyProtocolVersion> ProxyProtocol = new(
        "proxyProtocol", new WordShape<ProxyProtocolVersion>((ProxyProtocolVersion.None, "none"), (ProxyProtocolVersion.V1, "v1"), (ProxyProtocolVersion.V2, "v2")), u => u.ProxyProtocol, Standard.ProxyProtocol,
        "The PROXY header that each connection begins with.");

    private static readonly Field<UpstreamGroup, UpstreamTimeouts> Timeouts = new("timeouts", TimeoutsShape, u => u.Timeouts, StandardTimeouts, "How long endpoints may take.");

    private static readonly Field<UpstreamGroup, int> MaxIdle = new("maxIdleConnections", new NumberShape<int>(0, 65_536), u => u.MaxIdleConnections, Standard.MaxIdleConnections,
        "Connections that wait for another request, of each loop and endpoint. 0: none.");

    private static readonly Field<UpstreamGroup, int> Retries = new("retries", new NumberShape<int>(0, 100), u => u.Retries, Standard.Retries,
        "Further tries, each at another endpoint, when a connection cannot be made; with one endpoint there is none.");

    public static ObjectShape<UpstreamGroup> Shape { get; } = new("upstream", "Endpoints that serve the same.", [Name, Balance, Endpoints, Tls, ProxyProtocol, Timeouts, MaxIdle, Retries], static v => new UpstreamGroup
    {
        Name = Name.From(v),
        Balance = Balance.From(v),
        Endpoints = Endpoints.From(v),
        Tls = Tls.From(v),
        ProxyProtocol = ProxyProtocol.From(v),
        Timeouts = Timeouts.From(v),
        MaxIdleConnections = MaxIdle.From(v),
        Retries = Retries.From(v),
    })
    {
        Rule = UpstreamRules.Check,
    };

    private static Endpoint Named(string name, IPEndPoint address, int weight) => new() { Name = name.Length > 0 ? name : address.ToString(), Address = address, Weight = weight };
}
