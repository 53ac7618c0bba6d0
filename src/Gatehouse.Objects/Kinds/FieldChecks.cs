using System.Net;

namespace Gatehouse.Objects.Kinds;

/// <summary>Checks that several kinds share. Each yields nothing when the field is right.</summary>
internal static class FieldChecks
{
    public static IEnumerable<Fault> Required(string field, string? value) =>
        string.IsNullOrEmpty(value) ? [new Fault(field, "", "is required")] : [];

    public static IEnumerable<Fault> Address(string field, string? value) =>
        string.IsNullOrEmpty(value) ? [new Fault(field, "", "is required: an IPv4 or IPv6 address")] : OptionalAddress(field, value);

    public static IEnumerable<Fault> OptionalAddress(string field, string? value) =>
        value is null || IsAddress(value) ? [] : [new Fault(field, value, "must be an IPv4 or IPv6 address")];

    public static IEnumerable<Fault> Range(string field, long value, long min, long max) =>
        value >= min && value <= max ? [] : [new Fault(field, $"{value}", $"must be between {min} and {max}")];

    public static IEnumerable<Fault> Addresses(string field, IReadOnlyList<string> values)
    {
        if (values.Count == 0) yield return new Fault(field, "", "needs at least one address");
        for (var i = 0; i < values.Count; i++)
        {
            foreach (var fault in Address($"{field}[{i}]", values[i])) yield return fault;
            if (values.Take(i).Contains(values[i], StringComparer.Ordinal)) yield return new Fault($"{field}[{i}]", values[i], "stands in the list already");
        }
    }

    /// <summary>Dotted quad or RFC 4291 text; .NET alone also takes <c>10.1</c> and <c>0x0a.1.1.1</c>, which no user means.</summary>
    public static bool IsAddress(string value) =>
        IPAddress.TryParse(value, out var ip) && (value.Contains(':', StringComparison.Ordinal) ? !value.Contains('%', StringComparison.Ordinal) : ip.ToString() == value);
}
