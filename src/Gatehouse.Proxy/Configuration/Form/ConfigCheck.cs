namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>Gathers what is wrong with a model. One thread.</summary>
/// <param name="now">For certificates' ends.</param>
internal sealed class ConfigCheck(DateTimeOffset now)
{
    /// <summary>More faults than a person reads; beyond it only that there are more.</summary>
    public const int MaxFaults = 1_000;

    private readonly List<ConfigFault> _faults = [];
    private readonly List<ConfigFault> _warnings = [];
    private readonly List<FaultyObject> _objects = [];

    private int? _own;

    public ConfigTrail Trail { get; } = new();

    /// <summary>Objects that were checked before and found right, by reference. Null: none.</summary>
    public IReadOnlySet<object>? Known { get; init; }

    public bool IsKnown<T>(T value) => Known is not null && !typeof(T).IsValueType && Known.Contains(value!);

    public DateTimeOffset Now => now;

    public IReadOnlyList<ConfigFault> Faults => _faults;

    public IReadOnlyList<ConfigFault> Warnings => _warnings;

    /// <summary>The objects that the faults are in. Not bounded as the texts are: each of them must be left out.</summary>
    public IReadOnlyList<FaultyObject> Objects => _objects;

    /// <summary>Those whose fault is their own; the others only name what is not there.</summary>
    public IEnumerable<FaultyObject> FaultyThemselves => _objects.Take(_own ?? _objects.Count);

    /// <summary>From here on faults are of what objects name.</summary>
    public void ReferencesFollow() => _own = _objects.Count;

    /// <summary>Notes a fault of the value at hand.</summary>
    public void Fault(string message)
    {
        _objects.Add(Trail.Object());
        Add(_faults, Trail.ToString(), message);
    }

    /// <summary>Notes a fault of a field of the object at hand.</summary>
    public void Fault(string field, string message)
    {
        Trail.Enter(field);
        _objects.Add(Trail.Object());
        Add(_faults, Trail.ToString(), message);
        Trail.Leave();
    }

    /// <summary>Notes what works and is probably not meant.</summary>
    public void Warn(string field, string message)
    {
        Trail.Enter(field);
        Add(_warnings, Trail.ToString(), message);
        Trail.Leave();
    }

    private static void Add(List<ConfigFault> list, string path, string message)
    {
        if (list.Count < MaxFaults) list.Add(new ConfigFault(path, message));
        else if (list.Count == MaxFaults) list.Add(new ConfigFault("", $"and more: only the first {MaxFaults:N0} are told"));
    }
}
