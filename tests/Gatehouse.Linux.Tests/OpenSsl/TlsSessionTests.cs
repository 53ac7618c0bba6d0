using System.Text;
using Gatehouse.Linux.OpenSsl;

namespace Gatehouse.Linux.Tests.OpenSsl;

public sealed class TlsSessionTests : IDisposable
{
    private readonly TlsKit _kit = new();

    public static TheoryData<TlsProtocol, int> VersionsAndPieces
    {
        get
        {
            var rows = new TheoryData<TlsProtocol, int>();
            foreach (var version in new[] { TlsProtocol.Tls12, TlsProtocol.Tls13 })
            {
                foreach (var pieces in new[] { 1, 2, 3, 5, 6, 7, 100, 517, 1_460, int.MaxValue }) rows.Add(version, pieces);
            }

            return rows;
        }
    }

    public void Dispose() => _kit.Dispose();

    [Theory]
    [MemberData(nameof(VersionsAndPieces))]
    public void A_handshake_and_data_pass_in_pieces_of_any_size(TlsProtocol version, int atATime)
    {
        var pair = _kit.Pair(_kit.Server(o => o with { MaxVersion = version, TicketKeys = new TlsTicketKeys(TlsKit.RandomKeys()) }));
        Assert.True(pair.Handshake(atATime));
        Assert.Equal(version, pair.Server.Session.Version);
        Assert.Equal(version, pair.Client.Session.Version);
        Assert.Equal("a.example", Encoding.ASCII.GetString(pair.Server.Session.ServerName));
        Assert.StartsWith(version == TlsProtocol.Tls13 ? "TLS_" : "ECDHE-", Encoding.ASCII.GetString(pair.Server.Session.Cipher), StringComparison.Ordinal);

        Assert.Equal(TlsStatus.Done, pair.Client.Session.Write("question"u8, out _));
        Assert.Equal(TlsStatus.Done, pair.Server.Session.Write("answer"u8, out _));
        pair.Settle(atATime);
        Assert.Equal("question"u8, pair.Server.Plain);
        Assert.Equal("answer"u8, pair.Client.Plain);
    }
}
