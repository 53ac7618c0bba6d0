using System.Text.Json.Nodes;
using Gatehouse.TestKit;

namespace Gatehouse.LabTests;

/// <summary>A service of private workers answers at a public address, and goes on when parts of Gatehouse are gone. Real processes, real packets.</summary>
/// <remarks>The tests of this class run one after the other on one lab; each leaves it as it found it.</remarks>
public sealed class MainJobTests(MainJob job) : IClassFixture<MainJob>
{
    [Theory]
    [InlineData(MainJob.Url4)]
    [InlineData(MainJob.Url6)]
    public async Task Requests_from_outside_are_answered_in_turn(string url)
    {
        var answers = await job.CountAsync(url, 12);

        Assert.Equal(["web.0", "web.1", "web.2"], answers.Keys.Order(StringComparer.Ordinal));
        Assert.All(answers.Values, count => Assert.Equal(4, count));
    }

    [Fact]
    public async Task The_service_sees_the_gateways_internal_address()
    {
        var gateway = await job.Lab.GetAsync("gatewayhost", "gw");
        var answer = await job.Lab.InAsync("outside", "curl", "-sS", "-m", "5", MainJob.Url4);

        Assert.Contains($"client={gateway["status"]!["internal"]!["ipv4"]} ", answer.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_exposed_is_not_reachable_from_outside()
    {
        var web = await job.Lab.GetAsync("fabricservice", "web");
        var instance = await job.Lab.GetAsync("fabricinstance", "web.0");
        var gateway = await job.Lab.GetAsync("gatewayhost", "gw");
        foreach (var prefix in (string[])["10.16.0.0/12", "192.168.0.0/16"]) await job.Lab.InAsync("outside", "ip", "route", "replace", prefix, "via", "203.0.113.11");
        foreach (var prefix in (string[])["fc00::/7", "2001:db8:1::/64"]) await job.Lab.InAsync("outside", "ip", "-6", "route", "replace", prefix, "via", "2001:db8:2::b");

        string[] targets =
        [
            $"http://{web["status"]!["addresses"]![0]!["ipv4"]}/", $"http://[{web["status"]!["addresses"]![0]!["ipv6"]}]/",
            $"http://{instance["status"]!["instance"]!["ipv4"]}/", $"http://[{instance["status"]!["instance"]!["ipv6"]}]/",
            $"http://{instance["status"]!["namespaceAddress"]!["ipv4"]}/", $"http://[{instance["status"]!["namespaceAddress"]!["ipv6"]}]/",
            $"https://{gateway["status"]!["internal"]!["ipv4"]}:11022/", "https://203.0.113.11:11022/", "https://[2001:db8:2::b]:11022/",
            "http://203.0.113.11/", "http://203.0.113.11:8081/", "https://192.168.1.1:7444/", "https://192.168.0.1:7443/", "https://192.168.2.3:11022/",
        ];
        foreach (var target in targets)
        {
            var result = await job.Lab.InAsync("outside", "curl", "-skS", "-m", "1", "-o", "/dev/null", "-w", "%{http_code}", target);
            Assert.True(result.ExitCode != 0, $"{target} answered {result.Output}");
        }

        Assert.Equal(12, (await job.CountAsync(MainJob.Url4, 12)).Values.Sum());
    }

    [Theory]
    [InlineData("worker1", "node")]
    [InlineData("worker3", "node")]
    [InlineData("worker3", "gateway")]
    [InlineData("cluster1", "cluster")]
    [InlineData("root", "root")]
    public async Task A_killed_role_costs_no_request_neither_away_nor_on_its_return(string host, string role)
    {
        await job.Lab.RequireAsync("stop", host, role, "--signal", "KILL");
        var away = await job.CountAsync(MainJob.Url4, 12);
        await job.Lab.RequireAsync("start", host);
        var back = await job.CountAsync(MainJob.Url6, 12);

        Assert.Equal(3, away.Count);
        Assert.Equal(3, back.Count);
    }

    [Fact]
    public async Task Requests_go_on_while_every_control_process_is_away()
    {
        string[] hosts = ["worker1", "worker2", "worker3", "cluster1", "root"];
        foreach (var host in hosts) await job.Lab.RequireAsync("stop", host, "--signal", "KILL");
        var answers = await job.CountAsync(MainJob.Url4, 12);
        foreach (var host in hosts.Reverse()) await job.Lab.RequireAsync("start", host);

        Assert.Equal(3, answers.Count);
    }

    [Fact]
    public async Task An_open_connection_survives_the_death_and_return_of_both_agents_on_its_way()
    {
        // One connection with a request before and one after: curl keeps it open between the two.
        await using var client = RunningCommand.Start(
            LabUnderTest.Program, ["lab", "run", "--name", job.Lab.Name, "outside", "--", "socat", "-d", "-", "TCP:203.0.113.11:8080"]);
        await client.WriteLineAsync("GET / HTTP/1.1\r\nHost: x\r\n\r");
        var first = await client.LineAsync("instance=");
        foreach (var host in (string[])["worker1", "worker2", "worker3"])
        {
            await job.Lab.RequireAsync("stop", host, "node", "--signal", "KILL");
            await job.Lab.RequireAsync("start", host);
        }

        await client.WriteLineAsync("GET / HTTP/1.1\r\nHost: x\r\n\r");
        var second = await client.LineAsync("instance=");

        Assert.Equal(first.Split(' ')[0], second.Split(' ')[0]);
    }

    [Fact]
    public async Task An_undeployed_replica_takes_no_request_and_a_deployed_one_does()
    {
        await job.Lab.OperatorAsync("undeploy", "web", "--number", "2");
        var two = await job.CountAsync(MainJob.Url4, 12);
        await job.Lab.OperatorAsync("deploy", "web", "--replicas", "3", "--worker", "worker1", "--worker", "worker2");
        var three = await job.CountAsync(MainJob.Url4, 12);

        Assert.Equal(["web.0", "web.1"], two.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["web.0", "web.1", "web.2"], three.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_open_connection_outlives_the_undeployment_of_its_instance_and_new_ones_go_elsewhere()
    {
        await using var client = RunningCommand.Start(
            LabUnderTest.Program, ["lab", "run", "--name", job.Lab.Name, "outside", "--", "socat", "-d", "-", "TCP:203.0.113.11:8080"]);
        await client.WriteLineAsync("GET / HTTP/1.1\r\nHost: x\r\n\r");
        var name = (await client.LineAsync("instance=")).Split(' ')[0]["instance=".Length..];
        await using var undeploy = RunningCommand.Start(
            LabUnderTest.Program, ["lab", "run", "--name", job.Lab.Name, "root", "--", "gatehouse", "undeploy", "web", "--number", name.Split('.')[1]]);
        try
        {
            // Its drain is told at root too. With the requests beside it, it lasts for longer than the drain of an instance without flows.
            await job.Lab.OperatorAsync("wait", "fabricinstance", name, "--for", "status.phase=Draining", "--timeout", "10s");
            for (var i = 0; i < 6; i++)
            {
                var others = await job.CountAsync(MainJob.Url4, 2);
                Assert.DoesNotContain(name, others.Keys);
                await client.WriteLineAsync("GET / HTTP/1.1\r\nHost: x\r\n\r");
                Assert.StartsWith($"instance={name} ", await client.LineAsync("instance="), StringComparison.Ordinal);
            }

            Assert.False(undeploy.HasExited, "undeployed, with a connection open");
            Assert.Equal("Draining", (await job.Lab.GetAsync("fabricinstance", name))["status"]!["phase"]!.ToString());
            client.Kill();
            Assert.Equal(0, await undeploy.ExitAsync());
        }
        finally
        {
            await job.Lab.OperatorAsync("deploy", "web", "--replicas", "3", "--worker", "worker1", "--worker", "worker2");
        }

        var logs = await job.Lab.LogsAsync();
        Assert.Contains($"{name} ends: it was undeployed; its last flow ended", logs, StringComparison.Ordinal);
        Assert.DoesNotContain($"\"{name}\" is forbidden", logs, StringComparison.Ordinal);
    }

    /// <summary>On a worker where no node engine ever registered.</summary>
    [Fact]
    public async Task A_process_is_attached_and_detached_by_the_command_line_alone()
    {
        var pid = (await job.Lab.RequireAsync("run", "worker2", "--", "sh", "-c", """
            unshare -n sleep 600 >/dev/null 2>&1 & p=$!
            while [ "$(readlink /proc/$p/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
            echo $p
            """)).Trim();
        try
        {
            var attached = await job.Lab.InAsync("worker2", "gatehouse", "attach", pid, "web", "9");
            Assert.True(attached.ExitCode == 0, attached.Output + attached.Errors);
            Assert.Matches("^web\\.9 attached at 10\\.18\\..*; instance address 10\\.30\\.", attached.Output);
            var second = await job.Lab.InAsync("worker2", "gatehouse", "attach", pid, "web", "10");
            Assert.Equal(1, second.ExitCode);
            Assert.Contains($"process {pid} is in the network namespace of web.9", second.Errors, StringComparison.Ordinal);
            await job.Lab.RequireAsync("run", "worker2", "--", "gatehouse", "attach", "0", "web", "9", "--detach");
            await GoneAsync("web.9");

            // Nobody declared that service: it says so, and nothing of it stays either.
            var unknown = await job.Lab.InAsync("worker2", "gatehouse", "attach", pid, "nosuch", "0");
            Assert.Equal(1, unknown.ExitCode);
            Assert.Contains("nosuch.0 attached at 10.18.", unknown.Errors, StringComparison.Ordinal);
            Assert.Contains("no such service", unknown.Errors, StringComparison.Ordinal);
            await job.Lab.RequireAsync("run", "worker2", "--", "gatehouse", "attach", "0", "nosuch", "0", "--detach");
            await GoneAsync("nosuch.0");
        }
        finally
        {
            await job.Lab.InAsync("worker2", "kill", pid);
        }
    }

    [Fact]
    public async Task Trace_takes_an_IPv6_address_with_a_port_in_brackets()
    {
        var web = await job.Lab.GetAsync("fabricservice", "web");
        var instance = await job.Lab.GetAsync("fabricinstance", "web.0");
        var worker = instance["spec"]!["worker"]!.ToString();
        var (source, target) = (instance["status"]!["namespaceAddress"]!["ipv6"]!.ToString(), web["status"]!["addresses"]![0]!["ipv6"]!.ToString());
        var told = await job.Lab.RequireAsync("run", worker, "--", "gatehouse", "trace", source, $"[{target}]:80");

        Assert.StartsWith($"{source} -> [{target}]:80: ", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exposures_come_and_go_with_the_command_line()
    {
        await job.Lab.OperatorAsync("expose", "web", "--gateway", "gw", "--port", "9090", "--public-address", "203.0.113.11");
        var open = await job.CountAsync("http://203.0.113.11:9090/", 3);
        await job.Lab.OperatorAsync("delete", "exposure", "web-9090-tcp-v4");
        await job.Lab.OperatorAsync("wait", "exposure", "web-9090-tcp-v4", "--for", "gone", "--timeout", "90s");
        var closed = await job.Lab.AskAsync("http://203.0.113.11:9090/", 1);

        Assert.Equal(3, open.Values.Sum());
        Assert.Null(Assert.Single(closed));
    }

    [Fact]
    public async Task An_exposure_that_is_refused_is_taken_back_and_does_not_open_by_itself()
    {
        await using (var listener = RunningCommand.Start(LabUnderTest.Program, ["lab", "run", "--name", job.Lab.Name, "worker3", "--", "socat", "-d", "-d", "TCP4-LISTEN:8095,fork", "PIPE"]))
        {
            await listener.LineAsync("listening on");
            // The gateway looks at its host's listeners now and then.
            await job.Lab.RequireAsync("run", "root", "--", "timeout", "120", "sh", "-c", "until gatehouse get gatewayhost gw -o json | grep -q 8095; do sleep 0.2; done");
            var refused = await job.Lab.InAsync("root", "gatehouse", "expose", "web", "--gateway", "gw", "--port", "8095");
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("8095 is in use", refused.Errors, StringComparison.Ordinal);
            Assert.Contains("exposure 'web-8095-tcp-v4': withdrawn again", refused.Errors, StringComparison.Ordinal);
            Assert.Contains("exposure 'web-8095-tcp-v6': withdrawn again", refused.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("8095", await job.Lab.OperatorAsync("get", "exposures", "-o", "name"), StringComparison.Ordinal);
        }

        // The same again when the gateway saw that the port is free, and nothing of the first attempt is in the way.
        await job.Lab.RequireAsync("run", "root", "--", "timeout", "120", "sh", "-c", "while gatehouse get gatewayhost gw -o json | grep -q 8095; do sleep 0.2; done");
        await job.Lab.OperatorAsync("expose", "web", "--gateway", "gw", "--port", "8095");
        await job.Lab.OperatorAsync("delete", "exposure", "web-8095-tcp-v4");
        await job.Lab.OperatorAsync("delete", "exposure", "web-8095-tcp-v6");
    }

    [Fact]
    public async Task A_port_of_another_gateway_is_another_port()
    {
        using var folder = new TemporaryDirectory();
        var file = folder["gateway.yaml"];
        await File.WriteAllTextAsync(file, """
            apiVersion: gatehouse.dev/v1
            kind: GatewayHost
            metadata: {name: other}
            spec: {cluster: cluster1, publicAddresses: [203.0.113.99]}
            """, TestContext.Current.CancellationToken);
        await job.Lab.OperatorAsync("apply", "-f", file);
        try
        {
            // No worker has that address: declared, and waiting.
            var waits = await job.Lab.InAsync("root", "gatehouse", "expose", "web", "--gateway", "other", "--port", "8080", "--wait", "1s");
            Assert.Equal(1, waits.ExitCode);
            Assert.Contains("exposure/web-8080-tcp-v4-other created", waits.Output, StringComparison.Ordinal);
            Assert.Contains("`gatehouse delete exposure web-8080-tcp-v4-other` takes it back", waits.Errors, StringComparison.Ordinal);
            await job.Lab.OperatorAsync("delete", "exposure", "web-8080-tcp-v4-other");
            await job.Lab.OperatorAsync("wait", "exposure", "web-8080-tcp-v4-other", "--for", "gone");
        }
        finally
        {
            await job.Lab.OperatorAsync("delete", "-f", file);
        }
    }

    [Fact]
    public async Task A_taken_port_is_refused_with_who_has_it()
    {
        var result = await job.Lab.InAsync("root", "gatehouse", "expose", "web", "--gateway", "gw", "--port", "8080", "--public-address", "203.0.113.11");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("web-8080-tcp-v4", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_host_of_the_lab_has_the_command_line_of_its_cluster()
    {
        foreach (var host in (string[])["cluster1", "worker1", "worker2", "worker3"])
        {
            var result = await job.Lab.InAsync(host, "gatehouse", "get", "workers", "-o", "name");
            Assert.Equal("worker/worker1\nworker/worker2\nworker/worker3\n", result.Output);
        }

        Assert.Equal("cluster/cluster1\n", await job.Lab.OperatorAsync("get", "clusters", "-o", "name"));
        Assert.Equal(64, (await job.Lab.InAsync("outside", "gatehouse", "get", "workers")).ExitCode);
    }

    [Fact]
    public async Task A_server_that_is_away_is_told_by_its_own_exit_code()
    {
        await job.Lab.RequireAsync("stop", "root", "--signal", "KILL");
        var result = await job.Lab.InAsync("root", "gatehouse", "get", "clusters");
        await job.Lab.RequireAsync("start", "root");

        Assert.Equal(69, result.ExitCode);
        Assert.Contains("192.168.0.1:7443", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Applied_twice_nothing_changes()
    {
        using var folder = new TemporaryDirectory();
        var file = folder["service.yaml"];
        await File.WriteAllTextAsync(file, "{apiVersion: gatehouse.dev/v1, kind: FabricService, metadata: {name: applied}, spec: {policies: [roundRobin, sticky]}}", TestContext.Current.CancellationToken);
        var results = new List<string>();
        for (var i = 0; i < 2; i++) results.Add(await job.Lab.OperatorAsync("apply", "-f", file));
        await File.WriteAllTextAsync(file, "{apiVersion: gatehouse.dev/v1, kind: FabricService, metadata: {name: applied, labels: {a: b}}, spec: {policies: [roundRobin, sticky]}}", TestContext.Current.CancellationToken);
        results.Add(await job.Lab.OperatorAsync("apply", "-f", file));
        var addresses = (await job.Lab.GetAsync("fabricservice", "applied"))["status"]!["addresses"]!.AsArray();
        await job.Lab.OperatorAsync("delete", "-f", file);

        Assert.Equal(["fabricservice/applied created\n", "fabricservice/applied unchanged\n", "fabricservice/applied configured\n"], results);
        Assert.Equal(["roundRobin", "sticky"], addresses.Select(a => a!["policy"]!.ToString()));
    }

    [Fact]
    public async Task A_program_in_a_host_ends_with_the_command_that_runs_it()
    {
        await using var run = RunningCommand.Start(LabUnderTest.Program, ["lab", "run", "--name", job.Lab.Name, "worker2", "--", "sh", "-c", "echo begun; exec sleep 7531"]);
        await run.LineAsync("begun");
        await ShellCommand.RequireAsync("kill", ["-TERM", run.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);

        Assert.NotEqual(0, await run.ExitAsync());
        Assert.DoesNotContain("sleep 7531", (await job.Lab.InAsync("worker2", "ps", "ax")).Output, StringComparison.Ordinal);
        Assert.Equal(7, (await job.Lab.InAsync("worker2", "sh", "-c", "exit 7")).ExitCode);
    }

    [Fact]
    public async Task Trace_and_doctor_explain_a_worker()
    {
        var trace = await job.Lab.RequireAsync("run", ["worker3", "--", "gatehouse", "trace", "10.18.0.200", "web:80"]);
        var doctor = await job.Lab.RequireAsync("run", ["worker3", "--", "gatehouse", "doctor", "-o", "json"]);

        Assert.Contains("10.30.0.1:80", trace, StringComparison.Ordinal);
        Assert.Contains("RULE", trace, StringComparison.Ordinal);
        Assert.All(JsonNode.Parse(doctor)!.AsArray(), f => Assert.NotEqual("broken", f!["severity"]!.ToString()));
    }

    [Fact]
    public async Task Status_tells_what_runs_where()
    {
        await job.Lab.RequireAsync("stop", "worker2", "--signal", "KILL");
        var rows = JsonNode.Parse(await job.Lab.RequireAsync("status", "-o", "json"))!.AsArray();
        await job.Lab.RequireAsync("start", "worker2");

        Assert.Equal("stopped", Row("worker2")["state"]!.ToString());
        Assert.Null(Row("worker2")["pid"]);
        Assert.Equal("running", Row("worker1")["state"]!.ToString());
        Assert.True(Directory.Exists($"/proc/{Row("worker1")["pid"]}"));

        JsonNode Row(string host) => rows.Single(r => r!["host"]!.ToString() == host)!;
    }

    /// <summary>Neither root nor the cluster has it any more.</summary>
    private async Task GoneAsync(string instance)
    {
        foreach (var ask in new Func<string[], Task<CommandResult>>[] { w => job.Lab.InAsync("root", w), w => job.Lab.InAsync("cluster1", w) })
        {
            CommandResult left;
            var patience = TimeProvider.System.GetTimestamp();
            do
            {
                left = await ask(["gatehouse", "get", "fabricinstances", "-o", "name"]);
                Assert.True(left.ExitCode == 0 && TimeProvider.System.GetElapsedTime(patience) < TimeSpan.FromSeconds(60), $"{instance} stays:\n{left.Output}{left.Errors}");
            }
            while (left.Output.Split('\n').Any(l => l.EndsWith($"/{instance}", StringComparison.Ordinal)));
        }
    }
}
