using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Yaml;

/// <summary>One reading of a table of YAML into the model: its faults, and the files that it names. One thread.</summary>
/// <param name="file">As messages name it.</param>
/// <param name="folder">What file names in it are relative to.</param>
internal sealed class YamlReading(string file, string folder)
{
    /// <summary>Values that are looked at; aliases count each time, so that few lines cannot become billions of values.</summary>
    public const int MaxVisits = 4_000_000;

    private readonly List<ConfigFault> _faults = [];
    private readonly List<string> _files = [];
    private readonly Dictionary<string, FileText> _texts = new(StringComparer.Ordinal);
    private int _visits;

    public ConfigTrail Trail { get; } = new();

    public IReadOnlyList<ConfigFault> Faults => _faults;

    /// <summary>Full paths of the files that values were read from.</summary>
    public IReadOnlyList<string> Files => _files;

    /// <summary>Set to learn where values stand: gets each path that is entered, while this is among those wanted.</summary>
    public YamlPlaces? Places { get; init; }

    /// <summary>Whether it ended before the end: what was read then means nothing.</summary>
    public bool Ended => _visits > MaxVisits;

    /// <summary>Goes to a field. Every one that is entered is left.</summary>
    public void Enter(string name, YamlNode at)
    {
        Trail.Enter(name);
        Places?.Note(Trail, at);
    }

    /// <summary>Goes to an item.</summary>
    public void Enter(int index, YamlNode at)
    {
        Trail.Enter(index);
        Places?.Note(Trail, at);
    }

    public void Leave() => Trail.Leave();

    /// <summary>Whether there is room for another value. When there is not, this was told.</summary>
    public bool Visit(YamlNode node)
    {
        if (++_visits <= MaxVisits) return true;
        if (_visits == MaxVisits + 1) Fault(node, $"with its aliases this is more than {MaxVisits:N0} values: write less");
        return false;
    }

    /// <summary>Notes a fault of the value at hand.</summary>
    public void Fault(YamlNode at, string message)
    {
        if (_faults.Count == ConfigCheck.MaxFaults) _faults.Add(new ConfigFault("", $"and more: only the first {ConfigCheck.MaxFaults:N0} are told") { File = file });
        if (_faults.Count < ConfigCheck.MaxFaults) _faults.Add(new ConfigFault(Trail.ToString(), message) { File = file, Line = at.Line, Column = at.Column });
    }

    /// <summary>Notes a fault of a field of the object at hand.</summary>
    public void Fault(YamlNode at, string field, string message)
    {
        Trail.Enter(field);
        Fault(at, message);
        Trail.Leave();
    }

    /// <summary>The bytes of a file that a value names.</summary>
    public FileText Open(string name)
    {
        var path = Path.GetFullPath(name, folder);
        if (_texts.TryGetValue(path, out var known)) return known;
        _files.Add(path);
        return _texts[path] = FileText.Read(path);
    }
}

/// <summary>Where paths stand.</summary>
/// <param name="wanted">The paths that somebody asks for, and all that lead to them.</param>
internal sealed class YamlPlaces(IReadOnlySet<string> wanted)
{
    private readonly Dictionary<string, (int Line, int Column)> _found = new(StringComparer.Ordinal);

    public void Note(ConfigTrail trail, YamlNode at)
    {
        var path = trail.ToString();
        if (wanted.Contains(path)) _found.TryAdd(path, (at.Line, at.Column));
    }

    /// <summary>The place of a path; of the nearest thing around it when it is not written.</summary>
    public (int Line, int Column) Of(string path)
    {
        for (var at = path; at.Length > 0; at = Around(at))
        {
            if (_found.TryGetValue(at, out var place)) return place;
        }

        return (1, 1);
    }

    /// <summary>The path without its last step.</summary>
    public static string Around(string path) => path.AsSpan().LastIndexOfAny('.', '[') is > 0 and var end ? path[..end] : "";
}

/// <summary>A file's bytes, or why there are none.</summary>
internal readonly record struct FileText(byte[]? Bytes, string? Problem)
{
    /// <summary>Certificates, keys and authorities are small.</summary>
    public const int MaxBytes = 1 << 20;

    public static FileText Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            Span<byte> part = stackalloc byte[4_096];
            while (bytes.Length <= MaxBytes && file.Read(part) is > 0 and var count) bytes.Write(part[..count]);
            return bytes.Length > MaxBytes ? new(null, $"{path} is longer than {MaxBytes:N0} bytes") : new(bytes.ToArray(), null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new(null, $"cannot be read: {e.Message}");
        }
    }
}
