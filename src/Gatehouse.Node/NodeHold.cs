using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using Gatehouse.Linux;

namespace Gatehouse.Node;

/// <summary>
/// One node's hold on its state directory, and on its devices and tables in the host's network namespace. Taken before anything is asked, made or removed. The kernel ends it with
/// the process, however that ends, so that nothing is left to clear away.
/// </summary>
public sealed class NodeHold : IDisposable
{
    // SOL_SOCKET and SO_PEERCRED of asm-generic/socket.h; the answer begins with the process.
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;
    private const int CredentialsSize = 12;

    private readonly FileStream _state;
    private readonly List<Socket> _names = [];

    private NodeHold(FileStream state) => _state = state;

    /// <summary>Takes all of it, or nothing.</summary>
    /// <exception cref="IOException">Another node has it; the message says which process that is.</exception>
    public static NodeHold Take(NodeOptions options)
    {
        var hold = new NodeHold(TakeState(options.StateDirectory));
        try
        {
            hold.TakeName(options, $"devices/{options.DevicePrefix}", $"the devices {options.DevicePrefix}* of this host");
            hold.TakeName(options, $"tables/{options.Table}", $"the tables '{options.Table}' of this host");
            return hold;
        }
        catch
        {
            hold.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var name in _names) name.Dispose();
        _state.Dispose();
    }

    private static FileStream TakeState(string directory)
    {
        // Two files: who asks for the one that is locked can't read it.
        var process = Path.Combine(directory, "process");
        try
        {
            var held = new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(process, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return held;
        }
        catch (IOException fault) when (fault.HResult == (int)Errno.EAGAIN)
        {
            throw new IOException(Refusal(HolderIn(process), $"the state directory {directory}"), fault);
        }
    }

    private static int? HolderIn(string path)
    {
        try
        {
            return int.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var process) ? process : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>An abstract name is of one network namespace, as devices and tables are.</summary>
    private void TakeName(NodeOptions options, string name, string what)
    {
        var end = new UnixDomainSocketEndPoint($"\0gatehouse/node/{name}");
        var socket = SocketIn(options);
        _names.Add(socket);
        try
        {
            socket.Bind(end);
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new IOException(Refusal(ListenerOf(options, end), what), fault);
        }

        socket.Listen();
        _ = AnswerAsync(socket);
    }

    private static int? ListenerOf(NodeOptions options, UnixDomainSocketEndPoint end)
    {
        using var socket = SocketIn(options);
        try
        {
            socket.Connect(end);
            Span<byte> credentials = stackalloc byte[CredentialsSize];
            socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
            return BinaryPrimitives.ReadInt32LittleEndian(credentials);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Those who ask learn what they want from the connection alone; kept open, they would fill the queue.</summary>
    private static async Task AnswerAsync(Socket socket)
    {
        try
        {
            while (true) (await socket.AcceptAsync()).Dispose();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Given up.
        }
    }

    private static Socket SocketIn(NodeOptions options)
    {
        static Socket Make() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        return options.Namespace is { } place ? place.Run(Make) : Make();
    }

    private static string Refusal(int? process, string what) =>
        $"another node runs on this host: {(process is { } number ? $"process {number}" : "a process")} holds {what}. Nothing was touched. End that one first; a host has one node";
}
