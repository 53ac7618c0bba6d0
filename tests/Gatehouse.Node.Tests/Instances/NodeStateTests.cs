using Gatehouse.Node.Instances;
using Gatehouse.TestKit;

namespace Gatehouse.Node.Tests.Instances;

public sealed class NodeStateTests
{
    [Fact]
    public void Load_AfterUpdate_IsWhatWasWritten()
    {
        using var folder = new TemporaryDirectory();
        var file = new NodeStateFile(folder.Path);
        Assert.Null(file.Load());
        var written = file.Update(s => s with { Subnetwork = new(7, "10.18.1.192/26", "fc00::700/120"), Client = "n1", Instances = [Instance(2), Instance(5)], Freed = [3, 4], NextHost = 6 });

        var again = new NodeStateFile(folder.Path);
        Assert.Null(again.Load());
        Assert.Equivalent(written, again.State, strict: true);
        Assert.Equal(written.Tag, again.State.Tag);
    }

    /// <summary>A file that was cut or changed at any place is set aside whole, never believed in part.</summary>
    [Fact]
    public void Load_FileCutOrFlippedAnywhere_IsRefusedAndSetAside()
    {
        using var folder = new TemporaryDirectory();
        var file = new NodeStateFile(folder.Path);
        file.Load();
        file.Update(s => s with { Instances = [Instance(2)] });
        var good = File.ReadAllBytes(folder["node.json"]);
        for (var at = 0; at < good.Length - 1; at++)
        {
            foreach (var bad in new[] { good[..at], [.. good[..at], (byte)(good[at] ^ 1), .. good[(at + 1)..]] })
            {
                File.WriteAllBytes(folder["node.json"], bad);
                var loaded = new NodeStateFile(folder.Path);
                Assert.NotNull(loaded.Load());
                Assert.Empty(loaded.State.Instances);
                Assert.Equal(bad, File.ReadAllBytes(folder["node.json.refused"]));
            }
        }
    }

    [Fact]
    public void HostNumbers_AllAreGivenOnce_ThenTheLongestFreeFirst()
    {
        var state = new NodeState { Tag = "t" };
        var given = new List<int>();
        while (HostNumbers.Take(state) is { } taken)
        {
            given.Add(taken.Host);
            state = taken.State;
        }

        Assert.Equal(Enumerable.Range(2, 61), given);
        state = HostNumbers.Give(HostNumbers.Give(state, 40), 9);
        Assert.Equal(40, HostNumbers.Take(state)!.Value.Host);
        Assert.Equal(9, HostNumbers.Take(HostNumbers.Take(state)!.Value.State)!.Value.Host);
    }

    private static AttachedInstance Instance(int host) => new()
    {
        Service = "web",
        Number = host,
        Host = host,
        Pid = 77,
        StartTime = ulong.MaxValue,
        NamespaceName = "n",
        Owned = true,
        PortMappings = "1:1",
        Address = new("10.30.0.1", "fdff::1"),
        Declared = true,
    };
}
