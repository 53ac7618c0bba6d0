using Gatehouse.TestKit;

namespace Gatehouse.Proxy.Tests.Configuration;

/// <summary>The documents and samples about the file of a proxy.</summary>
public static class Documents
{
    private static readonly string Root = FindRoot();

    /// <summary>Every YAML block of the reference, and every sample.</summary>
    public static TheoryData<string> Examples =>
    [
        .. Blocks("docs/formats/proxy-routes.md").Select((_, i) => $"docs/formats/proxy-routes.md#{i + 1}"),
        .. Directory.EnumerateFiles(Path.Combine(Root, "samples/proxy")).Select(f => Path.GetRelativePath(Root, f)).Order(StringComparer.Ordinal),
    ];

    public static string Example(string place) => place.Split('#') is [var file, var number] ? Blocks(file)[int.Parse(number) - 1] : Read(place);

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>Compares, or writes anew when golden files are.</summary>
    public static void Check(string text, string file)
    {
        if (Environment.GetEnvironmentVariable(GoldenFile.UpdateSwitch) == "1") File.WriteAllText(Path.Combine(Root, file), text);
        Assert.Equal(text, File.Exists(Path.Combine(Root, file)) ? Read(file) : $"(no file; {GoldenFile.UpdateSwitch}=1 writes it)");
    }

    private static List<string> Blocks(string file)
    {
        var lines = Read(file).Split('\n');
        List<string> blocks = [];
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i] != "```yaml") continue;
            var end = Array.IndexOf(lines, "```", i);
            blocks.Add(string.Join('\n', lines[(i + 1)..end]) + "\n");
        }

        return blocks;
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Gatehouse.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is in no checkout of the repository");
    }
}
