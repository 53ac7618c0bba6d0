using System.Net;
using Gatehouse.Addressing.Balancing;
using Gatehouse.Node.Ruleset;
using Gatehouse.TestKit;

namespace Gatehouse.Node.Tests.Ruleset;

public sealed class RulesetTextTests
{
    private static readonly RulesetShape Shape = new()
    {
        Table = "gatehouse",
        Devices = new("gho-"),
        Underlay = IPAddress.Parse("192.168.7.1"),
        TunnelPort = 4789,
        Bridge4 = IPAddress.Parse("10.18.0.1"),
        Bridge6 = IPAddress.Parse("fc00::1"),
        Subnetwork4 = IPNetwork.Parse("10.18.0.0/26"),
        Subnetwork6 = IPNetwork.Parse("fc00::/120"),
    };

    [Fact]
    public void Load_EveryKindOfElement_IsTheGoldenScript()
    {
        GoldenFile.Check(RulesetText.Load(Shape, [new(ChainUse.Service, SlotDraw.Random, 16, 0)], Elements()), "everything.nft");
    }

    [Fact]
    public void Load_GatewayOnAnIpv6Underlay_OpensManagementAndPutsTheTunnelIntoTheOtherTable()
    {
        var text = RulesetText.Load(Shape with { Underlay = IPAddress.Parse("2001:db8::7"), ManagementPort = 11022 }, [], []);
        GoldenFile.Check(text, "gateway-v6.nft");
    }

    [Fact]
    public void Code_OfEveryChain_IsItsOwn_LeadsBack_AndIsNoOtherMark()
    {
        PolicyChain[] chains =
        [
            .. from use in Enum.GetValues<ChainUse>()
            from draw in Enum.GetValues<SlotDraw>()
            from slots in new[] { 1, 2, 8, 9, 64, 1_024 }
            from shard in Enumerable.Range(0, PolicyChain.Shards)
            select new PolicyChain(use, draw, slots, shard),
        ];
        Assert.Equal(chains.Length, chains.Select(c => c.Code).Distinct().Count());
        Assert.All(chains, c => Assert.Equal(c, PolicyChain.Of(c.Code)));
        Assert.All(chains, c => Assert.True((c.Code & ConntrackMarks.KindMask) is not (ConntrackMarks.Instance or ConntrackMarks.Gateway) && c.Code != ConntrackMarks.Exposed));
    }

    private static IEnumerable<NftElement> Elements()
    {
        foreach (var family in IpFamilies.Both)
        {
            var v4 = family == IpFamily.V4;
            var s = NftSchema.For(family);
            IPAddress Of(string four, string six) => IPAddress.Parse(v4 ? four : six);
            var service = Of("10.30.0.5", "fdff:2000::5");
            var space = Of("10.18.0.2", "fc00::2");
            var instance = Of("10.30.0.9", "fdff::9");
            var here = Of("203.0.113.1", "2001:db8::1");
            var underlay = Of("192.168.7.2", "2001:db8::2");
            yield return NftElement.Map(s.Slots, [space], service, 0u);
            yield return NftElement.Map(s.Services, [new PolicyChain(ChainUse.Service, SlotDraw.Random, 16, 0).Code], service);
            yield return NftElement.Map(s.One, [space], instance);
            yield return NftElement.Map(s.Instances, [instance], space);
            yield return NftElement.Map(s.Marks, [ConntrackMarks.OfInstance(space)], space);
            yield return NftElement.Member(s.Refused, Of("10.30.9.9", "fdff::999")).For(TimeSpan.FromSeconds(5));
            yield return NftElement.Map(s.Exposed, [new PolicyChain(ChainUse.Exposed, SlotDraw.Next, 1, 0).Code], here, (byte)6, (ushort)8080);
            yield return NftElement.Map(s.ExposedSlots, [space, (ushort)80], here, (byte)6, (ushort)8080, 0u);
            yield return NftElement.Member(s.Sources, "gho-i2", space);
            yield return NftElement.Member(s.Underlays, underlay);
            yield return NftElement.Member(s.Gateways, underlay);
            yield return NftElement.Member(s.PeerSubnetworks4, underlay, IPAddress.Parse("10.18.0.64"));
            yield return NftElement.Member(s.PeerSources4, underlay, IPAddress.Parse("10.30.0.10"));
            yield return NftElement.Member(s.PeerSubnetworks6, underlay, IPAddress.Parse("fc00::100"));
            yield return NftElement.Member(s.PeerSources6, underlay, IPAddress.Parse("fdff::10"));
            yield return NftElement.Map(s.GatewayMarks, [ConntrackMarks.OfGateway(1)], new byte[] { 2, 0x67, 0x68, 0, 0, 1 });
        }
    }
}
