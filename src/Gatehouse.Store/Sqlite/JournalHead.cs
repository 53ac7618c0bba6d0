using System.Runtime.InteropServices;
using System.Text;

namespace Gatehouse.Store.Sqlite;

/// <summary>What the file says about itself in its one <c>head</c> row, rewritten in every commit.</summary>
/// <param name="StoreId">Made with the file; a file put in another's place is known by it.</param>
/// <param name="Revision">Of the last write.</param>
/// <param name="Compacted">Up to here overwritten rows may be gone.</param>
/// <param name="Rows">How many rows the log has.</param>
/// <param name="Sum">Of all rows' shares (<see cref="RowChecksum.Share"/>), modulo 2^64.</param>
internal readonly record struct JournalHead(string StoreId, long Revision, long Compacted, long Rows, long Sum)
{
    public static JournalHead New() => new(Guid.NewGuid().ToString("n"), 0, 0, 0, 0);

    public uint Checksum => RowChecksum.Of(Encoding.UTF8.GetBytes($"{StoreId} {Revision} {Compacted} {Rows} {Sum}"));

    public JournalHead With(long revision, uint checksum) =>
        this with { Revision = revision, Rows = Rows + 1, Sum = unchecked(Sum + RowChecksum.Share(revision, checksum)) };

    public JournalHead Without(in DeadRow row) =>
        this with { Rows = Rows - 1, Sum = unchecked(Sum - RowChecksum.Share(row.Revision, row.Checksum)) };
}

/// <summary>A row that nothing can ask for any more.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct DeadRow(long Revision, uint Checksum);
