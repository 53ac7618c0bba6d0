using System.Net;
using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>What must hold within a listener, and between listeners.</summary>
internal static class ListenerRules
{
    /// <summary>Protocols and what goes with them.</summary>
    public static void Check(Listener listener, ConfigCheck check)
    {
        var protocol = listener.Protocol;
        var word = Word(protocol);
        var ends = protocol is ListenerProtocol.Https or ListenerProtocol.Tls;
        if (ends && listener.Tls is null) check.Fault("tls", $"is required with protocol {word}: at least a certificate");
        if (!ends && listener.Tls is not null) check.Fault("tls", $"is for protocols https and tls, and this is {word}");
        if (listener.ServerNames.Count > 0 && protocol is not (ListenerProtocol.Tls or ListenerProtocol.TlsPassthrough)) check.Fault("serverNames", $"is for protocols tls and tlsPassthrough, and this is {word}" + (IsHttp(protocol) ? ": write virtualHosts" : ""));
        if (listener.TrustedProxies.Count > 0 && !IsHttp(protocol)) check.Fault("trustedProxies", $"is for protocols http and https, and this is {word}");
        if (listener.ProxyProtocolFrom.Count > 0 && protocol == ListenerProtocol.Udp) check.Fault("proxyProtocolFrom", "is for what comes over TCP, and this is udp");
        if (protocol == ListenerProtocol.Tls && listener.Tls is { DefaultCertificate: null, Certificates.Count: 0 }) check.Fault("tls.defaultCertificate", "is required with protocol tls, unless certificates are listed");
        if (protocol == ListenerProtocol.Https && listener.Tls is { Alpn: { Count: > 0 } offered })
        {
            for (var i = 0; i < offered.Count; i++)
            {
                if (offered[i] is not ("http/1.1" or "http/1.0")) check.Fault($"tls.alpn[{i}]", Shown.NotValid(offered[i], "an https listener speaks http/1.1 and http/1.0"));
            }
        }

        if (!IsHttp(protocol) && listener is { DefaultUpstream: null, ServerNames.Count: 0 }) check.Warn("to", $"is missing: every {(protocol == ListenerProtocol.Udp ? "packet is dropped" : "connection is closed")}");
        if (listener.Address?.Port == 0) check.Warn("address", "port 0 is a free port, another one at each start");
        Unique.Check(listener.ServerNames, static n => n.Host, check, "serverNames", "host");
    }

    /// <summary>Between the settings of TLS.</summary>
    public static void CheckTls(ListenerTls tls, ConfigCheck check)
    {
        if (tls.MinVersion > tls.MaxVersion) check.Fault("maxVersion", "is older than minVersion: nobody could connect");
        if (tls.ClientCertificates != ClientCertificateMode.None && string.IsNullOrEmpty(tls.ClientAuthorities)) check.Fault("clientAuthorities", "is required when clients show certificates: who may have signed them");
        if (!string.IsNullOrEmpty(tls.ClientAuthorities)) CertificateRules.CheckAuthorities(tls.ClientAuthorities, check, "clientAuthorities");
        if (tls.ClientCertificates == ClientCertificateMode.None && tls.ClientAuthorities is not null) check.Warn("clientAuthorities", "is not used: clientCertificates is none");
        if (!tls.Resumption && tls.TicketKeys.Count > 0) check.Warn("ticketKeys", "are not used: resumption is false");
        if (tls.Ciphers is not null && tls.MinVersion == TlsVersion.Tls13) check.Warn("ciphers", "are not used: they are for 1.2, and minVersion is 1.3");
    }

    /// <summary>Between the limits.</summary>
    public static void CheckLimits(ClientLimits limits, ConfigCheck check)
    {
        if (limits.RequestLineBytes > limits.HeadBytes) check.Fault("requestLineBytes", $"{limits.RequestLineBytes:N0} is more than headBytes ({limits.HeadBytes:N0}), of which it is a part");
    }

    /// <summary>Two that would bind the same; TCP and UDP have ports of their own.</summary>
    public static void CheckCollisions(ProxyConfig config, ConfigCheck check)
    {
        Dictionary<(bool Udp, int Port), List<int>> byPort = [];
        check.Trail.Enter("listeners");
        for (var i = 0; i < config.Listeners.Count; i++)
        {
            if (config.Listeners[i]?.Address is not { Port: > 0 } address) continue;
            var key = (config.Listeners[i].Protocol == ListenerProtocol.Udp, address.Port);
            if (!byPort.TryGetValue(key, out var others)) byPort.Add(key, others = []);
            var other = others.FindIndex(o => Collide(config.Listeners[o].Address, address));
            if (other >= 0) TellCollision(config.Listeners, others[other], i, check);
            others.Add(i);
        }

        check.Trail.Leave();
        if (config.Engine?.Admin is not { Port: > 0 } admin || !byPort.TryGetValue((false, admin.Port), out var near)) return;
        var taken = near.FindIndex(o => Collide(config.Listeners[o].Address, admin));
        if (taken < 0) return;
        check.Trail.Enter("engine");
        check.Fault("admin", $"{Shown.Value(admin.ToString())} is taken by listeners[{near[taken]}] {Shown.Value(config.Listeners[near[taken]].Name)}");
        check.Trail.Leave();
    }

    public static bool IsHttp(ListenerProtocol protocol) => protocol is ListenerProtocol.Http or ListenerProtocol.Https;

    public static string Word(ListenerProtocol protocol) => protocol == ListenerProtocol.TlsPassthrough ? "tlsPassthrough" : protocol.ToString().ToLowerInvariant();

    private static void TellCollision(EquatableArray<Listener> listeners, int first, int second, ConfigCheck check)
    {
        check.Trail.Enter(second);
        var (one, other) = (listeners[first], listeners[second]);
        check.Fault("address", one.Address.Equals(other.Address)
            ? $"{Shown.Value(other.Address.ToString())} is the address of listeners[{first}] {Shown.Value(one.Name)} too"
            : $"{Shown.Value(other.Address.ToString())} and {Shown.Value(one.Address.ToString())} of listeners[{first}] {Shown.Value(one.Name)} can't both be bound");
        check.Trail.Leave();
    }

    private static bool Collide(IPEndPoint one, IPEndPoint other) =>
        one.Port == other.Port && one.AddressFamily == other.AddressFamily && (one.Address.Equals(other.Address) || IsAny(one.Address) || IsAny(other.Address));

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
