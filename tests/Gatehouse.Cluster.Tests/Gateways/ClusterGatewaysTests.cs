using System.Net;
using Gatehouse.Api.Client;
using Gatehouse.Api.Gateways;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Gatehouse.Store.Memory;
using Gatehouse.TestKit;

namespace Gatehouse.Cluster.Tests.Gateways;

public class ClusterGatewaysTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateway_FromDescriptorToReady_TheWorkerIsToldWhatItNeeds()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1", "2001:db8::1");
        await bench.GatewayAsync("gw", "192.0.2.1", "2001:db8::1");
        var scheduled = await bench.GatewayIsAsync("gw", GatewayHostPhase.Scheduled);
        using var client = bench.Gateway("w1");

        var answer = await client.RegisterAsync(Ct);
        await bench.GatewayIsAsync("gw", GatewayHostPhase.Registered);
        var ip = await client.IpAsync(answer.GatewayId, Ct);
        await client.ReadyAsync(answer.GatewayId, new GatewayReport([new(Protocol.Tcp, null, 22)]), Ct);
        var ready = await bench.GatewayIsAsync("gw", GatewayHostPhase.Ready);

        Assert.Equal((scheduled.GatewayId, "gw"), (answer.GatewayId, answer.GatewayName));
        Assert.Equal(("10.18.0.1", "fc00::1"), (ip.Ipv4, ip.Ipv6));
        Assert.Equal("w1", ready.Worker);
        Assert.Single(ready.Listeners);
        Assert.Equal(answer, await client.RegisterAsync(Ct));
        await bench.GatewayIsAsync("gw", GatewayHostPhase.Ready);
    }

    [Fact]
    public async Task Gateway_NobodyAvailable_SaysSoAndIsScheduledWhenSomebodyComes()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.GatewayAsync("gw", "192.0.2.1");

        var none = await bench.GatewayIsAsync("gw", GatewayHostPhase.NoWorker);
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        var some = await bench.GatewayIsAsync("gw", GatewayHostPhase.Scheduled);

        Assert.Equal("no worker is available: 192.0.2.1: no worker of this cluster has this address", none.Message);
        Assert.Equal(("w1", 0), (some.Worker, some.Takeovers));
    }

    [Fact]
    public async Task Gateway_WorkerDies_AnotherCandidateHasGatewayAndExposures()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.WorkerAsync("w2", 1, "192.0.2.2");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1", "192.0.2.2");
        var id = await bench.ReadyGatewayAsync("w1");
        await bench.ExposeAsync("e1", 8080);
        var before = await bench.ExposureIsAsync("e1", ExposurePhase.Active, "w1");

        await bench.PresenceAsync("w1", PresencePhase.Away);
        await bench.GatewayIsAsync("gw", GatewayHostPhase.Scheduled, "w2");
        Assert.Equal(id, await bench.ReadyGatewayAsync("w2"));
        var after = await bench.ExposureIsAsync("e1", ExposurePhase.Active, "w2");
        await bench.PresenceAsync("w1", PresencePhase.Ready);
        using var old = bench.Gateway("w1");
        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => old.RegisterAsync(Ct));
        var gateway = await bench.Api.Local.GetAsync<GatewayHost>("gw", Ct);

        Assert.Equal(["192.0.2.1"], before.PublicAddresses);
        Assert.Equal(["192.0.2.2"], after.PublicAddresses);
        Assert.Equal(before.Id, after.Id);
        Assert.Equal(404, refused.Status.Code);
        Assert.Equal(("w2", 1), (gateway!.Status!.Worker, gateway.Status.Takeovers));
        Assert.Contains("w2 took over from w1", gateway.Status.LastTakeover, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Endpoints_AnotherWorker_GetsNothingOfTheGateway()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.WorkerAsync("w2", 1, "192.0.2.2");
        await bench.GatewayAsync("gw", "192.0.2.1");
        var id = await bench.ReadyGatewayAsync();
        using var other = bench.Gateway("w2");
        var spec = new ExposureSpec { Port = 8080, ServiceAddress = "10.30.0.1", ServicePort = 80 };

        foreach (var act in new Func<Task>[]
        {
            () => other.IpAsync(id, Ct),
            () => other.ReadyAsync(id, new GatewayReport(null), Ct),
            () => other.ReportListenersAsync(id, new GatewayReport([]), Ct),
            () => other.CertificateAsync(id, "", Ct),
            () => other.AddAsync(id, spec, Ct),
            () => other.WithdrawAsync(id, new WithdrawRequest { Port = 8080 }, Ct),
            () => other.IpAsync("no-such-id", Ct),
        })
        {
            Assert.Equal(403, (await Assert.ThrowsAsync<ApiStatusException>(act)).Status.Code);
        }

        using var nobody = bench.Api.Http(null);
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync(GatewayProtocol.IpPath(id), Ct)).StatusCode);
        using var operatorClient = bench.Api.Http(TestApi.Operator);
        Assert.Equal(HttpStatusCode.OK, (await operatorClient.GetAsync(GatewayProtocol.IpPath(id), Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await operatorClient.GetAsync(GatewayProtocol.IpPath("none"), Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await operatorClient.PostAsync(GatewayProtocol.RegisterPath, TestApi.Json("{}"), Ct)).StatusCode);
    }

    [Theory]
    [InlineData("{", 400, "the body is no valid JSON")]
    [InlineData("[]", 400, "the body has not the expected form")]
    [InlineData("null", 400, "null")]
    [InlineData("", 400, "the body is no valid JSON")]
    [InlineData("""{"listeners":[{"protocol":"SCTP","port":1}]}""", 400, "the body has not the expected form: listeners[0].protocol")]
    public async Task Endpoints_BadBody_IsAClearRefusal(string body, int code, string message)
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        var id = await bench.ReadyGatewayAsync();
        using var worker = bench.Api.Http(TestApi.Worker("w1"));

        var path = body.Contains("listeners", StringComparison.Ordinal) ? GatewayProtocol.ListenersPath(id) : GatewayProtocol.ExposuresPath(id);
        var answer = await worker.PostAsync(path, TestApi.Json(body), Ct);

        Assert.Equal(code, (int)answer.StatusCode);
        Assert.Contains(message, await answer.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_FaultyListeners_AllAreNamedAndNothingIsStored()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        var id = await bench.ReadyGatewayAsync();
        using var client = bench.Gateway("w1");

        var refused = await Assert.ThrowsAsync<ApiStatusException>(() =>
            client.ReportListenersAsync(id, new GatewayReport([new(Protocol.Tcp, null, 0), new(Protocol.Udp, "here", 53)]), Ct));

        Assert.Equal(["listeners[0].port", "listeners[1].address"], refused.Status.Details!.Causes!.Select(c => c.Field));
        Assert.Empty((await bench.Api.Local.GetAsync<GatewayHost>("gw", Ct))!.Status!.Listeners);
    }

    [Fact]
    public async Task Add_PortTwice_Is409AndNamesWhoHasIt()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1", "2001:db8::1");
        await bench.GatewayAsync("gw", "192.0.2.1", "2001:db8::1");
        var id = await bench.ReadyGatewayAsync();
        using var client = bench.Gateway("w1");
        var spec = new ExposureSpec { Port = 8080, ServiceAddress = "10.30.0.1", ServicePort = 80 };

        var first = await client.AddAsync(id, spec, Ct);
        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => client.AddAsync(id, spec with { ServiceAddress = "10.30.0.2" }, Ct));
        var sixth = await client.AddAsync(id, spec with { ServiceAddress = "fdff:2000::1" }, Ct);
        var udp = await client.AddAsync(id, spec with { Protocol = Protocol.Udp }, Ct);

        Assert.Equal(409, refused.Status.Code);
        Assert.Equal($"TCP 8080 of gateway gw is held by exposure {first.Metadata.Name}, which leads to 10.30.0.1:80", refused.Status.Message);
        Assert.NotEqual(first.Metadata.Name, sixth.Metadata.Name);
        Assert.Equal(Protocol.Udp, udp.Spec.Protocol);
    }

    [Fact]
    public async Task Add_ManyAtOnceForOnePort_OneGetsIt()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        var id = await bench.ReadyGatewayAsync();
        using var client = bench.Gateway("w1");
        var spec = new ExposureSpec { Port = 8080, ServiceAddress = "10.30.0.1", ServicePort = 80 };

        var tries = await Task.WhenAll(Enumerable.Range(0, 24).Select(async _ =>
        {
            try
            {
                await client.AddAsync(id, spec, Ct);
                return 201;
            }
            catch (ApiStatusException e)
            {
                return e.Status.Code;
            }
        }));

        Assert.Equal(1, tries.Count(c => c == 201));
        Assert.Equal(23, tries.Count(c => c == 409));
    }

    [Fact]
    public async Task Add_ManyFaults_AreOneAnswer()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        var id = await bench.ReadyGatewayAsync();
        using var client = bench.Gateway("w1");

        var refused = await Assert.ThrowsAsync<ApiStatusException>(() =>
            client.AddAsync(id, new ExposureSpec { Port = 22, ServiceAddress = "192.168.0.1", ServicePort = 0, PublicAddress = "192.0.2.77" }, Ct));

        Assert.Equal(422, refused.Status.Code);
        Assert.Equal(["spec.port", "spec.publicAddress", "spec.serviceAddress", "spec.servicePort"], refused.Status.Details!.Causes!.Select(c => c.Field).Order());
    }

    [Fact]
    public async Task Exposure_DeclaredTwiceAsObjects_TheSecondIsRefusedAndGetsThePortWhenTheFirstGoes()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync();
        await bench.ExposeAsync("first", 8080);
        await bench.ExposureIsAsync("first", ExposurePhase.Active);

        await bench.ExposeAsync("second", 8080);
        var refused = await bench.ExposureIsAsync("second", ExposurePhase.Refused);
        await bench.Api.Local.DeleteAsync<Exposure>("first", null, Ct);
        await bench.ExposureIsAsync("first", ExposurePhase.Draining);
        var second = await bench.ExposureIsAsync("second", ExposurePhase.Active);

        Assert.Contains("is held by exposure first", refused.Message, StringComparison.Ordinal);
        Assert.NotEqual((await bench.Api.Local.GetAsync<Exposure>("first", Ct))!.Status!.Id, second.Id);
    }

    [Fact]
    public async Task Exposure_UnknownServiceAddress_WaitsAsksAndIsServedWhenItIsKnown()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync();

        await bench.ExposeAsync("e1", 8080, "10.30.0.7");
        var waiting = await bench.ExposureIsAsync("e1", ExposurePhase.Pending, "w1");
        var asked = await bench.Api.UntilAsync<Interest>(Interest.NameFor("w1", "10.30.0.7"), i => i is not null);
        await bench.ServiceAsync("late", "10.30.0.7", "fdff:2000::7");
        var active = await bench.ExposureIsAsync("e1", ExposurePhase.Active);

        Assert.Contains("10.30.0.7 is no known service or instance address so far", waiting.Message, StringComparison.Ordinal);
        Assert.Equal(("w1", "10.30.0.7"), (asked!.Spec.Holder, asked.Spec.Query));
        Assert.Equal(waiting.Id, active.Id);
    }

    [Fact]
    public async Task Exposure_OfAServiceInAnotherCluster_IsServedWhenTheInterestIsAnswered()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync();
        await bench.ExposeAsync("e1", 8080, "fdff:2000::7", change: s => s with { PublicAddress = null });
        await bench.ExposeAsync("e2", 8081, "10.30.0.7");
        var asked = await bench.Api.UntilAsync<Interest>(Interest.NameFor("w1", "10.30.0.7"), i => i is not null);

        await bench.Api.Local.UpdateStatusAsync(asked! with { Status = new Resolution { Outcome = ResolutionOutcome.Found, Version = 1, Service = "far" } }, Ct);
        await bench.ExposureIsAsync("e2", ExposurePhase.Active);
        var noAddress = await bench.ExposureIsAsync("e1", ExposurePhase.Pending);

        Assert.Contains("has no public IPv6 address", noAddress.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_WhileFlowsRun_DrainsAndEndsWithTheLastFlow()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        var id = await bench.ReadyGatewayAsync();
        using var client = bench.Gateway("w1");
        using var worker = new HttpObjectClient(bench.Api.ClientOptions(TestApi.Worker("w1")));
        var name = (await client.AddAsync(id, new ExposureSpec { Port = 8080, ServiceAddress = "10.30.0.1", ServicePort = 80 }, Ct)).Metadata.Name;
        await bench.ExposureIsAsync(name, ExposurePhase.Active);

        var withdrawn = await client.WithdrawAsync(id, new WithdrawRequest { Port = 8080 }, Ct);
        await bench.ExposureIsAsync(name, ExposurePhase.Draining);
        await worker.MergePatchAsync<Exposure>(name, """{"status":{"flows":2}}""", "status", Ct);
        await bench.ExposureIsAsync(name, ExposurePhase.Draining);
        await worker.MergePatchAsync<Exposure>(name, """{"status":{"flows":0}}""", "status", Ct);
        await bench.Api.UntilAsync<Exposure>(name, e => e is null);

        Assert.Equal(name, Assert.Single(withdrawn.Withdrawn).Metadata.Name);
        Assert.Equal(404, (await Assert.ThrowsAsync<ApiStatusException>(() => client.WithdrawAsync(id, new WithdrawRequest { Port = 8080 }, Ct))).Status.Code);
    }

    [Fact]
    public async Task Withdraw_FlowsNeverEnd_GoesAtTheDeadline()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync();
        await bench.ExposeAsync("e1", 8080, change: s => s with { DrainSeconds = 7 });
        await bench.ExposureIsAsync("e1", ExposurePhase.Active);

        await bench.Api.Local.MergePatchAsync<Exposure>("e1", """{"spec":{"withdraw":true}}""", null, Ct);
        await bench.ExposureIsAsync("e1", ExposurePhase.Draining);
        await bench.Time.TimerArmedAsync(TimeSpan.FromSeconds(7));
        bench.Time.Advance(TimeSpan.FromSeconds(7));

        await bench.Api.UntilAsync<Exposure>("e1", e => e is null);
    }

    [Fact]
    public async Task Exposure_IsActive_OnlyWhenItsWorkerSaidSo_AndAnewAfterEachChange()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync(serves: false);
        using var worker = new HttpObjectClient(bench.Api.ClientOptions(TestApi.Worker("w1")));
        await bench.ExposeAsync("e1", 8080);

        var told = await bench.ExposureIsAsync("e1", ExposurePhase.Scheduled, "w1");
        await worker.MergePatchAsync<Exposure>("e1", """{"status":{"programmed":{"worker":"w1","generation":1,"publicAddresses":["192.0.2.1"],"missing":"nobody is there"}}}""", "status", Ct);
        var waits = (await bench.Api.UntilAsync<Exposure>("e1", e => e?.Status?.Message?.Contains("nobody", StringComparison.Ordinal) == true))!.Status!;
        await worker.MergePatchAsync<Exposure>("e1", """{"status":{"programmed":{"generation":0,"missing":null}}}""", "status", Ct);
        var stale = (await bench.Api.UntilAsync<Exposure>("e1", e => e?.Status?.Message?.Contains("was told", StringComparison.Ordinal) == true))!.Status!;
        await worker.MergePatchAsync<Exposure>("e1", """{"status":{"programmed":{"generation":1}}}""", "status", Ct);
        await bench.ExposureIsAsync("e1", ExposurePhase.Active, "w1");
        await bench.Api.Local.MergePatchAsync<Exposure>("e1", """{"spec":{"servicePort":81}}""", null, Ct);
        var changed = await bench.ExposureIsAsync("e1", ExposurePhase.Scheduled, "w1");
        await worker.MergePatchAsync<Exposure>("e1", """{"status":{"programmed":{"generation":2}}}""", "status", Ct);
        var again = await bench.ExposureIsAsync("e1", ExposurePhase.Active, "w1");

        Assert.Equal("worker w1 was told; its kernel tables do not hold it yet", told.Message);
        Assert.Equal((ExposurePhase.Scheduled, "worker w1 does not serve it yet: nobody is there"), (waits.Phase, waits.Message));
        Assert.Equal((ExposurePhase.Scheduled, told.Message), (stale.Phase, stale.Message));
        Assert.Equal(told.Message, changed.Message);
        Assert.Null(again.Message);
    }

    [Fact]
    public async Task Takeover_TheNewWorkerHasToSpeakForItself()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.WorkerAsync("w2", 1, "192.0.2.2");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1", "192.0.2.2");
        await bench.ReadyGatewayAsync("w1");
        await bench.ExposeAsync("e1", 8080);
        await bench.ExposureIsAsync("e1", ExposurePhase.Active, "w1");

        await bench.PresenceAsync("w1", PresencePhase.Away);
        var moved = await bench.ExposureIsAsync("e1", ExposurePhase.Pending, "w2");
        await bench.ReadyGatewayAsync("w2", serves: false);
        var scheduled = await bench.ExposureIsAsync("e1", ExposurePhase.Scheduled, "w2");
        using var worker = new HttpObjectClient(bench.Api.ClientOptions(TestApi.Worker("w2")));
        await worker.MergePatchAsync<Exposure>("e1", """{"status":{"programmed":{"worker":"w2","generation":1,"publicAddresses":["192.0.2.2"]}}}""", "status", Ct);
        var active = await bench.ExposureIsAsync("e1", ExposurePhase.Active, "w2");

        Assert.Null(moved.Programmed);
        Assert.Null(scheduled.Programmed);
        Assert.Equal("w2", active.Programmed!.Worker);
    }

    [Theory]
    [InlineData(PresencePhase.Ready, 37)]
    [InlineData(PresencePhase.Away, 7)]
    public async Task Withdraw_WorkerSaysNothing_TheObjectWaitsForItOnlyWhileItIsHeardOf(PresencePhase presence, int seconds)
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync(serves: false);
        await bench.ExposeAsync("e1", 8080, change: s => s with { DrainSeconds = 7 });
        await bench.ExposureIsAsync("e1", ExposurePhase.Scheduled);
        await bench.PresenceAsync("w1", presence);
        if (presence == PresencePhase.Away) await bench.GatewayIsAsync("gw", GatewayHostPhase.NoWorker);

        await bench.Api.Local.DeleteAsync<Exposure>("e1", null, Ct);
        await bench.ExposureIsAsync("e1", ExposurePhase.Draining);
        await bench.Time.TimerArmedAsync(TimeSpan.FromSeconds(7));
        bench.Time.Advance(TimeSpan.FromSeconds(7));
        if (seconds > 7)
        {
            await bench.ExposureIsAsync("e1", ExposurePhase.Withdrawn);
            await bench.Time.TimerArmedAsync(TimeSpan.FromSeconds(seconds - 7));
            bench.Time.Advance(TimeSpan.FromSeconds(seconds - 7));
        }

        // Another timer may have had just that length.
        await bench.Time.PassUntilAsync(bench.Api.UntilAsync<Exposure>("e1", e => e is null));
    }

    [Theory]
    [InlineData("""{"status":{"programmed":{"worker":"w2"}}}""")]
    [InlineData("""{"status":{"programmed":{"worker":"w1","generation":1},"phase":"Draining"}}""")]
    [InlineData("""{"status":{"phase":"Withdrawn"}}""")]
    [InlineData("""{"status":{"worker":"w2"}}""")]
    [InlineData("""{"status":{"id":99,"flows":1}}""")]
    [InlineData("""{"status":{"flows":-1}}""")]
    public async Task WorkerWrites_MoreThanItsFlows_IsRefused(string patch)
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync();
        await bench.ExposeAsync("e1", 8080);
        var before = await bench.ExposureIsAsync("e1", ExposurePhase.Active);
        using var worker = new HttpObjectClient(bench.Api.ClientOptions(TestApi.Worker("w1")));
        using var other = new HttpObjectClient(bench.Api.ClientOptions(TestApi.Worker("w2")));

        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => worker.MergePatchAsync<Exposure>("e1", patch, "status", Ct));
        var foreign = await Assert.ThrowsAsync<ApiStatusException>(() => other.MergePatchAsync<Exposure>("e1", """{"status":{"flows":0}}""", "status", Ct));

        Assert.True(refused.Status.Code is 403 or 422, refused.Status.Message);
        Assert.Equal(403, foreign.Status.Code);
        Assert.Equal(before.Id, (await bench.Api.Local.GetAsync<Exposure>("e1", Ct))!.Status!.Id);
    }

    [Theory]
    [InlineData("""{"spec":{"port":22}}""", "spec.port")]
    [InlineData("""{"spec":{"gateway":"other"}}""", "spec.gateway")]
    [InlineData("""{"spec":{"serviceAddress":"fdff:2000::1"}}""", "spec.serviceAddress")]
    public async Task Update_OfThePlace_IsRefused(string patch, string field)
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.ExposeAsync("e1", 8080);

        var refused = await Assert.ThrowsAsync<ApiStatusException>(() => bench.Api.Local.MergePatchAsync<Exposure>("e1", patch, null, Ct));

        Assert.Equal((422, field), (refused.Status.Code, Assert.Single(refused.Status.Details!.Causes!).Field));
    }

    [Fact]
    public async Task Restart_OnTheSameStore_ChangesNothingAndReusesNoIdentifier()
    {
        var time = new ManualTimeProvider();
        await using var store = new MemoryStore(time);
        int? goneId;
        ExposureStatus kept;
        await using (var bench = await GatewayBench.StartAsync(store, time))
        {
            await bench.WorkerAsync("w1", 0, "192.0.2.1");
            await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
            await bench.GatewayAsync("gw", "192.0.2.1");
            await bench.ReadyGatewayAsync();
            await bench.ExposeAsync("kept", 8080);
            kept = await bench.ExposureIsAsync("kept", ExposurePhase.Active);
            await bench.ExposeAsync("gone", 8081, change: s => s with { DrainSeconds = 0 });
            goneId = (await bench.ExposureIsAsync("gone", ExposurePhase.Active)).Id;
            await bench.Api.Local.DeleteAsync<Exposure>("gone", null, Ct);
            await bench.Api.UntilAsync<Exposure>("gone", e => e is null);
        }

        await using var again = await GatewayBench.StartAsync(store, time);
        again.Serve("w1");
        await again.ExposeAsync("new", 8082);
        var added = await again.ExposureIsAsync("new", ExposurePhase.Active);
        var before = await again.Api.Local.GetAsync<Exposure>("kept", Ct);

        Assert.NotEqual(goneId, added.Id);
        Assert.NotEqual(kept.Id, added.Id);
        Assert.Equal((ExposurePhase.Active, kept.Id, kept.Worker), (before!.Status!.Phase, before.Status.Id, before.Status.Worker));
    }

    [Fact]
    public async Task Exposures_MoreThanABlockAtOnce_AllGetIdentifiersOfTheirOwn()
    {
        await using var bench = await GatewayBench.StartAsync();
        await bench.WorkerAsync("w1", 0, "192.0.2.1");
        await bench.ServiceAsync("shop", "10.30.0.1", "fdff:2000::1");
        await bench.GatewayAsync("gw", "192.0.2.1");
        await bench.ReadyGatewayAsync();

        var names = Enumerable.Range(0, 300).Select(i => $"e{i}").ToList();
        await Parallel.ForEachAsync(names, async (name, _) => await bench.ExposeAsync(name, 20_000 + int.Parse(name[1..])));
        foreach (var name in names) await bench.ExposureIsAsync(name, ExposurePhase.Active);

        var ids = (await bench.Api.Local.ListAsync<Exposure>(Selection.All, Ct)).Items.Select(e => e.Status!.Id).ToList();
        Assert.Equal(300, ids.Distinct().Count());
        Assert.All(ids, id => Assert.InRange(id!.Value, 1, 16_777_215));
    }
}
