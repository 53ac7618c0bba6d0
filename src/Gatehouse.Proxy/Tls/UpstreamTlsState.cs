using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>
/// What a group's endpoints are spoken to with. For each endpoint and name it keeps a peer, and with it the latest session. The same object from one configuration to the
/// next as long as nothing of it changes. Safe for several threads.
/// </summary>
internal sealed class UpstreamTlsState
{
    /// <summary>Peers that are kept; further ones are made for one connection, and resume nothing.</summary>
    public const int MaxPeers = 4_096;

    private const int LongestName = 255;

    private readonly ConcurrentDictionary<string, TlsPeer> _peers = new(StringComparer.Ordinal);
    private readonly SharedContext _shared;
    private readonly byte[]? _serverName;
    private int _count;
    private volatile bool _released;

    public UpstreamTlsState(string group, UpstreamTls config, CertificateEntry? certificate, SharedContext shared)
    {
        (Group, Config, Certificate, _shared) = (group, config, certificate, shared);
        _serverName = config.ServerName is { } name ? Encoding.ASCII.GetBytes(name) : null;
    }

    public string Group { get; }

    public UpstreamTls Config { get; }

    public CertificateEntry? Certificate { get; }

    /// <summary>How many peers are kept.</summary>
    public int Peers => Volatile.Read(ref _count);

    /// <summary>Configurations that have it. Counted by the compiler, under its lock.</summary>
    public int Leases { get; set; }

    /// <summary>Whom a connection is with. Allocates only for an endpoint and a name that were not yet asked for. Null: the host is no name that could be sent and checked.</summary>
    /// <param name="endpoint">A number of the endpoint, for as long as it lives: each has sessions of its own.</param>
    /// <param name="host">The request's host without port, in any case, an IPv6 address in brackets or not; empty for TCP. It counts when no name is configured.</param>
    public TlsPeer? Peer(int endpoint, ReadOnlySpan<byte> host)
    {
        ReadOnlySpan<byte> name = _serverName ?? host;
        if (name.Length > 2 && name[0] == (byte)'[' && name[^1] == (byte)']') name = name[1..^1];
        if (name.Length > LongestName || name.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return null;

        // The number and then the name: characters that no name has keep them apart.
        Span<char> key = stackalloc char[LongestName + 2];
        key[0] = (char)(endpoint & 0xFFFF);
        key[1] = (char)(endpoint >>> 16);
        _ = Ascii.ToLower(name, key[2..], out var length);
        key = key[..(length + 2)];
        return _peers.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(key, out var peer) ? peer : Add(key);
    }

    /// <summary>Drops all sessions and gives the context back; under the compiler's lock. Connections that run go on.</summary>
    public void Release()
    {
        _released = true;
        _shared.Release();
        foreach (var peer in _peers.Values) peer.Dispose();
    }

    private TlsPeer Add(ReadOnlySpan<char> key)
    {
        var peer = new TlsPeer(_shared.Context, key.Length > 2 ? key[2..].ToString() : null);
        var kept = peer;
        var place = Interlocked.Increment(ref _count) <= MaxPeers;
        if (place) kept = _peers.GetOrAdd(key.ToString(), peer);
        if (!place || kept != peer) Interlocked.Decrement(ref _count);

        // One that nobody will dispose later is good for a connection, and keeps no session.
        if (!place || _released) kept.Dispose();
        return kept;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"TLS to {Group}");
}
