using Gatehouse.Proxy.Configuration.Form;
using Gatehouse.Proxy.Configuration.Validation;

namespace Gatehouse.Proxy.Configuration.Yaml;

/// <summary>Reads the file that a person writes (docs/formats/proxy-routes.md).</summary>
public static class RoutesFile
{
    /// <summary>Bytes of a file.</summary>
    public const int MaxBytes = 64 << 20;

    /// <summary>Reads a file and all files that it names.</summary>
    /// <param name="path">As messages shall name it.</param>
    /// <param name="time">For certificates' ends.</param>
    /// <returns>A configuration without a fault, or all faults, each with its place.</returns>
    public static ConfigOutcome Load(string path, TimeProvider time)
    {
        var full = Path.GetFullPath(path);
        byte[] bytes;
        try
        {
            using var file = new FileStream(full, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (file.Length > MaxBytes) return Failed(path, full, 0, 0, $"is longer than {MaxBytes >> 20} MB: divide it");
            bytes = new byte[file.Length];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            Array.Resize(ref bytes, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Failed(path, full, 0, 0, $"cannot be read: {e.Message}");
        }

        var outcome = Read(bytes, path, Path.GetDirectoryName(full)!, time);
        return outcome with { Files = [full, .. outcome.Files] };
    }

    /// <summary>Reads what such a file holds.</summary>
    /// <param name="bytes">UTF-8, with or without a byte order mark.</param>
    /// <param name="name">As messages shall name it.</param>
    /// <param name="folder">What file names in it are relative to.</param>
    /// <param name="time">For certificates' ends.</param>
    public static ConfigOutcome Read(byte[] bytes, string name, string folder, TimeProvider time)
    {
        var (table, syntax) = YamlTableReader.Read(bytes);
        if (syntax is not null) return new ConfigOutcome { Faults = [new ConfigFault("", syntax.Message) { File = name, Line = syntax.Line, Column = syntax.Column }] };
        var reading = new YamlReading(name, folder);
        ConfigForm.Shape.TryRead(table!.Root, reading, out var config);
        if (reading.Ended) return new ConfigOutcome { Faults = reading.Faults, Files = reading.Files };
        var check = ConfigValidator.Run(config, time, null);
        var places = PlacesOf(table, check, name, folder);
        var written = new Written(reading.Faults);
        ConfigFault Placed(ConfigFault fault) => places.Of(fault.Path) is var (line, column) ? fault with { File = name, Line = line, Column = column } : fault;
        List<ConfigFault> faults = [.. reading.Faults.Concat(check.Faults.Where(f => !written.Explains(f.Path)).Select(Placed)).OrderBy(f => f.Line).ThenBy(f => f.Column)];
        return new ConfigOutcome
        {
            Config = faults.Count == 0 ? config : null,
            Faults = faults,
            Warnings = [.. check.Warnings.Where(f => !written.Explains(f.Path)).Select(Placed)],
            Files = reading.Files,
        };
    }

    /// <summary>Reads once more when places must be known: a right file, which most are, pays nothing for them.</summary>
    private static YamlPlaces PlacesOf(YamlTable table, ConfigCheck check, string name, string folder)
    {
        HashSet<string> wanted = new(StringComparer.Ordinal);
        foreach (var fault in check.Faults.Concat(check.Warnings))
        {
            for (var path = fault.Path; path.Length > 0 && wanted.Add(path); path = YamlPlaces.Around(path))
            {
            }
        }

        var places = new YamlPlaces(wanted);
        if (wanted.Count > 0) ConfigForm.Shape.TryRead(table.Root, new YamlReading(name, folder) { Places = places }, out _);
        return places;
    }

    private static ConfigOutcome Failed(string path, string full, int line, int column, string message) =>
        new() { Faults = [new ConfigFault("", message) { File = path, Line = line, Column = column }], Files = [full] };

    /// <summary>What was wrong as it was written. The value that stands in its place is nobody's fault, and neither is what would follow from it.</summary>
    private sealed class Written(IReadOnlyList<ConfigFault> faults)
    {
        private readonly HashSet<string> _faulty = [.. faults.Select(f => f.Path)];
        private readonly HashSet<string> _around = [.. faults.SelectMany(f => Around(f.Path))];

        public bool Explains(string path) => _around.Contains(path) || Around(path).Prepend(path).Any(_faulty.Contains);

        private static IEnumerable<string> Around(string path)
        {
            for (var at = YamlPlaces.Around(path); at.Length > 0; at = YamlPlaces.Around(at)) yield return at;
        }
    }
}
