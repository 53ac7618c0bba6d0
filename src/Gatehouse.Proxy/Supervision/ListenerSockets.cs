using System.Net;
using System.Runtime.InteropServices;
using Gatehouse.Linux;
using Gatehouse.Linux.Sockets;
using Gatehouse.Proxy.Configuration;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Proxy.Supervision;

/// <summary>The listening sockets that a parent holds through all engines, so that clients find somebody whatever becomes of them.</summary>
internal sealed class ListenerSockets : IDisposable
{
    /// <summary>Connections that wait while no engine accepts; the kernel takes no more than net.core.somaxconn.</summary>
    private const int Backlog = 65_535;

    private readonly Dictionary<string, (IPEndPoint Address, bool Udp, SafeFileHandle Socket)> _sockets = new(StringComparer.Ordinal);

    /// <summary>All of them by name.</summary>
    public IEnumerable<KeyValuePair<string, SafeFileHandle>> All => _sockets.Select(s => KeyValuePair.Create(s.Key, s.Value.Socket));

    /// <summary>Takes sockets from a predecessor; those that the listeners don't name at the same address are closed.</summary>
    public void Adopt(ProxyConfig config, Dictionary<string, SafeFileHandle> taken)
    {
        // A listener may have another name now; what counts is the address that it is bound to.
        var byAddress = taken.Where(t => t.Key != EngineHost.ControlName).Select(t => (t.Value, Address: Where(t.Value))).ToList();
        foreach (var (name, address, udp, _) in Wanted(config))
        {
            var found = byAddress.FirstOrDefault(s => s.Address is { } at && at.Udp == udp && at.EndPoint.Equals(address));
            if (found.Value is null) continue;
            byAddress.Remove(found);
            _sockets[name] = (address, udp, found.Value);
        }

        foreach (var (socket, _) in byAddress) socket.Dispose();
    }

    /// <summary>Binds what a configuration has and is not bound yet. All or nothing.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="bound">Names of what was bound now.</param>
    /// <returns>What could not be bound, and why.</returns>
    public IReadOnlyList<ConfigFault> Bind(ProxyConfig config, out IReadOnlyList<string> bound)
    {
        List<ConfigFault> faults = [];
        Dictionary<string, (IPEndPoint, bool, SafeFileHandle)> added = new(StringComparer.Ordinal);
        foreach (var (name, address, udp, path) in Wanted(config))
        {
            if (_sockets.TryGetValue(name, out var known) && known.Address.Equals(address) && known.Udp == udp) continue;
            if (Held(address, udp) is { } held)
            {
                added[name] = (address, udp, held); // A listener that has another name now, or gave its address to this one.
                continue;
            }

            var (socket, problem) = Open(address, udp);
            if (socket is not null) added[name] = (address, udp, socket);
            else faults.Add(new ConfigFault(path, $"{(name == EngineHost.AdminName ? "the admin endpoint" : $"listener {name}")} can't have {address}: {problem}"));
        }

        bound = [.. added.Keys];
        if (faults.Count > 0)
        {
            Close(added.Values.Select(a => a.Item3).Except(_sockets.Values.Select(s => s.Socket)));
            bound = [];
            return faults;
        }

        var before = _sockets.Values.Select(s => s.Socket).ToList();
        foreach (var (name, socket) in added) _sockets[name] = socket;
        Close(before.Except(_sockets.Values.Select(s => s.Socket)));
        return faults;
    }

    /// <summary>Closes what a configuration has no more. The engine, which holds it too, takes what is in its queue before it closes it for good.</summary>
    public void Trim(ProxyConfig config)
    {
        var kept = Wanted(config).Select(w => w.Name).ToHashSet(StringComparer.Ordinal);
        var before = _sockets.Values.Select(s => s.Socket).ToList();
        foreach (var name in _sockets.Keys.Where(n => !kept.Contains(n)).ToList()) _sockets.Remove(name);
        Close(before.Except(_sockets.Values.Select(s => s.Socket)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, _, socket) in _sockets.Values) socket.Dispose();
        _sockets.Clear();
    }

    /// <summary>A listening Unix socket at a path, which only its user may connect to. What a dead process left there is removed.</summary>
    /// <exception cref="IOException">Somebody answers there, or it can't be made.</exception>
    public static SafeFileHandle OpenControl(string path)
    {
        RequireNobodyAt(path);
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        return UnixChannel.Listen(path);
    }

    /// <summary>Of a proxy that is started twice this says more than that its addresses are taken.</summary>
    /// <exception cref="IOException">Another proxy answers there.</exception>
    public static void RequireNobodyAt(string path)
    {
        if (ControlClient.Connect(path) is not { } living) return;
        living.Dispose();
        throw new IOException($"{path}: another proxy answers there; to replace it without loss: --take-over");
    }

    private SafeFileHandle? Held(IPEndPoint address, bool udp) =>
        address.Port == 0 ? null : _sockets.Values.FirstOrDefault(s => s.Udp == udp && s.Address.Equals(address)).Socket;

    private static void Close(IEnumerable<SafeFileHandle> sockets)
    {
        foreach (var socket in sockets.Distinct().ToList()) socket.Dispose();
    }

    /// <summary>All that a configuration has bound: its listeners, and the admin endpoint under a name that no listener may have.</summary>
    private static IEnumerable<(string Name, IPEndPoint Address, bool Udp, string Path)> Wanted(ProxyConfig config)
    {
        for (var i = 0; i < config.Listeners.Count; i++)
        {
            var listener = config.Listeners[i];
            yield return (listener.Name, listener.Address, listener.Protocol == ListenerProtocol.Udp, $"listeners[{i}].address");
        }

        if (config.Engine.Admin is { } admin) yield return (EngineHost.AdminName, admin, Udp: false, "engine.admin");
    }

    private static (SafeFileHandle? Socket, string? Problem) Open(IPEndPoint address, bool udp)
    {
        var own = new SocketEndPoint(address);
        var fd = udp ? SocketCalls.OpenDatagram(own) : SocketCalls.OpenStream(own);
        if (fd < 0) return (null, Words(fd));
        var outcome = SocketCalls.Bind(fd, own);
        if (outcome >= 0 && !udp) outcome = SocketCalls.Listen(fd, Backlog);
        if (outcome >= 0) return (new SafeFileHandle(fd, ownsHandle: true), null);
        SocketCalls.Close(fd);
        return (null, Words(outcome));
    }

    private static (IPEndPoint EndPoint, bool Udp)? Where(SafeFileHandle socket)
    {
        var fd = (int)socket.DangerousGetHandle();
        return SocketCalls.LocalAddress(fd, out var address) < 0 ? null : (address.ToEndPoint(), SocketCalls.IsDatagram(fd));
    }

    private static string Words(int outcome) => (Errno)(-outcome) switch
    {
        Errno.EADDRINUSE => "another process has it",
        Errno.EACCES => "this user may not bind a port below 1024",
        Errno.EADDRNOTAVAIL => "this machine has no such address",
        _ => Marshal.GetPInvokeErrorMessage(-outcome),
    };
}
