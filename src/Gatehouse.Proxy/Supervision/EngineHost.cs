using System.Text.Json;
using Gatehouse.Linux.Processes;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Access;
using Gatehouse.Proxy.Access.Admin;
using Gatehouse.Proxy.Configuration;
using Gatehouse.Proxy.Configuration.Delta;
using Gatehouse.Proxy.Configuration.Snapshot;
using Gatehouse.Proxy.Engine;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Supervision;

/// <summary>
/// An engine's process: takes a snapshot, listening sockets and changes from its parent, answers at the control socket, and ends when it has drained. When the parent dies it goes on:
/// a new parent takes its listeners over at the control socket.
/// </summary>
public sealed class EngineHost : IDisposable
{
    /// <summary>The name under which the control socket comes.</summary>
    internal const string ControlName = "/control";

    /// <summary>The name under which the admin endpoint's socket comes.</summary>
    internal const string AdminName = "/admin";

    private const int Failure = 1;

    private readonly UnixChannel _parent;
    private readonly TimeProvider _time;
    private readonly ManualResetEventSlim _end = new();
    private readonly Dictionary<string, SafeFileHandle> _given = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly EngineState _state;
    private ProxyEngine? _engine;
    private ControlServer? _control;
    private AdminServer? _admin;
    private SafeFileHandle? _controlListener;
    private ProxyConfig _config = new();
    private int _exitCode;

    private EngineHost(UnixChannel parent, TimeProvider time)
    {
        (_parent, _time) = (parent, time);
        _state = new EngineState { StartedAt = time.GetUtcNow() };
    }

    /// <summary>Runs an engine to its end. The exit code.</summary>
    /// <param name="channel">The descriptor of the channel to the parent.</param>
    /// <param name="time">The clock.</param>
    public static int Run(int channel, TimeProvider time)
    {
        using var host = new EngineHost(new UnixChannel(new SafeFileHandle(channel, ownsHandle: true)), time);
        new Thread(host.Listen) { IsBackground = true, Name = "parent" }.Start();
        host._end.Wait();
        return host._exitCode;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _control?.Dispose();
        _admin?.Dispose();
        _engine?.Dispose();
        _parent.Dispose();
        _end.Dispose();
    }

    private void Listen()
    {
        try
        {
            while (_parent.Receive() is { } message) Take(EngineMessage.Read(message.Bytes), message.Descriptors);
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            Fail($"the parent said what is not understood: {e.Message}");
        }

        // The parent is gone. What serves goes on; what never began has nothing to do.
        if (_engine is null) End(Failure);
    }

    private void Take(EngineMessage message, IReadOnlyList<SafeFileHandle> descriptors)
    {
        switch (message.Act)
        {
            case EngineAct.Start:
                _state.Restarts = message.Restarts;
                Start(message.Snapshot!);
                break;
            case EngineAct.Listeners:
                foreach (var (name, fd) in message.Names!.Zip(descriptors)) Give(name, fd);
                break;
            case EngineAct.Serve:
                Serve();
                break;
            case EngineAct.Change:
                Change();
                break;
            case EngineAct.Drain:
                Drain();
                break;
            case EngineAct.Reopen:
                break;
        }
    }

    private void Start(string snapshot)
    {
        var outcome = SnapshotFile.Read(snapshot);
        if (outcome.Config is not { } config)
        {
            Fail(outcome.Problem ?? "the snapshot is empty");
            return;
        }

        (_config, _state.Revision) = (config, outcome.Revision);
        DescriptorLimit.Raise(((long)config.Engine.MaxConnections * 2) + 1_024);
        if (config.Engine.User is { } user && Environment.IsPrivilegedProcess) ProcessUser.Become(user);
        _engine = new ProxyEngine(config.Engine.Threads, _time);
        _engine.Apply(config);
    }

