using System.Net;
using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The form of a listener.</summary>
internal static class ListenerForm
{
    private static readonly ClientTimeouts StandardTimeouts = new();
    private static readonly ClientLimits StandardLimits = new();

    private static readonly Field<ServerNameRoute, string> Host = new("host", Shapes.ServerName, r => r.Host, "", "The server name (SNI).") { Required = true };

    private static readonly Field<ServerNameRoute, string> NameTo = new("to", Shapes.Reference, r => r.Upstream, "", "The name of the upstream.") { Required = true, Synonym = "upstream" };

    private static readonly ObjectShape<ServerNameRoute> ServerName = new("serverName", "A server name that leads to an upstream.", [Host, NameTo], static v => new ServerNameRoute { Host = Host.From(v), Upstream = NameTo.From(v) });

    private static readonly Field<ClientTimeouts, TimeSpan> Handshake = new("handshake", Shapes.Span, t => t.Handshake, StandardTimeouts.Handshake, "From accepting to the end of the TLS handshake, and for a PROXY header.");

    private static readonly Field<ClientTimeouts, TimeSpan> Header = new("header", Shapes.Span, t => t.Header, StandardTimeouts.Header, "From a request's first byte to the end of its head, and for a new connection to its first byte; then 408, or the end where no byte has come.");

    private static readonly Field<ClientTimeouts, TimeSpan> KeepAlive = new("keepAlive", Shapes.Span, t => t.KeepAlive, StandardTimeouts.KeepAlive, "Between two requests; then the connection is closed.");

    private static readonly Field<ClientTimeouts, TimeSpan> Idle = new("idle", Shapes.Span, t => t.Idle, StandardTimeouts.Idle,
        "Without a byte of a body that is awaited, or without one taken of what is sent; then 408 or the end. TCP and UDP have the upstream's tunnel timeout alone.");

    private static readonly ObjectShape<ClientTimeouts> TimeoutsShape = new("clientTimeouts", "How long clients may take.", [Handshake, Header, KeepAlive, Idle],
        static v => new ClientTimeouts { Handshake = Handshake.From(v), Header = Header.From(v), KeepAlive = KeepAlive.From(v), Idle = Idle.From(v) });

    private static readonly Field<ClientLimits, int> LineBytes = new("requestLineBytes", new NumberShape<int>(64, 61_440, bytes: true), l => l.RequestLineBytes, StandardLimits.RequestLineBytes, "Bytes of the method, target and version; beyond it 414.");

    private static readonly Field<ClientLimits, int> HeadBytes = new("headBytes", new NumberShape<int>(256, 61_440, bytes: true), l => l.HeadBytes, StandardLimits.HeadBytes, "Bytes of the whole head; beyond it 431.");

    private static readonly Field<ClientLimits, int> Fields = new("fields", new NumberShape<int>(1, 1_000), l => l.Fields, StandardLimits.Fields, "Header fields; beyond it 431.");

    private static readonly Field<ClientLimits, long> BodyBytes = new("bodyBytes", Shapes.BodyBytes, l => l.BodyBytes, StandardLimits.BodyBytes, "Bytes of a request's body; beyond it 413. 0: any number.");

    private static readonly Field<ClientLimits, int> MinBodyRate = new("minBodyRate", new NumberShape<int>(0, 1 << 30, bytes: true), l => l.MinBodyRate, StandardLimits.MinBodyRate,
        "Bytes a second that a body must come with after its first 10 seconds, on the whole; below it 408. 0: no minimum.");

    private static readonly Field<ClientLimits, int> PerClient = new("connectionsPerClient", new NumberShape<int>(0, 10_000_000), l => l.ConnectionsPerClient, StandardLimits.ConnectionsPerClient,
        "Connections at a time from one client (an IPv4 address, an IPv6 /64); beyond it 429, or for what is not HTTP the end. 0: any number.");

    private static readonly Field<ClientLimits, int> Connections = new("connections", new NumberShape<int>(0, 10_000_000), l => l.Connections, StandardLimits.Connections,
        "Connections at a time of this listener; beyond it new ones wait in the kernel. 0: as many as the engine takes.");

    private static readonly Field<ClientLimits, int> Flows = new("flows", new NumberShape<int>(1, 1 << 20), l => l.Flows, StandardLimits.Flows, "UDP flows at a time; beyond it the packets of new ones are dropped.");

