using System.Text;

namespace Gatehouse.Proxy.Routing;

/// <summary>Host patterns to things: an exact name, then one label (<c>*.</c>), then any depth (<c>**.</c>, the longest first), then any (<c>*</c>).</summary>
internal sealed class HostTable<T>
    where T : class
{
    /// <summary>The longest host that is looked up; the wire's reader takes none that is longer.</summary>
    public const int LongestHost = 256;

    private readonly BytesTable<T> _exact;
    private readonly BytesTable<T> _oneLabel;
    private readonly BytesTable<T> _anyDepth;
    private readonly T? _any;

    /// <param name="patterns">Patterns in lower case, each once.</param>
    public HostTable(IEnumerable<KeyValuePair<string, T>> patterns)
    {
        List<KeyValuePair<byte[], T>> exact = [], oneLabel = [], anyDepth = [];
        foreach (var (pattern, value) in patterns)
        {
            if (pattern == "*") _any = value;
            else if (pattern.StartsWith("**.", StringComparison.Ordinal)) anyDepth.Add(new(Encoding.ASCII.GetBytes(pattern[2..]), value));
            else if (pattern.StartsWith("*.", StringComparison.Ordinal)) oneLabel.Add(new(Encoding.ASCII.GetBytes(pattern[1..]), value));
            else exact.Add(new(Encoding.ASCII.GetBytes(pattern), value));
        }

        (_exact, _oneLabel, _anyDepth) = (new(exact), new(oneLabel), new(anyDepth));
    }

    /// <summary>How many patterns there are.</summary>
    public int Count => _exact.Count + _oneLabel.Count + _anyDepth.Count + (_any is null ? 0 : 1);

    /// <summary>All things.</summary>
    public IEnumerable<T> Values => _exact.Values.Concat(_oneLabel.Values).Concat(_anyDepth.Values).Concat(_any is null ? [] : [_any]);

    /// <summary>What the most exact pattern leads to; null when there is none.</summary>
    /// <param name="host">In any case, without port.</param>
    public T? Find(ReadOnlySpan<byte> host)
    {
        if (host.Length > LongestHost) return _any;
        Span<byte> lower = stackalloc byte[LongestHost];
        _ = Ascii.ToLower(host, lower, out var length);
        lower = lower[..length];
        if (_exact.Find(lower) is { } exact) return exact;
        var dot = lower.IndexOf((byte)'.');
        if (dot > 0 && _oneLabel.Find(lower[dot..]) is { } oneLabel) return oneLabel;
        return _anyDepth.Count > 0 && FindDeep(lower) is { } deep ? deep : _any;
    }

    /// <summary>All patterns that match a host, the most exact first, which is the one that <see cref="Find"/> takes; for explanations.</summary>
    public IReadOnlyList<(string Pattern, T Value)> Matches(ReadOnlySpan<byte> host)
    {
        List<(string, T)> found = [];
        var name = Encoding.Latin1.GetString(host).ToLowerInvariant();
        if (host.Length <= LongestHost)
        {
            Add(name, _exact, name);
            var dot = name.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0) Add("*" + name[dot..], _oneLabel, name[dot..]);
            for (; dot >= 0; dot = name.IndexOf('.', dot + 1)) Add("**" + name[dot..], _anyDepth, name[dot..]);
        }

        if (_any is not null) found.Add(("*", _any));
        return found;

        void Add(string pattern, BytesTable<T> table, string key)
        {
            if (table.Find(Encoding.Latin1.GetBytes(key)) is { } value) found.Add((pattern, value));
        }
    }

    private T? FindDeep(ReadOnlySpan<byte> host)
    {
        for (var dot = host.IndexOf((byte)'.'); dot >= 0;)
        {
            host = host[dot..];
            if (_anyDepth.Find(host) is { } found) return found;
            dot = host[1..].IndexOf((byte)'.');
            if (dot >= 0) dot++;
        }

        return null;
    }
}
