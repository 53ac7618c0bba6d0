using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Gateway.Listeners;

/// <summary>Reads the kernel's socket tables (<c>/proc/net/tcp</c>, <c>tcp6</c>, <c>udp</c>, <c>udp6</c>; proc(5)). Pure.</summary>
internal static class ProcNetTable
{
    private const string TcpListen = "0A";
    private const string UdpUnconnected = "07";

    /// <summary>The sockets of a table that wait for anybody: TCP listeners, and UDP sockets without a peer. Lines that can't be read are left out.</summary>
    /// <param name="text">The file.</param>
    /// <param name="protocol">Which of the files it is.</param>
    public static IEnumerable<(Protocol Protocol, IPAddress Address, int Port)> Read(string text, Protocol protocol)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (columns.Length < 4 || columns[3] != (protocol == Protocol.Tcp ? TcpListen : UdpUnconnected)) continue;
            if (TryEndpoint(columns[1]) is { } local && local.Port != 0) yield return (protocol, local.Address, local.Port);
        }
    }

    private static (IPAddress Address, int Port)? TryEndpoint(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon is not (8 or 32) || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var port)) return null;

        // Each group of eight digits is a 32-bit word in the machine's order; the words are in the network's.
        var bytes = new byte[colon / 2];
        for (var i = 0; i < colon; i += 8)
        {
            if (!uint.TryParse(text.AsSpan(i, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var word)) return null;
            var target = bytes.AsSpan(i / 2, 4);
            if (BitConverter.IsLittleEndian) BinaryPrimitives.WriteUInt32LittleEndian(target, word);
            else BinaryPrimitives.WriteUInt32BigEndian(target, word);
        }

        return (new IPAddress(bytes), port);
    }
}
