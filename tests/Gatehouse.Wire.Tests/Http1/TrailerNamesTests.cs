using System.Text;
using Gatehouse.Wire.Http1;

namespace Gatehouse.Wire.Tests.Http1;

public sealed class TrailerNamesTests
{
    /// <summary>Fields that change what the head has decided (RFC 9110 §6.5.1), each also in upper case and with underscores.</summary>
    [Theory]
    [InlineData("transfer-encoding content-length host connection keep-alive te trailer upgrade")]
    [InlineData("authorization www-authenticate authentication-info proxy-authorization proxy-authenticate proxy-connection cookie set-cookie")]
    [InlineData("content-type content-encoding content-range content-md5")]
    [InlineData("expect range cache-control pragma max-forwards if-match if-none-match if-modified-since if-range")]
    [InlineData("age date expires location retry-after vary warning etag last-modified")]
    [InlineData("forwarded via x-forwarded-for x-forwarded-proto x-forwarded-anything x-real-ip x-original-url x-http-method-override sec-websocket-key access-control-allow-origin origin")]
    public void What_the_head_decides_is_not_taken_from_a_trailer(string names)
    {
        Assert.All(names.Split(' '), name =>
        {
            Assert.True(IsForbidden(name), name);
            Assert.True(IsForbidden(name.ToUpperInvariant()), name);
            Assert.True(IsForbidden(name.Replace('-', '_')), name);
        });
    }

    [Theory]
    [InlineData("grpc-status grpc-message grpc-status-details-bin x-checksum server-timing digest repr-digest signature x-forwarded hosts ho ost x t a")]
    [InlineData("x-a-name-that-is-longer-than-any-that-is-known-0123456789 transfer-encoding-transfer-encoding-transfer-encoding")]
    public void Other_names_are(string names) => Assert.All(names.Split(' '), name => Assert.False(IsForbidden(name), name));

    private static bool IsForbidden(string name) => TrailerNames.IsForbidden(Encoding.ASCII.GetBytes(name));
}
