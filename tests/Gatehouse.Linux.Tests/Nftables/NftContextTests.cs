using System.Text.Json;
using Gatehouse.Linux.Netlink;
using Gatehouse.Linux.Nftables;

namespace Gatehouse.Linux.Tests.Nftables;

public sealed class NftContextTests : IDisposable
{
    private readonly Host _host = new();
    private readonly NftContext _nft;

    public NftContextTests() => _nft = NftContext.Open(_host.Namespace);

    public void Dispose()
    {
        _nft.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void A_script_is_applied_in_its_namespace_and_nowhere_else()
    {
        var name = "gh" + Guid.NewGuid().ToString("N")[..12];
        _nft.Run($"table ip {name} {{\n map m {{ type ipv4_addr : ipv4_addr\n elements = {{ 10.30.0.10 : 10.18.0.2 }}\n }}\n}}\n");

        Assert.Contains("10.30.0.10 : 10.18.0.2", _host.Run("nft", "list", "table", "ip", name), StringComparison.Ordinal);
        using var here = NftContext.Open();
        Assert.DoesNotContain(name, here.Run("list tables"), StringComparison.Ordinal);
        Assert.Contains(name, _nft.Run("list tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_script_is_one_transaction()
    {
        _nft.Run("table ip a {\n chain c { }\n}\n");
        var fault = Assert.Throws<NftException>(() => _nft.Run("add chain ip a d\nadd rule ip a d jump nowhere\ndelete chain ip a c\n"));
        Assert.StartsWith("line 2:22-28: Error: Could not process rule: No such file or directory\nadd rule ip a d jump nowhere\n", fault.Message, StringComparison.Ordinal);
        var listed = _nft.Run("list table ip a");
        Assert.Contains("chain c", listed, StringComparison.Ordinal);
        Assert.DoesNotContain("chain d", listed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("table ip a { chain c { dnat to } }", "syntax error")]
    [InlineData("add rule ip absent c drop\n", "No such file or directory")]
    [InlineData("\u00ff\u2028 %%%", "syntax error")]
    [InlineData("add map ip absent m { type nonsense : mark; }\n", "nonsense")]
    public void A_refusal_has_the_librarys_words_and_the_context_goes_on(string script, string words)
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.Contains(words, Assert.Throws<NftException>(() => _nft.Run(script)).Message, StringComparison.Ordinal);
            _nft.Run("table ip fine { }\n");
        }
    }

    [Fact]
    public void Check_applies_nothing()
    {
        _nft.Check("table ip a { }\n");
        Assert.Equal("", _nft.Run("list tables"));
        Assert.Throws<NftException>(() => _nft.Check("tabel ip a { }\n"));
        _nft.Run("table ip a { }\n");
        Assert.Contains("table ip a", _nft.Run("list tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_for_programs_and_text_for_people()
    {
        _nft.Run("table inet a {\n chain c { type filter hook input priority 0\n }\n}\n");
        using var document = JsonDocument.Parse(_nft.RunJson("list chains"));
        var chain = document.RootElement.GetProperty("nftables").EnumerateArray().Single(static item => item.TryGetProperty("chain", out _));
        Assert.Equal("c", chain.GetProperty("chain").GetProperty("name").GetString());
        Assert.True(chain.GetProperty("chain").GetProperty("handle").GetInt32() > 0);
        Assert.StartsWith("table inet a {", _nft.Run("list chains"), StringComparison.Ordinal);
    }

    [Fact]
    public void Device_names_are_those_of_the_contexts_own_namespace()
    {
        // The same name has another index in each namespace; the library keeps indexes for the whole process.
        using var other = new Host();
        for (var i = 0; i < 5; i++)
        {
            other.Route.CreateBridge(new BridgeOptions("pad" + i));
        }

        var mine = _host.Route.CreateBridge(new BridgeOptions("same0"));
        var theirs = other.Route.CreateBridge(new BridgeOptions("same0"));
        Assert.NotEqual(mine, theirs);
        using var otherNft = NftContext.Open(other.Namespace);
        const string script = "table ip a {\n chain c { iif \"same0\" counter\n }\n}\n";
        _nft.Run(script);
        otherNft.Run(script);

        Assert.Contains("iif \"same0\"", _host.Run("nft", "list", "table", "ip", "a"), StringComparison.Ordinal);
        Assert.Contains("iif \"same0\"", other.Run("nft", "list", "table", "ip", "a"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_came_after_the_context_is_known()
    {
        Assert.Throws<NftException>(() => _nft.Run("table ip a {\n chain c { iif \"late0\" counter\n }\n}\n"));
        _host.Route.CreateBridge(new BridgeOptions("late0"));
        _nft.Run("table ip a {\n chain c { iif \"late0\" counter\n }\n}\n");
        Assert.Contains("late0", _host.Run("nft", "list", "ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_contexts_and_threads_do_not_disturb_each_other()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(worker => Task.Run(() =>
        {
            using var host = new Host();
            using var nft = NftContext.Open(host.Namespace);
            for (var i = 0; i < 10; i++)
            {
                nft.Run($"table ip t{worker}x{i} {{ }}\n");
                Assert.Throws<NftException>(() => nft.Run("no script\n"));
            }

            Assert.Equal(10, nft.Run("list tables").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        })));
    }

    [Fact]
    public void A_closed_context_says_so()
    {
        _nft.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _nft.Run("list tables"));
    }
}
