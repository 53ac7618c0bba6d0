using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>What texts must be. Each gives null for what is right, else what would be right.</summary>
internal static partial class TextRules
{
    /// <summary>Characters of a regular expression. Together with the size of its automaton, which .NET bounds at 10,000 nodes, this bounds its memory.</summary>
    public const int LongestRegex = 1_024;

    /// <summary>Characters of a path that a route matches: as long as the longest request line.</summary>
    public const int LongestPath = 8_192;

    public const string NameWords = "a name: 1 to 63 of letters, digits, '.', '_' and '-'";

    public const string HostWords = "a host name such as shop.example.com, *.example.com (one label), **.example.com (any depth), * (any), or an address";

    public static string? Name(string text) => NamePattern().IsMatch(text) ? null : NameWords;

    /// <summary>Endpoints are named by their address, if nobody names them.</summary>
    public static string? EndpointName(string text) => EndpointPattern().IsMatch(text) ? null : "1 to 63 of letters, digits, '.', '_', '-', ':', '[', ']' and '%'";

    public static string? Anything(string text) => null;

    public static string? Method(string text) =>
        !HttpBytes.IsToken(Bytes(text)) || text.Length > 32 ? "a method of at most 32 characters, such as GET"
        : text.Any(char.IsAsciiLetterLower) ? $"methods are in capitals: {text.ToUpperInvariant()}"
        : text == "CONNECT" ? "CONNECT is refused and never gets to a route"
        : null;

    public static string? FieldName(string text) => text.Length <= 256 && HttpBytes.IsToken(Bytes(text)) ? null : "the name of a header field, such as X-Canary";

    public static string? FieldValue(string text) =>
        text.Length <= 8_192 && HttpBytes.IsFieldValue(Bytes(text)) && text.AsSpan().Trim(" \t").Length == text.Length ? null : "a header's value: at most 8,192 characters, without line ends, and no space around it";

    public static string? Regex(string text)
    {
        if (text.Length > LongestRegex) return $"{text.Length:N0} characters are too many: at most {LongestRegex:N0}";
        try
        {
            _ = new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return null;
        }
        catch (RegexParseException e)
        {
            return $"no regular expression: at character {e.Offset}: {e.Error}";
        }
        catch (NotSupportedException e)
        {
            // The message of .NET names the construct, or the size of the automaton.
            return "it would not run in time linear to the text: " + e.Message.Replace("RegexOptions.NonBacktracking ", "this ", StringComparison.Ordinal).Replace("with this", "with this engine", StringComparison.Ordinal);
        }
    }

    /// <summary>A path as requests are compared: <c>.</c> and <c>..</c> resolved, escapes of unreserved characters taken back (RFC 3986 §6.2.2).</summary>
    public static string? Path(string text)
    {
        if (text.Length is 0 or > LongestPath || text[0] != '/') return $"a path begins with / and has at most {LongestPath:N0} characters";
        if (text.IndexOfAny('?', '#') is >= 0 and var end) return $"a path ends before {text[end]}; parameters are matched with query";
        var right = Normal(text);
        return right == text ? null : $"requests are compared in normal form, so that this never matches; it is {Shown.Value(right)}";
    }

    /// <summary>Exact, with one asterisk for one label, with two for any depth, or one alone for any.</summary>
    public static string? Host(string text) => text == "*" ? null : ServerName(text) is not { } problem ? null : Address(text) switch
    {
        { } address when text == address => null,
        { } address => $"an address is written {address}",
        null => problem,
    };

