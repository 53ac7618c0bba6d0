using Gatehouse.Proxy.Access.Log;

namespace Gatehouse.Proxy.Access;

/// <summary>What an engine's process is and does beside its loops; for figures. Any thread may read it.</summary>
internal sealed class EngineState
{
    private long _revision;
    private volatile bool _isServing;
    private volatile bool _isDraining;

    /// <param name="time">The clock.</param>
    public EngineState(TimeProvider time) => (Time, StartedAt) = (time, time.GetUtcNow());

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>When the process began.</summary>
    public DateTimeOffset StartedAt { get; }

    /// <summary>How often its parent has started another engine before this one, because one had died.</summary>
    public int Restarts { get; set; }

    /// <summary>Of the configuration that is in place.</summary>
    public long Revision { get => Volatile.Read(ref _revision); set => Volatile.Write(ref _revision, value); }

    /// <summary>The access log; null before there is an engine.</summary>
    public EngineLog? Log { get; set; }

    /// <summary>It has begun to accept.</summary>
    public bool IsServing { get => _isServing; set => _isServing = value; }

    /// <summary>It ends after what it has begun.</summary>
    public bool IsDraining { get => _isDraining; set => _isDraining = value; }

    /// <summary>New connections are taken.</summary>
    public bool IsReady => _isServing && !_isDraining;
}
