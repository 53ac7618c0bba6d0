using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Gatehouse.Api.Server;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store;
using Gatehouse.Store.Memory;

namespace Gatehouse.Api.Tests.Server;

public sealed class AdmissionTests
{
    [Fact]
    public async Task An_admission_fills_the_status_in_the_write_that_creates()
    {
        var admission = new Recorder(r => r.Object["status"] = new JsonObject { ["outcome"] = "Found", ["version"] = 7L });
        await using var server = await TestServer.StartAsync(o => o with { Admissions = [admission] });
        var created = (await server.Worker("w1").PostAsync(Bodies.Interests, Bodies.Interest("i", "w1"))).Expect(201);
        Assert.Equal("Found", (string?)created.Json["status"]!["outcome"]);
        Assert.Equal(1, server.Store.Revision);
        Assert.Equal(["admit Create i system:worker:w1"], admission.Calls);
    }

    [Fact]
    public async Task Every_verb_is_announced_and_other_kinds_are_not()
    {
        var admission = new Recorder();
        await using var server = await TestServer.StartAsync(o => o with { Admissions = [admission] });
        var client = server.Operator();
        await client.PostAsync(Bodies.Workers, Bodies.Worker("w1"));
        await client.PostAsync(Bodies.Interests, Bodies.Interest("i", "w1", metadata: ""","finalizers":["gatehouse.dev/x"]"""));
        await client.PutAsync($"{Bodies.Interests}/i", Bodies.Interest("i", "w2", metadata: ""","finalizers":["gatehouse.dev/x"]"""));
        await client.PatchAsync($"{Bodies.Interests}/i", """{"spec":{"query":"other"}}""");
        await client.PatchAsync($"{Bodies.Interests}/i/status", """{"status":{"outcome":"Unknown"}}""");
        await client.DeleteAsync($"{Bodies.Interests}/i");
        await client.PatchAsync($"{Bodies.Interests}/i", """{"metadata":{"finalizers":null}}""");
        Assert.Equal(
            ["Create i", "Update i", "Update i", "UpdateStatus i", "Delete i", "Update i"],
            admission.Calls.Select(c => string.Join(' ', c.Split(' ')[1..3])));
        Assert.DoesNotContain(admission.Calls, c => c.StartsWith("abandon", StringComparison.Ordinal));
        // On a patch it sees the result, and the object before.
        Assert.Equal("other", (string?)admission.Requests[2].Object["spec"]!["query"]);
        Assert.Equal("shop", (string?)admission.Requests[2].Old!["spec"]!["query"]);
    }

    [Fact]
    public async Task What_was_admitted_is_given_back_last_first_when_the_write_is_not_made()
    {
        var log = new ConcurrentQueue<string>();
        var first = new Recorder(name: "first", log: log);
        var second = new Recorder(r => r.Object["spec"]!["query"] = (string?)r.Object["spec"]!["query"] == "bad" ? "" : "x", name: "second", log: log);
        await using var server = await TestServer.StartAsync(o => o with { Admissions = [first, second] });
        var client = server.Operator();
        // Invalid after admission.
        (await client.PostAsync(Bodies.Interests, Bodies.Interest("i", "w1", "bad"))).Expect(422);
        Assert.Equal(["first admit", "second admit", "second abandon", "first abandon"], Take(log));
        // The name is taken.
        (await client.PostAsync(Bodies.Interests, Bodies.Interest("i", "w1"))).Expect(201);
        Take(log);
        (await client.PostAsync(Bodies.Interests, Bodies.Interest("i", "w1"))).Expect(409);
        Assert.Equal(["first admit", "second admit", "second abandon", "first abandon"], Take(log));
        // Unreadable: nobody is asked.
        (await client.PostAsync(Bodies.Interests, """{"apiVersion":"gatehouse.dev/v1","kind":"Interest","metadata":{"name":"j"},"spec":{"holder":7}}""")).Expect(422);
        Assert.Empty(Take(log));
    }

    [Fact]
    public async Task A_refusal_is_the_answer_and_those_before_get_back_what_they_took()
    {
        var log = new ConcurrentQueue<string>();
        var first = new Recorder(name: "first", log: log);
        var second = new Recorder(name: "second", log: log, refusal: new Status { Code = 409, Reason = StatusReason.Conflict, Message = "10.30.0.1 is taken by 'shop'" });
        await using var server = await TestServer.StartAsync(o => o with { Admissions = [first, second] });
        var answer = (await server.Operator().PostAsync(Bodies.Interests, Bodies.Interest("i", "w1"))).Expect(409);
        Assert.Equal("10.30.0.1 is taken by 'shop'", answer.Message);
        Assert.Equal(["first admit", "second admit", "first abandon"], Take(log));
        Assert.Equal(0, server.Store.Revision);
    }

