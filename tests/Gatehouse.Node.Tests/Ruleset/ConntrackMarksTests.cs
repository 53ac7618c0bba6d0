using System.Net;
using Gatehouse.Node.Peers;
using Gatehouse.Node.Ruleset;

namespace Gatehouse.Node.Tests.Ruleset;

public sealed class ConntrackMarksTests
{
    /// <summary>For every worker that there can be, both families of an instance have one mark, and no two instances share one.</summary>
    [Fact]
    public void OfInstance_AllSubnetworks_BothFamiliesAgreeAndNobodyCollides()
    {
        var seen = new HashSet<uint>();
        for (var index = 0; index < 15_360; index++)
        {
            var four = new IPNetwork(new IPAddress(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(Start(index))), 26);
            var six = IPNetwork.Parse($"fc00::{index >> 8:x}:{(index & 0xff) << 8:x}/120");
            foreach (var host in new[] { 1, 2, 62 })
            {
                var mark = ConntrackMarks.OfInstance(PeerTarget.HostOf(four, host));
                Assert.Equal(mark, ConntrackMarks.OfInstance(PeerTarget.HostOf(six, host)));
                Assert.True(ConntrackMarks.IsInstance(mark));
                Assert.True(seen.Add(mark), $"{PeerTarget.HostOf(four, host)} has the mark of another");
            }

            Assert.False(ConntrackMarks.IsInstance(ConntrackMarks.OfGateway(index)));
        }
    }

    // 10.18.0.0 upward to 10.29.255.192, then 10.31, then 10.16 and 10.17.
    private static uint Start(int index) => index < 12_288 ? 0x0a12_0000 + ((uint)index * 64)
        : index < 13_312 ? 0x0a1f_0000 + ((uint)(index - 12_288) * 64)
        : 0x0a10_0000 + ((uint)(index - 13_312) * 64);
}
