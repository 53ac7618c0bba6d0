using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Nftables;

/// <summary>What tells a table from the same one changed: other when a chain, a set or a rule came or went, the same whatever its elements are.</summary>
/// <param name="Handle">The kernel's number of the table; one that is made again has another.</param>
/// <param name="Parts">Chains, sets and named objects that it has.</param>
/// <param name="Rules">Drawn from the numbers of all its rules, in their order.</param>
public readonly record struct NftTableSign(ulong Handle, uint Parts, ulong Rules);

/// <summary>Asks the kernel about tables, without a program and without libnftables. Safe for several threads: calls wait for each other.</summary>
/// <remarks>
/// Asked every now and then, this costs less than listening: for a listener the kernel makes a message of every changed element, those of our own loads among them.
/// </remarks>
public sealed class NftTables : IDisposable
{
    private const ushort Subsystem = 10 << 8;
    private const ushort NewTable = Subsystem;
    private const ushort GetTable = Subsystem | 1;
    private const ushort NewRule = Subsystem | 6;
    private const ushort GetRule = Subsystem | 7;
    private const ushort NewGeneration = Subsystem | 15;
    private const ushort GetGeneration = Subsystem | 16;

    private const int GenerationNumber = 1;
    private const int TableName = 1;
    private const int TableUse = 3;
    private const int TableHandle = 4;
    private const int RuleTable = 1;
    private const int RuleHandle = 3;
    private const int HeaderBytes = 4;

    private readonly NetlinkSocket _socket;
    private readonly NetlinkWriter _writer = new();
    private readonly Lock _lock = new();

    private NftTables(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in the namespace (null: the caller's).</summary>
    public static NftTables Open(NetworkNamespace? ns = null) => new(NetlinkSocket.Open(NetlinkSocket.Netfilter, ns));

    /// <summary>A number that is another after each transaction in this namespace, whoever's and of whichever table.</summary>
    public uint Generation()
    {
        uint number = 0;
        Ask("asking for the generation", GetGeneration, NftFamily.None, static _ => { }, (type, payload) =>
        {
            if (type != NewGeneration) return;
            var attributes = new AttributeReader(payload[HeaderBytes..]);
            while (attributes.Next())
            {
                if (attributes.Type == GenerationNumber) number = attributes.Value.U32Big();
            }
        });
        return number;
    }

    /// <summary>How the table is now, or null when there is none.</summary>
    /// <exception cref="LinuxException">EAGAIN: rules change too often to be read whole.</exception>
    public NftTableSign? Find(NftFamily family, string table)
    {
        var found = default(NftTableSign);
        try
        {
            Ask($"looking for table {table}", GetTable, family, w => w.Text(TableName, table), (type, payload) =>
            {
                if (type == NewTable) found = ReadTable(payload);
            });
            return found with { Rules = RulesOf(family, table) };
        }
        catch (LinuxException fault) when (fault.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    public void Dispose() => _socket.Dispose();

    private static NftTableSign ReadTable(ReadOnlySpan<byte> payload)
    {
        var sign = default(NftTableSign);
        var attributes = new AttributeReader(payload[HeaderBytes..]);
        while (attributes.Next())
        {
            sign = attributes.Type switch
            {
                TableUse => sign with { Parts = attributes.Value.U32Big() },
                TableHandle => sign with { Handle = attributes.Value.U64Big() },
                _ => sign,
            };
        }

        return sign;
    }

    /// <summary>FNV-1a over the rules' numbers, of which the kernel gives each out once for a table.</summary>
    private ulong RulesOf(NftFamily family, string table)
    {
        const ulong basis = 0xcbf2_9ce4_8422_2325;
        const ulong prime = 0x100_0000_01b3;
        lock (_lock)
        {
            var handles = _socket.Dump<ulong>($"listing the rules of {table}", (writer, sequence) => Write(writer, sequence, GetRule, NetlinkFlags.Dump, family, w => w.Text(RuleTable, table)), ReadRule);
            return handles.Aggregate(basis, (sum, handle) => (sum ^ handle) * prime);
        }
    }

    private static void ReadRule(ushort type, ReadOnlySpan<byte> payload, List<ulong> handles)
    {
        if (type != NewRule) return;
        var attributes = new AttributeReader(payload[HeaderBytes..]);
        while (attributes.Next())
        {
            if (attributes.Type == RuleHandle) handles.Add(attributes.Value.U64Big());
        }
    }

    private void Ask(string act, ushort type, NftFamily family, Action<NetlinkWriter> write, NetlinkMessage onMessage)
    {
        lock (_lock)
        {
            _writer.Clear();
            var sequence = _socket.NextSequence();
            Write(_writer, sequence, type, NetlinkFlags.Ack, family, write);
            _socket.Request(_writer, sequence, onMessage).ThrowIfFailed(act);
        }
    }

    private static void Write(NetlinkWriter writer, uint sequence, ushort type, NetlinkFlags flags, NftFamily family, Action<NetlinkWriter> write)
    {
        var start = writer.Begin(type, NetlinkFlags.Request | flags, sequence);
        writer.Put(new NetfilterHeader { Family = (byte)family });
        write(writer);
        writer.End(start);
    }
}
