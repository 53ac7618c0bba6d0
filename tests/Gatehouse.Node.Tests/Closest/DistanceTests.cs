using Gatehouse.Node.Closest;
using Gatehouse.Node.Flows;

namespace Gatehouse.Node.Tests.Closest;

public sealed class DistanceTests
{
    [Fact]
    public void Choose_OwnPlaceFirst_ThenTheNearestThatAnswers()
    {
        var book = new DistanceBook();
        Assert.Null(book.Choose("web", ["c1.w2", "c1.w3"], "c1.w1"));
        book.Put("c1.w2", TimeSpan.FromMilliseconds(9));
        book.Put("c1.w3", TimeSpan.FromMilliseconds(2));
        Assert.Equal("c1.w3", book.Choose("web", ["c1.w2", "c1.w3"], "c1.w1"));
        Assert.Equal("c1.w1", book.Choose("web", ["c1.w1", "c1.w2", "c1.w3"], "c1.w1"));
    }

    [Fact]
    public void Put_OneSlowAnswer_IsSmoothedAway_AndThreeMissesCount()
    {
        var book = new DistanceBook();
        for (var i = 0; i < 10; i++)
        {
            book.Put("a", TimeSpan.FromMilliseconds(2));
            book.Put("b", TimeSpan.FromMilliseconds(4));
        }

        Assert.Equal("a", book.Choose("web", ["a", "b"], null));
        book.Put("a", TimeSpan.FromMilliseconds(10));
        Assert.Equal("a", book.Choose("web", ["a", "b"], null));
        book.Put("a", null);
        book.Put("a", null);
        Assert.Equal("a", book.Choose("web", ["a", "b"], null));
        book.Put("a", null);
        Assert.Equal("b", book.Choose("web", ["a", "b"], null));
        book.Keep(new HashSet<string> { "b" });
        Assert.Equal(["b"], book.All.Keys);
    }

    /// <summary>Vector from RFC 1071's rules by hand: type 8, identifier 0x1234, sequence 1, no payload but zeros.</summary>
    [Fact]
    public void Request_HasAChecksumThatSumsToZero_AndItsReplyIsRead()
    {
        var packet = DistanceProbe.Request(0x1234, 1);
        var sum = 0u;
        for (var i = 0; i < packet.Length; i += 2) sum += (uint)((packet[i] << 8) | packet[i + 1]);
        while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
        Assert.Equal(0xffffu, sum);

        byte[] delivered = [0x46, .. new byte[23], .. packet];
        Assert.Null(DistanceProbe.Reply(delivered)); // a request
        delivered[24] = 0;
        Assert.Equal(((ushort)0x1234, (ushort)1), DistanceProbe.Reply(delivered));
        for (var length = 0; length < 32; length++) Assert.Null(DistanceProbe.Reply(delivered.AsSpan(0, length)));
    }

    [Theory]
    [InlineData(null, 0, true)]
    [InlineData(0, 0, false)]
    [InlineData(0, 1, true)]
    [InlineData(1, 0, true)]
    [InlineData(5, 6, false)]
    [InlineData(5, 7, true)]
    [InlineData(100, 115, false)]
    [InlineData(100, 121, true)]
    public void Load_IsReportedWhenItMovedEnough(int? reported, int now, bool news) => Assert.Equal(news, FlowSurvey.IsNews(reported, now));
}
