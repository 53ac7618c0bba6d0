namespace Gatehouse.Proxy.Access;

/// <summary>What an engine's process is and does beside its loops; for figures. Any thread may read it.</summary>
internal sealed class EngineState
{
    private long _revision;
    private volatile bool _isServing;
    private volatile bool _isDraining;

    /// <summary>When the process began.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>How often its parent has started another engine before this one, because one had died.</summary>
    public int Restarts { get; set; }

    /// <summary>Of the configuration that is in place.</summary>
    public long Revision { get => Volatile.Read(ref _revision); set => Volatile.Write(ref _revision, value); }

    /// <summary>It has begun to accept.</summary>
    public bool IsServing { get => _isServing; set => _isServing = value; }

    /// <summary>It ends after what it has begun.</summary>
    public bool IsDraining { get => _isDraining; set => _isDraining = value; }

    /// <summary>New connections are taken.</summary>
    public bool IsReady => _isServing && !_isDraining;
}
