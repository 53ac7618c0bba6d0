using System.Net;
using Gatehouse.Linux.Conntrack;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Nftables;

namespace Gatehouse.Linux.Tests.Netlink;

public sealed class MessageTests
{
    [Fact]
    public void Attributes_are_padded_nested_and_read_back()
    {
        var writer = new NetlinkWriter();
        var start = writer.Begin(16, NetlinkFlags.Request, 7);
        writer.U8(1, 200);
        writer.U16Big(2, 0x1234);
        writer.Text(3, "gh0");
        var nest = writer.Nest(4);
        writer.U64Big(5, 0x0102030405060708);
        writer.Address(6, IPAddress.Parse("10.18.0.1"));
        writer.EndNest(nest);
        writer.End(start);

        var bytes = writer.Written;
        Assert.Equal(0, bytes.Length % 4);
        Assert.Equal(bytes.Length, bytes.I32());
        var reader = new AttributeReader(bytes[NetlinkWriter.HeaderSize..]);
        Assert.True(reader.Next());
        Assert.Equal((1, 200), (reader.Type, reader.Value.U8()));
        Assert.True(reader.Next());
        Assert.Equal(0x1234, reader.Value.U16Big());
        Assert.True(reader.Next());
        Assert.Equal("gh0", reader.Value.Text());
        Assert.True(reader.Next());
        var inner = new AttributeReader(reader.Value);
        Assert.True(inner.Next());
        Assert.Equal(0x0102030405060708ul, inner.Value.U64Big());
        Assert.True(inner.Next());
        Assert.Equal(IPAddress.Parse("10.18.0.1"), inner.Value.Address());
        Assert.False(inner.Next());
        Assert.False(reader.Next());
    }

    [Fact]
    public void An_attribute_has_64_KiB()
    {
        var writer = new NetlinkWriter();
        Assert.Throws<ArgumentException>(() => writer.Attribute(1, 65_532).Length);
        var nest = writer.Nest(1);
        writer.Attribute(2, 40_000);
        writer.Attribute(3, 40_000);
        Assert.Throws<ArgumentException>(() => writer.EndNest(nest));
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 4, 0, 1 })]
    [InlineData(new byte[] { 3, 0, 1, 0 })]
    [InlineData(new byte[] { 0, 0, 1, 0 })]
    [InlineData(new byte[] { 8, 0, 1, 0, 1, 2, 3 })]
    [InlineData(new byte[] { 255, 255, 1, 0 })]
    public void An_attribute_that_does_not_fit_ends_the_reading(byte[] bytes)
    {
        var reader = new AttributeReader(bytes);
        Assert.False(reader.Next());
        Assert.False(reader.Next());
    }

    [Fact]
    public void Answers_of_any_bytes_are_read_without_a_fault()
    {
        // The seed is fixed, so that a failure comes again.
        var random = new Random(20261120);
        var bytes = new byte[256];
        for (var round = 0; round < 50_000; round++)
        {
            random.NextBytes(bytes);
            for (var i = 0; i < bytes.Length; i += 12)
            {
                bytes[i + 1] = 0; // Lengths that fit, and types that there are.
                bytes[i] = (byte)random.Next(0, 40);
                bytes[i + 2] = (byte)random.Next(0, 40);
                bytes[i + 3] = (byte)(random.Next(2) * 0x80);
            }

            bytes[0] = (byte)(random.Next(3) switch { 0 => 2, 1 => 10, _ => 7 });
            var payload = bytes.AsSpan(0, random.Next(bytes.Length));
            _ = LinkCodec.Read(payload);
            _ = RouteCodec.ReadAddress(payload);
            _ = RouteCodec.ReadRoute(payload);
            _ = RouteCodec.ReadNeighbour(payload);
            _ = RouteCodec.ReadRule(payload);
            _ = FlowCodec.Read(payload);
            _ = FlowCodec.ReadMark(payload);
            _ = FlowCodec.ReadUsage(payload);
            ElementCodec.Read(ElementCodec.New, payload, []);
        }
    }

    [Fact]
    public void Values_lie_as_the_registers_have_them()
    {
        Assert.Equal([10, 30, 0, 20, 2, 0, 0, 0], NftValue.Concat(NftValue.Address(IPAddress.Parse("10.30.0.20")), NftValue.Slot(2)));
        Assert.Equal([6, 0, 0, 0, 0x1F, 0x90, 0, 0], NftValue.Concat(NftValue.Protocol(6), NftValue.Service(8080)));
        Assert.Equal([0x1F, 0x90], NftValue.Service(8080));
        Assert.Equal(BitConverter.GetBytes(0x770003u), NftValue.Mark(0x770003));
        Assert.Equal([0x0A, 0x12, 0, 0x40], NftValue.Integer(0x0A120040));
        Assert.Empty(NftValue.Concat());
    }
}
