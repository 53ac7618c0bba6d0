using System.Buffers;
using System.Text.Json;
using Gatehouse.Linux;
using Gatehouse.Linux.Processes;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Delta;
using Gatehouse.Proxy.Configuration.Snapshot;
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
        ["DOTNET_GCgen0size"] = "0x400000", // Bytes between collections; the default is as large as the processor's cache, of which an engine that hardly allocates has nothing.
    };
}

/// <summary>One engine's process as its parent sees it.</summary>
internal sealed class EngineProcess : IDisposable
{
    private static readonly EngineMessage Gone = new() { Act = EngineAct.Failed, Problem = "the engine is gone" };

    private readonly UnixChannel _channel;
    private readonly DetachedProcess _process;
    private readonly TaskCompletionSource<IReadOnlyList<string>> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _silent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<TaskCompletionSource<EngineMessage>> _changes = new();
    private bool _isSilent;

    private EngineProcess(UnixChannel channel, DetachedProcess process) => (_channel, _process) = (channel, process);

    public int Pid => _process.Identity.Pid;

    /// <summary>It accepts, with what of its configuration it can't serve. Faulted: it can't begin, and why.</summary>
    public Task<IReadOnlyList<string>> Ready => _ready.Task;

    /// <summary>A successor took its listeners.</summary>
    public Task Replaced => _replaced.Task;

    /// <summary>Gets what the engine has to say that nobody asked.</summary>
    public Action<string>? Noticed { get; init; }

    /// <summary>It has ended, and all that it said before was heard.</summary>
    public async Task<ProcessExit> WaitForEndAsync()
    {
        var exit = await _process.Exit;
        await _silent.Task;
        return exit;
    }

    /// <summary>The revision that it has.</summary>
    public long Revision { get; private set; }

    /// <summary>Starts an engine on a snapshot; it serves when it was given its sockets and told to.</summary>
    /// <exception cref="IOException">The program can't be started.</exception>
    public static EngineProcess Start(EngineCommand command, ProxyConfig config, long revision, int restarts, Action<string> noticed)
    {
        var (own, other) = UnixChannel.Pair();
        using (other)
        {
            try
            {
                var process = DetachedProcess.Start(new ProcessOptions(command.Program)
                {
                    Arguments = command.Arguments,
                    Environment = command.Environment,
                    InheritsOutput = true,
                    Descriptor = other,
                });
                var engine = new EngineProcess(own, process) { Revision = revision, Noticed = noticed };
                new Thread(engine.Listen) { IsBackground = true, Name = "engine" }.Start();
                engine.TellWhole(config, revision, restarts);
                return engine;
            }
            catch
            {
                own.Dispose();
                throw;
            }
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

    /// <summary>Has it change. The answer has a problem when it has not.</summary>
    public async Task<EngineMessage> ChangeAsync(ConfigDelta delta)
    {
        var bytes = new ArrayBufferWriter<byte>(4_096);
        DeltaCodec.Write(bytes, delta);
        var answer = await AskAsync(() => _channel.Send(new EngineMessage { Act = EngineAct.Change }.ToBytes()) && _channel.Send(bytes.WrittenSpan));
        if (answer.Problem is null) Revision = delta.Target;
        return answer;
    }

    /// <summary>Has it put a whole configuration in place of whatever it has.</summary>
    public async Task<EngineMessage> ReplaceAsync(ProxyConfig config, long revision, int restarts)
    {
        var answer = await AskAsync(() => TellWhole(config, revision, restarts));
        if (answer.Problem is null) Revision = revision;
        return answer;
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    private void Tell(EngineMessage message) => _channel.Send(message.ToBytes());

    /// <summary>The snapshot goes by memory: there are keys in it.</summary>
    private bool TellWhole(ProxyConfig config, long revision, int restarts)
    {
        using var snapshot = MemoryFile.Create("gatehouse-snapshot", SnapshotFile.Encode(config, revision));
        return _channel.Send(new EngineMessage { Act = EngineAct.Start, Restarts = restarts }.ToBytes(), [(int)snapshot.DangerousGetHandle()]);
    }

    /// <summary>Sends, and waits for the answer, which comes in the order of what was asked.</summary>
    private Task<EngineMessage> AskAsync(Func<bool> send)
    {
        var done = new TaskCompletionSource<EngineMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_changes)
        {
            if (_isSilent) return Task.FromResult(Gone);
            _changes.Enqueue(done);
        }

        // Where it can't be sent, the end of the channel is seen, and all that wait are told.
        send();
        return done.Task;
    }

    private void Listen()
    {
        try
        {
            while (_channel.Receive() is { } message)
            {
                message.Refuse();
                Take(EngineMessage.Read(message.Bytes));
            }
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            Kill(); // What it says makes no sense: nothing can be asked of it any more.
        }

        _ready.TrySetException(new IOException("the engine ended before it served"));
        lock (_changes)
        {
            _isSilent = true;
            while (_changes.TryDequeue(out var change)) change.TrySetResult(Gone);
        }

        _silent.TrySetResult();
    }

    private void Take(EngineMessage message)
    {
        switch (message.Act)
        {
            case EngineAct.Ready:
                _ready.TrySetResult(message.Faults ?? []);
                break;
            case EngineAct.Failed:
                _ready.TrySetException(new IOException(message.Problem));
                break;
            case EngineAct.Replaced:
                _replaced.TrySetResult();
                break;
            case EngineAct.Noticed:
                Noticed?.Invoke(message.Problem ?? "");
                break;
            case EngineAct.Applied:
                lock (_changes)
                {
                    if (_changes.TryDequeue(out var change)) change.TrySetResult(message);
                }

                break;
        }
    }
}
