using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Node.Ruleset;

/// <summary>One of the two families. The kernel's <c>dup</c> exists for each alone and not for both together, so each has a table of its own, alike but for the words.</summary>
internal enum IpFamily
{
    V4,
    V6,
}

/// <summary>What differs between the families.</summary>
internal static class IpFamilies
{
    public static IpFamily[] Both { get; } = [IpFamily.V4, IpFamily.V6];

    extension(IpFamily family)
    {
        /// <summary>The table's family, and the header's name in rules.</summary>
        public string Word => family == IpFamily.V4 ? "ip" : "ip6";

        /// <summary>The type of an address in sets.</summary>
        public string AddressType => family == IpFamily.V4 ? "ipv4_addr" : "ipv6_addr";

        public int AddressBytes => family == IpFamily.V4 ? 4 : 16;
    }

    public static IpFamily Of(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? IpFamily.V4 : IpFamily.V6;
}
