namespace Gatehouse.Objects;

/// <summary>One thing that is wrong with an input. All faults of an input are reported together.</summary>
/// <param name="Field">Dotted path of the field, for example <c>spec.publicAddresses[1]</c>; empty for the whole.</param>
/// <param name="Value">The value as it was given.</param>
/// <param name="Expected">What would be right.</param>
public sealed record Fault(string Field, string Value, string Expected)
{
    /// <inheritdoc/>
    public override string ToString() =>
        Value.Length == 0 ? $"{Field}: {Expected}" : $"{Field}: '{Value}' is not valid: {Expected}";
}
