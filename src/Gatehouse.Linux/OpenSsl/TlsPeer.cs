using System.Net;
using System.Text;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>
/// Whom client sessions are with: the name that is sent and checked, and the latest session, which the next connection resumes. What was checked for one name is never
/// resumed for another, since a peer has but one. Safe for several threads.
/// </summary>
public sealed class TlsPeer : IDisposable
{
    private readonly Lock _gate = new();
    private nint _session;
    private bool _disposed;

    /// <param name="context">A client's.</param>
    /// <param name="name">A DNS name without a dot at its end, which is sent (SNI), or an IP address, which is not (RFC 6066 §3). Null: nothing is sent.</param>
    /// <param name="checkName">Whether the certificate must have the name; for a context without authorities it is not looked at.</param>
    /// <exception cref="ArgumentException">The context is a server's, or the name has a character that cannot stand in one.</exception>
    public TlsPeer(TlsContext context, string? name, bool checkName = true)
    {
        if (context.IsServer) throw new ArgumentException("a server's context has no peers", nameof(context));
        Context = context;
        if (name is { Length: > 0 })
        {
            if (!Ascii.IsValid(name) || name.AsSpan().ContainsAnyInRange('\0', ' ')) throw new ArgumentException($"'{name}' is no host name", nameof(name));
            Name = [.. Encoding.ASCII.GetBytes(name), 0];
            IsAddress = IPAddress.TryParse(name, out _);
        }

        ChecksName = checkName && Name.Length > 0;
    }

    /// <summary>The context of its sessions.</summary>
    public TlsContext Context { get; }

    /// <summary>Whether there is a session to resume.</summary>
    public bool HasSession
    {
        get
        {
            lock (_gate) return _session != 0;
        }
    }

    /// <summary>With a zero at its end, as OpenSSL wants it; empty for none.</summary>
    internal byte[] Name { get; } = [];

    internal bool IsAddress { get; }

    internal bool ChecksName { get; }

    /// <summary>Drops the kept session; sessions that run go on.</summary>
    public void Dispose()
    {
        nint last;
        lock (_gate)
        {
            _disposed = true;
            (last, _session) = (_session, 0);
        }

        if (last != 0) Libssl.FreeSession(last);
    }

    /// <summary>Takes the reference over, unless it is disposed.</summary>
    internal bool Keep(nint session)
    {
        nint last;
        lock (_gate)
        {
            if (_disposed) return false;
            (last, _session) = (_session, session);
        }

        if (last != 0) Libssl.FreeSession(last);
        return true;
    }

    /// <summary>Has an SSL resume the kept session.</summary>
    internal void Resume(nint ssl)
    {
        lock (_gate)
        {
            if (_session != 0) _ = Libssl.SetSession(ssl, _session);
        }
    }
}
