using System.Globalization;
using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Engine;

/// <summary>A request as a person names it, made into the bytes that a client would send.</summary>
internal sealed class RouteQuestion
{
    private RouteQuestion(string method, string url, byte[] bytes) => (Method, Url, Bytes) = (method, url, bytes);

    public string Method { get; }

    public string Url { get; }

    /// <summary><c>http</c> or <c>https</c>; null: not said.</summary>
    public string? Scheme { get; private init; }

    /// <summary>The port that the URL names; null: none.</summary>
    public int? Port { get; private init; }

    public byte[] Bytes { get; }

    /// <summary>What was read of the bytes.</summary>
    public RequestHead Head { get; } = new();

    /// <summary>Reads <c>[SCHEME://]HOST[:PORT][/PATH][?QUERY]</c> or <c>/PATH</c>, with fields as <c>name: value</c>.</summary>
    /// <param name="problem">What is wrong with it; null when nothing is.</param>
    public static RouteQuestion? Read(string? method, string? url, IReadOnlyList<string> fields, out string? problem)
    {
        problem = string.IsNullOrEmpty(url) ? "the URL is missing" : fields.FirstOrDefault(f => f.IndexOf(':', StringComparison.Ordinal) < 1) is { } field ? $"header '{field}' is not valid: write 'name: value'" : null;
        if (problem is not null) return null;
        var rest = url!;
        string? scheme = null;
        if (rest.IndexOf("://", StringComparison.Ordinal) is >= 0 and var colon)
        {
            scheme = rest[..colon].ToLowerInvariant();
            rest = rest[(colon + 3)..];
            if (scheme is not ("http" or "https"))
            {
                problem = $"the URL's scheme is {scheme}: http and https are routed";
                return null;
            }
        }

        var end = rest.IndexOfAny(['/', '?', '#']);
        var authority = end < 0 ? rest : rest[..end];
        var target = end < 0 ? "/" : rest[end] == '/' ? rest[end..] : "/" + rest[end..];
        if (target.IndexOf('#', StringComparison.Ordinal) is >= 0 and var fragment) target = target[..fragment]; // Clients keep it to themselves.
        method ??= "GET";
        var text = new StringBuilder().Append(method).Append(' ').Append(target).Append(" HTTP/1.1\r\n");
        if (authority.Length > 0 && !fields.Any(f => f.StartsWith("host:", StringComparison.OrdinalIgnoreCase))) text.Append("Host: ").Append(authority).Append("\r\n");
        foreach (var line in fields) text.Append(line).Append("\r\n");
        return new RouteQuestion(method, url!, Encoding.UTF8.GetBytes(text.Append("\r\n").ToString())) { Scheme = scheme, Port = PortOf(authority) };
    }

    private static int? PortOf(string authority)
    {
        var colon = authority.LastIndexOf(':');
        return colon > authority.LastIndexOf(']') && int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : null;
    }
}
