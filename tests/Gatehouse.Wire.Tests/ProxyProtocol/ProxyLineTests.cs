using System.Net;
using System.Text;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.Wire.Tests.ProxyProtocol;

/// <summary>Version 1 of the PROXY protocol (proxy-protocol.txt §2.1).</summary>
public sealed class ProxyLineTests
{
    private const string LongestAddress = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

    public static TheoryData<string, string, string> Right => new()
    {
        { "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1:56324", "198.51.100.2:443" },
        { "PROXY TCP4 127.0.0.1 127.0.0.1 40554 53711\r\n", "127.0.0.1:40554", "127.0.0.1:53711" }, // captured from HAProxy 2.6
        { "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0:0", "255.255.255.255:65535" },
        { "PROXY TCP6 2001:db8::1 2001:DB8::2 56324 443\r\n", "[2001:db8::1]:56324", "[2001:db8::2]:443" },
        { "PROXY TCP6 :: ::1 1 2\r\n", "[::]:1", "[::1]:2" },
        { "PROXY TCP6 1:: 1:2:3:4:5:6:7:: 1 2\r\n", "[1::]:1", "[1:2:3:4:5:6:7:0]:2" },
        { "PROXY TCP6 ::2:3:4:5:6:7:8 1:2:3:4:5:6:7:8 1 2\r\n", "[0:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:2" },
        { "PROXY TCP6 0001:0000::00a0 1:0::1 1 2\r\n", "[1::a0]:1", "[1::1]:2" },
        { "PROXY TCP6 ::ffff:192.0.2.1 1:2:3:4:5:6:192.0.2.1 1 2\r\n", "[::ffff:192.0.2.1]:1", "[1:2:3:4:5:6:c000:201]:2" },
        { "PROXY TCP6 1::5:192.0.2.1 ::192.0.2.9 1 2\r\n", "[1::5:c000:201]:1", "[::c000:209]:2" },
        { $"PROXY TCP6 {LongestAddress} {LongestAddress} 65535 65535\r\n", $"[{LongestAddress}]:65535", $"[{LongestAddress}]:65535" },
        { "PROXY UNKNOWN\r\n", "", "" },
        { "PROXY UNKNOWN \r\n", "", "" },
        { $"PROXY UNKNOWN {LongestAddress} {LongestAddress} 65535 65535\r\n", "", "" }, // 107 bytes
    };

