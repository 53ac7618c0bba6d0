using Gatehouse.TestKit;

namespace Gatehouse.Tests;

/// <summary><c>gatehouse proxy --check</c>.</summary>
public sealed class ProxyCheckTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    private string Routes => _folder["routes.yaml"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_right_file_is_summed_up_with_its_warnings()
    {
        await File.WriteAllTextAsync(Routes, """
            listeners:
              - { name: web, address: 127.0.0.1:80 }
              - { name: db, address: 127.0.0.1:81, protocol: tcp }
            virtualHosts:
              - { host: a.example.com, routes: [{ path: /x, to: app }, { to: app }] }
            upstreams:
              - { name: app, endpoints: [127.0.0.1:8080, 127.0.0.1:8081, 127.0.0.1:8082] }
            """, TestContext.Current.CancellationToken);

        var result = await new Cli().RunAsync("proxy", "--config", Routes, "--check");

        Assert.Equal($"{Routes}: 2 listeners, 1 virtual host, 2 routes, 1 upstream, 3 endpoints: valid\n", result.Out);
        Assert.Equal($"{Routes}:3:5: listeners[1].to: is missing: every connection is closed (warning)\n", result.Error);
        Assert.Equal(0, result.Code);
    }

    [Fact]
    public async Task A_wrong_file_ends_with_64_and_every_fault()
    {
        await File.WriteAllTextAsync(Routes, """
            listeners:
              - { name: web, adress: 127.0.0.1:80 }
            virtualHosts:
              - { host: a.example.com, to: app }
            """, TestContext.Current.CancellationToken);

        var result = await new Cli().RunAsync("proxy", "--config", Routes, "--check");

        Assert.Equal(
            [
                $"{Routes}:2:5: listeners[0].address: is required: an address with its port, such as 10.0.0.1:80 or \"[2001:db8::1]:80\"",
                $"{Routes}:2:18: listeners[0].adress: is not known; did you mean 'address'?",
                $"{Routes}:4:32: virtualHosts[0].routes[0].to: there is no upstream 'app': there are no upstreams at all",
            ],
            result.Error.TrimEnd().Split('\n'));
        Assert.Equal((64, ""), (result.Code, result.Out));
    }

    [Fact]
    public async Task A_file_that_is_not_there_ends_with_64()
    {
        var result = await new Cli().RunAsync("proxy", "--config", Routes, "--check");

        Assert.Equal(64, result.Code);
        Assert.StartsWith($"{Routes}: cannot be read: Could not find file", result.Error, StringComparison.Ordinal);
    }
}
