using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Objects.Kinds;

/// <summary>What any tier can say of an exposure without knowing another object.</summary>
public static class ExposureRules
{
    /// <summary>Faults of the two addresses: malformed, outside the ranges of services and instances, or of different families.</summary>
    public static IEnumerable<Fault> CheckAddresses(ExposureSpec spec)
    {
        var malformed = FieldChecks.OptionalAddress("spec.publicAddress", spec.PublicAddress)
            .Concat(FieldChecks.Address("spec.serviceAddress", spec.ServiceAddress)).ToList();
        foreach (var fault in malformed) yield return fault;
        if (malformed.Any(f => f.Field == "spec.serviceAddress")) yield break;

        var service = IPAddress.Parse(spec.ServiceAddress);
        if (!IsServiceOrInstance(service))
            yield return new Fault("spec.serviceAddress", spec.ServiceAddress, "must be a service or instance address: inside 10.30.0.0/16 or fdff::/16");
        if (spec.PublicAddress is not null && malformed.Count == 0 && IPAddress.Parse(spec.PublicAddress).AddressFamily != service.AddressFamily)
            yield return new Fault("spec.publicAddress", spec.PublicAddress, $"must be an {FamilyName(service.AddressFamily)} address, as spec.serviceAddress is");
    }

    /// <summary>What an update may not change: where the exposure is. Its identifier, and flows in kernels, belong to that place.</summary>
    public static IEnumerable<Fault> CheckChange(ExposureSpec before, ExposureSpec after)
    {
        const string Fixed = "can't be changed: withdraw the exposure and make another";
        if (before.Gateway != after.Gateway) yield return new Fault("spec.gateway", after.Gateway, Fixed);
        if (before.Cluster is not null && before.Cluster != after.Cluster) yield return new Fault("spec.cluster", after.Cluster ?? "", Fixed);
        if (before.Protocol != after.Protocol) yield return new Fault("spec.protocol", $"{after.Protocol}", Fixed);
        if (before.Port != after.Port) yield return new Fault("spec.port", $"{after.Port}", Fixed);
        if (before.PublicAddress != after.PublicAddress) yield return new Fault("spec.publicAddress", after.PublicAddress ?? "", Fixed);
        if (Family(before) != Family(after)) yield return new Fault("spec.serviceAddress", after.ServiceAddress, $"must stay an {FamilyName(Family(before))} address");
        if (before.Withdraw && !after.Withdraw) yield return new Fault("spec.withdraw", "false", "can't be taken back: make another exposure");
    }

    /// <summary>Whether an address lies in 10.30.0.0/16 or fdff::/16.</summary>
    public static bool IsServiceOrInstance(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return length == 4 ? bytes[0] == 10 && bytes[1] == 30 : bytes[0] == 0xfd && bytes[1] == 0xff;
    }

    /// <summary>The family that an exposure exposes: that of its service address.</summary>
    public static AddressFamily Family(ExposureSpec spec) => FamilyOf(spec.ServiceAddress);

    /// <summary>The family of an address that was checked.</summary>
    public static AddressFamily FamilyOf(string address) =>
        address.Contains(':', StringComparison.Ordinal) ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

    /// <summary><c>IPv4</c> or <c>IPv6</c>.</summary>
    public static string FamilyName(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";

    /// <summary>An address as .NET writes it, so that two spellings of one address compare as equal.</summary>
    public static string Normalise(string address) => IPAddress.TryParse(address, out var ip) ? ip.ToString() : address;

    /// <summary><c>TCP 8080</c>.</summary>
    public static string PortName(Protocol protocol, int port) => $"{(protocol == Protocol.Udp ? "UDP" : "TCP")} {port}";
}

/// <summary>A port that no exposure may take, whatever listens there.</summary>
/// <param name="Use">What it is for, for the refusal's message.</param>
public sealed record ReservedPort(Protocol Protocol, int Port, string Use)
{
    /// <summary>SSH, the tunnel, the management API and the API servers on their default ports.</summary>
    public static IReadOnlyList<ReservedPort> Defaults { get; } =
    [
        new(Protocol.Tcp, 22, "SSH"),
        new(Protocol.Udp, 4789, "the tunnel between workers"),
        new(Protocol.Tcp, 11_022, "the gateway's management API"),
        new(Protocol.Tcp, 7443, "root's API"),
        new(Protocol.Tcp, 7444, "the cluster's API"),
        new(Protocol.Tcp, 10_099, "root's Oakestra API"),
        new(Protocol.Tcp, 10_110, "the cluster's Oakestra API"),
    ];
}
