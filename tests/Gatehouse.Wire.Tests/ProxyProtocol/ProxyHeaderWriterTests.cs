using System.Net;
using System.Text;
using Gatehouse.Wire.ProxyProtocol;

namespace Gatehouse.Wire.Tests.ProxyProtocol;

public sealed class ProxyHeaderWriterTests
{
    [Theory]
    [InlineData("192.0.2.1:56324", "198.51.100.2:443", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n")]
    [InlineData("[2001:db8::1]:1", "[::]:65535", "PROXY TCP6 2001:db8::1 :: 1 65535\r\n")]
    [InlineData("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")]
    [InlineData("192.0.2.1:1", "[2001:db8::1]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n")]
    [InlineData("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n")]
    public void A_line_is_written_as_the_protocol_says(string source, string destination, string line)
    {
        var header = Header(source, destination);
        Assert.Equal(line, Line(header, ProxyHeaderWriter.MaxLine));
        Assert.Equal(line, Line(header, line.Length));
        for (var room = 0; room < line.Length; room++)
        {
            Assert.Equal("", Line(header, room));
        }
    }

    [Fact]
    public void What_a_line_cannot_say_is_unknown()
    {
        var header = Header("192.0.2.1:1", "192.0.2.2:2");
        Assert.Equal("PROXY UNKNOWN\r\n", Line(header with { Command = ProxyCommand.Local }, 107));
        Assert.Equal("PROXY UNKNOWN\r\n", Line(header with { IsDatagram = true }, 107));
        Assert.Equal("PROXY UNKNOWN\r\n", Line(new ProxyHeader { Command = ProxyCommand.Proxy }, 107));
        Assert.Equal("PROXY UNKNOWN\r\n", Line(header with { Destination = default }, 107));
        Assert.Equal("", Line(default, 14));
    }

    /// <summary>The peer's bytes, written by us: HAProxy 2.6 with <c>send-proxy-v2</c>, also with <c>proxy-v2-options crc32c</c>, and a check.</summary>
    [Theory]
    [InlineData("127.0.0.1:47708", "127.0.0.1:57385", false, "0D0A0D0A000D0A515549540A2111000C7F0000017F000001BA5CE029")]
    [InlineData("127.0.0.1:43700", "127.0.0.1:49777", true, "0D0A0D0A000D0A515549540A211100137F0000017F000001AAB4C271030004E1444262")]
    [InlineData("", "", true, "0D0A0D0A000D0A515549540A20000000")]
    public void A_header_is_what_the_peer_writes(string source, string destination, bool checksum, string hex)
    {
        var header = source.Length == 0 ? default : Header(source, destination);
        Assert.Equal(hex, Convert.ToHexString(Binary(header, new ProxyTlvs { Checksum = checksum })));
    }

    [Fact]
    public void TLVs_stand_in_order_behind_the_addresses()
    {
        var bytes = Binary(Header("[2001:db8::1]:1", "[2001:db8::2]:2"), new ProxyTlvs { Alpn = "h2"u8, Authority = "a.test"u8, Checksum = true });
        Assert.Equal("21210039", Convert.ToHexString(bytes, 12, 4));
        Assert.Equal("0100026832" + "020006612E74657374" + "030004", Convert.ToHexString(bytes, 52, 17));
        Assert.Equal(ProxyStatus.Complete, ProxyHeaderReader.Read(bytes, out var header, out var consumed, out _));
        Assert.Equal((73, "[2001:db8::1]:1"), (consumed, header.Source.ToString()));
    }

    [Fact]
    public void A_header_without_addresses_has_no_family()
    {
        Assert.Equal("21000000", Convert.ToHexString(Binary(new ProxyHeader { Command = ProxyCommand.Proxy }, default), 12, 4));
        Assert.Equal("21000007", Convert.ToHexString(Binary(new ProxyHeader { Command = ProxyCommand.Proxy }, new ProxyTlvs { Checksum = true }), 12, 4));
        Assert.Equal("2112000C", Convert.ToHexString(Binary(Header("192.0.2.1:1", "192.0.2.2:2") with { IsDatagram = true }, default), 12, 4));
    }

    [Fact]
    public void What_does_not_fit_is_not_written()
    {
        var header = Header("192.0.2.1:1", "192.0.2.2:2");
        Assert.Equal(0, ProxyHeaderWriter.WriteBinary(new byte[27], header, default));
        Assert.Equal(28, ProxyHeaderWriter.WriteBinary(new byte[28], header, default));
        var large = new byte[65_535];
        Assert.Equal(0, ProxyHeaderWriter.WriteBinary(new byte[70_000], header, new ProxyTlvs { Authority = large }));
        Assert.Equal(65_551, ProxyHeaderWriter.WriteBinary(new byte[70_000], header, new ProxyTlvs { Authority = large.AsSpan(0, 65_535 - 15) }));
    }

    private static ProxyHeader Header(string source, string destination)
        => new() { Command = ProxyCommand.Proxy, Source = new(IPEndPoint.Parse(source)), Destination = new(IPEndPoint.Parse(destination)) };

    private static string Line(ProxyHeader header, int room)
    {
        var buffer = new byte[room];
        return Encoding.ASCII.GetString(buffer, 0, ProxyHeaderWriter.WriteLine(buffer, header));
    }

    private static byte[] Binary(ProxyHeader header, ProxyTlvs tlvs)
    {
        var buffer = new byte[ProxyHeaderWriter.BinaryLength(header, tlvs)];
        Assert.Equal(buffer.Length, ProxyHeaderWriter.WriteBinary(buffer, header, tlvs));
        return buffer;
    }
}
