using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Gatehouse.Linux.Netlink;

namespace Gatehouse.Linux.Tests;

/// <summary>A network namespace with the programs of iproute2 and nftables in it; gone when it is disposed.</summary>
internal sealed class Host : IDisposable
{
    public Host()
    {
        Namespace = NetworkNamespace.CreateUnnamed();
        Route = RouteSocket.Open(Namespace);
        Route.SetLink(Route.FindLink("lo")!.Index, new LinkChange { Up = true });
    }

    public NetworkNamespace Namespace { get; }

    public RouteSocket Route { get; }

    public void Dispose()
    {
        Route.Dispose();
        Namespace.Dispose();
    }

    /// <summary>Skips the test where this user may not make TUN devices: in a user namespace of somebody who is not root.</summary>
    public static void RequireTun()
    {
        try
        {
            File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite).Dispose();
        }
        catch (UnauthorizedAccessException)
        {
            Assert.Skip("/dev/net/tun is not open to this user");
        }
    }

    /// <summary>Joins two hosts by a cable and gives each end an address.</summary>
    public static void Connect(Host left, string leftAddress, Host right, string rightAddress)
    {
        left.Route.CreateVeth(new VethOptions("eth0", "eth0") { PeerNamespace = right.Namespace });
        left.Up("eth0", leftAddress);
        right.Up("eth0", rightAddress);
        left.WaitForCarrier("eth0");
        right.WaitForCarrier("eth0");
    }

    /// <summary>The kernel connects the ends of a cable on a queue of its own; until then packets are dropped.</summary>
    public void WaitForCarrier(string device)
        => Assert.True(SpinWait.SpinUntil(() => Route.FindLink(device)!.HasCarrier, TimeSpan.FromSeconds(10)), device + " has no carrier");

    public void Up(string device, params string[] addresses)
    {
        var index = Route.FindLink(device)!.Index;
        foreach (var address in addresses)
        {
            Route.AddAddress(index, InterfaceAddress.Parse(address), AddressFlags.NoDad);
        }

        Route.SetLink(index, new LinkChange { Up = true });
        Assert.True(SpinWait.SpinUntil(() => addresses.All(IsLocal), TimeSpan.FromSeconds(10)), "the kernel did not put the addresses in place");
    }

    private bool IsLocal(string address)
    {
        try
        {
            return Route.Lookup(InterfaceAddress.Parse(address).Address).Kind == RouteKind.Local;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    /// <summary>Runs a program inside and returns its output; it has to succeed.</summary>
    public string Run(string program, params string[] arguments) => Namespace.Run(() =>
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors.Result}");
        return output;
    });

    /// <summary>What a program says as JSON.</summary>
    public JsonElement Json(string program, params string[] arguments)
    {
        using var document = JsonDocument.Parse(Run(program, arguments) is { Length: > 0 } text ? text : "[]");
        return document.RootElement.Clone();
    }

    public Socket Socket(SocketType type, ProtocolType protocol, AddressFamily family = AddressFamily.InterNetwork)
        => Namespace.Run(() => new Socket(family, type, protocol) { ReceiveTimeout = 5000, SendTimeout = 5000 });

    public Socket Listen(IPEndPoint at)
    {
        var socket = Socket(SocketType.Stream, ProtocolType.Tcp, at.AddressFamily);
        socket.Bind(at);
        socket.Listen(512);
        return socket;
    }
}
