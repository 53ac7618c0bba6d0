using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

public sealed class HostTextTests
{
    [Theory]
    [InlineData("a", "a", -1)]
    [InlineData("A.example", "A.example", -1)]
    [InlineData("a.example.", "a.example", -1)]
    [InlineData("a.example.:80", "a.example", 80)]
    [InlineData("a:0", "a", 0)]
    [InlineData("a:65535", "a", 65_535)]
    [InlineData("a:00080", "a", 80)]
    [InlineData("x_y-z", "x_y-z", -1)]
    [InlineData("127.0.0.1:8080", "127.0.0.1", 8_080)]
    [InlineData("[::1]", "[::1]", -1)]
    [InlineData("[2001:db8::1]:443", "[2001:db8::1]", 443)]
    [InlineData("[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]", 1)]
    public void It_is_read(string text, string host, int port)
    {
        Assert.True(HostText.TryRead(Heads.Bytes(text), out var length, out var read));
        Assert.Equal((host, port), (text[..length], read));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData(".a")]
    [InlineData("a..")]
    [InlineData("a..b")]
    [InlineData(":80")]
    [InlineData("a:")]
    [InlineData("a:65536")]
    [InlineData("a:000080")]
    [InlineData("a:8a")]
    [InlineData("a:-1")]
    [InlineData("a:80:80")]
    [InlineData("a b")]
    [InlineData("a,b")]
    [InlineData("a/b")]
    [InlineData("u@a")]
    [InlineData("a?b")]
    [InlineData("a%20b")]
    [InlineData("a~b")]
    [InlineData("\u00e9")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[]")]
    [InlineData("[a]")]
    [InlineData("[1.2.3.4]")]
    [InlineData("[::1]x")]
    [InlineData("[::1]:")]
    [InlineData("[::1%eth0]")]
    [InlineData("[fe80::1%25eth0]")]
    [InlineData("a[::1]")]
    [InlineData("a]")]
    public void It_is_none(string text) => Assert.False(HostText.TryRead(Heads.Bytes(text), out _, out _));

    [Fact]
    public void A_name_has_a_bound()
    {
        Assert.True(HostText.TryRead(Heads.Bytes(new string('a', 255)), out _, out _));
        Assert.False(HostText.TryRead(Heads.Bytes(new string('a', 256)), out _, out _));
    }

    /// <summary>Whatever the bytes: what is read is a part of them, and reads the same alone.</summary>
    [Fact]
    public void What_is_read_reads_the_same_alone() => Prop.ForAll(
        Gen.Elements("a", ".", "b-", ":", "8", "[", "]", "::1", "%", "@", "_").ArrayOf().Select(string.Concat).ToArbitrary(),
        text =>
        {
            if (!HostText.TryRead(Heads.Bytes(text), out var length, out var port)) return true;
            return length > 0 && length <= text.Length && port is >= -1 and <= 65_535 && HostText.TryRead(Heads.Bytes(text[..length]), out var again, out var none) && again == length && none == -1;
        }).QuickCheckThrowOnFailure();
}
