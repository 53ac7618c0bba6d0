using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Node.Instances;
using Gatehouse.Objects.Kinds;

namespace Gatehouse.Node;

/// <summary>What a node keeps on disk, beside the informers' mirrors: it starts from that, whoever is away.</summary>
internal sealed record NodeState
{
    /// <summary>Eight hexadecimal digits, random, for names that must differ from those of other nodes on the same machine.</summary>
    public required string Tag { get; set; }

    /// <summary>The node engine that registered; null when none has.</summary>
    public string? Client { get; set; }

    /// <summary>The leased subnetwork; null until there was one.</summary>
    public SubnetworkRange? Subnetwork { get; set; }

    public IReadOnlyList<AttachedInstance> Instances { get; set; } = [];

    /// <summary>Host numbers that were given back, the oldest first: the next instance gets the one that was free for longest.</summary>
    public IReadOnlyList<int> Freed { get; set; } = [];

    /// <summary>The first host number that nobody ever had.</summary>
    public int NextHost { get; set; } = HostNumbers.First;

    /// <summary>Settings of the host as they were before; tear-down sets them back.</summary>
    public IReadOnlyDictionary<string, string> FormerSettings { get; set; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>The node's state file: one line of JSON and its SHA-256. Replaced whole, durably, or not at all.</summary>
internal sealed class NodeStateFile(string directory)
{
    private readonly Lock _gate = new();
    private NodeState? _state;

    private string FilePath => Path.Combine(directory, "node.json");

    /// <summary>The state as it is; <see cref="Load"/> comes first.</summary>
    public NodeState State => Volatile.Read(ref _state) ?? throw new InvalidOperationException("the state was not loaded");

    /// <summary>Reads the file, or begins anew.</summary>
    /// <returns>Why the file was not trusted and set aside; null when all is well.</returns>
    public string? Load()
    {
        Directory.CreateDirectory(directory);
        var refusal = TryRead(out var state);
        if (refusal is not null) File.Move(FilePath, FilePath + ".refused", overwrite: true);
        lock (_gate) _state = state ?? new NodeState { Tag = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)) };
        if (state is null) Update(s => s);
        return refusal;
    }

    /// <summary>Changes the state; it is on disk when this returns.</summary>
    /// <exception cref="IOException">The file could not be written; the state is as before.</exception>
    public NodeState Update(Func<NodeState, NodeState> change)
    {
        lock (_gate)
        {
            var next = change(State);
            Write(next);
            Volatile.Write(ref _state, next);
            return next;
        }
    }

    private string? TryRead(out NodeState? state)
    {
        state = null;
        if (!File.Exists(FilePath)) return null;
        var lines = File.ReadAllText(FilePath).Split('\n');
        if (lines.Length < 2 || lines[1] != Sum(lines[0])) return $"{FilePath} was cut or changed: its checksum does not fit";
        try
        {
            state = JsonSerializer.Deserialize(lines[0], NodeJson.Default.NodeState);
            return state is null ? $"{FilePath} holds nothing" : null;
        }
        catch (JsonException fault)
        {
            return $"{FilePath} can't be read: {fault.Message}";
        }
    }

    private void Write(NodeState state)
    {
        var json = JsonSerializer.Serialize(state, NodeJson.Default.NodeState);
        var temporary = FilePath + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes($"{json}\n{Sum(json)}\n"));
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, FilePath, overwrite: true);
    }

    private static string Sum(string text) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
}

/// <summary>The node's own JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodeState))]
internal sealed partial class NodeJson : JsonSerializerContext;
