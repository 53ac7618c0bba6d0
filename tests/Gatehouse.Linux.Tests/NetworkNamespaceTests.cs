using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Tests;

public sealed class NetworkNamespaceTests : IDisposable
{
    private readonly string _name = $"ghtest-{Environment.ProcessId}-{Guid.NewGuid():N}"[..40];

    public void Dispose() => NetworkNamespace.Delete(_name);

    [Fact]
    public void A_named_namespace_is_iproute2s_too()
    {
        using var host = new Host();
        using var ns = NetworkNamespace.Create(_name);

        Assert.Contains(_name, host.Run("ip", "netns", "list"), StringComparison.Ordinal);
        Assert.Contains("lo", host.Run("ip", "-n", _name, "link"), StringComparison.Ordinal);
        Assert.Contains(_name, NetworkNamespace.List());
        Assert.True(NetworkNamespace.Exists(_name));
        using var again = NetworkNamespace.Open(_name);
        Assert.Equal(ns.Identity, again.Identity);
    }

    [Fact]
    public void One_made_by_iproute2_is_ours_too()
    {
        using var host = new Host();
        host.Run("ip", "netns", "add", _name);

        Assert.True(NetworkNamespace.Exists(_name));
        using var ns = NetworkNamespace.Open(_name);
        using var route = RouteSocket.Open(ns);
        Assert.Equal("lo", Assert.Single(route.Links()).Name);

        NetworkNamespace.Delete(_name);
        Assert.DoesNotContain(_name, host.Run("ip", "netns", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_is_inside_and_leaves_the_caller_where_it_is()
    {
        using var before = NetworkNamespace.Current();
        using var ns = NetworkNamespace.CreateUnnamed();

        var inside = ns.Run(() =>
        {
            using var current = NetworkNamespace.Current();
            return current.Identity;
        });

        using var after = NetworkNamespace.Current();
        Assert.Equal(ns.Identity, inside);
        Assert.NotEqual(before.Identity, inside);
        Assert.Equal(before.Identity, after.Identity);
    }

    [Fact]
    public void What_the_act_throws_comes_out()
    {
        using var ns = NetworkNamespace.CreateUnnamed();
        var fault = Assert.Throws<InvalidOperationException>(() => ns.Run(() => throw new InvalidOperationException("inside")));
        Assert.Equal("inside", fault.Message);
    }

    [Fact]
    public void A_process_shows_where_it_is()
    {
        using var mine = NetworkNamespace.OpenPid(Environment.ProcessId);
        using var current = NetworkNamespace.Current();
        Assert.Equal(current.Identity, mine.Identity);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => NetworkNamespace.OpenPid(int.MaxValue)).Errno);
    }

    [Fact]
    public void A_name_is_given_once()
    {
        using var ns = NetworkNamespace.Create(_name);
        var fault = Assert.Throws<LinuxException>(() => NetworkNamespace.Create(_name));
        Assert.True(fault.AlreadyExists);
        Assert.Contains(_name, fault.Message, StringComparison.Ordinal);
        Assert.True(NetworkNamespace.Exists(_name));
    }

    [Fact]
    public void A_missing_name_is_said()
    {
        Assert.False(NetworkNamespace.Exists(_name));
        var fault = Assert.Throws<LinuxException>(() => NetworkNamespace.Open(_name));
        Assert.Equal(Errno.ENOENT, fault.Errno);
        Assert.Contains(_name, fault.Message, StringComparison.Ordinal);
        NetworkNamespace.Delete(_name);
    }

    [Fact]
    public void A_leftover_file_is_no_namespace_and_can_be_deleted()
    {
        using (NetworkNamespace.Create(_name))
        {
            NetworkNamespace.Delete(_name);
        }

        File.WriteAllText(NetworkNamespace.PathOf(_name), "");
        Assert.False(NetworkNamespace.Exists(_name));
        Assert.Contains("not a network namespace", Assert.Throws<LinuxException>(() => NetworkNamespace.Open(_name)).Message, StringComparison.Ordinal);
        Assert.Contains(_name, NetworkNamespace.List());
        NetworkNamespace.Delete(_name);
        Assert.DoesNotContain(_name, NetworkNamespace.List());
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("../etc/passwd")]
    [InlineData("a\0b")]
    public void A_name_that_is_no_files_name_is_refused(string name)
        => Assert.Contains("cannot name", Assert.Throws<ArgumentException>(() => NetworkNamespace.Create(name)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Several_at_once_do_not_mix()
    {
        var seen = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            using var ns = NetworkNamespace.CreateUnnamed();
            var inside = ns.Run(() =>
            {
                using var current = NetworkNamespace.Current();
                return current.Identity;
            });
            Assert.Equal(ns.Identity, inside);
            return inside;
        })));
        Assert.DoesNotContain(0ul, seen);
    }
}
