using System.Buffers.Text;

namespace Gatehouse.Proxy.Access.Metrics;

/// <summary>Takes a part of a text. False: nobody wants the rest.</summary>
internal delegate bool TextSink(ReadOnlySpan<byte> part);

/// <summary>
/// Writes Prometheus' text, version 0.0.4, through one buffer, part by part: however many series there are, nothing is kept of them and nothing allocated for them, for a collection of
/// garbage would stop the loops.
/// </summary>
internal ref struct MetricText(Span<byte> buffer, TextSink sink)
{
    private const int LongestNumber = 32;
    private readonly Span<byte> _buffer = buffer;
    private int _length;
    private MetricFamily? _family;

    /// <summary>Whoever read it is gone.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Begins a metric.</summary>
    public void Begin(MetricFamily family)
    {
        _family = family;
        Write(family.Head);
    }

    /// <summary>A series without labels.</summary>
    public void Series(double value) => Sample(default, default, default, value);

    /// <summary>A series with one label.</summary>
    public void Series(ReadOnlySpan<char> first, double value) => Sample(first, default, default, value);

    /// <summary>A series with two labels.</summary>
    public void Series(ReadOnlySpan<char> first, ReadOnlySpan<char> second, double value) => Sample(first, second, default, value);

    /// <summary>A series with three labels.</summary>
    public void Series(ReadOnlySpan<char> first, ReadOnlySpan<char> second, ReadOnlySpan<char> third, double value) => Sample(first, second, third, value);

    /// <summary>A metric that has one series.</summary>
    public void Single(MetricFamily family, double value)
    {
        Begin(family);
        Series(value);
    }

    /// <summary>Gives away what is left.</summary>
    public void Flush()
    {
        if (_length > 0 && !IsBroken && !sink(_buffer[.._length])) IsBroken = true;
        _length = 0;
    }

    private void Sample(ReadOnlySpan<char> first, ReadOnlySpan<char> second, ReadOnlySpan<char> third, double value)
    {
        if (IsBroken) return;
        var labels = _family!.LabelBytes;
        Write(_family.NameBytes);
        if (labels.Length > 0)
        {
            Label("{"u8, labels[0], first);
            if (labels.Length > 1) Label(","u8, labels[1], second);
            if (labels.Length > 2) Label(","u8, labels[2], third);
            Write("}"u8);
        }

        Write(" "u8);
        Room(LongestNumber);
        int written;
        _ = value == Math.Floor(value) && Math.Abs(value) < 1L << 53 ? Utf8Formatter.TryFormat((long)value, _buffer[_length..], out written) : Utf8Formatter.TryFormat(value, _buffer[_length..], out written);
        _length += written;
        Write("\n"u8);
    }

    private void Label(ReadOnlySpan<byte> before, ReadOnlySpan<byte> name, ReadOnlySpan<char> value)
    {
        Write(before);
        Write(name);
        Write("=\""u8);
        foreach (var rune in value.EnumerateRunes())
        {
            if (rune.Value == '\\') Write("\\\\"u8);
            else if (rune.Value == '"') Write("\\\""u8);
            else if (rune.Value == '\n') Write("\\n"u8);
            else
            {
                Room(4);
                _length += rune.EncodeToUtf8(_buffer[_length..]);
            }
        }

        Write("\""u8);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        Room(bytes.Length);
        bytes.CopyTo(_buffer[_length..]);
        _length += bytes.Length;
    }

    private void Room(int bytes)
    {
        if (_length + bytes > _buffer.Length) Flush();
    }
}
