using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Udp;

namespace Gatehouse.Proxy.Tests.Udp;

/// <summary>The table against a dictionary.</summary>
public sealed class FlowTableTests
{
    [Fact]
    public void It_finds_what_is_in_it_and_nothing_else() => Prop.ForAll<(byte Client, byte Local, bool Add)[]>(static steps =>
        {
            var table = new FlowTable<Key>();
            var known = new Dictionary<(byte, byte), Key>();
            foreach (var (client, local, add) in steps)
            {
                var key = (client, local);
                if (add && !known.ContainsKey(key))
                {
                    var flow = new Key(At(client), At(local));
                    table.Add(flow);
                    known.Add(key, flow);
                }
                else if (!add && known.Remove(key, out var gone)) table.Remove(gone);
            }

            return table.Count == known.Count && Everywhere().All(k => table.Find(At(k.Item1), At(k.Item2)) == known.GetValueOrDefault(k)) && table.ToList().ToHashSet().SetEquals(known.Values);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Flows_that_come_and_go_leave_no_gaps()
    {
        var table = new FlowTable<Key>();
        var flows = Enumerable.Range(0, 5_000).Select(i => new Key(new SocketEndPoint(new IPAddress(0x0100007F + ((long)(i % 200) << 24)), i), default)).ToList();
        foreach (var flow in flows) table.Add(flow);
        foreach (var flow in flows.Where((_, i) => i % 3 != 0)) table.Remove(flow);
        for (var i = 0; i < flows.Count; i++) Assert.Same(i % 3 == 0 ? flows[i] : null, table.Find(flows[i].Client, default));
        foreach (var flow in flows.Where((_, i) => i % 3 != 0)) table.Add(flow);
        Assert.All(flows, f => Assert.Same(f, table.Find(f.Client, default)));
    }

    private static IEnumerable<(byte, byte)> Everywhere() => from client in Enumerable.Range(0, 256) from local in new[] { 0, 1, 2, 3, 5, 255 } select ((byte)client, (byte)local);

    private sealed class Key : FlowKey
    {
        public Key(in SocketEndPoint client, in SocketEndPoint local) => SetKey(client, local);

        public override void OnTimeout() => throw new InvalidOperationException("nobody set it a deadline");
    }

    private static SocketEndPoint At(byte value) => new(new IPAddress([127, 0, 0, value]), value);
}
