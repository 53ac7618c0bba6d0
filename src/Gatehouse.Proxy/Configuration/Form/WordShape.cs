using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>One of several words.</summary>
/// <param name="known">Each value with its word.</param>
internal sealed class WordShape<T>(params (T Value, string Word)[] known) : ScalarShape<T>
    where T : struct, Enum
{
    public override T Placeholder => known[0].Value;

    public override string Words => Shown.Choice(AllWords);

    private string[] AllWords => [.. known.Select(k => k.Word)];

    protected override string? Parse(string text, bool plain, out T value) => ParseWord(text, out value);

    internal string? ParseWord(string text, out T value)
    {
        foreach (var (candidate, word) in known)
        {
            value = candidate;
            if (word == text) return null;
        }

        value = default;
        return $"{Shown.NotValid(text, Words)}{Nearest.Hint(text, AllWords)}";
    }

    protected override string Format(T value)
    {
        foreach (var (candidate, word) in known)
        {
            if (EqualityComparer<T>.Default.Equals(candidate, value)) return word;
        }

        return value.ToString();
    }

    /// <inheritdoc/>
    public override void Check(T value, ConfigCheck check)
    {
        if (!Array.Exists(known, k => EqualityComparer<T>.Default.Equals(k.Value, value))) check.Fault(Shown.NotValid(value.ToString(), Words));
    }

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts)
    {
        // A version such as 1.3 is a number without quotes, and right so.
        JsonArray words = [];
        foreach (var word in AllWords)
        {
            words.Add((JsonNode)word);
            if (double.TryParse(word, System.Globalization.CultureInfo.InvariantCulture, out var number)) words.Add((JsonNode)number);
        }

        return new JsonObject { ["enum"] = words };
    }
}

/// <summary>Which forwarded fields: a list of words.</summary>
internal sealed class ForwardedShape : Shape<ForwardedFields>
{
    private static readonly ForwardedFields[] Known = [ForwardedFields.XForwarded, ForwardedFields.Forwarded];
    private static readonly ListShape<Flag> List = new(new FlagShape(), Known.Length);

    public override ForwardedFields Placeholder => ForwardedFields.None;

    public override string Words => "a list of xForwarded and forwarded; [] for none";

    /// <inheritdoc/>
    public override bool TryRead(YamlNode node, YamlReading reading, out ForwardedFields value)
    {
        var right = List.TryRead(node, reading, out var flags);
        value = Joined(flags);
        return right;
    }

    /// <inheritdoc/>
    public override void Check(ForwardedFields value, ConfigCheck check)
    {
        if ((value & ~(ForwardedFields.XForwarded | ForwardedFields.Forwarded)) != ForwardedFields.None) check.Fault(Shown.NotValid(value.ToString(), Words));
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, ForwardedFields value) => List.Write(json, Flags(value));

    /// <inheritdoc/>
    public override ForwardedFields Read(ref Utf8JsonReader json, JsonState state) => Joined(List.Read(ref json, state));

    /// <inheritdoc/>
    public override JsonObject Schema(SchemaParts parts) => List.Schema(parts);

    /// <inheritdoc/>
    public override string? Show(ForwardedFields value) => List.Show(Flags(value));

    private static EquatableArray<Flag> Flags(ForwardedFields value) => [.. Known.Where(k => value.HasFlag(k)).Select(k => new Flag(k))];

    private static ForwardedFields Joined(EquatableArray<Flag> flags)
    {
        ForwardedFields value = default;
        foreach (var flag in flags) value |= flag.Value;
        return value;
    }

    private readonly record struct Flag(ForwardedFields Value);

    private sealed class FlagShape : ScalarShape<Flag>
    {
        private static readonly WordShape<ForwardedFields> Word = new((ForwardedFields.XForwarded, "xForwarded"), (ForwardedFields.Forwarded, "forwarded"));

        public override Flag Placeholder => default;

        public override string Words => Word.Words;

        /// <inheritdoc/>
        public override JsonObject Schema(SchemaParts parts) => Word.Schema(parts);

        protected override string? Parse(string text, bool plain, out Flag value)
        {
            var wrong = Word.ParseWord(text, out var flag);
            value = new Flag(flag);
            return wrong;
        }

        protected override string Format(Flag value) => Word.Show(value.Value)!;
    }
}
