using System.Net;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.Wire.Tests.ProxyProtocol;

/// <summary>Version 2 of the PROXY protocol (proxy-protocol.txt §2.2), in hexadecimal behind its signature.</summary>
public sealed class ProxyBinaryTests
{
    private const string Addresses4 = "C0000201C6336402DC0401BB"; // 192.0.2.1:56324 -> 198.51.100.2:443
    private const string Addresses6 = "20010DB8000000000000000000000001" + "20010DB8000000000000000000000002" + "DC0401BB";

    public static TheoryData<string, ProxyCommand, string, string> Right => new()
    {
        { $"2111000C{Addresses4}", ProxyCommand.Proxy, "192.0.2.1:56324", "198.51.100.2:443" },
        { $"21210024{Addresses6}", ProxyCommand.Proxy, "[2001:db8::1]:56324", "[2001:db8::2]:443" },
        { $"2112000C{Addresses4}", ProxyCommand.Proxy, "192.0.2.1:56324", "198.51.100.2:443" },
        { $"21220024{Addresses6}", ProxyCommand.Proxy, "[2001:db8::1]:56324", "[2001:db8::2]:443" },

        // TLVs: ALPN, AUTHORITY, NOOP, UNIQUE_ID, NETNS, one of the custom range, and an empty one.
        { $"2111002C{Addresses4}0100026832" + "020001780400020000" + "05000201023000016EE00003414243" + "F00000", ProxyCommand.Proxy, "192.0.2.1:56324", "198.51.100.2:443" },

        // The peer's own addresses hold.
        { "20000000", ProxyCommand.Local, "", "" },
        { $"2011000C{Addresses4}", ProxyCommand.Local, "", "" },
        { "20FF0003FFFFFF", ProxyCommand.Local, "", "" },
        { "21000000", ProxyCommand.Proxy, "", "" },
        { "2100000304" + "0000", ProxyCommand.Proxy, "", "" },
        { $"213100D8{new string('A', 432)}", ProxyCommand.Proxy, "", "" },
        { $"213200DB{new string('A', 432)}040000", ProxyCommand.Proxy, "", "" },

        // Captured from HAProxy 2.6: plain, with CRC32C, with CRC32C and an empty unique id, and two health checks.
        { "2111000C7F0000017F000001BA5CE029", ProxyCommand.Proxy, "127.0.0.1:47708", "127.0.0.1:57385" },
        { "211100137F0000017F000001AAB4C271030004E1444262", ProxyCommand.Proxy, "127.0.0.1:43700", "127.0.0.1:49777" },
        { "211100167F0000017F000001968AE5E3030004D27054DF050000", ProxyCommand.Proxy, "127.0.0.1:38538", "127.0.0.1:58851" },
        { "20000007030004A9B87E8F", ProxyCommand.Local, "", "" },
    };

    /// <summary>What can't become a header, and the bytes behind the signature with which that is certain.</summary>
    public static TheoryData<string, ProxyFault, int> Wrong => new()
    {
        { "11", ProxyFault.Command, 1 },
        { "01", ProxyFault.Command, 1 },
        { "31", ProxyFault.Command, 1 },
        { "22", ProxyFault.Command, 1 },
        { "2F", ProxyFault.Command, 1 },
        { "2101", ProxyFault.Family, 2 },
        { "2110", ProxyFault.Family, 2 },
        { "2113", ProxyFault.Family, 2 },
        { "2120", ProxyFault.Family, 2 },
        { "2130", ProxyFault.Family, 2 },
        { "2141", ProxyFault.Family, 2 },
        { "21FF", ProxyFault.Family, 2 },
        { "2111FFFF", ProxyFault.TooLong, 3 },
        { "21110209", ProxyFault.TooLong, 4 },
        { "20000209", ProxyFault.TooLong, 4 },
        { "2111000B", ProxyFault.Length, 4 },
        { "21110000", ProxyFault.Length, 4 },
        { "21210023", ProxyFault.Length, 4 },
        { "2121000C", ProxyFault.Length, 4 },
        { "213100D7", ProxyFault.Length, 4 },
        { $"2111000D{Addresses4}", ProxyFault.Tlv, 4 },
        { $"2111000E{Addresses4}01", ProxyFault.Tlv, 4 },
        { $"2111000F{Addresses4}010001", ProxyFault.Tlv, 19 },
        { $"21110010{Addresses4}01FFFF00", ProxyFault.Tlv, 19 },
        { $"21110012{Addresses4}010001000200", ProxyFault.Tlv, 19 },
        { "2100000204", ProxyFault.Tlv, 4 },
        { $"2111000F{Addresses4}030000", ProxyFault.Checksum, 19 },
        { $"21110014{Addresses4}0300050000000000", ProxyFault.Checksum, 19 },
        { "211100137F0000017F000001AAB4C271030004E1444263", ProxyFault.Checksum, 23 },
        { "211100137F0000017F000002AAB4C271030004E1444262", ProxyFault.Checksum, 23 },
        { "2111001A7F0000017F000001AAB4C271030004E1444262030004E1444262", ProxyFault.Checksum, 26 },
    };

