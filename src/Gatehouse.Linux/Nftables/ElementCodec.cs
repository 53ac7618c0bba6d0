using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Nftables;

/// <summary>nfgenmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetfilterHeader
{
    public byte Family;
    public byte Version;

    /// <summary>Network byte order.</summary>
    public ushort Resource;
}

/// <summary>Messages about elements of sets (linux/netfilter/nf_tables.h).</summary>
internal static class ElementCodec
{
    public const ushort New = (Subsystem << 8) | 12;
    public const ushort Get = (Subsystem << 8) | 13;
    public const ushort Delete = (Subsystem << 8) | 14;

    /// <summary>Deletes what is there and is content with nothing; since Linux 6.3.</summary>
    public const ushort Destroy = (Subsystem << 8) | 30;

    /// <summary>A list of elements is one attribute; this leaves room for one more element of the largest size.</summary>
    public const int ListLimit = NetlinkWriter.AttributeLimit - 1024;

    private const int Subsystem = 10;
    private const ushort BatchBegin = 16;
    private const ushort BatchEnd = 17;

    private const int ListTable = 1;
    private const int ListSet = 2;
    private const int ListElements = 3;
    private const int ListItem = 1;

    private const int ElementKey = 1;
    private const int ElementDataAttribute = 2;
    private const int ElementFlagsAttribute = 3;
    private const int ElementTimeout = 4;
    private const int ElementExpiration = 5;
    private const int DataValue = 1;
    private const int DataVerdict = 2;
    private const int VerdictCode = 1;
    private const int VerdictChain = 2;

    public static void WriteBatchEdge(NetlinkWriter writer, bool begin, uint sequence)
    {
        var start = writer.Begin(begin ? BatchBegin : BatchEnd, NetlinkFlags.Request, sequence);
        writer.Put(new NetfilterHeader { Resource = BinaryPrimitives.ReverseEndianness((ushort)Subsystem) });
        writer.End(start);
    }

    /// <summary>Begins a message for elements of a set; the list is open for <see cref="WriteElement"/>.</summary>
    public static (int Message, int List) Begin(
        NetlinkWriter writer, ushort type, NetlinkFlags flags, uint sequence, NftFamily family, string table, string set)
    {
        var message = writer.Begin(type, flags | NetlinkFlags.Request, sequence);
        writer.Put(new NetfilterHeader { Family = (byte)family });
        writer.Text(ListTable, table);
        writer.Text(ListSet, set);
        return (message, writer.Nest(ListElements));
    }

    public static void End(NetlinkWriter writer, (int Message, int List) open)
    {
        writer.EndNest(open.List);
        writer.End(open.Message);
    }

    public static void WriteElement(NetlinkWriter writer, in ElementChange change, bool keyOnly)
    {
        var element = writer.Nest(ListItem);
        if (change.Flags != ElementFlags.None)
        {
            writer.U32Big(ElementFlagsAttribute, (uint)change.Flags);
        }

        if (!change.Flags.HasFlag(ElementFlags.CatchAll))
        {
            var key = writer.Nest(ElementKey);
            writer.Bytes(DataValue, change.Key.Span);
            writer.EndNest(key);
        }

        if (!keyOnly)
        {
            WriteData(writer, change.Data);
            if (change.Timeout is { } timeout)
            {
                writer.U64Big(ElementTimeout, (ulong)timeout.TotalMilliseconds);
            }
        }

        writer.EndNest(element);
    }

    public static void WriteDump(NetlinkWriter writer, uint sequence, NftFamily family, string table, string set)
    {
        var start = writer.Begin(Get, NetlinkFlags.Request | NetlinkFlags.Dump, sequence);
        writer.Put(new NetfilterHeader { Family = (byte)family });
        writer.Text(ListTable, table);
        writer.Text(ListSet, set);
        writer.End(start);
    }

    public static void Read(ushort type, ReadOnlySpan<byte> payload, List<Element> found)
    {
        if (type != New || payload.Length < 4)
        {
            return;
        }

        var attributes = new AttributeReader(payload[4..]);
        while (attributes.Next())
        {
            if (attributes.Type != ListElements)
            {
                continue;
            }

            var items = new AttributeReader(attributes.Value);
            while (items.Next())
            {
                found.Add(ReadElement(items.Value));
            }
        }
    }

    private static void WriteData(NetlinkWriter writer, in ElementData data)
    {
        if (data.Verdict is { } verdict)
        {
            var outer = writer.Nest(ElementDataAttribute);
            var inner = writer.Nest(DataVerdict);
            writer.U32Big(VerdictCode, (uint)verdict);
            if (data.Chain is { } chain)
            {
                writer.Text(VerdictChain, chain);
            }

            writer.EndNest(inner);
            writer.EndNest(outer);
        }
        else if (!data.Value.IsEmpty)
        {
            var outer = writer.Nest(ElementDataAttribute);
            writer.Bytes(DataValue, data.Value.Span);
            writer.EndNest(outer);
        }
    }

    private static Element ReadElement(ReadOnlySpan<byte> bytes)
    {
        var element = new Element(default, default, ElementFlags.None, null);
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            var value = attributes.Value;
            element = attributes.Type switch
            {
                ElementKey => element with { Key = ReadData(value).Value },
                ElementDataAttribute => element with { Data = ReadData(value) },
                ElementFlagsAttribute => element with { Flags = (ElementFlags)value.U32Big() },
                ElementExpiration => element with { Expires = TimeSpan.FromMilliseconds(value.U64Big()) },
                _ => element,
            };
        }

        return element;
    }

    private static ElementData ReadData(ReadOnlySpan<byte> bytes)
    {
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            if (attributes.Type == DataValue)
            {
                return attributes.Value.ToArray();
            }

            if (attributes.Type == DataVerdict)
            {
                return ReadVerdict(attributes.Value);
            }
        }

        return default;
    }

    private static ElementData ReadVerdict(ReadOnlySpan<byte> bytes)
    {
        var code = 0;
        string? chain = null;
        var attributes = new AttributeReader(bytes);
        while (attributes.Next())
        {
            if (attributes.Type == VerdictCode)
            {
                code = (int)attributes.Value.U32Big();
            }
            else if (attributes.Type == VerdictChain)
            {
                chain = attributes.Value.Text();
            }
        }

        return ElementData.Of(code, chain);
    }
}