    private static readonly ObjectShape<ClientLimits> LimitsShape = new("clientLimits", "How much clients may send.", [LineBytes, HeadBytes, Fields, BodyBytes, MinBodyRate, PerClient, Connections, Flows], static v => new ClientLimits
    {
        RequestLineBytes = LineBytes.From(v),
        HeadBytes = HeadBytes.From(v),
        Fields = Fields.From(v),
        BodyBytes = BodyBytes.From(v),
        MinBodyRate = MinBodyRate.From(v),
        ConnectionsPerClient = PerClient.From(v),
        Connections = Connections.From(v),
        Flows = Flows.From(v),
    })
    {
        Rule = ListenerRules.CheckLimits,
    };

    private static readonly Field<Listener, string> Name = new("name", Shapes.Name, l => l.Name, "", "Its name; HAProxy's frontend in log lines.") { Required = true };

    private static readonly Field<Listener, IPEndPoint> Address = new("address", Shapes.BindAddress, l => l.Address, Shapes.BindAddress.Placeholder,
        "Address and port. 0.0.0.0 is every IPv4 address and no other, [::] every IPv6 address and no other. An address in brackets stands in quotes.")
    { Required = true };

    private static readonly Field<Listener, ListenerProtocol> Protocol = new(
        "protocol",
        new WordShape<ListenerProtocol>(
            (ListenerProtocol.Http, "http"), (ListenerProtocol.Https, "https"), (ListenerProtocol.Tcp, "tcp"), (ListenerProtocol.Tls, "tls"), (ListenerProtocol.TlsPassthrough, "tlsPassthrough"), (ListenerProtocol.Udp, "udp")),
        l => l.Protocol,
        ListenerProtocol.Http,
        "http, and the same in TLS: https; tcp, passed on as it is; tls, which ends here and goes on as TCP; tlsPassthrough, passed on unread by server name; udp.");

    private static readonly Field<Listener, string?> To = new("to", Shapes.Reference!, l => l.DefaultUpstream, null,
        "The name of the upstream for what no virtual host and no server name takes. Without it: 404, or the connection is closed.")
    { Synonym = "defaultUpstream" };

    private static readonly Field<Listener, EquatableArray<ServerNameRoute>> ServerNames = new(
        "serverNames", new ListShape<ServerNameRoute>(ServerName, 100_000, lone: false, static (host, to) => new ServerNameRoute { Host = host, Upstream = to }), l => l.ServerNames, [],
        "Server names with their upstreams, for tls and tlsPassthrough. As a mapping: names with upstreams.");

    private static readonly Field<Listener, EquatableArray<IPNetwork>> ProxyProtocolFrom = new("proxyProtocolFrom", Shapes.Networks, l => l.ProxyProtocolFrom, [],
        "Sources that must send a PROXY header (version 1 or 2) before all else; a connection from elsewhere is closed. Without it: nobody sends one.");

    private static readonly Field<Listener, EquatableArray<IPNetwork>> TrustedProxies = new("trustedProxies", Shapes.Networks, l => l.TrustedProxies, [],
        "Sources whose forwarded fields are kept and added to; those of others are overwritten. Without it: nobody.");

    private static readonly Field<Listener, ForwardedFields> Forwarded = new("forwarded", new ForwardedShape(), l => l.Forwarded, ForwardedFields.XForwarded,
        "Which forwarded fields the upstream gets. xForwarded: X-Forwarded-For, -Proto, -Host and -Port; forwarded: that of RFC 7239.");

    private static readonly Field<Listener, ListenerTls?> Tls = new("tls", ListenerTlsForm.Shape!, l => l.Tls, null, "For https and tls, and not for others.");

    private static readonly Field<Listener, ClientTimeouts> Timeouts = new("timeouts", TimeoutsShape, l => l.Timeouts, StandardTimeouts, "How long clients may take.");

    private static readonly Field<Listener, ClientLimits> Limits = new("limits", LimitsShape, l => l.Limits, StandardLimits, "How much clients may send.");

    public static ObjectShape<Listener> Shape { get; } = new(
        "listener", "Where connections come in.", [Name, Address, Protocol, To, ServerNames, ProxyProtocolFrom, TrustedProxies, Forwarded, Tls, Timeouts, Limits], static v => new Listener
        {
            Name = Name.From(v),
            Address = Address.From(v),
            Protocol = Protocol.From(v),
            DefaultUpstream = To.From(v),
            ServerNames = ServerNames.From(v),
            ProxyProtocolFrom = ProxyProtocolFrom.From(v),
            TrustedProxies = TrustedProxies.From(v),
            Forwarded = Forwarded.From(v),
            Tls = Tls.From(v),
            Timeouts = Timeouts.From(v),
            Limits = Limits.From(v),
        })
    {
        Rule = ListenerRules.Check,
    };
}