    [Fact]
    public async Task A_lost_race_is_abandoned_and_admitted_again()
    {
        var time = TimeProvider.System;
        await using var store = new MemoryStore(time);
        var admission = new Recorder();
        await using var server = await ApiServer.CreateAsync(new ApiServerOptions { Store = store, Admissions = [admission] }, TestContext.Current.CancellationToken);
        await server.Local.CreateAsync(Sample("i"), TestContext.Current.CancellationToken);
        var raced = 0;
        admission.Then = async request =>
        {
            if (request.Verb != AdmissionVerb.Update || Interlocked.Exchange(ref raced, 1) != 0) return;
            await server.Local.MergePatchAsync<Interest>("i", """{"metadata":{"labels":{"b":"2"}}}""", null, TestContext.Current.CancellationToken);
        };
        var result = await server.Local.MergePatchAsync<Interest>("i", """{"metadata":{"labels":{"a":"1"}}}""", null, TestContext.Current.CancellationToken);
        Assert.Equal(["a", "b"], result.Metadata.Labels!.Keys.Order());
        Assert.Equal(["admit", "admit", "admit", "abandon", "admit"], admission.Calls.Select(c => c.Split(' ')[0]));
    }

    [Fact]
    public async Task A_store_that_fails_is_503_and_gives_nothing_back()
    {
        var admission = new Recorder();
        await using var inner = new MemoryStore(TimeProvider.System);
        await using var server = await TestServer.StartAsync(o => o with { Store = new FullStore(inner), Admissions = [admission] });
        var answer = (await server.Operator().PostAsync(Bodies.Interests, Bodies.Interest("i", "w1"))).Expect(503);
        Assert.Contains("no space", answer.Message);
        // Nobody knows whether such a write is on disk: an address that it took must not be handed out again.
        Assert.DoesNotContain(admission.Calls, c => c.StartsWith("abandon", StringComparison.Ordinal));
    }

    private static Interest Sample(string name) => new() { Metadata = new ObjectMeta { Name = name }, Spec = new InterestSpec { Holder = "w1", Query = "shop" } };

    private static List<string> Take(ConcurrentQueue<string> log)
    {
        List<string> taken = [];
        while (log.TryDequeue(out var line)) taken.Add(line);
        return taken;
    }

    private sealed class Recorder(Action<AdmissionRequest>? change = null, string name = "", ConcurrentQueue<string>? log = null, Status? refusal = null) : IAdmission
    {
        public IReadOnlyCollection<KindInfo> Kinds { get; } = [Interest.Info];

        public List<string> Calls { get; } = [];

        public List<AdmissionRequest> Requests { get; } = [];

        public Func<AdmissionRequest, Task>? Then { get; set; }

        public async ValueTask<Status?> AdmitAsync(AdmissionRequest request, CancellationToken cancellation)
        {
            log?.Enqueue($"{name} admit");
            Calls.Add($"admit {request.Verb} {request.Key} {request.User.Name}");
            Requests.Add(request);
            change?.Invoke(request);
            if (Then is not null) await Then(request);
            return refusal;
        }

        public void Abandon(AdmissionRequest request)
        {
            log?.Enqueue($"{name} abandon");
            Calls.Add($"abandon {request.Verb} {request.Key}");
        }
    }

    /// <summary>A real store on a disk that is full: reads go on, writes are refused as <see cref="IRevisionStore"/> says.</summary>
    private sealed class FullStore(IRevisionStore inner) : IRevisionStore
    {
        public string Id => "full.0";

        public long Revision => inner.Revision;

        public long CompactedRevision => inner.CompactedRevision;

        public ValueTask<WriteResult> WriteAsync(StoreWrite write, CancellationToken cancellation) => throw new StoreUnavailableException("/test", "no space left on device");

        public ValueTask<StoreEntry?> GetAsync(string key, long revision, CancellationToken cancellation) => inner.GetAsync(key, revision, cancellation);

        public ValueTask<StoreList> ListAsync(ListRequest request, CancellationToken cancellation) => inner.ListAsync(request, cancellation);

        public IAsyncEnumerable<StoreEvent> WatchAsync(string prefix, long afterRevision, CancellationToken cancellation) => inner.WatchAsync(prefix, afterRevision, cancellation);

        public ValueTask CompactAsync(long revision, CancellationToken cancellation) => inner.CompactAsync(revision, cancellation);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
