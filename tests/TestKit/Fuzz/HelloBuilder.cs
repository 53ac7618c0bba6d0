using System.Buffers.Binary;

namespace Gatehouse.TestKit.Fuzz;

/// <summary>Writes a ClientHello, right or wrong in one place.</summary>
public sealed class HelloBuilder
{
    private readonly List<(int Type, byte[] Data)> _extensions = [];

    /// <summary>0 to 255 bytes; more than 32 are too many.</summary>
    public byte[] Session { get; set; } = new byte[32];

    /// <summary>Pairs of bytes.</summary>
    public byte[] Ciphers { get; set; } = [0x13, 0x01, 0x13, 0x02];

    public byte[] Compression { get; set; } = [0];

    /// <summary>Whether the list of extensions is there at all.</summary>
    public bool HasExtensions { get; set; } = true;

    /// <summary>What follows the list of extensions.</summary>
    public byte[] Behind { get; set; } = [];

    public HelloBuilder Add(int type, params byte[] data)
    {
        _extensions.Add((type, data));
        return this;
    }

    /// <summary>The server name extension with these names, each of type 0.</summary>
    public HelloBuilder Names(params byte[][] names) => Add(0, Block(2, [.. names.SelectMany(n => (byte[])[0, .. Block(2, n)])]));

    /// <summary>The ALPN extension with these names.</summary>
    public HelloBuilder Protocols(params byte[][] names) => Add(16, Block(2, [.. names.SelectMany(n => Block(1, n))]));

    /// <summary>The handshake message.</summary>
    public byte[] Message()
    {
        byte[] extensions = [.. _extensions.SelectMany(e => (byte[])[(byte)(e.Type >> 8), (byte)e.Type, .. Block(2, e.Data)])];
        byte[] body = [3, 3, .. new byte[32], .. Block(1, Session), .. Block(2, Ciphers), .. Block(1, Compression), .. HasExtensions ? Block(2, extensions) : [], .. Behind];
        return [1, .. Block(3, body)];
    }

    /// <summary>The message in records of at most <paramref name="size"/> bytes.</summary>
    public static byte[] Records(byte[] message, int size = 1 << 14) => [.. message.Chunk(size).SelectMany(part => (byte[])[22, 3, 1, .. Block(2, part)])];

    /// <summary>The message in one record.</summary>
    public byte[] Record() => Records(Message());

    /// <summary>Bytes behind their length.</summary>
    public static byte[] Block(int lengthBytes, byte[] data)
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, data.Length);
        return [.. length[^lengthBytes..], .. data];
    }
}
