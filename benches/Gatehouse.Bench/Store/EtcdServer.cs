using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Gatehouse.Bench.Store;

/// <summary>A real etcd of one member, on loopback, with its data in a directory of ours.</summary>
internal sealed class EtcdServer : IAsyncDisposable
{
    private readonly Process _process;

    private EtcdServer(Process process, Uri endpoint) => (_process, Endpoint) = (process, endpoint);

    public Uri Endpoint { get; }

    public static async Task<EtcdServer> StartAsync(string directory)
    {
        var (client, peer) = ($"http://127.0.0.1:{FreePort()}", $"http://127.0.0.1:{FreePort()}");
        var process = Start(directory, client, peer);
        var server = new EtcdServer(process, new Uri(client));
        using var http = new HttpClient { BaseAddress = server.Endpoint };
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            if (process.HasExited) throw new InvalidOperationException($"etcd ended with {process.ExitCode}: {await process.StandardError.ReadToEndAsync(limit.Token)}");
            try
            {
                if ((await http.GetStringAsync("/health", limit.Token)).Contains("true", StringComparison.Ordinal)) break;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await pace.WaitForNextTickAsync(limit.Token);
        }

        process.BeginErrorReadLine();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static Process Start(string directory, string client, string peer)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("etcd",
            [
                "--data-dir", directory, "--name", "bench", "--log-level", "error", "--quota-backend-bytes", $"{8L << 30}",
                "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"bench={peer}",
            ])
            { RedirectStandardError = true })!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException("the comparison needs etcd: apt-get install etcd-server", e);
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
