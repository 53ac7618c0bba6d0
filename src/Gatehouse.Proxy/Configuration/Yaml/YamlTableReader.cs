using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Gatehouse.Proxy.Configuration.Yaml;

/// <summary>Makes a <see cref="YamlTable"/> of YAML's events; no tree is built.</summary>
internal sealed class YamlTableReader
{
    /// <summary>Nodes of a file: some 200,000 routes.</summary>
    public const int MaxNodes = 2_000_000;

    /// <summary>Lists and mappings in each other; a configuration has 8.</summary>
    public const int MaxDepth = 32;

    private readonly YamlTable _table = new();
    private readonly Stack<(int Row, string? Anchor)> _open = [];
    private readonly Dictionary<string, int> _anchors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private int _documents;

    private YamlTableReader()
    {
    }

    /// <summary>The table, or the fault that ended the reading: one, because after it nothing is certain.</summary>
    public static (YamlTable? Table, YamlSyntaxFault? Fault) Read(byte[] file)
    {
        var reader = new YamlTableReader();
        try
        {
            using var text = new StreamReader(new MemoryStream(file), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            if (text.Peek() == '\uFEFF') _ = text.Read();
            var parser = new Parser(text);
            while (parser.MoveNext())
            {
                if (reader.Take(parser.Current!) is { } problem) return (null, new YamlSyntaxFault((int)parser.Current!.Start.Line, (int)parser.Current.Start.Column, problem));
            }

            return reader._table.Count == 0 ? (null, new YamlSyntaxFault(1, 1, "the file holds nothing")) : (reader._table, null);
        }
        catch (YamlException e)
        {
            return (null, YamlSyntaxFault.Of(file, e));
        }
        catch (DecoderFallbackException)
        {
            return (null, YamlSyntaxFault.OfBytes(file));
        }
    }

    /// <summary>Null, or what ends the reading.</summary>
    private string? Take(ParsingEvent what)
    {
        if (_table.Count >= MaxNodes) return $"more than {MaxNodes:N0} values in one file: divide it";
        if (what is NodeEvent { Tag.IsEmpty: false } tagged) return $"{tagged.Tag.Value}: tags have no meaning here: leave it away";
        switch (what)
        {
            case DocumentStart when ++_documents > 1:
                return "a second document begins here: a configuration is one";
            case Scalar scalar:
                Anchor(scalar.Anchor, _table.Add(YamlKind.Scalar, Shared(scalar.Value), scalar.Style == ScalarStyle.Plain, scalar.Start.Line, scalar.Start.Column));
                break;
            case MappingStart or SequenceStart:
                if (_open.Count == MaxDepth) return $"more than {MaxDepth} levels: nothing here is that deep";
                var kind = what is MappingStart ? YamlKind.Mapping : YamlKind.Sequence;
                _open.Push((_table.Add(kind, null, plain: false, what.Start.Line, what.Start.Column), Name(((NodeEvent)what).Anchor)));
                break;
            case MappingEnd or SequenceEnd:
                var (row, anchor) = _open.Pop();
                _table.Close(row);
                if (anchor is not null) _anchors[anchor] = row;
                break;
            case AnchorAlias alias when _anchors.TryGetValue(alias.Value.Value, out var target):
                _table.AddAlias(target, alias.Start.Line, alias.Start.Column);
                break;
            case AnchorAlias alias:
                if (_open.Any(o => o.Anchor == alias.Value.Value)) return $"*{alias.Value.Value}: stands for something that it is in itself";
                _table.Add(YamlKind.LostAlias, alias.Value.Value, plain: true, alias.Start.Line, alias.Start.Column);
                break;
        }

        return null;
    }

    /// <summary>An anchor is known only when what it names is complete: nothing can hold itself.</summary>
    private void Anchor(AnchorName anchor, int row)
    {
        if (Name(anchor) is { } name) _anchors[name] = row;
    }

    private static string? Name(AnchorName anchor) => anchor.IsEmpty ? null : anchor.Value;

    /// <summary>Keys and names come many times.</summary>
    private string Shared(string text)
    {
        if (text.Length > 64) return text;
        if (_texts.TryGetValue(text, out var same)) return same;
        _texts.Add(text, text);
        return text;
    }
}
