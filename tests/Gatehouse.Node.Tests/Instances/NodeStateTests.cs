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

    /// <summary>A file that was cut or changed at any place is set aside whole, never believed in part, and its copy has everything.</summary>
    [Fact]
    public void Load_FileCutOrFlippedAnywhere_IsSetAside_AndTheCopyTaken()
    {
        using var folder = new TemporaryDirectory();
        var file = new NodeStateFile(folder.Path);
        file.Load();
        var written = file.Update(s => s with { Instances = [Instance(2)] });
        foreach (var bad in Damaged(File.ReadAllBytes(folder["node.json"])))
        {
            File.WriteAllBytes(folder["node.json"], bad);
            var loaded = new NodeStateFile(folder.Path);
            Assert.Contains("its copy was taken", loaded.Load(), StringComparison.Ordinal);
            Assert.Equivalent(written, loaded.State, strict: true);
            Assert.Equal(bad, File.ReadAllBytes(folder["node.json.refused"]));
            Assert.Null(new NodeStateFile(folder.Path).Load());
        }
    }

    [Fact]
    public void Load_CopyDamaged_TakesTheFile_AndMakesTheCopyAnew()
    {
        using var folder = new TemporaryDirectory();
        var file = new NodeStateFile(folder.Path);
        file.Load();
        var written = file.Update(s => s with { Instances = [Instance(2)] });
        File.WriteAllText(folder["node.json.copy"], "{");

        var loaded = new NodeStateFile(folder.Path);
        Assert.Null(loaded.Load());
        Assert.Equivalent(written, loaded.State, strict: true);
        Assert.Equal(File.ReadAllBytes(folder["node.json"]), File.ReadAllBytes(folder["node.json.copy"]));
    }

    /// <summary>Nothing is believed, and the names that this node gives stay the same: what bears them is known again.</summary>
    [Fact]
    public void Load_BothDamaged_BeginsAnewWithTheSameTag()
    {
        using var folder = new TemporaryDirectory();
        var file = new NodeStateFile(folder.Path);
        file.Load();
        var written = file.Update(s => s with { Instances = [Instance(2)] });
        foreach (var name in new[] { "node.json", "node.json.copy" }) File.WriteAllBytes(folder[name], File.ReadAllBytes(folder[name])[..20]);

        var loaded = new NodeStateFile(folder.Path);
        Assert.Contains("what is in the kernel is looked for", loaded.Load(), StringComparison.Ordinal);
        Assert.Empty(loaded.State.Instances);
        Assert.Equal(written.Tag, loaded.State.Tag);
        using var other = new TemporaryDirectory();
        var another = new NodeStateFile(other.Path);
        another.Load();
        Assert.NotEqual(written.Tag, another.State.Tag);
    }

    private static IEnumerable<byte[]> Damaged(byte[] good) =>
        Enumerable.Range(0, good.Length - 1).SelectMany(at => new byte[][] { good[..at], [.. good[..at], (byte)(good[at] ^ 1), .. good[(at + 1)..]] });

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
