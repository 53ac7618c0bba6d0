using System.Text.Json;
using Gatehouse.Proxy.Configuration.Yaml;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>A value that is one piece of text to a person.</summary>
internal abstract class ScalarShape<T> : Shape<T>
{
    /// <summary>Whether messages may show it.</summary>
    public virtual bool Secret => false;

    /// <inheritdoc/>
    public override bool TakesText => true;

    /// <inheritdoc/>
    public override bool TryRead(YamlNode node, YamlReading reading, out T value)
    {
        value = Placeholder;
        if (!reading.Visit(node)) return false;
        var wrong = node.Kind switch
        {
            YamlKind.LostAlias => PlainScalar.LostAlias(node.Text),
            not YamlKind.Scalar => $"{node.KindText} stands here; right would be {Words}",
            _ when node is { Plain: true, Text.Length: 0 } => $"has no value: leave the key away, or write {Words}",
            _ => Parse(node.Text, node.Plain, out value),
        };
        if (wrong is null) return true;
        value = Placeholder;
        reading.Fault(node, wrong);
        return false;
    }

    /// <summary>Null, or what is wrong.</summary>
    /// <param name="plain">Whether it stands without quotes.</param>
    protected abstract string? Parse(string text, bool plain, out T value);

    /// <summary>In the way that <see cref="Parse"/> reads.</summary>
    protected abstract string Format(T value);

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter json, T value) => json.WriteStringValue(Format(value));

    /// <inheritdoc/>
    public override T Read(ref Utf8JsonReader json, JsonState state) =>
        json.TokenType != JsonTokenType.String ? throw new FormatException($"{json.TokenType} stands where {Words} should")
        : Parse(state.Text(ref json), plain: false, out var value) is { } wrong ? throw new FormatException(wrong)
        : value;

    /// <inheritdoc/>
    public override string? Show(T value) => value is null ? null : Format(value);
}
