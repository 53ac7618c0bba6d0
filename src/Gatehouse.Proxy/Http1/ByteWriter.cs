using System.Buffers.Text;
using System.Runtime.CompilerServices;

namespace Gatehouse.Proxy.Http1;

/// <summary>Appends to a span that has room for all that is ever appended: heads are bounded.</summary>
internal ref struct ByteWriter(Span<byte> into)
{
    private readonly Span<byte> _into = into;

    public int Length { get; private set; }

    /// <summary>What follows; write to it and <see cref="Advance"/>.</summary>
    public readonly Span<byte> Rest => _into[Length..];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_into[Length..]);
        Length += bytes.Length;
    }

    public void Write(byte value) => _into[Length++] = value;

    public void WriteNumber(long number)
    {
        Utf8Formatter.TryFormat(number, _into[Length..], out var written);
        Length += written;
    }

    public void Advance(int count) => Length += count;
}