    [Theory]
    [MemberData(nameof(Right))]
    public void A_right_header_is_read(string hex, ProxyCommand command, string source, string destination)
    {
        var bytes = Header(hex);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal((ProxyStatus.Incomplete, ProxyFault.None, 0), Read(bytes[..length], out _));
        }

        Assert.Equal((ProxyStatus.Complete, ProxyFault.None, bytes.Length), Read([.. bytes, 0x16, 3, 1], out var header));
        Assert.Equal((command, source.Length > 0), (header.Command, header.HasAddresses));
        if (header.HasAddresses)
        {
            Assert.Equal((IPEndPoint.Parse(source), IPEndPoint.Parse(destination)), (header.Source.ToEndPoint(), header.Destination.ToEndPoint()));
            Assert.Equal((bytes[13] & 0xF) == 2, header.IsDatagram);
        }
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_header_is_refused_at_the_first_byte_that_shows_it(string hex, ProxyFault fault, int certain)
    {
        var bytes = Header(hex);
        for (var length = 0; length <= bytes.Length; length++)
        {
            var status = length < certain + 12 ? ProxyStatus.Incomplete : ProxyStatus.Invalid;
            Assert.Equal((status, status == ProxyStatus.Invalid ? fault : ProxyFault.None, 0), Read(bytes[..length], out _));
        }
    }

    [Fact]
    public void The_bound_is_the_callers()
    {
        var longest = Header($"21110208{Addresses4}04" + "01F9" + new string('0', 2 * 505));
        Assert.Equal(ProxyHeaderReader.DefaultMaxLength, longest.Length);
        Assert.Equal(ProxyStatus.Complete, Read(longest, out _).Status);
        Assert.Equal(ProxyFault.TooLong, Read(longest, out _, ProxyHeaderReader.DefaultMaxLength - 1).Fault);
        Assert.Equal(ProxyStatus.Incomplete, Read(Header("2111FFFF"), out _, 65_551).Status);
    }

    [Fact]
    public void Every_fault_has_a_row_and_a_text_of_its_own()
    {
        var rows = Wrong.Select(r => r.Data.Item2).Concat(ProxyLineTests.Wrong.Select(r => r.Data.Item2)).Append(ProxyFault.None).Distinct();
        Assert.Equal(Enum.GetValues<ProxyFault>().Order(), rows.Order());
        var texts = Enum.GetValues<ProxyFault>().Select(f => f.Text()).ToList();
        Assert.Equal(texts.Count, texts.Distinct().Count());
        Assert.DoesNotContain("unknown", texts);
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        var binary = Header(Right.First().Data.Item1);
        var line = "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"u8.ToArray();
        ReadAll(3);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ReadAll(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void ReadAll(int count)
        {
            for (var i = 0; i < count; i++)
            {
                if (ProxyHeaderReader.Read(binary, out _, out _, out _) != ProxyStatus.Complete || ProxyHeaderReader.Read(line, out _, out _, out _) != ProxyStatus.Complete)
                {
                    throw new InvalidOperationException("not read");
                }
            }
        }
    }

    private static byte[] Header(string hex) => [.. "\r\n\r\n\0\r\nQUIT\n"u8, .. Convert.FromHexString(hex)];

    private static (ProxyStatus Status, ProxyFault Fault, int Consumed) Read(byte[] bytes, out ProxyHeader header, int max = ProxyHeaderReader.DefaultMaxLength)
    {
        var status = ProxyHeaderReader.Read(bytes, out header, out var consumed, out var fault, max);
        return (status, fault, consumed);
    }
}
