using Gatehouse.TestKit;

namespace Gatehouse.Repo.Tests;

/// <summary>The repository that these tests were built from.</summary>
internal static class Repository
{
    private static readonly string[] Binary = [".png", ".ico", ".woff2", ".pdf"];

    private static readonly Lazy<IReadOnlyList<string>> Tracked = new(List);

    /// <summary>Its folder.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>What git tracks or would, with <c>/</c>, relative to <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> Files => Tracked.Value;

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>The lines of every text file that the filter takes, with their numbers from 1.</summary>
    public static IEnumerable<(string File, int Number, string Text)> Lines(Func<string, bool> filter) =>
        Files.Where(f => filter(f) && !Binary.Contains(Path.GetExtension(f)))
            .SelectMany(f => File.ReadLines(Path.Combine(Root, f)).Select((text, i) => (f, i + 1, text)));

    private static IReadOnlyList<string> List()
    {
        var listed = ShellCommand.RequireAsync("git", ["-C", Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]).GetAwaiter().GetResult();
        return [.. listed.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(f => File.Exists(Path.Combine(Root, f)))];
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
