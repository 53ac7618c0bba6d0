using System.Net.Sockets;
using System.Text;

namespace Gatehouse.Serve;

/// <summary>Tells the service's supervisor how far it is, as systemd's <c>Type=notify</c> expects it (sd_notify(3)). Does nothing where nobody listens.</summary>
/// <param name="address">The value of <c>NOTIFY_SOCKET</c>; null for nobody. A leading <c>@</c> means the abstract name space.</param>
internal sealed class ServiceNotify(string? address)
{
    /// <summary>The role serves.</summary>
    public void Ready() => Send("READY=1");

    /// <summary>This process serves, perhaps in the place of another.</summary>
    public void Serving(int pid) => Send($"MAINPID={pid}\nREADY=1");

    /// <summary>This process reads its configuration anew; <see cref="Ready"/> says that it is done.</summary>
    /// <param name="microseconds">Of the kernel's monotonic clock, as systemd's <c>Type=notify-reload</c> wants it.</param>
    public void Reloading(long microseconds) => Send($"RELOADING=1\nMONOTONIC_USEC={microseconds}");

    /// <summary>The role ends.</summary>
    public void Stopping() => Send("STOPPING=1");

    private void Send(string state)
    {
        if (string.IsNullOrEmpty(address)) return;
        var path = address[0] == '@' ? "\0" + address[1..] : address;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        try
        {
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            // A supervisor that went away is no reason not to serve.
        }
    }
}
