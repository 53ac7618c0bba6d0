using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Node.Translation;

/// <summary>Addresses out of objects. What is no address of its family counts as missing: the server has checked it, and a cut file must not stop the rest.</summary>
internal static class AddressText
{
    public static IPAddress? Parse4(string? text) => Parse(text, AddressFamily.InterNetwork);

    public static IPAddress? Parse6(string? text) => Parse(text, AddressFamily.InterNetworkV6);

    public static IPAddress? Parse(string? text) => IPAddress.TryParse(text, out var address) ? address : null;

    private static IPAddress? Parse(string? text, AddressFamily family) =>
        IPAddress.TryParse(text, out var address) && address.AddressFamily == family ? address : null;
}
