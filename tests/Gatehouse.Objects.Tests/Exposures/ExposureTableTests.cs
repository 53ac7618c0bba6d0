using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Objects.Exposures;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Objects.Tests.Exposures;

public class ExposureTableTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 20, 9, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(null, null, "10.30.0.1", "10.30.0.2", true)]
    [InlineData("192.0.2.1", null, "10.30.0.1", "10.30.0.2", true)]
    [InlineData("192.0.2.1", "192.0.2.1", "10.30.0.1", "10.30.0.2", true)]
    [InlineData("192.0.2.1", "192.0.2.2", "10.30.0.1", "10.30.0.2", false)]
    [InlineData(null, null, "10.30.0.1", "fdff:2000::1", false)]
    [InlineData("2001:db8::1", "2001:DB8:0:0::1", "fdff:2000::1", "fdff:2000::2", true)]
    public void Overlap_TwoOfOnePort_FollowsAddressAndFamily(string? publicA, string? publicB, string serviceA, string serviceB, bool expected)
    {
        var (a, b) = (Spec(publicA, serviceA), Spec(publicB, serviceB));

        Assert.Equal(expected, ExposureOrder.Overlap(a, b));
        Assert.Equal(expected, ExposureOrder.Overlap(b, a));
    }

    [Fact]
    public void Holder_SecondOfAPort_IsTheFirst()
    {
        var table = new ExposureTable();
        table.Put(New("a", age: 1));
        var second = New("b", age: 2);
        table.Put(second);

        Assert.Equal("a", table.Holder(second)?.Metadata.Name);
        Assert.Null(table.Holder(table.Find("a")!));
    }

    [Fact]
    public void Holder_YoungerThatHolds_StaysAheadOfOlder()
    {
        var table = new ExposureTable();
        var older = New("a", age: 1);
        table.Put(older);
        table.Put(New("b", age: 2) with { Status = new ExposureStatus { Phase = ExposurePhase.Active, Id = 7 } });

        Assert.Equal("b", table.Holder(older)?.Metadata.Name);
    }

    [Theory]
    [InlineData(ExposurePhase.Draining)]
    [InlineData(ExposurePhase.Withdrawn)]
    public void Holder_WhoLeaves_HasNoSay(ExposurePhase phase)
    {
        var table = new ExposureTable();
        table.Put(New("a", age: 1) with { Status = new ExposureStatus { Phase = phase, Id = 7 } });

        Assert.Null(table.Holder(New("", age: 3)));
    }

    [Fact]
    public void Holder_WhoIsRefusedByAnother_BlocksNobodyElse()
    {
        // a is pinned to .1; b wants both and is refused; c, pinned to .2, is in nobody's way who has something.
        var table = new ExposureTable();
        table.Put(New("a", age: 1, pin: "192.0.2.1"));
        table.Put(New("b", age: 2));
        var c = New("c", age: 3, pin: "192.0.2.2");
        table.Put(c);

        Assert.Equal("a", table.Holder(table.Find("b")!)?.Metadata.Name);
        Assert.Null(table.Holder(c));
    }

    [Fact]
    public void Put_OlderRevision_IsIgnored()
    {
        var table = new ExposureTable();
        table.Put(New("a", age: 1, revision: 20));

        var before = table.Put(New("a", age: 1, revision: 12, port: 9000));

        Assert.Equal(8080, before!.Spec.Port);
        Assert.Equal(8080, table.Find("a")!.Spec.Port);
    }

    [Fact]
    public void Put_MovedToAnotherServiceAndPort_LeavesNothingBehind()
    {
        var table = new ExposureTable();
        table.Put(New("a", age: 1, revision: 1));
        table.Put(New("a", age: 1, revision: 2, port: 9000, service: "10.30.0.9"));

        Assert.Empty(table.At(new ExposurePort("gw", Protocol.Tcp, 8080)));
        Assert.Empty(table.OfService("10.30.0.1"));
        Assert.Single(table.OfService("10.30.0.9"));
        Assert.Single(table.OfGateway("gw"));
        Assert.NotNull(table.Remove("a"));
        Assert.Equal(0, table.Count);
        Assert.Empty(table.OfGateway("gw"));
    }

    [Fact]
    public void Holder_AnySetOfExposures_NoTwoWinnersOverlap()
    {
        var exposures = Gen.Choose(1, 12).SelectMany(n => Gen.ArrayOf(
            from pin in Gen.Elements(null, "192.0.2.1", "192.0.2.2")
            from held in Gen.Elements(true, false)
            from leaving in Gen.Frequency((4, Gen.Constant(false)), (1, Gen.Constant(true)))
            from age in Gen.Choose(0, 5)
            select (pin, held, leaving, age), n));

        Prop.ForAll(exposures.ToArbitrary(), rows =>
        {
            var table = new ExposureTable();
            foreach (var (row, i) in rows.Select((r, i) => (r, i)))
            {
                var exposure = New($"e{i}", row.age, row.pin);
                table.Put(exposure with
                {
                    Spec = exposure.Spec with { Withdraw = row.leaving },
                    Status = row.held ? new ExposureStatus { Phase = ExposurePhase.Active, Id = i + 1 } : null,
                });
            }

            var contenders = table.All().Where(e => !ExposureOrder.IsLeaving(e)).ToList();
            var winners = contenders.Where(e => table.Holder(e) is null).ToList();
            var apart = winners.All(a => winners.All(b => a == b || !ExposureOrder.Overlap(a.Spec, b.Spec)));
            var everyLoserHasAWinner = contenders.Except(winners).All(l => winners.Contains(table.Holder(l)!));
            return apart && everyLoserHasAWinner;
        }).QuickCheckThrowOnFailure();
    }

    private static ExposureSpec Spec(string? publicAddress, string service) =>
        new() { Gateway = "gw", Port = 8080, PublicAddress = publicAddress, ServiceAddress = service, ServicePort = 80 };

    private static Exposure New(string name, int age, string? pin = null, int revision = 1, int port = 8080, string service = "10.30.0.1") => new()
    {
        Metadata = new ObjectMeta { Name = name, CreationTimestamp = Start.AddSeconds(age), ResourceVersion = $"{revision}" },
        Spec = Spec(pin, service) with { Port = port },
    };
}
