using System.Net;
using System.Net.Sockets;
using Gatehouse.Api.Identity;

namespace Gatehouse.Bench.Scale;

/// <summary>One manager with its own process, store and address.</summary>
internal sealed record Manager(string Name, ServedProcess Process, Operator Operator);

/// <summary>One root and its cluster managers, each a process of the built program, on addresses of the loopback network.</summary>
internal sealed class Fabric : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);
    private readonly List<IAsyncDisposable> _owned = [];
    private readonly List<Manager> _clusters = [];

    public Manager Root { get; private set; } = null!;

    public IReadOnlyList<Manager> Clusters => _clusters;

    /// <summary>Starts root, then all clusters at the same time.</summary>
    public static async Task<Fabric> StartAsync(string program, string directory, int clusters, CancellationToken cancellation)
    {
        var fabric = new Fabric();
        try
        {
            var root = fabric.Launch(program, directory, "root", 1, "root");
            fabric.Root = await fabric.OpenAsync(root, cancellation);
            var launched = new List<Launched>();
            for (var i = 0; i < clusters; i++)
            {
                var (name, token) = ($"c{i:d2}", Path.Combine(directory, $"c{i:d2}.token"));
                await File.WriteAllTextAsync(token, await fabric.Root.Operator.TokenAsync(EnrollmentProtocol.ClusterRole, cancellation), cancellation);
                launched.Add(fabric.Launch(program, directory, name, i + 2, "cluster", "--name", name, "--root", root.Url.ToString(), "--token-file", token));
            }

            foreach (var one in launched) fabric._clusters.Add(await fabric.OpenAsync(one, cancellation));
            return fabric;
        }
        catch
        {
            await fabric.DisposeAsync();
            throw;
        }
    }

    /// <summary>The last lines of the log of every process that ended by itself.</summary>
    public IEnumerable<string> Dead() =>
        _clusters.Prepend(Root).Where(m => !m.Process.IsAlive).Select(m => $"{m.Name} ended by itself: {m.Process.Tail()}");

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters) cluster.Operator.Dispose();
        Root?.Operator.Dispose();
        await Task.WhenAll(_owned.Select(o => o.DisposeAsync().AsTask()));
    }

    private Launched Launch(string program, string directory, string name, int host, string role, params string[] more)
    {
        var address = FreeEndPoint(host);
        var state = Path.Combine(directory, name);
        var process = ServedProcess.Start(Path.Combine(directory, $"{name}.log"), program, ["serve", role, "--state", state, "--listen", address.ToString(), .. more]);
        _owned.Add(process);
        return new Launched(name, process, new Uri($"https://{address}"), Path.Combine(state, "admin.kubeconfig"));
    }

    private async Task<Manager> OpenAsync(Launched launched, CancellationToken cancellation)
    {
        await launched.Process.WaitForAsync(launched.Kubeconfig, StartLimit, cancellation);
        return new Manager(launched.Name, launched.Process, new Operator(launched.Kubeconfig, launched.Url));
    }

    // Below the ports that the kernel gives to outgoing connections, of which there will be many; an address for each, and for each run.
    private static IPEndPoint FreeEndPoint(int host)
    {
        var address = new IPAddress([127, 77, (byte)(Environment.ProcessId % 255), (byte)host]);
        for (var port = 7443; ; port++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(address, port));
                return new IPEndPoint(address, port);
            }
            catch (SocketException) when (port < 7543)
            {
                // Somebody has it.
            }
        }
    }

    private sealed record Launched(string Name, ServedProcess Process, Uri Url, string Kubeconfig);
}
