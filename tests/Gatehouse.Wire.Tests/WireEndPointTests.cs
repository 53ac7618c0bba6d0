using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Wire.Tests;

public sealed class WireEndPointTests
{
    /// <summary>Texts of RFC 5952 §4, each the one right form.</summary>
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("1::")]
    [InlineData("2001:db8::1")]
    [InlineData("2001:db8:0:1:1:1:1:1")] // one group of zeros is not shortened
    [InlineData("2001:0:0:1::1")] // the longest run is
    [InlineData("2001:db8::1:0:0:1")] // the first of two
    [InlineData("1:0:2::")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("::ffff:192.0.2.1")]
    [InlineData("::fffe:c000:201")]
    public void An_address_is_written_in_its_one_right_form(string text)
    {
        var endPoint = new WireEndPoint(new IPEndPoint(IPAddress.Parse(text), 8080));
        var expected = text.Contains(':') ? $"[{text}]:8080" : $"{text}:8080";
        Assert.Equal(text, Text(text.Length, endPoint.FormatAddress));
        Assert.Equal(expected, Text(WireEndPoint.LongestText, endPoint.Format));
        for (var room = 0; room < expected.Length; room++)
        {
            Assert.Equal("", Text(room, endPoint.Format));
        }

        for (var room = 0; room < text.Length; room++)
        {
            Assert.Equal("", Text(room, endPoint.FormatAddress));
        }
    }

    [Fact]
    public void Any_address_is_read_back_by_NET_and_mostly_written_the_same()
    {
        var random = new Random(5);
        Span<byte> address = stackalloc byte[16];
        for (var round = 0; round < 20_000; round++)
        {
            random.NextBytes(address);
            for (var at = 0; at < 16; at += 2)
            {
                address.Slice(at, random.Next(2) * 2).Clear();
            }

            address[0] |= 1; // what .NET writes in dotted decimal besides, begins with zeros
            var v6 = random.Next(2) == 0;
            var endPoint = new WireEndPoint(v6 ? address : address[..4], (ushort)random.Next(65_536));
            var text = Text(WireEndPoint.LongestText, endPoint.Format);
            Assert.Equal(endPoint.ToEndPoint(), IPEndPoint.Parse(text));
            if (!text.Contains("5efe", StringComparison.Ordinal))
            {
                Assert.Equal(endPoint.ToEndPoint().ToString(), text);
            }
        }
    }

    [Fact]
    public void Families_are_told_apart_and_brought_together()
    {
        var v4 = new WireEndPoint([192, 0, 2, 1], 80);
        var mapped = v4.MapToV6();
        Assert.Equal((false, true, AddressFamily.InterNetwork, AddressFamily.InterNetworkV6), (v4.IsV6, mapped.IsV6, v4.Family, mapped.Family));
        Assert.Equal(v4, mapped.Unmap());
        Assert.Equal(mapped, mapped.MapToV6());
        Assert.Equal(v4, v4.Unmap());
        Assert.True(v4 != mapped && v4 == mapped.Unmap() && v4.GetHashCode() == mapped.Unmap().GetHashCode());
        Assert.NotEqual(v4, new WireEndPoint([192, 0, 2, 1], 81));
        var other = new WireEndPoint(IPEndPoint.Parse("[::fffe:192.0.2.1]:80"));
        Assert.Equal(other, other.Unmap());
    }

    [Fact]
    public void No_address_is_no_address()
    {
        var none = default(WireEndPoint);
        Assert.Equal((false, AddressFamily.Unspecified, "-", "", ""), (none.IsSet, none.Family, none.ToString(), Text(47, none.Format), Text(47, none.FormatAddress)));
        Assert.True(none.Address.IsEmpty);
        Assert.NotEqual(none, new WireEndPoint([0, 0, 0, 0], 0));
        Assert.Equal(none, none.MapToV6().Unmap());
        Assert.Throws<InvalidOperationException>(() => none.ToEndPoint());
        Assert.Throws<ArgumentException>(() => new WireEndPoint([1, 2, 3, 4, 5], 1));
    }

    private delegate int Format(Span<byte> text);

    private static string Text(int room, Format format)
    {
        var buffer = new byte[room];
        return Encoding.ASCII.GetString(buffer, 0, format(buffer));
    }
}
