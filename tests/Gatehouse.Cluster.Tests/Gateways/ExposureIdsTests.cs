using Gatehouse.Cluster.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Cluster.Tests.Gateways;

public class ExposureIdsTests
{
    [Fact]
    public void Take_BeforeAnythingIsSetAside_GivesNothing()
    {
        var ids = new ExposureIds();
        ids.Resume([], []);

        Assert.Null(ids.Take());
        Assert.Equal(ExposureIds.BlockSize, ids.SequenceFor(1));
    }

    [Fact]
    public void Take_FreedIdentifier_IsReusedLast()
    {
        var ids = Started();
        var first = ids.Take();
        ids.Release(first);

        Assert.Equal(1, first);
        Assert.All(Enumerable.Range(0, 200), _ => Assert.NotEqual(first, ids.Take()));
    }

    [Fact]
    public void Take_MoreThanABlock_AsksForTheNextBlockOnce()
    {
        var ids = Started();
        for (var i = 0; i < ExposureIds.BlockSize; i++) Assert.Equal(i + 1, ids.Take());

        Assert.Null(ids.Take());
        Assert.Equal(2 * ExposureIds.BlockSize, ids.SequenceFor(1));
        ids.SetAside(2 * ExposureIds.BlockSize);
        Assert.Equal(ExposureIds.BlockSize + 1, ids.Take());
    }

    [Fact]
    public void Resume_AfterARestart_StartsBehindAllThatWasSetAside()
    {
        var host = new GatewayHost { Status = new GatewayHostStatus { ExposureSequence = 512 } };
        var ids = new ExposureIds();
        ids.Resume([host], [Holding(900)]);

        ids.SetAside(ids.SequenceFor(1)!.Value);

        Assert.Equal(513, ids.Take());
        Assert.Equal(2, ids.InUse);
    }

    [Fact]
    public void Take_AtTheEndOfTheCircle_SkipsWhatIsInUse()
    {
        var ids = new ExposureIds();
        ids.Resume([new GatewayHost { Status = new GatewayHostStatus { ExposureSequence = ExposureIds.Max - 1 } }], [Holding(1), Holding(2)]);
        ids.SetAside(ids.SequenceFor(2)!.Value);

        Assert.Equal(ExposureIds.Max, ids.Take());
        Assert.Equal(3, ids.Take());
    }

    private static Exposure Holding(int id) => new() { Metadata = new ObjectMeta { Name = $"e{id}" }, Status = new ExposureStatus { Id = id } };

    private static ExposureIds Started()
    {
        var ids = new ExposureIds();
        ids.Resume([], []);
        ids.SetAside(ids.SequenceFor(1)!.Value);
        return ids;
    }
}
