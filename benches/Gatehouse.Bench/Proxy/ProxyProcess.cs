using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Bench.Scale;
using Gatehouse.Linux.Processes;

namespace Gatehouse.Bench.Proxy;

/// <summary>A proxy that runs and accepts, with all processes it consists of.</summary>
internal sealed class ProxyProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly ServedProcess _process;

    private ProxyProcess(string name, ServedProcess process, ProxyPorts ports, string output, string errors) =>
        (Name, _process, Ports, Output, Errors) = (name, process, ports, output, errors);

    public string Name { get; }

    public ProxyPorts Ports { get; }

    /// <summary>Of the process that was started, which may watch over others.</summary>
    public int Id => _process.Id;

    /// <summary>What it says on standard error.</summary>
    public string Errors { get; }

    /// <summary>Where its standard output goes.</summary>
    public string Output { get; }

    /// <summary>User and system time so far of all its processes, in µs.</summary>
    public double Processor => Tree().Sum(Machine.ProcessorNanoseconds) / 1e3;

    /// <summary>Memory in RAM of all its processes, in MB.</summary>
    public double Megabytes => Tree().Sum(Usage.Megabytes);

    /// <summary>Memory in RAM of the process that serves, in MB.</summary>
    public double EngineMegabytes => Usage.Megabytes(Worker ?? _process.Id);

    /// <summary>The process that serves for another one that watches over it; null when there is none, or none at the moment.</summary>
    public int? Worker => Tree() is [_, var child, ..] ? child : null;

    /// <summary>Starts it on the proxies' processor and waits until it accepts.</summary>
    /// <param name="name">For people and files.</param>
    /// <param name="folder">For its output.</param>
    /// <param name="ports">Where it will accept.</param>
    /// <param name="command">The program and its arguments.</param>
    public static async Task<ProxyProcess> StartAsync(string name, string folder, ProxyPorts ports, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var output = Path.Combine(folder, $"{name}.out");
        // Standard output may be the access log of a proxy that writes it nowhere else: it goes straight into the file.
        var errors = Path.Combine(folder, $"{name}.err");
        var process = ServedProcess.Start(errors, "sh",
            ["-c", """exec "$@" >"$0" """, output, .. Machine.ProxyPrefix, .. command]);
        var proxy = new ProxyProcess(name, process, ports, output, errors);
        try
        {
            await proxy.AcceptsAsync(ports.Traffic, cancellation);
            // One that leads a session of its own is not in ours.
            foreach (var id in proxy.Tree()) Machine.PutAhead(id);
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        var tree = Tree().Select(ProcessIdentity.Of).OfType<ProcessIdentity>().ToList();
        await _process.DisposeAsync();
        // Should the first have been killed because it did not end, it took nobody with it.
        foreach (var left in tree.Where(p => p.IsAlive)) left.Signal(ProcessSignal.Kill);
    }

    private async Task AcceptsAsync(int port, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            if (Stopwatch.GetElapsedTime(started) > Patience) throw new TimeoutException($"{Name} does not accept on port {port}: {_process.Tail()}");
            if (HasEnded) throw new InvalidOperationException($"{Name} ended before it accepted: {_process.Tail()} {string.Join(' ', File.ReadLines(Output).TakeLast(3))}");
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, port, cancellation);
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // Not yet.
            }

            await pace.WaitForNextTickAsync(cancellation);
        }
    }

    /// <summary>Whether the process that was started is gone. It stays a zombie until its shell, which waits for other things, takes it away.</summary>
    public bool HasEnded => !_process.IsAlive || File.ReadAllText($"/proc/{_process.Id}/stat").Contains(") Z ", StringComparison.Ordinal);

    /// <summary>The process and all its descendants, parents first.</summary>
    private List<int> Tree()
    {
        List<int> all = [_process.Id];
        for (var i = 0; i < all.Count; i++) all.AddRange(Children(all[i]));
        return all;
    }

    private static IEnumerable<int> Children(int process)
    {
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/{process}/task").SelectMany(task => File.ReadAllText(Path.Combine(task, "children"))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture)))];
        }
        catch (IOException)
        {
            return []; // A thread ended meanwhile.
        }
    }
}

/// <summary>Where a proxy accepts.</summary>
/// <param name="Traffic">What is measured.</param>
/// <param name="Admin">Its figures.</param>
internal sealed record ProxyPorts(int Traffic, int Admin)
{
    public static ProxyPorts Take() => Free(2) is [var traffic, var admin] ? new(traffic, admin) : throw new InvalidOperationException("no ports");

    /// <summary>Ports of 127.0.0.1 that were free a moment ago, all different.</summary>
    public static IReadOnlyList<int> Free(int count)
    {
        var sockets = Enumerable.Range(0, count).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToList();
        try
        {
            foreach (var socket in sockets) socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return [.. sockets.Select(s => ((IPEndPoint)s.LocalEndPoint!).Port)];
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }
}
