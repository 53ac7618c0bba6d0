namespace Gatehouse.TestKit;

/// <summary>The JSON examples of the documents, so that tests use what readers copy.</summary>
public static class DocumentExamples
{
    /// <summary>The <c>```json</c> blocks of a document, in order.</summary>
    /// <param name="file">Relative to the repository, with <c>/</c>.</param>
    public static IReadOnlyList<string> Json(string file)
    {
        var lines = File.ReadAllLines(Path.Combine(Root(), file));
        List<string> blocks = [];
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() != "```json") continue;
            var end = Array.FindIndex(lines, i + 1, static l => l.Trim() == "```");
            blocks.Add(string.Join('\n', lines[(i + 1)..end]));
            i = end;
        }

        return blocks.Count > 0 ? blocks : throw new InvalidOperationException($"{file} has no JSON examples");
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Gatehouse.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is in no checkout of the repository");
    }
}
