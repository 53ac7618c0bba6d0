using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>All that a listener's state is made from: equal recipes make equal states, so the state that is there stays.</summary>
internal sealed class ListenerTlsRecipe
{
    private static readonly EquatableArray<string> HttpDefault = ["http/1.1"];

    private ListenerTlsRecipe(ListenerTls tls, TlsTicketKeys? ticketKeys)
    {
        Tls = tls;
        TicketKeys = ticketKeys;
    }

    /// <summary>The settings, with the protocols that are offered, and without names and keys that stand elsewhere in the recipe.</summary>
    public ListenerTls Tls { get; }

    public TlsTicketKeys? TicketKeys { get; }

    public CertificateEntry? Default { get; private init; }

    /// <summary>The virtual hosts' patterns, each once; null where the virtual host names no certificate, or none that can be served.</summary>
    public required List<(string Pattern, CertificateEntry? Certificate)> Hosts { get; init; }

    /// <summary>The names of the listener's certificates, each once.</summary>
    public required List<(string Pattern, CertificateEntry Certificate)> Listed { get; init; }

    public static ListenerTlsRecipe Of(Listener listener, ProxyConfig config, CertificateTable certificates, TlsTicketKeys? ticketKeys)
    {
        var tls = listener.Tls!;
        var isHttp = listener.Protocol == ListenerProtocol.Https;
        return new(tls with { TicketKeys = [], Certificates = [], DefaultCertificate = null, Alpn = isHttp && tls.Alpn.Count == 0 ? HttpDefault : tls.Alpn }, ticketKeys)
        {
            Default = certificates.Find(tls.DefaultCertificate),
            Hosts = isHttp ? HostsOf(listener, config, certificates) : [],
            Listed = ListedOf(tls, certificates),
        };
    }

    public bool IsSame(ListenerTlsRecipe other) =>
        Default == other.Default && TicketKeys == other.TicketKeys && Tls == other.Tls && Listed.SequenceEqual(other.Listed) && Hosts.SequenceEqual(other.Hosts);

    private static List<(string Pattern, CertificateEntry? Certificate)> HostsOf(Listener listener, ProxyConfig config, CertificateTable certificates)
    {
        Dictionary<string, int> places = new(StringComparer.Ordinal);
        List<(string Pattern, CertificateEntry? Certificate)> hosts = [];
        foreach (var host in config.VirtualHosts)
        {
            if (host.Listeners.Count > 0 && !host.Listeners.AsSpan().Contains(listener.Name)) continue;
            var certificate = certificates.Find(host.Certificate);
            foreach (var pattern in host.Hosts)
            {
                // A name may stand in several virtual hosts; the first that has a certificate counts.
                var lower = pattern.ToLowerInvariant();
                if (places.TryAdd(lower, hosts.Count)) hosts.Add((lower, certificate));
                else if (hosts[places[lower]].Certificate is null) hosts[places[lower]] = (lower, certificate);
            }
        }

        return hosts;
    }

    private static List<(string Pattern, CertificateEntry Certificate)> ListedOf(ListenerTls tls, CertificateTable certificates)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        List<(string Pattern, CertificateEntry Certificate)> listed = [];
        foreach (var name in tls.Certificates)
        {
            if (certificates.Find(name) is { } certificate) listed.AddRange(certificate.Names.Where(seen.Add).Select(n => (n, certificate)));
        }

        return listed;
    }
}
