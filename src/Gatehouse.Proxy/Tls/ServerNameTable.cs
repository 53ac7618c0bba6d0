using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Routing;

namespace Gatehouse.Proxy.Tls;

/// <summary>
/// Chooses the certificate for a name. The virtual host that the name leads to decides, as it will for the request; one without a certificate, or none, leaves it to the
/// listener's certificates that have the name, and those to the listener's default.
/// </summary>
internal sealed class ServerNameTable(HostTable<ServerNameTable.Choice> virtualHosts, HostTable<TlsContext> listed, TlsContext? fallback)
{
    /// <summary>Null: the handshake is refused. Allocates nothing.</summary>
    /// <param name="name">As the client sent it; empty when it sent none.</param>
    public TlsContext? Find(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty && fallback is not null) return fallback;
        return virtualHosts.Find(name)?.Context ?? listed.Find(name) ?? fallback;
    }

    /// <summary>What a virtual host says; null: nothing.</summary>
    internal sealed record Choice(TlsContext? Context);
}
