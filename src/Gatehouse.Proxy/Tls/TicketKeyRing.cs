using System.Security.Cryptography;
using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>Keys of session tickets: those that are shared, for each listener, and one of the process that is renewed by the clock.</summary>
internal sealed class TicketKeyRing
{
    /// <summary>How old a key of the process may be that encrypts; it decrypts for as long again.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    private readonly Dictionary<string, (EquatableArray<string> Texts, TlsTicketKeys Keys)> _shared = new(StringComparer.Ordinal);
    private readonly TlsTicketKeys _own;
    private byte[] _current = NewKey();
    private DateTimeOffset _since;

    public TicketKeyRing(DateTimeOffset now)
    {
        _own = new TlsTicketKeys(_current);
        _since = now;
    }

    /// <summary>The keys of a listener; the same object as long as it has its name, so that a rotation reaches its running contexts. Null: its sessions are not resumed.</summary>
    public TlsTicketKeys? Of(Listener listener, List<TlsSetupFault> faults)
    {
        var tls = listener.Tls!;
        if (!tls.Resumption) return null;
        if (tls.TicketKeys.Count == 0) return _own;
        if (_shared.TryGetValue(listener.Name, out var known) && known.Texts == tls.TicketKeys) return known.Keys;
        if (Decode(listener.Name, tls.TicketKeys, faults) is not { } bytes) return known.Keys ?? _own;
        if (known.Keys is { } keys) keys.Replace(bytes);
        else keys = new TlsTicketKeys(bytes);
        _shared[listener.Name] = (tls.TicketKeys, keys);
        return keys;
    }

    /// <summary>Forgets the keys of listeners that are gone.</summary>
    public void Keep(IReadOnlySet<string> listeners)
    {
        foreach (var gone in _shared.Keys.Where(n => !listeners.Contains(n)).ToList()) _shared.Remove(gone);
    }

    /// <summary>Renews the key of the process when it is old enough. The one before still decrypts, and its tickets are renewed.</summary>
    public void Rotate(DateTimeOffset now)
    {
        var age = now - _since;
        if (age < Lifetime) return;
        var next = NewKey();
        _own.Replace(age < Lifetime * 2 ? [.. next, .. _current] : next);
        _current = next;
        _since = now;
    }

    private static byte[] NewKey() => RandomNumberGenerator.GetBytes(TlsTicketKeys.KeyBytes);

    private static byte[]? Decode(string listener, EquatableArray<string> texts, List<TlsSetupFault> faults)
    {
        if (texts.Count > TlsTicketKeys.MaxKeys)
        {
            faults.Add(new("listener", listener, $"tls.ticketKeys: {texts.Count} keys; at most {TlsTicketKeys.MaxKeys} are taken. Its former keys serve, or the process's"));
            return null;
        }

        var keys = new byte[texts.Count * TlsTicketKeys.KeyBytes];
        for (var i = 0; i < texts.Count; i++)
        {
            // The text itself is a secret and stands in no message.
            var room = new byte[TlsTicketKeys.KeyBytes + 3];
            if (!Convert.TryFromBase64String(texts[i], room, out var count) || count != TlsTicketKeys.KeyBytes)
            {
                faults.Add(new("listener", listener, $"tls.ticketKeys[{i}]: not {TlsTicketKeys.KeyBytes} bytes in base64 (openssl rand -base64 80). Its former keys serve, or the process's"));
                return null;
            }

            room.AsSpan(0, count).CopyTo(keys.AsSpan(i * TlsTicketKeys.KeyBytes));
        }

        return keys;
    }
}
