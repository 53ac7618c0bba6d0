namespace Gatehouse.Root.Gateways;

/// <summary>Finds commas that stand before a closing bracket, in a document that is JSON but for them.</summary>
internal static class TrailingCommas
{
    /// <summary>The lines, from 1, in the document's order.</summary>
    public static IReadOnlyList<int> Find(ReadOnlySpan<byte> document)
    {
        var found = new List<int>();
        var (line, comma, inText) = (1, 0, false);
        for (var i = 0; i < document.Length; i++)
        {
            var c = document[i];
            if (c == '\n') line++;
            if (inText)
            {
                if (c == '\\') i++;
                else if (c == '"') inText = false;
                continue;
            }

            if (c is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') continue;
            if (c is (byte)']' or (byte)'}' && comma > 0) found.Add(comma);
            comma = c == ',' ? line : 0;
            inText = c == '"';
        }

        return found;
    }
}