    /// <summary>What can't become a header, and the bytes with which that is certain.</summary>
    public static TheoryData<string, ProxyFault, int> Wrong => new()
    {
        { "GET / HTTP/1.1\r\n", ProxyFault.Signature, 1 },
        { "PROXZ", ProxyFault.Signature, 5 },
        { "proxy TCP4 ", ProxyFault.Signature, 1 },
        { "POST / HTTP/1.1\r\n", ProxyFault.Signature, 2 },
        { "PROXY\r\n", ProxyFault.Signature, 6 },
        { " PROXY TCP4", ProxyFault.Signature, 1 },
        { "\0", ProxyFault.Signature, 1 },
        { "\r\n\r\nX", ProxyFault.Signature, 5 },
        { "PROXY  TCP4", ProxyFault.Protocol, 7 },
        { "PROXY tcp4", ProxyFault.Protocol, 7 },
        { "PROXY TCP5 ", ProxyFault.Protocol, 10 },
        { "PROXY UDP4 ", ProxyFault.Protocol, 8 },
        { "PROXY TCP4\t", ProxyFault.Protocol, 11 },
        { "PROXY UNKNOWNS\r\n", ProxyFault.Protocol, 14 },
        { "PROXY UNKNOWN \0\r\n", ProxyFault.LineEnd, 15 },
        { "PROXY UNKNOWN\n", ProxyFault.Protocol, 14 },
        { "PROXY UNKNOWN\r\r\n", ProxyFault.LineEnd, 15 },
        { "PROXY UNKNOWN a\nb\r\n", ProxyFault.LineEnd, 16 },
        { "PROXY TCP4  1.1.1.1", ProxyFault.Address, 12 },
        { "PROXY TCP4 256.", ProxyFault.Address, 14 },
        { "PROXY TCP4 01.1.1.1", ProxyFault.Address, 13 },
        { "PROXY TCP4 00.1.1.1", ProxyFault.Address, 13 },
        { "PROXY TCP4 1.1.1 ", ProxyFault.Address, 17 },
        { "PROXY TCP4 1.1.1.1.1 ", ProxyFault.Address, 19 },
        { "PROXY TCP4 1..1.1 ", ProxyFault.Address, 14 },
        { "PROXY TCP4 -1.1.1.1 ", ProxyFault.Address, 12 },
        { "PROXY TCP4 0x1.1.1.1 ", ProxyFault.Address, 13 },
        { "PROXY TCP4 ::1 ::1 ", ProxyFault.Address, 12 },
        { "PROXY TCP4 1.1.1.1\r\n", ProxyFault.Address, 19 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1  1 2\r\n", ProxyFault.Port, 28 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 01 2\r\n", ProxyFault.Port, 29 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 65536 2\r\n", ProxyFault.Port, 32 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 100000 2\r\n", ProxyFault.Port, 33 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 +1 2\r\n", ProxyFault.Port, 28 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", ProxyFault.Port, 29 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 1 \r\n", ProxyFault.Port, 30 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 1 2 \r\n", ProxyFault.LineEnd, 31 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 1 2\n", ProxyFault.LineEnd, 31 },
        { "PROXY TCP4 1.1.1.1 1.1.1.1 1 2\rX", ProxyFault.LineEnd, 32 },
        { "PROXY TCP6 1.1.1.1 ", ProxyFault.Address, 13 },
        { "PROXY TCP6 :1", ProxyFault.Address, 13 },
        { "PROXY TCP6 :::", ProxyFault.Address, 14 },
        { "PROXY TCP6 1::2::", ProxyFault.Address, 17 },
        { "PROXY TCP6 12345", ProxyFault.Address, 16 },
        { "PROXY TCP6 g", ProxyFault.Address, 12 },
        { "PROXY TCP6 1:2:3:4:5:6:7:8:", ProxyFault.Address, 27 },
        { "PROXY TCP6 1:2:3:4:5:6:7 ", ProxyFault.Address, 25 },
        { "PROXY TCP6 1:2:3:4:5:6:7: ", ProxyFault.Address, 26 },
        { "PROXY TCP6 ::2:3:4:5:6:7:8:", ProxyFault.Address, 27 },
        { "PROXY TCP6 1:2:3:4::5:6:7:8", ProxyFault.Address, 26 },
        { "PROXY TCP6 1:2:3:4:5:6:7::8", ProxyFault.Address, 27 },
        { "PROXY TCP6 ::1%eth0 ", ProxyFault.Address, 15 },
        { "PROXY TCP6 [::1] ", ProxyFault.Address, 12 },
        { "PROXY TCP6 ::ffff:256.", ProxyFault.Address, 22 },
        { "PROXY TCP6 1:2:3:4:5:6:7:1.", ProxyFault.Address, 27 },
        { "PROXY TCP6 1:2:3:4:5:1.1", ProxyFault.Address, 23 },
        { "PROXY TCP6 ::1.1.1.1:", ProxyFault.Address, 21 },
        { "PROXY TCP6 ::0a.1.1.1", ProxyFault.Address, 16 },
        { $"PROXY UNKNOWN {new string('x', 92)}", ProxyFault.TooLong, 106 },
        { $"PROXY TCP6 {FullMapped} {FullMapped} 1", ProxyFault.TooLong, 106 },
    };

    private static string FullMapped => "0000:0000:0000:0000:0000:ffff:255.255.255.255";

    [Theory]
    [MemberData(nameof(Right))]
    public void A_right_line_is_read(string line, string source, string destination)
    {
        for (var length = 0; length < line.Length; length++)
        {
            Assert.Equal((ProxyStatus.Incomplete, ProxyFault.None, 0), Read(line[..length], out _));
        }

        Assert.Equal((ProxyStatus.Complete, ProxyFault.None, line.Length), Read(line, out _));
        Assert.Equal((ProxyStatus.Complete, ProxyFault.None, line.Length), Read(line + "GET / HTTP/1.1\r\n", out var header));
        Assert.Equal((ProxyCommand.Proxy, source.Length > 0, false), (header.Command, header.HasAddresses, header.IsDatagram));
        if (header.HasAddresses)
        {
            Assert.Equal((IPEndPoint.Parse(source), IPEndPoint.Parse(destination)), (header.Source.ToEndPoint(), header.Destination.ToEndPoint()));
        }
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_line_is_refused_at_the_first_byte_that_shows_it(string line, ProxyFault fault, int certain)
    {
        for (var length = 0; length <= line.Length; length++)
        {
            var expected = length < certain ? ProxyStatus.Incomplete : ProxyStatus.Invalid;
            Assert.Equal((expected, expected == ProxyStatus.Invalid ? fault : ProxyFault.None, 0), Read(line[..length], out _));
        }
    }

    /// <summary>What is incomplete can be completed: each start of each row above, with the end of some right line.</summary>
    [Fact]
    public void Whatever_waits_can_still_become_a_header()
    {
        var ends = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var line in Right.Select(r => r.Data.Item1).Concat(["PROXY TCP6 ::10:11.11.11.11 ::1 1 2\r\n", "PROXY TCP6 1:2:3:4:5:6:11.11.11.11 ::1 1 2\r\n"]))
        {
            for (var at = 0; at < line.Length; at++)
            {
                ends.Add(line[at..]);
            }
        }

        var starts = Wrong.Select(r => r.Data.Item1).Concat(Right.Select(r => r.Data.Item1)).SelectMany(l => Enumerable.Range(0, l.Length + 1).Select(n => l[..n]))
            .Where(l => l.Length < 80 && !l.StartsWith('\r') && Read(l, out _).Status == ProxyStatus.Incomplete).Distinct();
        Assert.All(starts, start => Assert.Contains(ends, end => Read(start + end, out _).Status == ProxyStatus.Complete));
    }

    private static (ProxyStatus Status, ProxyFault Fault, int Consumed) Read(string line, out ProxyHeader header)
    {
        var status = ProxyHeaderReader.Read(Encoding.Latin1.GetBytes(line), out header, out var consumed, out var fault);
        return (status, fault, consumed);
    }
}
