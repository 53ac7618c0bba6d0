using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Lab;

/// <summary>What is written down about a lab, so that later commands find it.</summary>
public sealed record LabState
{
    /// <summary>The file's format. Present: 1.</summary>
    public int Format { get; init; } = 1;

    public required string Name { get; init; }

    public required int WorkersPerCluster { get; init; }

    public required int Clusters { get; init; }

    public UnderlayFamily Underlay { get; init; }

    /// <summary>Whether it runs in a user namespace, because whoever started it was not root.</summary>
    public bool Rootless { get; init; }

    /// <summary>For each host the process id, inside the lab, that stands for its namespaces.</summary>
    public IReadOnlyDictionary<string, int> Inits { get; init; } = new Dictionary<string, int>();

    /// <summary>The roles' processes.</summary>
    public IReadOnlyList<LabProcess> Processes { get; init; } = [];
}

/// <summary>A role's process.</summary>
public sealed record LabProcess
{
    public required string Host { get; init; }

    /// <summary><c>root</c>, <c>cluster</c>, <c>node</c> or <c>gateway</c>.</summary>
    public required string Role { get; init; }

    /// <summary>As the lab numbers it; 0 before the first start.</summary>
    public int Pid { get; init; }

    /// <summary>Whether it was stopped on purpose.</summary>
    public bool Stopped { get; init; }

    /// <summary>Program and arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Where its standard output and error go.</summary>
    public required string Log { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(LabState))]
internal sealed partial class LabJson : JsonSerializerContext;

/// <summary>The state file of one lab: <c>lab.json</c> in its directory, replaced whole by each write.</summary>
public sealed class LabStateFile(string directory)
{
    private string Path => System.IO.Path.Combine(directory, "lab.json");

    /// <summary>Null when there is no lab.</summary>
    /// <exception cref="LabException">The file is there and not readable: cut, flipped, or of another format.</exception>
    public LabState? Read()
    {
        try
        {
            var state = JsonSerializer.Deserialize(File.ReadAllBytes(Path), LabJson.Default.LabState);
            return state is { Format: 1 } ? state : throw Unreadable($"format {state?.Format.ToString() ?? "none"} is not known, 1 is");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw Unreadable(e.Message, e);
        }
    }

    /// <summary>Writes the first state.</summary>
    /// <returns>False when there is a lab already; of two callers at the same moment one gets true.</returns>
    public bool TryCreate(LabState state)
    {
        try
        {
            using var file = new FileStream(Path, FileMode.CreateNew, FileAccess.Write);
            file.Write(JsonSerializer.SerializeToUtf8Bytes(state, LabJson.Default.LabState));
            return true;
        }
        catch (IOException) when (File.Exists(Path))
        {
            return false;
        }
    }

    /// <summary>Replaces the file in one step.</summary>
    public void Write(LabState state)
    {
        var fresh = Path + ".new";
        File.WriteAllBytes(fresh, JsonSerializer.SerializeToUtf8Bytes(state, LabJson.Default.LabState));
        File.Move(fresh, Path, overwrite: true);
    }

    private LabException Unreadable(string why, Exception? cause = null)
    {
        var message = $"{Path}: {why}; `gatehouse lab down` removes the lab all the same";
        return cause is null ? new LabException(message) : new LabException(message, cause);
    }
}
