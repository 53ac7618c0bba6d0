using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Wire.Tests;

public sealed class InternetChecksumTests
{
    [Fact]
    public void The_example_of_RFC_1071()
        => Assert.Equal(0x220D, InternetChecksum.Compute([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]));

    [Theory]
    [InlineData(new byte[0], 0xFFFF)]
    [InlineData(new byte[] { 0 }, 0xFFFF)]
    [InlineData(new byte[] { 0x12 }, 0xEDFF)]
    [InlineData(new byte[] { 0xFF, 0xFF }, 0)]
    [InlineData(new byte[] { 0xFF, 0xFF, 0, 1 }, 0xFFFE)]
    [InlineData(new byte[] { 1, 2, 3, 4, 5 }, 0xF6F9)]
    public void Short_and_odd_ones(byte[] bytes, int expected) => Assert.Equal(expected, InternetChecksum.Compute(bytes));

    /// <summary>A header captured on Linux.</summary>
    [Fact]
    public void A_header_with_its_checksum_sums_to_nothing()
        => Assert.Equal(0, InternetChecksum.Compute(Convert.FromHexString("45000073000040004011b861c0a80001c0a800c7")));

    [Fact]
    public void It_is_the_sum_word_by_word() => Prop.ForAll<byte[]>(static bytes =>
    {
        uint sum = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            sum += (uint)(bytes[i] << ((i & 1) == 0 ? 8 : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return InternetChecksum.Compute(bytes) == (ushort)~sum;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void An_update_equals_computing_anew() => Prop.ForAll<byte[], ushort, ushort>(static (bytes, place, value) =>
    {
        if (bytes.Length < 4)
        {
            return true;
        }

        var at = place % (bytes.Length / 2) * 2;
        var before = InternetChecksum.Compute(bytes);
        var changed = bytes.ToArray();
        BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(at), value);
        var updated = InternetChecksum.Update(before, bytes.AsSpan(at, 2), changed.AsSpan(at, 2));
        var computed = InternetChecksum.Compute(changed);

        // Zero and all ones are one number; which of them comes out, matters only if all bytes are zero.
        return updated == computed || (ushort)(updated ^ computed) == 0xFFFF && computed is 0 or 0xFFFF;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_case_that_RFC_1624_corrects()
        => Assert.Equal(0x0000, InternetChecksum.Update(0xDD2F, [0x55, 0x55], [0x32, 0x85]));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 4)]
    [InlineData(4, 2)]
    public void Spans_that_cannot_replace_each_other_are_refused(int before, int after)
        => Assert.Throws<ArgumentException>(() => InternetChecksum.Update(0, new byte[before], new byte[after]));

    [Fact]
    public void Changing_an_address_changes_the_pseudo_headers_part()
    {
        var packet = Packets.Udp4("10.18.0.2", "10.30.0.9", 1234, 53, "question"u8);
        var old = packet.AsSpan(16, 4).ToArray();
        byte[] translated = [10, 18, 0, 3];
        translated.CopyTo(packet, 16);
        Assert.False(IpPacket.Parse(packet).HasRightChecksum);

        var place = packet.AsSpan(IPv4Header.Size + UdpHeader.ChecksumOffset);
        BinaryPrimitives.WriteUInt16BigEndian(place, InternetChecksum.Update(BinaryPrimitives.ReadUInt16BigEndian(place), old, translated));
        Assert.True(IpPacket.Parse(packet).HasRightChecksum);
    }

    [Theory]
    [InlineData(0, 0xFFFF)]
    [InlineData(1, 1)]
    [InlineData(0xFFFF, 0xFFFF)]
    public void UDP_never_sends_zero(int checksum, int sent) => Assert.Equal(sent, InternetChecksum.ForUdp((ushort)checksum));
}