    /// <summary>As <see cref="Host"/>, without addresses and without <c>*</c>: clients send neither as server name (RFC 6066 §3).</summary>
    public static string? ServerName(string text)
    {
        var name = text.StartsWith("**.", StringComparison.Ordinal) ? text[3..] : text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text;
        if (name.Contains('*', StringComparison.Ordinal)) return "an asterisk stands alone or for whole labels in front: *.example.com, **.example.com";
        if (name.EndsWith('.')) return $"without the dot at the end: {text[..^1]}";
        if (PortAtEnd().IsMatch(name)) return $"names stand without port: {text[..text.LastIndexOf(':')]}";
        if (!Ascii.IsValid(name)) return Punycode(name) is { } ascii ? $"in ASCII: {text[..^name.Length]}{ascii}" : HostWords;
        if (name.ToLowerInvariant() is var lower && lower != name) return $"in small letters: {text[..^name.Length]}{lower}";
        if (name.Length is 0 or > 253) return $"{HostWords}, of at most 253 characters";
        foreach (var label in name.Split('.'))
        {
            if (!Label().IsMatch(label)) return $"{Shown.Value(label)} is no label: 1 to 63 letters, digits and '-', which stands neither first nor last";
        }

        return name[(name.LastIndexOf('.') + 1)..].All(char.IsAsciiDigit) ? HostWords : null;
    }

    /// <summary>Base64 of so many bytes; null: any number.</summary>
    public static bool IsBase64(string text, int? length)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var count) && count > 0 && (length is null || count == length);
    }

    public static string? TicketKey(string text) => IsBase64(text, 80) ? null : "80 bytes in base64; `openssl rand -base64 80` makes them";

    public static string? Location(string text) =>
        text.Length is > 0 and <= 8_192 && !text.AsSpan().ContainsAnyExceptInRange('!', '~') ? null : "a URL of at most 8,192 characters, without spaces";

    public static string? Ciphers(string text) => CipherPattern().IsMatch(text) ? null : "cipher suites as OpenSSL writes them, with ':' between";

    public static string? User(string text) => UserPattern().IsMatch(text) ? null : "the name of a user";

    public static string? Alpn(string text) => text.Length is > 0 and <= 255 && text.All(c => c is > ' ' and <= '~') ? null : "1 to 255 visible characters, such as http/1.1";

    public static string? LogPath(string text)
    {
        if (text.Length is 0 or > 4_096 || text.Contains('\0', StringComparison.Ordinal)) return "a file, -, or udp://HOST:PORT";
        if (!text.Contains("://", StringComparison.Ordinal)) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "udp", Port: > 0, AbsolutePath: "" or "/", Query: "", Host.Length: > 0 } ? null : "a file, -, or udp://HOST:PORT";
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The address as it stands in URLs. Null: the text is none.</summary>
    private static string? Address(string text)
    {
        if (!IPAddress.TryParse(text, out var address) || (address.AddressFamily == AddressFamily.InterNetwork && text.Count(c => c == '.') != 3)) return null;
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
    }

    private static string? Punycode(string name)
    {
        try
        {
            return new IdnMapping().GetAscii(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static string Normal(string path)
    {
        var bytes = new StringBuilder();
        foreach (var part in Encoding.UTF8.GetBytes(path))
        {
            if (part is > 0x20 and < 0x7F && part is not ((byte)'"' or (byte)'<' or (byte)'>' or (byte)'\\')) bytes.Append((char)part);
            else bytes.Append(CultureInfo.InvariantCulture, $"%{part:X2}");
        }

        var escaped = Escape().Replace(bytes.ToString(), static e => (char)Convert.ToByte(e.Value[1..], 16) is var c && (char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~') ? c.ToString() : e.Value);
        List<string> segments = [];
        var parts = escaped.Split('/');
        for (var i = 1; i < parts.Length; i++)
        {
            var last = i == parts.Length - 1;
            if (parts[i] == "..")
            {
                if (segments.Count > 0) segments.RemoveAt(segments.Count - 1);
            }
            else if (parts[i] != ".")
            {
                segments.Add(parts[i]);
            }

            if (last && parts[i] is "." or "..") segments.Add("");
        }

        return "/" + string.Join('/', segments);
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,63}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^[A-Za-z0-9._:%\[\]-]{1,63}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex EndpointPattern();

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Label();

    [GeneratedRegex(@"^[^:]+:\d+\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex PortAtEnd();

    [GeneratedRegex("%[0-9A-Fa-f]{2}", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Escape();

    [GeneratedRegex(@"^[A-Za-z0-9!+@=_,-]+(:[A-Za-z0-9!+@=_,-]+)*\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex CipherPattern();

    [GeneratedRegex(@"^[a-z_][a-z0-9_-]{0,31}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex UserPattern();
}
