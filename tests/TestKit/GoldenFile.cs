using System.Runtime.CompilerServices;

namespace Gatehouse.TestKit;

/// <summary>
/// Compares a text with a file under <c>Golden/</c> beside the test's source. With <c>GATEHOUSE_UPDATE_GOLDEN=1</c> in the environment the files are written
/// anew, to be read in the diff before they are committed.
/// </summary>
public static class GoldenFile
{
    /// <summary>The switch's name.</summary>
    public const string UpdateSwitch = "GATEHOUSE_UPDATE_GOLDEN";

    /// <summary>Fails with the first line that differs.</summary>
    /// <param name="name">File name, for example <c>node-table.nft</c>.</param>
    public static void Check(string actual, string name, [CallerFilePath] string source = "") =>
        Check(actual, Path.Combine(Folder(source), name), Environment.GetEnvironmentVariable(UpdateSwitch) == "1");

    /// <summary>The files of a test's folder: one case each.</summary>
    /// <param name="pattern">For example <c>*.input.json</c>.</param>
    public static IReadOnlyList<string> Cases(string pattern, [CallerFilePath] string source = "") =>
        [.. Directory.EnumerateFiles(Folder(source), pattern).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>The text of one of them.</summary>
    public static string Read(string name, [CallerFilePath] string source = "") => File.ReadAllText(Path.Combine(Folder(source), name));

    internal static void Check(string actual, string path, bool update)
    {
        var text = actual.ReplaceLineEndings("\n");
        if (!text.EndsWith('\n')) text += "\n";
        if (update)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
            return;
        }

        if (!File.Exists(path)) throw new GoldenFileException($"{path} does not exist; {UpdateSwitch}=1 writes it. The text is:\n{text}");
        var expected = File.ReadAllText(path);
        if (expected != text) throw new GoldenFileException(Difference(path, expected, text));
    }

    private static string Difference(string path, string expected, string actual)
    {
        var (want, have) = (expected.Split('\n'), actual.Split('\n'));
        var line = 0;
        while (line < want.Length && line < have.Length && want[line] == have[line]) line++;
        return $"""
            {path} differs in line {line + 1}; {UpdateSwitch}=1 takes the new text over.
            expected: {(line < want.Length ? want[line] : "(end)")}
            actual:   {(line < have.Length ? have[line] : "(end)")}
            """;
    }

    private static string Folder(string source) => Path.Combine(Path.GetDirectoryName(source)!, "Golden");
}

/// <summary>A text is not what its golden file says.</summary>
public sealed class GoldenFileException(string message) : Exception(message);
