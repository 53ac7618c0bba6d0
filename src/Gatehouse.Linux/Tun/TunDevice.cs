using System.Runtime.InteropServices;
using System.Text;
using Gatehouse.Linux.Native;
using Microsoft.Win32.SafeHandles;

namespace Gatehouse.Linux.Tun;

/// <summary>
/// A TUN device: each read is one IP packet that the kernel routed to it, each write puts one in, without any header before
/// it (IFF_NO_PI). The packets that wait are bounded by the device's queue (txqueuelen, 500 by default); further ones are
/// dropped and counted by the kernel. One reader at a time; writing is safe from several threads.
/// </summary>
public sealed class TunDevice : IDisposable
{
    private const nuint SetInterface = 0x400454ca; // TUNSETIFF
    private const nuint SetPersist = 0x400454cb;   // TUNSETPERSIST
    private const short Tun = 0x0001;
    private const short NoPacketInformation = 0x1000;
    private const int NameSize = 16;

    private readonly SafeFileHandle _handle;
    private readonly CancellationTokenSource _closed = new();

    private TunDevice(SafeFileHandle handle, string name, int index)
    {
        _handle = handle;
        Name = name;
        Index = index;
    }

    /// <summary>The device's name.</summary>
    public string Name { get; }

    /// <summary>The device's index in its namespace.</summary>
    public int Index { get; }

    /// <summary>Attaches to the device, and makes it if there is none. It is up only if it was before.</summary>
    /// <param name="name">1 to 15 bytes.</param>
    /// <param name="persistent">Whether the device stays, with its routes, when nobody has it open.</param>
    /// <param name="ns">Where; null is the caller's namespace.</param>
    /// <exception cref="LinuxException">
    /// EBUSY: another process has it; EINVAL: a device of that name is no TUN device; EPERM: no right; ENOENT: no /dev/net/tun.
    /// </exception>
    public static TunDevice OpenOrCreate(string name, bool persistent, NetworkNamespace? ns = null)
    {
        if (Encoding.UTF8.GetByteCount(name) is 0 or >= NameSize)
        {
            throw new ArgumentException($"'{name}' cannot name a device; give 1 to 15 bytes", nameof(name));
        }

        // The file belongs to the namespace in which it is opened.
        return ns is null ? OpenHere(name, persistent) : ns.Run(() => OpenHere(name, persistent));
    }

    /// <summary>Whether the device stays when nobody has it open.</summary>
    public void SetPersistent(bool persistent)
    {
        if (Libc.Ioctl(_handle, SetPersist, persistent ? 1 : 0) < 0)
        {
            throw new LinuxException("TUNSETPERSIST of " + Name, Libc.LastErrno);
        }
    }

    /// <summary>Waits for the next packet and returns its length; what does not fit into the buffer is cut off by the kernel.</summary>
    /// <exception cref="LinuxException">EBADFD: the device was deleted.</exception>
    /// <exception cref="ObjectDisposedException">It was closed meanwhile.</exception>
    /// <exception cref="OperationCanceledException"/>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
            cancellationToken.ThrowIfCancellationRequested();
            var count = Read(buffer.Span);
            if (count >= 0)
            {
                return count;
            }

            if (count != -(int)Errno.EAGAIN)
            {
                throw new LinuxException("reading from " + Name, -count);
            }

            await WaitAsync(cancellationToken);
        }
    }

    /// <summary>The next packet's length, or -errno at once: EAGAIN if there is none.</summary>
    public unsafe int Read(Span<byte> buffer)
    {
        fixed (byte* first = buffer)
        {
            while (true)
            {
                var count = Libc.Read(_handle, first, (nuint)buffer.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (Libc.LastErrno != (int)Errno.EINTR)
                {
                    return -Libc.LastErrno;
                }
            }
        }
    }

    /// <summary>
    /// Puts one packet in, as if it had come by a cable. Returns its length, or -errno: EIO the device is down, EINVAL it is
    /// no IP packet, EAGAIN the kernel has no room.
    /// </summary>
    public unsafe int Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* first = packet)
        {
            while (true)
            {
                var count = Libc.Write(_handle, first, (nuint)packet.Length);
                if (count >= 0)
                {
                    return (int)count;
                }

                if (Libc.LastErrno != (int)Errno.EINTR)
                {
                    return -Libc.LastErrno;
                }
            }
        }
    }

    /// <summary>Detaches; a read that waits ends. A device that is not persistent is gone with it.</summary>
    public void Dispose()
    {
        if (_closed.IsCancellationRequested)
        {
            return;
        }

        _closed.Cancel();
        _handle.Dispose();
    }

    private async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closed.Token);
        try
        {
            await Readiness.Shared.WaitReadableAsync(_handle, either.Token);
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(TunDevice), Name + " was closed while it was read");
        }
    }

    private static unsafe TunDevice OpenHere(string name, bool persistent)
    {
        var handle = Libc.Open("/dev/net/tun", Libc.OpenReadWrite | Libc.OpenNonBlocking | Libc.OpenCloseOnExec, 0);
        if (handle.IsInvalid)
        {
            throw new LinuxException("opening /dev/net/tun", Libc.LastErrno);
        }

        try
        {
            var request = stackalloc byte[40]; // struct ifreq
            new Span<byte>(request, 40).Clear();
            Encoding.UTF8.GetBytes(name, new Span<byte>(request, NameSize - 1));
            MemoryMarshal.Write(new Span<byte>(request + NameSize, 2), (short)(Tun | NoPacketInformation));
            if (Libc.Ioctl(handle, SetInterface, (nint)request) < 0)
            {
                throw new LinuxException("TUNSETIFF of " + name, Libc.LastErrno);
            }

            var device = new TunDevice(handle, name, (int)Libc.InterfaceIndex(name));
            device.SetPersistent(persistent);
            return device;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
