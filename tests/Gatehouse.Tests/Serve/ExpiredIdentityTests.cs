using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Api.Identity;
using Gatehouse.TestKit;

namespace Gatehouse.Tests.Serve;

/// <summary>A cluster manager that was cut off for longer than its certificate lives, in real processes.</summary>
public sealed class ExpiredIdentityTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    private readonly TemporaryDirectory _folder = new();
    private readonly IPEndPoint _rootAt = FreeEndPoint();
    private readonly IPEndPoint _clusterAt = FreeEndPoint();
    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly List<Process> _running = [];

    public ExpiredIdentityTests() => _limit.CancelAfter(Limit);

    public void Dispose()
    {
        foreach (var process in _running)
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }

        _limit.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_serves_while_root_is_away_and_comes_back_by_itself_without_a_token()
    {
        var root = await RootAsync();
        await File.WriteAllTextAsync(_folder["token"], await TokenAsync(), _limit.Token);
        var cluster = Start("cluster", ["--name", "c1", "--root", $"https://{_rootAt}", "--listen", $"{_clusterAt}", "--token-file", _folder["token"]]);
        await SaysAsync(cluster, "cluster serves");
        await RegisteredAsync();
        await EndAsync(cluster);
        await EndAsync(root);
        Age();
        File.Delete(_folder["token"]);

        cluster = Start("cluster", ["--name", "c1", "--root", $"https://{_rootAt}", "--listen", $"{_clusterAt}"]);
        await SaysAsync(cluster, "cluster serves", "could not be renewed");
        await ServesWithItsOwnAuthorityAsync();

        await RootAsync();
        await SaysAsync(cluster, "joined as cluster");
        using var renewed = IdentityFiles.ReadCertificate(_folder["cluster", "identity", "cert.pem"]);
        Assert.True(renewed.NotAfter.ToUniversalTime() > DateTime.UtcNow);
        await EndAsync(cluster);
    }

    /// <summary>Root's key signs, for the key that the cluster has, a certificate that ended a second ago.</summary>
    private void Age()
    {
        using var authority = CertificateAuthority.OpenRoot(_folder["root", "identity"], "gatehouse root", TimeProvider.System);
        var path = _folder["cluster", "identity", "cert.pem"];
        using var now = IdentityFiles.ReadCertificate(path);
        using var over = authority.IssueClient(now.PublicKey, new UserInfo("system:cluster:c1", ["system:clusters"]), TimeSpan.FromSeconds(-1));
        IdentityFiles.Write(path, over.ExportCertificatePem() + "\n");
    }

    private async Task ServesWithItsOwnAuthorityAsync()
    {
        using var root = IdentityFiles.ReadCertificate(_folder["root", "identity", "ca.pem"]);
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, CustomTrustStore = { root } },
            },
        };
        using var client = new HttpClient(handler);
        Assert.Equal("ok", await client.GetStringAsync(new Uri($"https://{_clusterAt}/livez"), _limit.Token));
    }

    private async Task<Process> RootAsync()
    {
        var root = Start("root", ["--listen", $"{_rootAt}"]);
        await SaysAsync(root, "root serves");
        return root;
    }

    private async Task<string> TokenAsync()
    {
        var (code, output) = await CommandAsync("token", "create", "--role", "cluster", "--member", "c1");
        Assert.Equal(ExitCode.Ok, code);
        return output.Trim();
    }

    private async Task RegisteredAsync()
    {
        var (code, output) = await CommandAsync("wait", "cluster", "c1", "--for", "status.phase=Ready", "--timeout", "60s");
        Assert.True(code == ExitCode.Ok, output);
    }

    private async Task<(int Code, string Output)> CommandAsync(params string[] args)
    {
        var cli = new Cli();
        var result = await cli.RunAsync([.. args, "--kubeconfig", _folder["root", "admin.kubeconfig"]]);
        return (result.Code, result.Out + result.Error);
    }

    private Process Start(string role, string[] more)
    {
        var process = Process.Start(new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "gatehouse"), ["serve", role, "--state", _folder[role], "--log", "text", .. more])
        { RedirectStandardError = true })!;
        _running.Add(process);
        return process;
    }

    /// <summary>Waits until it has said all, in any order.</summary>
    private async Task SaysAsync(Process process, params string[] all)
    {
        List<string> said = [];
        while (await process.StandardError.ReadLineAsync(_limit.Token) is { } line)
        {
            said.Add(line);
            if (Array.TrueForAll(all, what => said.Exists(s => s.Contains(what, StringComparison.Ordinal)))) return;
        }

        Assert.Fail($"it ended without all of '{string.Join("', '", all)}':\n{string.Join('\n', said)}");
    }

    private async Task EndAsync(Process process)
    {
        using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
        await process.StandardError.ReadToEndAsync(_limit.Token);
        await process.WaitForExitAsync(_limit.Token);
        Assert.Equal(ExitCode.Ok, process.ExitCode);
    }

    private static IPEndPoint FreeEndPoint()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }
}
