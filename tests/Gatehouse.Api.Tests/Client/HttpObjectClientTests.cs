using System.Text;
using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.TestKit;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using static Gatehouse.Api.Tests.Client.Samples;

namespace Gatehouse.Api.Tests.Client;

public sealed class HttpObjectClientTests : IAsyncLifetime
{
    private ScriptedServer _server = null!;
    private HttpObjectClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ScriptedServer.StartAsync();
        _client = _server.Client();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task Every_verb_has_its_method_path_and_body(HttpProtocols protocols)
    {
        await using var server = await ScriptedServer.StartAsync(protocols: protocols);
        using var client = server.Client();
        var bodies = new List<string>();
        server.Otherwise = async context =>
        {
            bodies.Add($"{context.Request.ContentType} {await new StreamReader(context.Request.Body).ReadToEndAsync()}".Trim());
            await ScriptedServer.WriteAsync(context, 200, context.Request.Query.ContainsKey("limit") ? ListJson(3) : Json(Interest("a", 3)));
        };
        var value = new Interest { Metadata = new ObjectMeta { Name = "a" }, Spec = new InterestSpec { Holder = "w1", Query = "q" } };
        var lease = new Lease { Metadata = new ObjectMeta { Name = "l", Namespace = "gatehouse-workers" } };
        await client.GetAsync<Interest>("a", Cancellation);
        await client.ListAsync<Interest>(new Selection(Labels: "a in (b,c)", Fields: "spec.holder=w1"), Cancellation);
        await client.CreateAsync(value, Cancellation);
        await client.UpdateAsync(value, Cancellation);
        await client.UpdateStatusAsync(value, Cancellation);
        await client.MergePatchAsync<Interest>("a", """{"spec":{"query":"r"}}""", "status", Cancellation);
        Assert.True(await client.DeleteAsync<Interest>("a", new DeletePreconditions(Uid: "u"), Cancellation));
        await client.CreateAsync(lease, Cancellation);
        await client.GetAsync<Lease>(new ObjectKey("gatehouse-workers", "l"), Cancellation);
        await client.ListAsync<Lease>(new Selection(Namespace: "gatehouse-workers"), Cancellation);

        Assert.Equal(
            [
                "GET /apis/gatehouse.dev/v1/interests/a",
                "GET /apis/gatehouse.dev/v1/interests?limit=1000&labelSelector=a%20in%20%28b%2Cc%29&fieldSelector=spec.holder%3Dw1",
                "POST /apis/gatehouse.dev/v1/interests",
                "PUT /apis/gatehouse.dev/v1/interests/a",
                "PUT /apis/gatehouse.dev/v1/interests/a/status",
                "PATCH /apis/gatehouse.dev/v1/interests/a/status",
                "DELETE /apis/gatehouse.dev/v1/interests/a",
                "POST /apis/coordination.k8s.io/v1/namespaces/gatehouse-workers/leases",
                "GET /apis/coordination.k8s.io/v1/namespaces/gatehouse-workers/leases/l",
                "GET /apis/coordination.k8s.io/v1/namespaces/gatehouse-workers/leases?limit=1000",
            ],
            server.Requests);
        Assert.Equal("""application/json {"apiVersion":"gatehouse.dev/v1","kind":"Interest","metadata":{"name":"a"},"spec":{"holder":"w1","query":"q"}}""", bodies[2]);
        Assert.Equal("""application/merge-patch+json {"spec":{"query":"r"}}""", bodies[5]);
        Assert.Equal("""application/json {"preconditions":{"uid":"u"},"apiVersion":"v1","kind":"DeleteOptions"}""", bodies[6]);
    }

