using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Identity;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Sqlite;
using Gatehouse.TestKit;

namespace Gatehouse.Api.Tests.Server;

public sealed class RestartTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Objects_revisions_authority_and_watches_go_on_after_a_restart()
    {
        using var directory = new TemporaryDirectory();
        string pin;
        string listed;
        await using (var first = await Process.StartAsync(directory))
        {
            pin = first.Authority.Pin;
            await first.Server.Local.CreateAsync(Sample("w1"), Cancellation);
            listed = (await first.Server.Local.ListAsync<Worker>(Selection.All, Cancellation)).ResourceVersion;
            await first.Server.Local.CreateAsync(Sample("w2"), Cancellation);
            await first.Server.Local.DeleteAsync<Worker>("w1", null, Cancellation);
        }

        await using var second = await Process.StartAsync(directory);
        Assert.Equal(pin, second.Authority.Pin);
        await second.Server.Local.CreateAsync(Sample("w3"), Cancellation);
        List<string> seen = [];
        await foreach (var change in second.Server.Local.WatchAsync<Worker>(Selection.All, listed, Cancellation))
        {
            seen.Add($"{change.Type} {change.Object!.Metadata.Name} {change.ResourceVersion}");
            if (seen.Count == 3) break;
        }

        Assert.Equal(["Added w2 2", "Deleted w1 3", "Added w3 4"], seen);
    }

    [Fact]
    public async Task A_taken_port_is_reported_and_the_registry_goes_on()
    {
        using var directory = new TemporaryDirectory();
        await using var first = await Process.StartAsync(directory);
        using var other = new TemporaryDirectory();
        await using var second = await Process.StartAsync(other, first.Server.Endpoints[0].Port, listen: false);
        await Assert.ThrowsAsync<IOException>(() => second.Server.ListenAsync(Cancellation));
        await second.Server.Local.CreateAsync(Sample("w1"), Cancellation);
    }

    private static Worker Sample(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new WorkerSpec { Underlay = "192.0.2.1" } };

    /// <summary>All that a process of root holds on a state directory.</summary>
    private sealed record Process(SqliteStore Store, CertificateAuthority Authority, ApiServer Server) : IAsyncDisposable
    {
        public static async Task<Process> StartAsync(TemporaryDirectory directory, int port = 0, bool listen = true)
        {
            var store = await SqliteStore.OpenAsync(new SqliteStoreOptions { Path = directory["store.db"] }, TimeProvider.System, Cancellation);
            var authority = CertificateAuthority.OpenRoot(directory["identity"], "root", TimeProvider.System);
            var server = await ApiServer.CreateAsync(
                new ApiServerOptions { Store = store, Authority = authority, Listen = [new IPEndPoint(IPAddress.Loopback, port)] }, Cancellation);
            if (listen) await server.ListenAsync(Cancellation);
            return new Process(store, authority, server);
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            await Store.DisposeAsync();
            Authority.Dispose();
        }
    }
}
