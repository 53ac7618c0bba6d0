using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Sockets;

namespace Gatehouse.Bench.Proxy.Load;

/// <summary>
/// The client's side of TLS 1.3 by OpenSSL, straight on the socket: a fifth of what SslStream would take from the processor that the load shares with the backend. It never offers a
/// session, so that every handshake is a full one.
/// </summary>
internal sealed unsafe partial class TlsClient(string serverName)
{
    private const int SetMinimum = 123;
    private const int SetMaximum = 124;
    private const int SetMode = 33;
    private const int SetCacheMode = 44;
    private const int SetServerName = 55;
    private const int Tls13 = 0x0304;
    private const int MovingBuffer = 2;
    private const int ClientCache = 1;
    private const int NoInternalCache = 0x300;
    private const int WantRead = 2;
    private const int WantWrite = 3;
    private const int ZeroReturn = 6;
    private static readonly nint Context = CreateContext();
    private static long _tickets;
    private readonly nint _name = Marshal.StringToCoTaskMemUTF8(serverName); // As long as the program: there are few.
    private nint _ssl;
    private nint _version;
    private nint _cipher;
    private bool _resumed;

    /// <summary>Whether the last call waits for room to write rather than for the peer.</summary>
    public bool WantsToWrite { get; private set; }

    /// <summary>What the last handshake agreed on.</summary>
    public string Agreed
    {
        get
        {
            if (_ssl != 0) Remember();
            return $"{Marshal.PtrToStringUTF8(_version)}, {Marshal.PtrToStringUTF8(_cipher)}, {(_resumed ? "resumed" : "not resumed")}";
        }
    }

    /// <summary>Session tickets that any server sent to any client so far.</summary>
    public static long Tickets => Volatile.Read(ref _tickets);

    public void Begin(int fd)
    {
        _ssl = New(Context);
        _ = SetDescriptor(_ssl, fd);
        _ = Control(_ssl, SetServerName, 0, _name);
        SetConnectState(_ssl);
    }

    /// <summary>Says goodbye and frees.</summary>
    public void End()
    {
        if (_ssl == 0) return;
        Remember();
        ClearErrors();
        _ = Shutdown(_ssl);
        Free(_ssl);
        _ssl = 0;
        WantsToWrite = false;
    }

    /// <summary>As recv does: 0 at the end, EAGAIN when there is nothing.</summary>
    public int Read(Span<byte> buffer)
    {
        ClearErrors();
        fixed (byte* start = buffer) return Outcome(Read(_ssl, start, buffer.Length));
    }

    /// <summary>As send does, after the handshake, which it makes.</summary>
    public int Write(ReadOnlySpan<byte> bytes)
    {
        ClearErrors();
        fixed (byte* start = bytes) return Outcome(Write(_ssl, start, bytes.Length));
    }

    // The texts are constants of OpenSSL's.
    private void Remember() => (_version, _cipher, _resumed) = (GetVersion(_ssl), CipherName(GetCipher(_ssl)), SessionReused(_ssl) != 0);

    private int Outcome(int result)
    {
        WantsToWrite = false;
        if (result > 0) return result;
        var error = GetError(_ssl, result);
        WantsToWrite = error == WantWrite;
        return error switch
        {
            WantRead or WantWrite => SocketCalls.EAgain,
            ZeroReturn => 0,
            _ => -1000 - error,
        };
    }

    private static nint CreateContext()
    {
        var context = NewContext(ClientMethod());
        _ = ContextControl(context, SetMinimum, Tls13, 0);
        _ = ContextControl(context, SetMaximum, Tls13, 0);
        _ = ContextControl(context, SetMode, MovingBuffer, 0);
        // Only so that tickets are told and counted; none is kept.
        _ = ContextControl(context, SetCacheMode, ClientCache | NoInternalCache, 0);
        OnNewSession(context, &CountTicket);
        return context;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CountTicket(nint ssl, nint session)
    {
        Interlocked.Increment(ref _tickets);
        return 0; // OpenSSL frees it.
    }

    [LibraryImport("libssl.so.3", EntryPoint = "TLS_client_method")]
    private static partial nint ClientMethod();

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CTX_new")]
    private static partial nint NewContext(nint method);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CTX_ctrl")]
    private static partial nint ContextControl(nint context, int command, nint number, nint pointer);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CTX_sess_set_new_cb")]
    private static partial void OnNewSession(nint context, delegate* unmanaged[Cdecl]<nint, nint, int> callback);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_new")]
    private static partial nint New(nint context);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_free")]
    private static partial void Free(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_set_fd")]
    private static partial int SetDescriptor(nint ssl, int fd);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_ctrl")]
    private static partial nint Control(nint ssl, int command, nint number, nint pointer);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_set_connect_state")]
    private static partial void SetConnectState(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_read")]
    private static partial int Read(nint ssl, byte* buffer, int length);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_write")]
    private static partial int Write(nint ssl, byte* buffer, int length);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_shutdown")]
    private static partial int Shutdown(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_get_error")]
    private static partial int GetError(nint ssl, int result);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_get_version")]
    private static partial nint GetVersion(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_get_current_cipher")]
    private static partial nint GetCipher(nint ssl);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_CIPHER_get_name")]
    private static partial nint CipherName(nint cipher);

    [LibraryImport("libssl.so.3", EntryPoint = "SSL_session_reused")]
    private static partial int SessionReused(nint ssl);

    [LibraryImport("libcrypto.so.3", EntryPoint = "ERR_clear_error")]
    private static partial void ClearErrors();
}
