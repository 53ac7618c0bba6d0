using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Proxy.Routing;

namespace Gatehouse.Proxy.Tests.Routing;

public sealed class RoutePathTests
{
    [Theory]
    [InlineData("/", "/")]
    [InlineData("/a/b", "/a/b")]
    [InlineData("/a/./b", "/a/b")]
    [InlineData("/a/../b", "/b")]
    [InlineData("/../../a", "/a")]
    [InlineData("/..", "/")]
    [InlineData("/.", "/")]
    [InlineData("/a/..", "/")]
    [InlineData("/a/.", "/a/")]
    [InlineData("/a/b/..", "/a/")]
    [InlineData("/a/b/../", "/a/")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData("//a", "//a")]
    [InlineData("/.a/..b/c.", "/.a/..b/c.")]
    [InlineData("/%41%5a%7e%2D%2e%5F%30", "/AZ~-._0")]
    [InlineData("/%2e%2E/x", "/x")]
    [InlineData("/a/%2e./b", "/b")]
    [InlineData("/a%2fb", "/a%2Fb")]
    [InlineData("/a%2f../b", "/a%2F../b")]
    [InlineData("/%252e%252e/x", "/%252e%252e/x")]
    [InlineData("/%c3%a9%20%25", "/%C3%A9%20%25")]
    public void A_path_has_one_form(string path, string expected)
    {
        Assert.True(RoutePath.TryNormalize(Encoding.ASCII.GetBytes(path), new byte[path.Length], out var normal));
        Assert.Equal(expected, Encoding.ASCII.GetString(normal));
    }

    [Theory]
    [InlineData("/%")]
    [InlineData("/%4")]
    [InlineData("/%4g")]
    [InlineData("/%g4")]
    [InlineData("/%00")]
    [InlineData("/a/%0")]
    public void A_broken_escape_is_none(string path) => Assert.False(RoutePath.TryNormalize(Encoding.ASCII.GetBytes(path), new byte[path.Length], out _));

    /// <summary>The normal form is its own, begins with a slash, and climbs nowhere.</summary>
    [Fact]
    public void The_form_is_stable() => Prop.ForAll(
        Gen.Elements("/", ".", "..", "/.", "/..", "a", "%2e", "%2E", "%2f", "%41", "%c3", "/a").ArrayOf().Select(p => "/" + string.Concat(p)).ToArbitrary(),
        path =>
        {
            if (!RoutePath.TryNormalize(Encoding.ASCII.GetBytes(path), new byte[path.Length], out var normal)) return false;
            var text = Encoding.ASCII.GetString(normal);
            return RoutePath.TryNormalize(Encoding.ASCII.GetBytes(text), new byte[text.Length], out var again) && Encoding.ASCII.GetString(again) == text
                && text[0] == '/' && !text.Split('/').Any(s => s is "." or "..") && text.Length <= path.Length;
        }).QuickCheckThrowOnFailure();
}
