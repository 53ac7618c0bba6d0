using Gatehouse.Linux;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Processes;
using Gatehouse.Node.Overlay;
using Gatehouse.Node.Ruleset;
using Gatehouse.Node.Translation;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node.Instances;

/// <summary>An instance to attach.</summary>
/// <param name="Service">In any case; kept in lower case.</param>
/// <param name="Pid">A process in the namespace; 0 when <paramref name="NamespaceName"/> says which it is.</param>
/// <param name="Owned">Whether this node made process and namespace.</param>
internal sealed record AttachRequest(string Service, int Number, int Pid, string? NamespaceName, string? PortMappings = null, bool Owned = false)
{
    public string Name => $"{Service.ToLowerInvariant()}.{Number}";
}

/// <summary>Why an instance was not attached, for people.</summary>
internal sealed class AttachRefusedException(string message) : Exception(message);

/// <summary>The instances of this worker: their namespaces, addresses and elements, on disk before they are in the kernel.</summary>
/// <remarks>Safe for any thread; one change at a time.</remarks>
internal sealed class InstanceHost(DataPath path, NodeStateFile file, NodeOptions options, ILogger log) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly RouteSocket _route = RouteSocket.Open(options.Namespace);
    private readonly DeviceNames _names = new(options.DevicePrefix);
    private InstanceLink? _link;
    private volatile OverlayDevices? _devices;
    private OverlayAddresses? _addresses;
    private Dictionary<string, AttachedInstance> _attached = new(StringComparer.Ordinal);

    /// <summary>The attached instances by name.</summary>
    public IReadOnlyDictionary<string, AttachedInstance> Attached => Volatile.Read(ref _attached);

    /// <summary>Called after an instance came, went, or got its address.</summary>
    public Func<AttachedInstance, Task> Changed { get; set; } = static _ => Task.CompletedTask;

    /// <summary>The addresses of the worker's subnetwork; null until it has one.</summary>
    public OverlayAddresses? Addresses => Volatile.Read(ref _addresses);

    /// <summary>What was attached before a restart counts as attached until it is looked at. Without any network.</summary>
    public async Task LoadAsync(OverlayAddresses addresses)
    {
        Volatile.Write(ref _attached, file.State.Instances.Select(i => i with { Namespace = NamespaceOf(addresses, i.Host) }).ToDictionary(i => i.Name, StringComparer.Ordinal));
        Volatile.Write(ref _addresses, addresses);
        await path.ReplaceAsync(_attached.Values.SelectMany(i => Elements(i, addresses)));
    }

    /// <summary>The devices are there: sets every instance's pair right, and reports those whose namespace is gone.</summary>
    public async Task<IReadOnlyList<AttachedInstance>> StartAsync(OverlayDevices devices, OverlayAddresses addresses)
    {
        await _turn.WaitAsync();
        try
        {
            _link = new(_route, devices, addresses, options);
            _devices = devices;
            Volatile.Write(ref _addresses, addresses);
            var lost = new List<AttachedInstance>();
            foreach (var instance in _attached.Values)
            {
                if (!TryEnsure(_link, instance)) lost.Add(instance);
            }

            return lost;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Attaches an instance, or returns what it has when the same one is attached already.</summary>
    /// <exception cref="AttachRefusedException">
    /// Another one has the name, the namespace or the port, no address is free, there is no subnetwork yet, or the kernel refuses something. Nothing of it stays.
    /// </exception>
    public async Task<AttachedInstance> AttachAsync(AttachRequest request, AddressPair? address, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        AttachedInstance instance;
        try
        {
            if (_link is null || _addresses is null) throw new AttachRefusedException("this worker has no subnetwork yet; it waits for its cluster");
            if (_attached.TryGetValue(request.Name, out var there))
            {
                if (IsSame(there, request)) return there;
                throw new AttachRefusedException($"{request.Name} is attached already, to {Where(there)}; undeploy it first");
            }

            PortMappings.Check(request.PortMappings, request.Name, _attached.Values, options);
            using var target = OpenNamespace(request);
            if (OwnerOf(target) is { } owner) throw new AttachRefusedException($"{Where(request)} is in the network namespace of {owner}, which is attached; each instance needs one of its own");
            instance = Reserve(request, address);
            try
            {
                _link.Ensure(instance.Host, target);
            }
            catch (LinuxException fault)
            {
                _link.Remove(instance.Host);
                Forget(instance);
                throw new AttachRefusedException($"{Where(request)} could not be attached as {instance.Name}; nothing of it stays. The kernel refused {fault.Message}");
            }

            Publish(d => d[instance.Name] = instance);
            await path.ReplaceAsync(Elements(instance, _addresses), PortMappings.Chain);
        }
        finally
        {
            _turn.Release();
        }

        await Changed(instance);
        return instance;
    }

    /// <summary>Notes what became known of an instance: its address, its process, its declaration. Nothing when it is not attached, or nothing changes.</summary>
    public async Task SetAsync(string name, Func<AttachedInstance, AttachedInstance> change)
    {
        await _turn.WaitAsync();
        AttachedInstance? instance;
        try
        {
            if (!_attached.TryGetValue(name, out var before)) return;
            instance = change(before);
            if (instance == before) return;
            file.Update(s => s with { Instances = [.. s.Instances.Select(i => i.Name == name ? instance : i)] });
            Publish(d => d[name] = instance);
            await path.ReplaceAsync(Elements(instance, _addresses!));
        }
        finally
        {
            _turn.Release();
        }

        await Changed(instance);
    }

    /// <summary>Takes an instance out: maps first, then its pair of devices, then its address may go to another.</summary>
    /// <returns>What was attached; null when it was not.</returns>
    public async Task<AttachedInstance?> DetachAsync(string name)
    {
        await _turn.WaitAsync();
        AttachedInstance? instance;
        try
        {
            if (!_attached.TryGetValue(name, out instance)) return null;
            Publish(d => d.Remove(name));
            await path.ReplaceAsync([(Owner(name), []), (MapOwner(name), [])]);
            (_link ?? throw new InvalidOperationException("nothing is attached before the start")).Remove(instance.Host);
            Forget(instance);
        }
        finally
        {
            _turn.Release();
        }

        await Changed(instance);
        return instance;
    }

    /// <summary>Whether the kernel should have a route to this address: it is one of an attached instance.</summary>
    public bool Wants(System.Net.IPAddress address) =>
        Addresses is { } own && Attached.Values.Any(i => own.Host4(i.Host).Equals(address) || own.Host6(i.Host).Equals(address));

    /// <summary>The namespace address as others can reach it: without IPv6 while the underlay carries none, so that no IPv6 slot anywhere leads here.</summary>
    public AddressPair? ReachableOf(AttachedInstance instance) =>
        instance.Namespace is { } space && _devices is { HasIpv6: false } ? space with { Ipv6 = null } : instance.Namespace;

    public void Dispose()
    {
        _route.Dispose();
        _turn.Dispose();
    }

    private static string Owner(string name) => $"inst/{name}";

    private static AddressPair NamespaceOf(OverlayAddresses addresses, int host) => new(addresses.Host4(host).ToString(), addresses.Host6(host).ToString());

    private static string MapOwner(string name) => $"map/{name}";

    private static string Where(AttachRequest request) => request.NamespaceName is { } name ? $"network namespace '{name}'" : $"process {request.Pid}";

    private static string Where(AttachedInstance instance) => instance.NamespaceName is { } name ? $"namespace {name}" : $"process {instance.Pid}";

    private static bool IsSame(AttachedInstance there, AttachRequest request) => there.NamespaceName == request.NamespaceName
        && (request.NamespaceName is not null || (there.Pid == request.Pid && new ProcessIdentity(there.Pid, there.StartTime).IsAlive));

    /// <summary>The instance that is attached to a namespace already.</summary>
    private string? OwnerOf(NetworkNamespace target) => _attached.Values.FirstOrDefault(i => IdentityOf(i) == target.Identity)?.Name;

    /// <summary>Null when its namespace is gone.</summary>
    private static ulong? IdentityOf(AttachedInstance instance)
    {
        try
        {
            if (instance.Pid != 0 && instance.NamespaceName is null && !new ProcessIdentity(instance.Pid, instance.StartTime).IsAlive) return null;
            using var its = instance.NamespaceName is { } name ? NetworkNamespace.Open(name) : NetworkNamespace.OpenPid(instance.Pid);
            return its.Identity;
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private NetworkNamespace OpenNamespace(AttachRequest request)
    {
        try
        {
            var target = request.NamespaceName is { } name ? NetworkNamespace.Open(name) : NetworkNamespace.OpenPid(request.Pid);
            using var here = options.Namespace is null ? NetworkNamespace.Current() : null;
            if (target.Identity != (options.Namespace ?? here!).Identity) return target;
            target.Dispose();
            throw new AttachRefusedException($"{(request.NamespaceName is null ? $"process {request.Pid}" : request.NamespaceName)} is in the host's own network namespace; an instance needs one of its own");
        }
        catch (LinuxException fault) when (fault.Errno == Errno.ENOENT)
        {
            throw new AttachRefusedException(request.NamespaceName is { } name ? $"there is no network namespace '{name}'" : $"there is no process {request.Pid}");
        }
    }

    private IEnumerable<(string Owner, IEnumerable<NftElement> Elements)> Elements(AttachedInstance instance, OverlayAddresses addresses) =>
    [
        (Owner(instance.Name), InstanceElements.Of(instance, addresses, _names)),
        (MapOwner(instance.Name), PortMappings.Of(instance, addresses, options)),
    ];

    private bool TryEnsure(InstanceLink link, AttachedInstance instance)
    {
        try
        {
            if (instance.Pid != 0 && !new ProcessIdentity(instance.Pid, instance.StartTime).IsAlive) return false;
            using var target = instance.NamespaceName is { } name ? NetworkNamespace.Open(name) : NetworkNamespace.OpenPid(instance.Pid);
            link.Ensure(instance.Host, target);
            return true;
        }
        catch (LinuxException fault)
        {
            log.InstanceLost(instance.Name, fault.Message);
            return false;
        }
    }

    /// <summary>The host number is on disk before anything uses it: a crash here loses an address, it never gives one twice.</summary>
    private AttachedInstance Reserve(AttachRequest request, AddressPair? address)
    {
        if (HostNumbers.Take(file.State) is not { } taken)
            throw new AttachRefusedException($"all {HostNumbers.Last - HostNumbers.First + 1} addresses of this worker's subnetwork are taken");
        var instance = new AttachedInstance
        {
            Service = request.Service.ToLowerInvariant(),
            Number = request.Number,
            Host = taken.Host,
            Pid = request.Pid,
            StartTime = request.Pid == 0 ? 0 : (ProcessIdentity.Of(request.Pid) ?? throw new AttachRefusedException($"there is no process {request.Pid}")).StartTime,
            NamespaceName = request.NamespaceName,
            Owned = request.Owned,
            PortMappings = request.PortMappings,
            Address = address,
            Namespace = NamespaceOf(_addresses!, taken.Host),
        };
        file.Update(_ => taken.State with
        {
            Instances = [.. taken.State.Instances, instance],
            Leaving = [.. taken.State.Leaving.Where(n => n != instance.Name)],
        });
        return instance;
    }

    private void Forget(AttachedInstance instance) =>
        file.Update(s => HostNumbers.Give(s with { Instances = [.. s.Instances.Where(i => i.Name != instance.Name)] }, instance.Host));

    private void Publish(Action<Dictionary<string, AttachedInstance>> change)
    {
        var next = new Dictionary<string, AttachedInstance>(_attached, StringComparer.Ordinal);
        change(next);
        Volatile.Write(ref _attached, next);
    }
}
