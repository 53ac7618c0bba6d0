using System.Runtime.InteropServices;
using System.Text;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>What callbacks need of a context. It lives as long as the SSL_CTX does in OpenSSL, which may be longer than the <see cref="TlsContext"/>: running sessions keep it.</summary>
internal sealed class TlsContextData
{
    private static int s_alive;

    public TlsContextData(TlsOptions options)
    {
        Alpn = EncodeAlpn(options.Alpn);
        Staple = options.Certificate?.Staple;
        Names = (options as TlsServerOptions)?.Names;
        TicketKeys = (options as TlsServerOptions)?.TicketKeys;
        if (options.KeyLog is { } path) KeyLog = new KeyLogFile(path);
    }

    /// <summary>Contexts that OpenSSL has not freed.</summary>
    public static int Alive => Volatile.Read(ref s_alive);

    /// <summary>The SSL_CTX.</summary>
    public nint Context { get; private set; }

    /// <summary>A handle of this, for callbacks.</summary>
    public nint Handle { get; private set; }

    public byte[] Alpn { get; }

    public byte[]? Staple { get; }

    public TlsServerNameLookup? Names { get; }

    public TlsTicketKeys? TicketKeys { get; }

    public KeyLogFile? KeyLog { get; }

    /// <summary>Ties it to the SSL_CTX, with which OpenSSL frees the handle.</summary>
    public void Attach(nint context)
    {
        Context = context;
        Handle = GCHandle.ToIntPtr(GCHandle.Alloc(this));
        if (Libssl.SetContextData(context, OpenSslLibrary.Load().ContextDataIndex, Handle) == 1)
        {
            Interlocked.Increment(ref s_alive);
            return;
        }

        GCHandle.FromIntPtr(Handle).Free();
        throw new OpenSslException($"keeping data of a context: {OpenSslLibrary.TakeErrors()}");
    }

    public static TlsContextData Of(nint handle) => (TlsContextData)GCHandle.FromIntPtr(handle).Target!;

    public static void Freed() => Interlocked.Decrement(ref s_alive);

    /// <summary>As it stands on the wire: each protocol after its length.</summary>
    private static byte[] EncodeAlpn(IReadOnlyList<string> protocols)
    {
        List<byte> wire = [];
        foreach (var protocol in protocols)
        {
            var name = Encoding.UTF8.GetBytes(protocol);
            if (name.Length is 0 or > 255) throw new OpenSslException($"the ALPN protocol '{protocol}' has {name.Length} bytes: 1 to 255 are allowed");
            wire.Add((byte)name.Length);
            wire.AddRange(name);
        }

        return [.. wire];
    }
}

/// <summary>Appends lines of secrets to a file (NSS key log format). Safe for several threads.</summary>
internal sealed class KeyLogFile(string path)
{
    private static readonly FileStreamOptions Options = new()
    {
        Mode = FileMode.Append,
        Access = FileAccess.Write,
        Share = FileShare.ReadWrite,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
    };

    private readonly Lock _gate = new();

    public void Append(ReadOnlySpan<byte> line)
    {
        lock (_gate)
        {
            using var file = new FileStream(path, Options);
            file.Write([.. line, (byte)'\n']);
        }
    }
}
