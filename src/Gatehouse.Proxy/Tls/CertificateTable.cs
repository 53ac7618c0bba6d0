using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>Certificates by name, from one configuration to the next: what did not change is not read again. Reading one costs half a millisecond.</summary>
internal sealed class CertificateTable : IDisposable
{
    private readonly List<TlsSetupFault> _twice = [];
    private Dictionary<string, CertificateEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>The certificate of a name, or null: there is none, or OpenSSL does not take it.</summary>
    public CertificateEntry? Find(string? name) => name is not null && _entries.TryGetValue(name, out var entry) && entry.Tls is not null ? entry : null;

    /// <summary>What is wrong with the certificates; complete after the last was used.</summary>
    public IEnumerable<TlsSetupFault> Faults => _twice.Concat(_entries.Values.SelectMany(e => e.Faults));

    /// <summary>Takes over what is configured now.</summary>
    public void Update(IReadOnlyList<Certificate> configured)
    {
        var former = _entries;
        var entries = new CertificateEntry[configured.Count];
        List<int> toRead = [];
        for (var i = 0; i < entries.Length; i++)
        {
            if (former.TryGetValue(configured[i].Name, out var same) && same.IsOf(configured[i])) entries[i] = same;
            else toRead.Add(i);
        }

        // At the start no loop runs yet, and all processors are free to read thousands; later they belong to the loops.
        if (former.Count == 0 && toRead.Count > 1) Parallel.ForEach(toRead, i => entries[i] = new CertificateEntry(configured[i]));
        else toRead.ForEach(i => entries[i] = new CertificateEntry(configured[i]));

        _entries = new(entries.Length, StringComparer.Ordinal);
        _twice.Clear();
        for (var i = 0; i < entries.Length; i++)
        {
            // Names are unique; should they not be, the first counts, as everywhere.
            if (_entries.TryAdd(configured[i].Name, entries[i])) continue;
            _twice.Add(new("certificate", configured[i].Name, "name: it is there twice; names must differ. The first is served"));
        }

        var kept = _entries.Values.ToHashSet();
        foreach (var gone in former.Values.Concat(entries).Where(e => !kept.Contains(e))) gone.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var entry in _entries.Values) entry.Dispose();
        _entries = new(StringComparer.Ordinal);
    }
}
