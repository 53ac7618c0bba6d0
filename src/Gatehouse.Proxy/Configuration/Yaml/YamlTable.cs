namespace Gatehouse.Proxy.Configuration.Yaml;

/// <summary>What a node of YAML is.</summary>
internal enum YamlKind : byte
{
    Scalar,
    Sequence,
    Mapping,

    /// <summary>An alias of nothing; its text is the name after the asterisk.</summary>
    LostAlias,
}

/// <summary>
/// A document of YAML as a flat table: each node, and behind it all that is in it. Far smaller than a tree of objects, so that a large file costs a small process little, and an alias is an
/// index, whatever it stands for.
/// </summary>
internal sealed class YamlTable
{
    private readonly List<Row> _rows = [];

    public int Count => _rows.Count;

    /// <summary>The whole document. Only when <see cref="Count"/> is not 0.</summary>
    public YamlNode Root => new(this, 0);

    public int Add(YamlKind kind, string? text, bool plain, long line, long column)
    {
        _rows.Add(new Row { Kind = kind, Text = text, Plain = plain, Line = (int)line, Column = (int)column, End = _rows.Count + 1, Target = -1 });
        return _rows.Count - 1;
    }

    /// <summary>Adds a node that stands for another.</summary>
    public void AddAlias(int target, long line, long column)
    {
        var index = Add(_rows[target].Kind, null, plain: false, line, column);
        _rows[index] = _rows[index] with { Target = target };
    }

    /// <summary>All rows since belong to this one.</summary>
    public void Close(int index) => _rows[index] = _rows[index] with { End = _rows.Count };

    internal Row At(int index) => _rows[index];

    internal record struct Row
    {
        public YamlKind Kind;
        public bool Plain;
        public string? Text;
        public int Line;
        public int Column;

        /// <summary>The row behind all that is in this one.</summary>
        public int End;

        /// <summary>What an alias stands for; -1: it is none.</summary>
        public int Target;
    }
}

/// <summary>A node of a <see cref="YamlTable"/>. An alias has its own place and the contents of what it stands for.</summary>
internal readonly struct YamlNode
{
    private readonly YamlTable _table;
    private readonly int _index;
    private readonly int _contents;

    public YamlNode(YamlTable table, int index)
    {
        (_table, _index) = (table, index);
        var target = table.At(index).Target;
        _contents = target < 0 ? index : target;
    }

    public YamlKind Kind => _table.At(_contents).Kind;

    /// <summary>Of a scalar.</summary>
    public string Text => _table.At(_contents).Text ?? "";

    /// <summary>Whether a scalar stands there without quotes and not as a block.</summary>
    public bool Plain => _table.At(_contents).Plain;

    /// <summary>From 1.</summary>
    public int Line => _table.At(_index).Line;

    /// <summary>From 1.</summary>
    public int Column => _table.At(_index).Column;

    /// <summary>A sequence's items; a mapping's keys and values in turn.</summary>
    public Items Children => new(_table, _contents);

    /// <summary>A mapping's keys, each with its value.</summary>
    public KeyedItems Pairs => new(Children);

    /// <summary>For messages.</summary>
    public string KindText => Kind switch
    {
        YamlKind.Mapping => "a mapping",
        YamlKind.Sequence => "a list",
        YamlKind.LostAlias => "an alias",
        _ => "a value",
    };

    /// <summary>Goes over the direct children of a node.</summary>
    public struct Items(YamlTable table, int parent)
    {
        private readonly int _end = table.At(parent).End;
        private int _next = parent + 1;

        public YamlNode Current { get; private set; }

        public readonly Items GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_next >= _end) return false;
            Current = new YamlNode(table, _next);
            _next = table.At(_next).End;
            return true;
        }
    }

    /// <summary>Goes over keys and values together.</summary>
    public struct KeyedItems(Items items)
    {
        private Items _items = items;

        public (YamlNode Key, YamlNode Value) Current { get; private set; }

        public readonly KeyedItems GetEnumerator() => this;

        public bool MoveNext()
        {
            if (!_items.MoveNext()) return false;
            var key = _items.Current;
            _items.MoveNext(); // A key without a value has an empty one.
            Current = (key, _items.Current);
            return true;
        }
    }
}
