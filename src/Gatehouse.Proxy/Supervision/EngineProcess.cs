using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Gatehouse.Linux.Processes;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration.Delta;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Supervision;

/// <summary>How an engine is started.</summary>
/// <param name="Program">The program's path.</param>
/// <param name="Arguments">What makes it an engine.</param>
/// <param name="Environment">All of its environment.</param>
public sealed record EngineCommand(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>
    /// Settings of .NET for an engine: its own process, nothing that collects beside its loops, and no more memory between collections than its work needs.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Runtime { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_gcConcurrent"] = "0",
    };
}

/// <summary>One engine's process as its parent sees it.</summary>
internal sealed class EngineProcess : IDisposable
{
    private readonly UnixChannel _channel;
    private readonly DetachedProcess _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<TaskCompletionSource<string?>> _changes = new();

    private EngineProcess(UnixChannel channel, DetachedProcess process)
    {
        (_channel, _process) = (channel, process);
        new Thread(Listen) { IsBackground = true, Name = "engine" }.Start();
    }

    public int Pid => _process.Identity.Pid;

    /// <summary>It accepts. Faulted: it can't begin, and why.</summary>
    public Task Ready => _ready.Task;

    /// <summary>A successor took its listeners.</summary>
    public Task Replaced => _replaced.Task;

    /// <summary>It has ended.</summary>
    public Task<ProcessExit> Exit => _process.Exit;

    /// <summary>The revision that it was last told of.</summary>
    public long Revision { get; private set; }

    /// <summary>Starts an engine on a snapshot; it serves when it was given its sockets and told to.</summary>
    public static EngineProcess Start(EngineCommand command, string snapshot, long revision, int restarts)
    {
        var (own, other) = UnixChannel.Pair();
        using (other)
        {
            var process = DetachedProcess.Start(new ProcessOptions(command.Program)
            {
                Arguments = command.Arguments,
                Environment = command.Environment,
                InheritsOutput = true,
                Descriptor = other,
            });
            var engine = new EngineProcess(own, process) { Revision = revision };
            engine.Tell(new EngineMessage { Act = EngineAct.Start, Snapshot = snapshot, Restarts = restarts });
            return engine;
        }
    }

    /// <summary>Gives it copies of listening sockets.</summary>
    public void Give(IEnumerable<KeyValuePair<string, SafeFileHandle>> sockets)
    {
        foreach (var part in sockets.Chunk(UnixChannel.MostDescriptors))
        {
            var message = new EngineMessage { Act = EngineAct.Listeners, Names = [.. part.Select(p => p.Key)] };
            _channel.Send(message.ToBytes(), [.. part.Select(p => (int)p.Value.DangerousGetHandle())]);
        }
    }

    public void Serve() => Tell(new EngineMessage { Act = EngineAct.Serve });

    public void Drain() => Tell(new EngineMessage { Act = EngineAct.Drain });

    public void ReopenLog() => Tell(new EngineMessage { Act = EngineAct.Reopen });

    /// <summary>Makes it end at once.</summary>
    public void Kill() => _process.Identity.Signal(ProcessSignal.Kill);

    /// <summary>Has it change. Null: it has; else why not.</summary>
    public Task<string?> ChangeAsync(ConfigDelta delta)
    {
        var done = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var bytes = new ArrayBufferWriter<byte>(4_096);
        DeltaCodec.Write(bytes, delta);
        lock (_changes)
        {
            _changes.Enqueue(done);
            if (!_channel.Send(new EngineMessage { Act = EngineAct.Change }.ToBytes()) || !_channel.Send(bytes.WrittenSpan)) done.TrySetResult("the engine is gone");
            Revision = delta.Target;
        }

        return done.Task;
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private void Tell(EngineMessage message) => _channel.Send(message.ToBytes());

    private void Listen()
    {
        try
        {
            while (_channel.Receive() is { } message) Take(EngineMessage.Read(message.Bytes));
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or ObjectDisposedException)
        {
            // What it says makes no sense, or nobody listens any more.
        }

        _ready.TrySetException(new IOException("the engine ended before it served"));
        while (_changes.TryDequeue(out var change)) change.TrySetResult("the engine is gone");
    }

    private void Take(EngineMessage message)
    {
        switch (message.Act)
        {
            case EngineAct.Ready:
                _ready.TrySetResult();
                break;
            case EngineAct.Failed:
                _ready.TrySetException(new IOException(message.Problem));
                break;
            case EngineAct.Replaced:
                _replaced.TrySetResult();
                break;
            case EngineAct.Applied:
                if (_changes.TryDequeue(out var change)) change.TrySetResult(message.Problem);
                break;
        }
    }
}
