namespace Gatehouse.Proxy.Configuration;

/// <summary>
/// Host names with their routes. The most exact name wins: an exact one, one label (<c>*.</c>), any depth (<c>**.</c>, the longest first), any (<c>*</c>). The routes of the
/// name that won are asked, and no others; what none of them takes goes to the listener's default group.
/// </summary>
public sealed record VirtualHost
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Host names without port: exact, <c>*.example.com</c>, <c>**.example.com</c> or <c>*</c>. One name may stand in several virtual hosts: their routes are asked together.</summary>
    public EquatableArray<string> Hosts { get; init; }

    /// <summary>Names of listeners. Empty, the default: all that speak HTTP.</summary>
    public EquatableArray<string> Listeners { get; init; }

    /// <summary>The certificate for its names. Null: one of the listener's that has the name, or its default.</summary>
    public string? Certificate { get; init; }

    /// <summary>Its routes.</summary>
    public EquatableArray<Route> Routes { get; init; }
}

/// <summary>
/// What matches and where it goes. Of several routes that match, the one with the higher <see cref="Priority"/> wins; then an exact path over a regular expression over a prefix; then the
/// longer pattern; then one with a method; then the one with more fields; then the one with more query parameters; then the one that stands first.
/// </summary>
public sealed record Route
{
    /// <summary>Its name, unique in its virtual host.</summary>
    public required string Name { get; init; }

    /// <summary>Which paths. Default: all.</summary>
    public PathMatch Path { get; init; } = new(PathMatchKind.Prefix, "/");

    /// <summary>Methods, in capitals. Empty: all.</summary>
    public EquatableArray<string> Methods { get; init; }

    /// <summary>Header fields, all of which must match.</summary>
    public EquatableArray<ValueMatch> Headers { get; init; }

    /// <summary>Query parameters, all of which must match; of several with one name the first counts.</summary>
    public EquatableArray<ValueMatch> Query { get; init; }

    /// <summary>Higher is asked first. Default 0.</summary>
    public int Priority { get; init; }

    /// <summary>The group. Exactly one of this and <see cref="Respond"/> is set.</summary>
    public string? Upstream { get; init; }

    /// <summary>An answer from here.</summary>
    public FixedResponse? Respond { get; init; }

    /// <summary>Bytes of a request's body; null: the listener's.</summary>
    public long? BodyBytes { get; init; }

    /// <summary>Whether a request may change the protocol (WebSocket). Default: it may.</summary>
    public bool Upgrade { get; init; } = true;
}

/// <summary>How a path is matched.</summary>
public enum PathMatchKind
{
    /// <summary>The path and nothing else.</summary>
    Exact,

    /// <summary>Whole segments from the start: <c>/a</c> takes <c>/a</c> and <c>/a/b</c> and not <c>/ab</c>.</summary>
    Prefix,

    /// <summary>A regular expression without back-references and look-around, matched from the start of the path; in time linear to its length.</summary>
    Regex,
}

/// <summary>Which paths. They are compared after <c>.</c> and <c>..</c> are resolved and escapes of unreserved characters are taken back; <c>%2F</c> is no separator.</summary>
public sealed record PathMatch(PathMatchKind Kind, string Value);

/// <summary>How a field or parameter is matched.</summary>
public enum ValueMatchKind
{
    /// <summary>The value and nothing else.</summary>
    Exact,

    /// <summary>A regular expression that must match all of it.</summary>
    Regex,

    /// <summary>Any value.</summary>
    Present,

    /// <summary>It must not be there.</summary>
    Absent,
}

/// <summary>A field (its name in any case) or parameter (its name as it is) with what its value must be.</summary>
public sealed record ValueMatch(string Name, ValueMatchKind Kind, string Value = "");

/// <summary>An answer that needs no upstream.</summary>
public sealed record FixedResponse
{
    /// <summary>200 to 599.</summary>
    public required int Status { get; init; }

    /// <summary>The body, at most 16 KB. Default: empty.</summary>
    public string Body { get; init; } = "";

    /// <summary>Default <c>text/plain; charset=utf-8</c>.</summary>
    public string ContentType { get; init; } = "text/plain; charset=utf-8";

    /// <summary>Where to look instead, for 3xx. Null: nothing.</summary>
    public string? Location { get; init; }
}
