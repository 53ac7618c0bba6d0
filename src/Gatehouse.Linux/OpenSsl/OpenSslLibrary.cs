using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>What is made once in a process: the library's own state, the BIO method, the place for data in an SSL_CTX.</summary>
internal sealed unsafe class OpenSslLibrary
{
    private static readonly Lazy<OpenSslLibrary> Shared = new(static () => new OpenSslLibrary());

    private OpenSslLibrary()
    {
        Require(Libssl.Initialize(Libssl.InitNoAtExit, 0) == 1, "starting OpenSSL");
        BioMethod = Libcrypto.NewBioMethod(Libcrypto.NewBioIndex() | Libcrypto.BioTypeSourceSink, "gatehouse");
        Require(BioMethod != 0, "making a BIO method");
        _ = Libcrypto.SetBioRead(BioMethod, (delegate* unmanaged[Cdecl]<nint, byte*, int, int>)&TlsBio.Read);
        _ = Libcrypto.SetBioWrite(BioMethod, (delegate* unmanaged[Cdecl]<nint, byte*, int, int>)&TlsBio.Write);
        _ = Libcrypto.SetBioControl(BioMethod, (delegate* unmanaged[Cdecl]<nint, int, nint, void*, nint>)&TlsBio.Control);
        ContextDataIndex = Libcrypto.NewExtraDataIndex(
            Libcrypto.ExtraDataOfContext, 0, 0, null, null, (delegate* unmanaged[Cdecl]<void*, nint, void*, int, nint, void*, void>)&FreeContextData);
        Require(ContextDataIndex >= 0, "reserving data of a context");

        // Fetched once: by its legacy name each ticket would fetch it anew.
        TicketCipher = Libcrypto.FetchCipher(0, "AES-256-CBC", 0);
        Require(TicketCipher != 0, "fetching AES-256-CBC");
    }

    public nint BioMethod { get; }

    public int ContextDataIndex { get; }

    public nint TicketCipher { get; }

    /// <exception cref="OpenSslException">OpenSSL 3 is not on this machine.</exception>
    public static OpenSslLibrary Load()
    {
        try
        {
            return Shared.Value;
        }
        catch (DllNotFoundException missing)
        {
            throw new OpenSslException("libssl.so.3 is not on this machine; install libssl3", missing);
        }
    }

    /// <summary>Throws with all that OpenSSL has noted, and forgets it.</summary>
    public static void Require(bool done, string act)
    {
        if (!done) throw new OpenSslException($"{act}: {TakeErrors()}");
    }

    /// <summary>All that OpenSSL has noted on this thread, the cause first.</summary>
    public static string TakeErrors()
    {
        var text = new StringBuilder();
        byte* data;
        int flags;
        const int dataIsText = 2;
        while (Libcrypto.TakeError(0, 0, 0, &data, &flags) is not 0 and var error)
        {
            if (text.Length > 0) text.Append("; ");
            text.Append(ReasonOf(error));
            if ((flags & dataIsText) != 0 && data is not null && *data != 0) text.Append(" (").Append(Marshal.PtrToStringUTF8((nint)data)).Append(')');
        }

        return text.Length > 0 ? text.ToString() : "OpenSSL gave no reason";
    }

    /// <summary>The words for an error's number.</summary>
    public static string ReasonOf(ulong error) => Marshal.PtrToStringUTF8((nint)Libcrypto.ReasonText(error)) ?? $"OpenSSL error {error:x8}";

    /// <summary>Runs when the last reference to an SSL_CTX is gone, also of one that is not ours: then there is no data.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void FreeContextData(void* parent, nint data, void* all, int index, nint number, void* pointer)
    {
        if (data == 0) return;
        GCHandle.FromIntPtr(data).Free();
        TlsContextData.Freed();
    }
}
