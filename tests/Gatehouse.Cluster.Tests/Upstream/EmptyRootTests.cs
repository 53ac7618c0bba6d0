using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestHosts;
using Gatehouse.TestKit;

namespace Gatehouse.Cluster.Tests.Upstream;

/// <summary>Root starts without its store: nothing that the cluster knows may be taken for deleted.</summary>
public sealed class EmptyRootTests
{
    [Fact]
    public async Task What_an_empty_root_does_not_know_stays_also_after_a_restart_of_the_cluster()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "web" } }, Ct);
        await root.Local.CreateAsync(ThinLineTests.Instance("web", 0), Ct);
        await cluster.RunAsync("web.0", "w1", 0);
        await cluster.Local.UntilThereAsync<FabricService>("web", _ => true);

        await root.RestartEmptyAsync();
        // The cluster tries in vain, more than once, and its own work goes on meanwhile.
        var refused = await Assert.ThrowsAsync<ApiUnreachableException>(() => cluster.AskRootAsync());
        Assert.Contains("was started empty", refused.Message, StringComparison.Ordinal);
        Assert.Contains("root-store", refused.Message, StringComparison.Ordinal);
        await cluster.RestartAsync();
        var interest = await cluster.WorkerClient("w1").CreateAsync(ThinLineTests.Interest("w1", "web"), Ct);
        Assert.Equal("web", interest.Status!.Service);
        await Assert.ThrowsAsync<ApiUnreachableException>(() => cluster.AskRootAsync());
        Assert.Equal(InstancePhase.Running, (await cluster.Local.GetAsync<FabricInstance>("web.0", Ct))!.Status!.Phase);
        Assert.Equal("10.18.0.0/26", (await cluster.Local.GetAsync<Worker>("w1", Ct))!.Status!.Subnetwork!.Ipv4);
        Assert.Empty((await root.Local.ListAsync<Subnetwork>(Selection.All, Ct)).Items);
    }

    [Fact]
    public async Task Who_removes_the_note_follows_the_new_root()
    {
        await using var root = await RootHost.StartAsync();
        await using var cluster = await ClusterHost.StartAsync(root);
        await cluster.JoinAsync("w1");
        await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "web" } }, Ct);
        await root.Local.CreateAsync(ThinLineTests.Instance("web", 0), Ct);
        await cluster.Local.UntilThereAsync<FabricService>("web", _ => true);

        await root.RestartEmptyAsync();
        await cluster.StopAsync();
        File.Delete(cluster.RootStoreNote);
        await cluster.ResumeAsync();
        await root.Local.UntilThereAsync<Subnetwork>("c1.w1", _ => true);
        await cluster.Local.UntilGoneAsync<FabricService>("web");
    }

    [Fact]
    public async Task A_watch_does_not_resume_in_the_history_of_another_store()
    {
        await using var root = await RootHost.StartAsync();
        using var client = new HttpObjectClient(root.ClientOptions(new UserInfo("op", [UserInfo.MastersGroup])));
        var informer = new Informer<FabricService>(client, Selection.All, new());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var run = informer.RunAsync(stop.Token);
        await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = "lost" } }, Ct);
        await SeenAsync(() => informer.Snapshot.ContainsKey("lost"));
        await root.RestartEmptyAsync();
        for (var i = 0; i < 40; i++) await root.Local.CreateAsync(new FabricService { Metadata = new ObjectMeta { Name = $"new{i}" } }, Ct);
        await SeenAsync(() => informer.Snapshot.Count == 40 && !informer.Snapshot.ContainsKey("lost"));
        await stop.CancelAsync();
        await run;
        await informer.DisposeAsync();
    }

    private static async Task SeenAsync(Func<bool> seen)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(Patience.Limit);
        while (!seen())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