    /// <summary>Before it serves, sockets are kept; then they are taken up at once.</summary>
    private void Give(string name, SafeFileHandle fd)
    {
        if (name == ControlName) _controlListener = fd;
        else if (_control is null) _given[name] = fd;
        else Listen(name, fd);
    }

    private void Serve()
    {
        if (_engine is null) return;
        _engine.Start();
        foreach (var (name, fd) in _given) Listen(name, fd);
        _given.Clear();
        _control = new ControlServer(Answer);
        if (_controlListener is not null) _control.Start(_controlListener);
        _state.IsServing = true;
        Tell(new EngineMessage { Act = EngineAct.Ready, Revision = _state.Revision });
    }

    private void Listen(string name, SafeFileHandle fd)
    {
        var descriptor = (int)fd.DangerousGetHandle();
        fd.SetHandleAsInvalid(); // The engine's from now on.
        if (name != AdminName)
        {
            _engine!.Listen(name, descriptor);
            return;
        }

        EndAdmin();
        _admin = new AdminServer(_engine!, _state, _time);
        _admin.Start(descriptor);
    }

    private void Change()
    {
        var bytes = _parent.Receive()?.Bytes ?? [];
        var (delta, problem) = DeltaCodec.Read(bytes);
        if (delta is not null)
        {
            var next = delta.Base == _state.Revision ? ConfigDelta.Apply(_config, delta) : null;
            if (next is null) problem = $"the change begins at revision {delta.Base}, and here is {_state.Revision}";
            else Adopt(next, delta.Target);
        }

        Tell(new EngineMessage { Act = EngineAct.Applied, Revision = _state.Revision, Problem = problem });
    }

    private void Adopt(ProxyConfig config, long revision)
    {
        _engine!.Apply(config);
        (_config, _state.Revision) = (config, revision);
        if (config.Engine.Admin is null) EndAdmin();
    }

    /// <summary>Ends when the last connection has, or at the deadline.</summary>
    private void Drain()
    {
        lock (_lock)
        {
            if (_state.IsDraining) return;
            _state.IsDraining = true;
        }

        _control?.Dispose();
        _engine!.Drain();
        new Thread(() =>
        {
            _engine.WaitUntilIdle(_config.Engine.DrainTimeout);
            End(0);
        })
        { IsBackground = true, Name = "drain" }.Start();
    }

    private ControlReply Answer(ControlRequest request, UnixChannel client)
    {
        switch (request.Act)
        {
            case ControlAct.TakeOver:
                return HandOver(client);
            case ControlAct.Replaced:
                Tell(new EngineMessage { Act = EngineAct.Replaced });
                EndAdmin(); // The successor answers there.
                Drain();
                return new ControlReply();
            default:
                return EngineAnswers.Of(request, _engine!, _config, _state);
        }
    }

    /// <summary>All listening sockets, the control socket among them. This process goes on accepting until the successor says that it does.</summary>
    private ControlReply HandOver(UnixChannel client)
    {
        var all = _engine!.Descriptors.Append(KeyValuePair.Create(ControlName, _control!.Descriptor)).Append(KeyValuePair.Create(AdminName, _admin?.Descriptor ?? -1)).Where(d => d.Value >= 0);
        foreach (var part in all.Chunk(UnixChannel.MostDescriptors))
        {
            var reply = new ControlReply { Names = [.. part.Select(p => p.Key)] };
            client.Send(JsonSerializer.SerializeToUtf8Bytes(reply, EngineMessageJson.Default.ControlReply), [.. part.Select(p => p.Value)]);
        }

        return new ControlReply();
    }

    private void EndAdmin()
    {
        var admin = _admin;
        _admin = null;
        admin?.Dispose();
    }

    private void Fail(string problem)
    {
        Tell(new EngineMessage { Act = EngineAct.Failed, Problem = problem });
        End(Failure);
    }

    private void Tell(EngineMessage message) => _parent.Send(message.ToBytes());

    private void End(int exitCode)
    {
        _exitCode = exitCode;
        _end.Set();
    }
}
