using Gatehouse.Api.Client;
using Gatehouse.Objects;
using Gatehouse.Objects.Kinds;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Node;

/// <summary>The objects that a node reads, each kind in a mirror with its state on disk.</summary>
internal sealed class NodeMirrors : IAsyncDisposable
{
    private readonly Informer<Worker> _worker;
    private readonly Informer<Interest> _interests;
    private readonly Informer<Peer> _peers;
    private readonly Informer<FabricInstance> _instances;
    private readonly Informer<Exposure>? _exposures;

    public NodeMirrors(NodeOptions options, IObjectClient cluster, TimeProvider time, ILogger log)
    {
        Informer<T> Mirror<T>(string? fields)
            where T : ApiObject, IKind<T> =>
            new(cluster, new Selection(Fields: fields), new()
            {
                StateFile = System.IO.Path.Combine(options.StateDirectory, "mirror", $"{T.Info.Plural}.json"),
                Time = time,
                Logger = log,
            });

        _worker = Mirror<Worker>($"metadata.name={options.Name}");
        _interests = Mirror<Interest>($"spec.holder={options.Name}");
        _peers = Mirror<Peer>(null);
        _instances = Mirror<FabricInstance>($"spec.worker={options.Name}");
        _exposures = options.Gateway ? Mirror<Exposure>($"status.worker={options.Name}") : null;
        Interests = new(_interests);
        Peers = new(_peers);
        Exposures = _exposures is null ? null : new(_exposures);
    }

    /// <summary>This worker's own object.</summary>
    public IInformer<Worker> Worker => _worker;

    public MirrorReader<Interest> Interests { get; }

    public MirrorReader<Peer> Peers { get; }

    public IInformer<FabricInstance> Instances => _instances;

    /// <summary>Null when this worker is no gateway.</summary>
    public MirrorReader<Exposure>? Exposures { get; }

    /// <summary>Takes what is on disk, without any network.</summary>
    public void Load()
    {
        _worker.LoadState();
        _interests.LoadState();
        _peers.LoadState();
        _instances.LoadState();
        _exposures?.LoadState();
    }

    /// <summary>Lists and watches until cancelled.</summary>
    public IEnumerable<Task> Run(CancellationToken cancellation)
    {
        yield return _worker.RunAsync(cancellation);
        yield return _interests.RunAsync(cancellation);
        yield return _peers.RunAsync(cancellation);
        yield return _instances.RunAsync(cancellation);
        if (_exposures is not null) yield return _exposures.RunAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _worker.DisposeAsync();
        await _interests.DisposeAsync();
        await _peers.DisposeAsync();
        await _instances.DisposeAsync();
        if (_exposures is not null) await _exposures.DisposeAsync();
    }
}
