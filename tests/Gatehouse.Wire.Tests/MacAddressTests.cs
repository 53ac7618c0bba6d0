using FsCheck;
using FsCheck.Fluent;

namespace Gatehouse.Wire.Tests;

public sealed class MacAddressTests
{
    [Fact]
    public void It_survives_text_and_bytes() => Prop.ForAll<ulong>(static value =>
    {
        var address = new MacAddress(value);
        return MacAddress.Parse(address.ToString()) == address
            && MacAddress.Parse(address.ToString().ToUpperInvariant().Replace(':', '-')) == address
            && new MacAddress(address.ToArray()) == address
            && address.Value == (value & 0xFFFF_FFFF_FFFF);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void It_reads_as_people_write_it()
    {
        var address = MacAddress.Parse("02:67:68:00:3B:ff");
        Assert.Equal("02:67:68:00:3b:ff", address.ToString());
        Assert.Equal(0x026768003BFFul, address.Value);
        Assert.False(address.IsMulticast);
        Assert.True(MacAddress.Broadcast.IsMulticast);
        Assert.Equal("00:00:00:00:00:00", MacAddress.Zero.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("02:67:68:00:3b")]
    [InlineData("02:67:68:00:3b:f")]
    [InlineData("02:67:68:00:3b:fff")]
    [InlineData("02:67-68:00:3b:ff")]
    [InlineData("0267.6800.3bff")]
    [InlineData("0g:67:68:00:3b:ff")]
    [InlineData("+2:67:68:00:3b:ff")]
    [InlineData(" 2:67:68:00:3b:ff")]
    public void Anything_else_is_refused(string text)
    {
        Assert.False(MacAddress.TryParse(text, null, out _));
        Assert.Contains(text, Assert.Throws<FormatException>(() => MacAddress.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(8)]
    public void Six_bytes_it_has(int count) => Assert.Throws<ArgumentException>(() => new MacAddress(new byte[count]));
}
