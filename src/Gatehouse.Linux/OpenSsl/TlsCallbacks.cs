using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>
/// What OpenSSL calls within a session's call, on the loop's thread. Nothing is allocated, and no exception leaves: a fault in here refuses the handshake.
/// The context that a session was made from comes from the buffers, not from the SSL: after the choice by name that one knows the chosen context.
/// </summary>
internal static unsafe class TlsCallbacks
{
    private const int AlertInternalError = 80;
    private const int AlertUnrecognizedName = 112;
    private const int IvBytes = 16;

    /// <summary>SSL_CTX_set_tlsext_servername_callback: chooses the context. Also called for a client that names nothing.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int ServerName(nint ssl, int* alert, nint argument)
    {
        try
        {
            var asked = TlsContextData.Of(argument);
            var name = Libssl.ServerName(ssl, 0);
            var found = asked.Names!(name is null ? default : MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
            if (found is null)
            {
                *alert = AlertUnrecognizedName;
                return Libssl.CallbackAlertFatal;
            }

            if (found.Handle == asked.Context || Libssl.SetContext(ssl, found.Handle) != 0) return Libssl.CallbackOk;
        }
        catch (Exception)
        {
            // Told to the client and, by way of the fault, to the log.
        }

        *alert = AlertInternalError;
        return Libssl.CallbackAlertFatal;
    }

    /// <summary>SSL_CTX_set_alpn_select_cb: the first of ours that the client has. None in common is fatal (RFC 7301 §3.2).</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int SelectAlpn(nint ssl, byte** chosen, byte* chosenLength, byte* offered, uint offeredLength, nint argument)
    {
        try
        {
            ReadOnlySpan<byte> ours = TlsBio.BuffersOf(ssl).Context!.Alpn;
            if (ours.IsEmpty) return Libssl.CallbackNoAcknowledge;
            for (var i = 0; i < ours.Length; i += ours[i] + 1)
            {
                var wanted = ours.Slice(i, ours[i] + 1);
                for (var at = 0; at < offeredLength && at + offered[at] < offeredLength; at += offered[at] + 1)
                {
                    if (!wanted.SequenceEqual(new ReadOnlySpan<byte>(offered + at, offered[at] + 1))) continue;
                    *chosen = offered + at + 1;
                    *chosenLength = offered[at];
                    return Libssl.CallbackOk;
                }
            }
        }
        catch (Exception)
        {
            // As if there were none in common.
        }

        return Libssl.CallbackAlertFatal;
    }

    /// <summary>SSL_CTX_set_tlsext_status_cb: staples. OpenSSL frees what it is given.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Status(nint ssl, nint argument)
    {
        try
        {
            if (TlsContextData.Of(argument).Staple is not { } staple) return Libssl.CallbackNoAcknowledge;
            var copy = Libcrypto.Allocate((nuint)staple.Length, 0, 0);
            if (copy is null) return Libssl.CallbackNoAcknowledge;
            staple.CopyTo(new Span<byte>(copy, staple.Length));
            _ = Libssl.Control(ssl, Libssl.ControlStatusSet, staple.Length, copy);
            return Libssl.CallbackOk;
        }
        catch (Exception)
        {
            return Libssl.CallbackNoAcknowledge;
        }
    }

    /// <summary>SSL_CTX_set_tlsext_ticket_key_evp_cb: 1 goes on, 2 goes on and renews the ticket, 0 knows no such key, -1 is a fault.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Ticket(nint ssl, byte* name, byte* iv, nint cipher, nint mac, int encrypt)
    {
        try
        {
            if (TlsBio.BuffersOf(ssl).Context!.TicketKeys?.Current is not { } keys) return 0;
            fixed (byte* start = keys)
            {
                if (encrypt != 0)
                {
                    new ReadOnlySpan<byte>(start, TlsTicketKeys.NameBytes).CopyTo(new Span<byte>(name, TlsTicketKeys.NameBytes));
                    return Libcrypto.RandomBytes(iv, IvBytes) == 1 && UseKey(start, iv, cipher, mac, encrypt: true) ? 1 : -1;
                }

                for (var at = 0; at < keys.Length; at += TlsTicketKeys.KeyBytes)
                {
                    if (!keys.AsSpan(at, TlsTicketKeys.NameBytes).SequenceEqual(new ReadOnlySpan<byte>(name, TlsTicketKeys.NameBytes))) continue;
                    if (!UseKey(start + at, iv, cipher, mac, encrypt: false)) return -1;

                    // In TLS 1.3 a ticket is used once (RFC 8446 appendix C.4): without a new one the client's next handshake would be a full one.
                    return at > 0 || Libssl.Version(ssl) == (int)TlsProtocol.Tls13 ? 2 : 1;
                }

                return 0;
            }
        }
        catch (Exception)
        {
            return -1;
        }
    }

    /// <summary>SSL_CTX_sess_set_new_cb, of clients: keeps the session for the next connection to the same peer. 1: the reference is ours now.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int NewSession(nint ssl, nint session)
    {
        try
        {
            return TlsBio.BuffersOf(ssl).Peer?.Keep(session) == true ? 1 : 0;
        }
        catch (Exception)
        {
            return 0;
        }
    }

    /// <summary>SSL_CTX_set_keylog_callback.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void KeyLog(nint ssl, byte* line)
    {
        try
        {
            TlsBio.BuffersOf(ssl).Context!.KeyLog?.Append(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(line));
        }
        catch (Exception)
        {
            // A debugging aid that cannot be written must not cost a connection.
        }
    }

    private static bool UseKey(byte* key, byte* iv, nint cipher, nint mac, bool encrypt)
    {
        var algorithm = OpenSslLibrary.Load().TicketCipher;
        var cipherKey = key + TlsTicketKeys.CipherOffset;
        var done = encrypt ? Libcrypto.BeginEncryption(cipher, algorithm, 0, cipherKey, iv) : Libcrypto.BeginDecryption(cipher, algorithm, 0, cipherKey, iv);
        fixed (byte* keyName = "key\0"u8, digestName = "digest\0"u8, digest = "SHA256\0"u8)
        {
            var parameters = stackalloc OpenSslParameter[3];
            parameters[0] = new() { Key = keyName, Type = OpenSslParameter.Octets, Data = key + TlsTicketKeys.MacOffset, Size = TlsTicketKeys.CipherOffset - TlsTicketKeys.MacOffset };
            parameters[1] = new() { Key = digestName, Type = OpenSslParameter.Utf8, Data = digest, Size = 6 };
            parameters[2] = default;
            return done == 1 && Libcrypto.SetMacParameters(mac, parameters) == 1;
        }
    }
}