    [Fact]
    public async Task A_server_below_a_path_is_asked_there()
    {
        using var client = _server.Client(change: o => o with { Server = new Uri(_server.Url, "/clusters/c1/proxy") });
        _server.Answer(200, Json(Interest("a", 1)));
        await client.GetAsync<Interest>("a", Cancellation);
        Assert.Equal("GET /clusters/c1/proxy/apis/gatehouse.dev/v1/interests/a", Assert.Single(_server.Requests));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    public async Task A_name_that_would_climb_in_the_path_is_never_sent(string name)
    {
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => _client.GetAsync<Interest>(name, Cancellation));
        Assert.True(refusal.Is(StatusReason.BadRequest));
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_slash_in_a_name_stays_inside_the_name()
    {
        Assert.Null(await _client.GetAsync<Interest>("a/status?x=1", Cancellation));
        Assert.Equal("GET /apis/gatehouse.dev/v1/interests/a%2Fstatus%3Fx=1", Assert.Single(_server.Requests).Replace("%3f", "%3F", StringComparison.Ordinal).Replace("?x", "%3Fx", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_namespaced_kind_without_namespace_is_refused_before_it_is_sent()
    {
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => _client.GetAsync<Lease>("l", Cancellation));
        Assert.Contains("needs a namespace", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_are_followed_and_the_first_pages_revision_counts()
    {
        _server.Answer(200, ListJson(7, Interest("a", 1)).Replace("\"7\"", "\"7\",\"continue\":\"next/+=\"", StringComparison.Ordinal));
        _server.Answer(200, ListJson(7, Interest("b", 2)));
        var list = await _client.ListAsync<Interest>(Selection.All, Cancellation);
        Assert.Equal(["a", "b"], list.Items.Select(i => i.Metadata.Name));
        Assert.Equal("7", list.ResourceVersion);
        Assert.EndsWith("&continue=next%2F%2B%3D", _server.Requests.Last(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_object_that_does_not_fit_is_left_out_of_a_list_and_the_rest_is_there()
    {
        var broken = Json(Interest("b", 2)).Replace("\"holder\":\"w1\"", "\"holder\":{\"unexpected\":[1,2]}", StringComparison.Ordinal);
        _server.Answer(200, ListJson(9, Interest("a", 1), Interest("b", 2), Interest("c", 3)).Replace(Json(Interest("b", 2)), broken, StringComparison.Ordinal));
        var list = await _client.ListAsync<Interest>(Selection.All, Cancellation);
        Assert.Equal(["a", "c"], list.Items.Select(i => i.Metadata.Name));
    }

    [Fact]
    public async Task Items_without_type_get_it_as_Kubernetes_lists_leave_it_out()
    {
        _server.Answer(200, """{"metadata":{"resourceVersion":"4"},"items":[{"metadata":{"name":"a"},"spec":{}}]}""");
        var item = Assert.Single((await _client.ListAsync<Interest>(Selection.All, Cancellation)).Items);
        Assert.Equal(("gatehouse.dev/v1", "Interest"), (item.ApiVersion, item.Kind));
    }

    [Fact]
    public async Task What_is_not_there_is_null_and_false()
    {
        Assert.Null(await _client.GetAsync<Interest>("a", Cancellation));
        Assert.False(await _client.DeleteAsync<Interest>("a", null, Cancellation));
    }

    [Fact]
    public async Task A_path_that_the_server_does_not_know_is_not_an_object_that_is_not_there()
    {
        _server.Answer(404, "404 page not found", "text/plain");
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => _client.GetAsync<Interest>("a", Cancellation));
        Assert.Contains("404 page not found", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_brings_reason_message_and_every_fault()
    {
        _server.Answer(422, """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"two faults","reason":"Invalid","code":422,"details":{"causes":[{"field":"spec.query","message":"is required"},{"field":"spec.holder","message":"is required"}]}}""");
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => _client.CreateAsync(Interest("a", 1), Cancellation));
        Assert.True(refusal.Is(StatusReason.Invalid));
        Assert.Equal("two faults", refusal.Message);
        Assert.Equal(["spec.query", "spec.holder"], refusal.Status.Details!.Causes!.Select(c => c.Field));
    }

    [Theory]
    [InlineData(401, StatusReason.Unauthorized)]
    [InlineData(403, StatusReason.Forbidden)]
    [InlineData(409, StatusReason.Conflict)]
    [InlineData(410, StatusReason.Gone)]
    [InlineData(429, StatusReason.TooManyRequests)]
    [InlineData(500, StatusReason.InternalError)]
    [InlineData(502, StatusReason.InternalError)]
    [InlineData(503, StatusReason.ServiceUnavailable)]
    [InlineData(302, StatusReason.InternalError)]
    public async Task An_error_that_is_no_Status_becomes_one(int code, string reason)
    {
        _server.Answer(async context =>
        {
            context.Response.Headers.RetryAfter = "7";
            await ScriptedServer.WriteAsync(context, code, "<html>proxy says no</html>", "text/html");
        });
        var refusal = await Assert.ThrowsAsync<ApiStatusException>(() => _client.CreateAsync(Interest("a", 1), Cancellation));
        Assert.Equal((code, reason, 7), (refusal.Status.Code, refusal.Status.Reason, refusal.Status.Details!.RetryAfterSeconds));
        Assert.Contains("interests 'a'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("{\"kind\":")]
    [InlineData("null")]
    [InlineData("[1]")]
    public async Task A_good_status_with_a_bad_body_is_no_API_server(string body)
    {
        _server.Otherwise = c => ScriptedServer.WriteAsync(c, 200, body);
        var fault = await Assert.ThrowsAsync<ApiUnreachableException>(() => _client.GetAsync<Interest>("a", Cancellation));
        Assert.Contains("interests", fault.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ApiUnreachableException>(() => _client.ListAsync<Interest>(Selection.All, Cancellation));
    }

    [Fact]
    public async Task An_answer_over_the_limit_is_refused_announced_or_not()
    {
        using var client = _server.Client(change: o => o with { MaxAnswerBytes = 1_000 });
        var large = Json(Interest("a", 1, query: new string('x', 5_000)));
        _server.Answer(200, large);
        await Assert.ThrowsAsync<ApiUnreachableException>(() => client.GetAsync<Interest>("a", Cancellation));
        _server.Answer(async context =>
        {
            foreach (var part in large.Chunk(500)) await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(part));
        });
        await Assert.ThrowsAsync<ApiUnreachableException>(() => client.GetAsync<Interest>("a", Cancellation));
        _server.Answer(200, Json(Interest("a", 1)));
        Assert.NotNull(await client.GetAsync<Interest>("a", Cancellation));
    }

    [Fact]
    public async Task A_large_answer_in_pieces_arrives_whole()
    {
        var query = string.Concat(Enumerable.Range(0, 40_000).Select(i => (char)('a' + (i % 26))));
        _server.Answer(async context =>
        {
            foreach (var part in Json(Interest("a", 1, query: query)).Chunk(999)) await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(part));
        });
        Assert.Equal(query, (await _client.GetAsync<Interest>("a", Cancellation))!.Spec.Query);
    }

    [Fact]
    public async Task How_far_the_servers_clock_is_ahead_comes_with_every_answer()
    {
        var time = new ManualTimeProvider(DateTimeOffset.UtcNow);
        using var client = _server.Client(time);
        Assert.Null(client.ClockOffset);
        foreach (var seconds in (int[])[100, -3_600])
        {
            var date = time.GetUtcNow().AddSeconds(seconds);
            _server.Answer(context =>
            {
                context.Response.Headers.Date = date.ToString("R");
                return ScriptedServer.WriteAsync(context, 200, Json(Interest("a", 1)));
            });
            await client.GetAsync<Interest>("a", Cancellation);
            Assert.InRange(client.ClockOffset!.Value.TotalSeconds, seconds - 1, seconds);
        }
    }

    [Fact]
    public async Task A_server_that_never_answers_is_given_up_after_the_timeout()
    {
        var time = new ManualTimeProvider(DateTimeOffset.UtcNow);
        using var client = _server.Client(time);
        using var asked = new SemaphoreSlim(0);
        _server.Answer(async context =>
        {
            asked.Release();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        var call = client.GetAsync<Interest>("a", Cancellation);
        await asked.WaitAsync(Cancellation);
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        var fault = await Assert.ThrowsAsync<ApiUnreachableException>(() => call);
        Assert.Contains("no answer within 10 s", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_callers_cancellation_is_not_a_fault()
    {
        using var leaves = new CancellationTokenSource();
        _server.Answer(async context =>
        {
            await leaves.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _client.GetAsync<Interest>("a", leaves.Token));
    }

    [Fact]
    public async Task A_connection_that_is_cut_in_the_answer_is_unreachable()
    {
        _server.Answer(async context =>
        {
            context.Response.ContentLength = 1_000;
            await context.Response.WriteAsync("{\"kind\":");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        await Assert.ThrowsAsync<ApiUnreachableException>(() => _client.GetAsync<Interest>("a", Cancellation));
    }

    [Fact]
    public async Task Nobody_there_is_unreachable_and_the_message_says_where()
    {
        var url = _server.Url;
        await _server.DisposeAsync();
        var fault = await Assert.ThrowsAsync<ApiUnreachableException>(() => _client.GetAsync<Interest>("a", Cancellation));
        Assert.Contains($"GET {url}apis/gatehouse.dev/v1/interests/a", fault.Message, StringComparison.Ordinal);
        Assert.Contains("refused", fault.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_server_without_TLS_is_refused_at_once() =>
        Assert.Throws<ArgumentException>(() => _server.Client(change: o => o with { Server = new Uri("http://127.0.0.1:1") }));

    [Fact]
    public async Task A_disposed_client_says_so()
    {
        _client.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _client.GetAsync<Interest>("a", Cancellation));
    }
}
