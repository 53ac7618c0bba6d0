using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Objects.Kinds;

/// <summary>What makes an address fit to be a gateway's public one, or a worker's underlay.</summary>
public static class PublicAddressRules
{
    /// <summary>The most candidates that a gateway may list.</summary>
    public const int MaxAddresses = 64;

    /// <summary>Every fault of a list: empty, too long, malformed, the same address twice in any spelling, or an address that no outside host can reach.</summary>
    /// <param name="field">The list's path, for the faults.</param>
    public static IEnumerable<Fault> Check(string field, IReadOnlyList<string> values)
    {
        if (values.Count == 0) yield return new Fault(field, "", "needs at least one address");
        if (values.Count > MaxAddresses) yield return new Fault(field, $"{values.Count} addresses", $"must be at most {MaxAddresses}");
        var first = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < values.Count && i < MaxAddresses; i++)
        {
            var at = $"{field}[{i}]";
            if (Fault(at, values[i]) is { } fault) yield return fault;
            else if (!first.TryAdd(ExposureRules.Normalise(values[i]), i)) yield return new Fault(at, values[i], $"is in the list already, at {field}[{first[ExposureRules.Normalise(values[i])]}]");
        }
    }

    /// <summary>What is wrong with an underlay address: it must name one host, and lie outside of the overlay's own ranges.</summary>
    /// <param name="field">Its path, for the faults.</param>
    public static IEnumerable<Fault> CheckUnderlay(string field, string? value)
    {
        if (FieldChecks.Address(field, value).ToList() is { Count: > 0 } faults) return faults;
        return WhyNotHost(IPAddress.Parse(value!)) is { } why ? [new Fault(field, value!, $"{why} and can't be an underlay: it must be an address by which the other workers reach this one")] : [];
    }

    private static Fault? Fault(string field, string? value)
    {
        if (string.IsNullOrEmpty(value)) return new Fault(field, "", "is required: an IPv4 or IPv6 address");
        if (!FieldChecks.IsAddress(value)) return new Fault(field, value, "must be an IPv4 or IPv6 address");
        return WhyNot(IPAddress.Parse(value)) is { } why ? new Fault(field, value, $"{why} and can't be public") : null;
    }

    private static string? WhyNot(IPAddress address) =>
        WhyNotHost(address) ?? (address.AddressFamily == AddressFamily.InterNetworkV6 && (address.GetAddressBytes()[0] & 0xfe) == 0xfc ? "lies in fc00::/7, which the overlay uses," : null);

    private static string? WhyNotHost(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return "is an IPv4 address in IPv6 notation";
        if (IPAddress.IsLoopback(address)) return "is a loopback address";
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) return "stands for every address";
        var bytes = address.GetAddressBytes();
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            if (address.IsIPv6Multicast) return "is a multicast address";
            if (address.IsIPv6LinkLocal) return "is a link-local address";
            return bytes switch
            {
                [0xfc, 0, 0, 0, 0, 0, 0, 0, ..] => "lies in fc00::/64, which the overlay uses,",
                [0xfd, 0xff, ..] => "lies in fdff::/16, which the overlay uses,",
                _ => null,
            };
        }

        return bytes switch
        {
            [0, ..] => "lies in 0.0.0.0/8",
            [127, ..] => "is a loopback address",
            [169, 254, ..] => "is a link-local address",
            [10, >= 16 and <= 31, ..] => "lies in 10.16.0.0/12, which the overlay uses,",
            [>= 240, ..] => "is a reserved or broadcast address",
            [>= 224, ..] => "is a multicast address",
            _ => null,
        };
    }
}
