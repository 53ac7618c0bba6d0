using System.Net;
using Gatehouse.Linux.Nftables;

namespace Gatehouse.Linux.Tests.Nftables;

/// <summary>What the signs of tables tell apart, in a real kernel.</summary>
public sealed class NftTablesTests : IDisposable
{
    private const string Whole = """
        table ip gh {
          set known { type ipv4_addr
          }
          chain first { type filter hook input priority 0
            ip saddr @known accept
            counter drop
          }
          chain second {
            accept
          }
        }

        """;

    private readonly Host _host = new();
    private readonly NftContext _nft;
    private readonly NftTables _tables;

    public NftTablesTests()
    {
        _nft = NftContext.Open(_host.Namespace);
        _nft.Run(Whole);
        _tables = NftTables.Open(_host.Namespace);
    }

    public void Dispose()
    {
        _tables.Dispose();
        _nft.Dispose();
        _host.Dispose();
    }

    [Theory]
    [InlineData("add rule ip gh second drop")]
    [InlineData("insert rule ip gh second drop")]
    [InlineData("flush chain ip gh first")]
    [InlineData("flush table ip gh")]
    [InlineData("add chain ip gh third")]
    [InlineData("delete chain ip gh second")]
    [InlineData("add set ip gh other { type ipv4_addr ; }")]
    public void A_part_that_comes_or_goes_changes_the_sign(string change)
    {
        var (before, generation) = (_tables.Find(NftFamily.Ip, "gh"), _tables.Generation());
        _nft.Run(change + "\n");
        Assert.NotNull(before);
        Assert.NotEqual(before, _tables.Find(NftFamily.Ip, "gh"));
        Assert.NotEqual(generation, _tables.Generation());
    }

    [Fact]
    public void A_table_made_again_alike_has_another_sign()
    {
        var before = _tables.Find(NftFamily.Ip, "gh");
        _nft.Run("delete table ip gh\n" + Whole);
        Assert.NotEqual(before, _tables.Find(NftFamily.Ip, "gh"));
    }

    [Fact]
    public void Elements_and_tables_of_others_change_the_generation_and_not_the_sign()
    {
        using var elements = NftElements.Open(NftFamily.Ip, "gh", _host.Namespace);
        var (before, generation) = (_tables.Find(NftFamily.Ip, "gh"), _tables.Generation());
        Assert.Equal(generation, _tables.Generation());
        elements.Apply([new(ElementAction.Add, "known", IPAddress.Parse("10.0.0.1").GetAddressBytes())]).ThrowIfFailed();
        _nft.Run("add table ip other\nadd table ip6 gh\nadd chain ip6 gh first\n");
        Assert.Equal(before, _tables.Find(NftFamily.Ip, "gh"));
        Assert.NotEqual(generation, _tables.Generation());
    }

    [Fact]
    public void A_table_that_is_not_there_has_none()
    {
        Assert.Null(_tables.Find(NftFamily.Ip6, "gh"));
        Assert.Null(_tables.Find(NftFamily.Ip, "nowhere"));
        _nft.Run("flush ruleset\n");
        Assert.Null(_tables.Find(NftFamily.Ip, "gh"));
    }
}
