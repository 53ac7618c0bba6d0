using System.Net;
using System.Text;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Routing;
using Gatehouse.Proxy.Tls;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Listeners;

/// <summary>A listener as the loops use it in one snapshot; connections ask for it anew with each request.</summary>
internal sealed class ListenerModel
{
    public ListenerModel(Listener config, HostTable<PathTable> hosts, RouteModel? fallback, HostTable<RouteModel>? serverNames, ListenerTlsState? tls)
    {
        Tls = tls;
        (Config, Hosts, Default, ServerNames) = (config, hosts, fallback, serverNames);
        Limits = new HeadLimits(config.Limits.RequestLineBytes, config.Limits.HeadBytes, config.Limits.Fields);
        LogName = Encoding.UTF8.GetBytes(config.Protocol is ListenerProtocol.Https or ListenerProtocol.Tls ? config.Name + "~" : config.Name);
        Trusted = [.. config.TrustedProxies];
        ProxySources = [.. config.ProxyProtocolFrom];
    }

    public Listener Config { get; }

    public HostTable<PathTable> Hosts { get; }

    /// <summary>For what no virtual host takes; null: 404, or the end.</summary>
    public RouteModel? Default { get; }

    /// <summary>Server names to groups, for what is passed on unread.</summary>
    public HostTable<RouteModel>? ServerNames { get; }

    /// <summary>What TLS is accepted with; null for listeners in plain.</summary>
    public ListenerTlsState? Tls { get; }

    /// <summary>The routes that are its own: those that names of servers lead to, and the default.</summary>
    public IEnumerable<RouteModel> Leading => (ServerNames?.Values ?? []).Concat(Default is null ? [] : [Default]);

    public HeadLimits Limits { get; }

    /// <summary>Its name for log lines, with HAProxy's mark for TLS.</summary>
    public byte[] LogName { get; }

    public bool IsSecure => Config.Protocol is ListenerProtocol.Https or ListenerProtocol.Tls;

    public long HeaderMilliseconds => (long)Config.Timeouts.Header.TotalMilliseconds;

    public long HandshakeMilliseconds => (long)Config.Timeouts.Handshake.TotalMilliseconds;

    public long KeepAliveMilliseconds => (long)Config.Timeouts.KeepAlive.TotalMilliseconds;

    public long IdleMilliseconds => (long)Config.Timeouts.Idle.TotalMilliseconds;

    /// <summary>Connections from here begin with a PROXY header, and no others are taken.</summary>
    public IPNetwork[] ProxySources { get; }

    private IPNetwork[] Trusted { get; }

    /// <summary>Whether the forwarded fields of a client are kept.</summary>
    public bool Trusts(in SocketEndPoint client) => Trusted.Length > 0 && Contains(Trusted, client);

    /// <summary>Whether one of the networks has the address; an IPv4 address that is written in IPv6 counts as IPv4.</summary>
    public static bool Contains(IPNetwork[] networks, in SocketEndPoint address)
    {
        var bytes = address.Address;
        if (bytes.Length == 16 && bytes[..10].IndexOfAnyExcept((byte)0) < 0 && bytes[10] == 0xFF && bytes[11] == 0xFF) bytes = bytes[12..];
        Span<byte> own = stackalloc byte[16];
        foreach (var network in networks)
        {
            if (network.BaseAddress.TryWriteBytes(own, out var length) && length == bytes.Length && SamePrefix(bytes, own, network.PrefixLength)) return true;
        }

        return false;
    }

    private static bool SamePrefix(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int bits)
    {
        var whole = bits / 8;
        if (!left[..whole].SequenceEqual(right[..whole])) return false;
        var rest = bits % 8;
        return rest == 0 || (left[whole] ^ right[whole]) >> (8 - rest) == 0;
    }
}
