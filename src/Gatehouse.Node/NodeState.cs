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
    /// <summary>Bound of <see cref="Leaving"/>; the objects of older ones stay at the cluster as dead, for <c>gatehouse undeploy</c>.</summary>
    public const int MostLeaving = 1_024;

    /// <summary>
    /// Eight hexadecimal digits for names that must differ from those of other nodes on the same machine. Of the state directory's path, so that what bears it is known again
    /// when the file that says so is lost.
    /// </summary>
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

    /// <summary>Instances that were detached for good and whose objects, which this worker made, the cluster still has. At most <see cref="MostLeaving"/>, the oldest first.</summary>
    public IReadOnlyList<string> Leaving { get; set; } = [];

    /// <summary>Settings of the host as they were before; tear-down sets them back.</summary>
    public IReadOnlyDictionary<string, string> FormerSettings { get; set; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>
/// The node's state file: one line of JSON and its SHA-256. Replaced whole, durably, or not at all; and there twice, since it can't be asked for anywhere else: the copy is
/// written first, so that it is never older than the file.
/// </summary>
internal sealed class NodeStateFile(string directory)
{
    private readonly Lock _gate = new();
    private NodeState? _state;

    private string FilePath => Path.Combine(directory, "node.json");

    private string CopyPath => FilePath + ".copy";

    /// <summary>The state as it is; <see cref="Load"/> comes first.</summary>
    public NodeState State => Volatile.Read(ref _state) ?? throw new InvalidOperationException("the state was not loaded");

    /// <summary>Reads the file, or its copy where the file is lost, or begins anew.</summary>
    /// <returns>What was not trusted and set aside, and what was taken instead; null when all is well.</returns>
    public string? Load()
    {
        Directory.CreateDirectory(directory);
        var refusal = Refused(FilePath, out var state);
        if (state is null && (refusal is not null || File.Exists(CopyPath)))
        {
            refusal ??= $"{FilePath} is gone";
            var second = Refused(CopyPath, out state);
            refusal = state is not null ? $"{refusal}; its copy was taken, nothing is lost" : $"{refusal}; {second ?? "it has no copy"}: what is in the kernel is looked for";
        }

        lock (_gate) _state = state ?? new NodeState { Tag = Sum(Path.GetFullPath(directory)).Split(':')[1][..8] };
        Update(s => s);
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

    /// <summary>Reads a file; one that is not whole is set aside.</summary>
    private static string? Refused(string path, out NodeState? state)
    {
        var refusal = TryRead(path, out state);
        if (refusal is not null) File.Move(path, path + ".refused", overwrite: true);
        return refusal;
    }

    private static string? TryRead(string path, out NodeState? state)
    {
        state = null;
        if (!File.Exists(path)) return null;
        var lines = File.ReadAllText(path).Split('\n');
        if (lines.Length < 2 || lines[1] != Sum(lines[0])) return $"{path} was cut or changed: its checksum does not fit";
        try
        {
            state = JsonSerializer.Deserialize(lines[0], NodeJson.Default.NodeState);
            return state is null ? $"{path} holds nothing" : null;
        }
        catch (JsonException fault)
        {
            return $"{path} can't be read: {fault.Message}";
        }
    }

    private void Write(NodeState state)
    {
        var json = JsonSerializer.Serialize(state, NodeJson.Default.NodeState);
        var bytes = Encoding.UTF8.GetBytes($"{json}\n{Sum(json)}\n");
        Write(CopyPath, bytes);
        Write(FilePath, bytes);
    }

    private static void Write(string path, byte[] bytes)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private static string Sum(string text) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
}

/// <summary>The node's own JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodeState))]
internal sealed partial class NodeJson : JsonSerializerContext;
