using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>One turn's bytes, where OpenSSL's callbacks find them.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TlsTurn
{
    public byte* Incoming;
    public int IncomingStart;
    public int IncomingEnd;
    public byte* Outgoing;
    public int OutgoingStart;
    public int OutgoingEnd;
    public int OutgoingCapacity;

    /// <summary>The SSL whose bytes are in <see cref="Incoming"/>; 0 while no session has looked at them.</summary>
    public nint Reader;

    /// <summary>The SSL whose bytes are in <see cref="Outgoing"/>.</summary>
    public nint Writer;

    /// <summary>A handle of the <see cref="TlsBuffers"/>.</summary>
    public nint Owner;

    public readonly int Unread => IncomingEnd - IncomingStart;

    public readonly int Free => OutgoingCapacity - OutgoingEnd;
}

/// <summary>A BIO over <see cref="TlsTurn"/>. What it has not, OpenSSL asks for again in a later turn.</summary>
internal static unsafe class TlsBio
{
    private const int Nothing = -1;

    /// <summary>A BIO for one session; the session owns it.</summary>
    public static nint Create(TlsTurn* turn)
    {
        var bio = Libcrypto.NewBio(OpenSslLibrary.Load().BioMethod);
        OpenSslLibrary.Require(bio != 0, "making a BIO");
        Libcrypto.SetBioData(bio, turn);
        Libcrypto.SetBioReady(bio, 1);
        return bio;
    }

    /// <summary>The buffers of the session that runs a callback.</summary>
    public static TlsBuffers BuffersOf(nint ssl) => (TlsBuffers)GCHandle.FromIntPtr(((TlsTurn*)Libcrypto.BioData(Libssl.ReadBio(ssl)))->Owner).Target!;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Read(nint bio, byte* into, int length)
    {
        var turn = (TlsTurn*)Libcrypto.BioData(bio);
        var count = Math.Min(length, turn->Unread);
        if (count <= 0)
        {
            Libcrypto.SetBioFlags(bio, Libcrypto.BioFlagRead | Libcrypto.BioFlagShouldRetry);
            return Nothing;
        }

        Libcrypto.ClearBioFlags(bio, Libcrypto.BioFlagsRetry);
        Unsafe.CopyBlockUnaligned(into, turn->Incoming + turn->IncomingStart, (uint)count);
        turn->IncomingStart += count;
        return count;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Write(nint bio, byte* from, int length)
    {
        var turn = (TlsTurn*)Libcrypto.BioData(bio);
        var count = Math.Min(length, turn->Free);
        Libcrypto.ClearBioFlags(bio, Libcrypto.BioFlagsRetry);
        if (count <= 0)
        {
            Libcrypto.SetBioFlags(bio, Libcrypto.BioFlagWrite | Libcrypto.BioFlagShouldRetry);
            return Nothing;
        }

        Unsafe.CopyBlockUnaligned(turn->Outgoing + turn->OutgoingEnd, from, (uint)count);
        turn->OutgoingEnd += count;
        return count;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static nint Control(nint bio, int command, nint number, void* pointer) => command == Libcrypto.BioControlFlush ? 1 : 0;
}
