using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>The kinds of values that several objects have.</summary>
internal static class Shapes
{
    public static TextShape Name { get; } = new(TextRules.NameWords, TextRules.Name, "^[A-Za-z0-9._-]{1,63}$");

    /// <summary>The name of something else; whether there is such a thing is looked at when all is known.</summary>
    public static TextShape Reference { get; } = new("the name of one", TextRules.Anything);

    public static TextShape Host { get; } = new(TextRules.HostWords, TextRules.Host);

    public static TextShape ServerName { get; } = new("a server name: exact, *.example.com (one label) or **.example.com (any depth)", TextRules.ServerName);

    public static TextShape Regex { get; } = new("a regular expression without back-references and look-around", TextRules.Regex);

    /// <summary>Its contents are looked at where the object is.</summary>
    public static TextShape Pem { get; } = new("text in PEM", TextRules.Anything, secret: true);

    public static TruthShape Truth { get; } = new();

    public static AddressShape BindAddress { get; } = new(anyPort: true);

    public static AddressShape PeerAddress { get; } = new(anyPort: false);

    public static WordShape<TlsVersion> Version { get; } = new((TlsVersion.Tls12, "1.2"), (TlsVersion.Tls13, "1.3"));

    public static ListShape<System.Net.IPNetwork> Networks { get; } = new(new NetworkShape(), 1_000);

    public static DurationShape Span { get; } = new(TimeSpan.FromDays(7));

    /// <summary>Requests' bodies.</summary>
    public static NumberShape<long> BodyBytes { get; } = new(0, 1L << 50, bytes: true);

    /// <summary>A key that names a file with what another key has.</summary>
    /// <param name="convert">Makes the value of the file's bytes, or tells why it can't: null and the reason.</param>
    public static OtherField<TOwner> File<TOwner>(string name, Field<TOwner> target, string description, Func<byte[], (object? Value, string? Problem)> convert) =>
        new(name, target, (node, reading) => ReadFile(node, reading, convert), "a file, relative to this one", new JsonObject { ["type"] = "string", ["minLength"] = 1 }, description) { Group = target.Group };

    /// <summary>A file of PEM, as text.</summary>
    public static (object? Value, string? Problem) PemText(byte[] bytes) => System.Text.Ascii.IsValid(bytes) || System.Text.Unicode.Utf8.IsValid(bytes)
        ? (System.Text.Encoding.UTF8.GetString(bytes), null)
        : (null, "is no text: the file must be in PEM; `openssl x509 -inform DER` makes one of DER");

    private static readonly TextShape FileName = new("a file", TextRules.Anything);

    private static object? ReadFile(YamlNode node, YamlReading reading, Func<byte[], (object? Value, string? Problem)> convert)
    {
        if (!FileName.TryRead(node, reading, out var name)) return null;
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal))
        {
            reading.Fault(node, Shown.NotValid(name, "a file"));
            return null;
        }

        var file = reading.Open(name);
        var (value, problem) = file.Bytes is null ? (null, file.Problem) : convert(file.Bytes);
        if (value is null) reading.Fault(node, $"{Shown.Value(name)} {problem}");
        return value;
    }
}
