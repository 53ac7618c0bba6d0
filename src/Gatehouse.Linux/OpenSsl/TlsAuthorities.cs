using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>Who may have signed a peer's certificate. One object may serve any number of contexts, which keep what they use of it.</summary>
public sealed class TlsAuthorities : IDisposable
{
    private List<nint> _certificates;
    private nint _store;

    private TlsAuthorities(List<nint> certificates)
    {
        _certificates = certificates;
        _store = Libcrypto.NewStore();
    }

    internal nint Store
    {
        get
        {
            ObjectDisposedException.ThrowIf(_store == 0, this);
            return _store;
        }
    }

    /// <summary>Those that are named one by one; none for the system's.</summary>
    internal IReadOnlyList<nint> Certificates => _certificates;

    /// <summary>These certificates and no others; each is an anchor, also one that is not self-signed.</summary>
    /// <exception cref="OpenSslException">There is none in the text, or one is broken.</exception>
    public static TlsAuthorities Read(string pem)
    {
        OpenSslLibrary.Load();
        var authorities = new TlsAuthorities(Pem.Certificates(pem, "the authorities"));
        try
        {
            OpenSslLibrary.Require(authorities._store != 0 && Libcrypto.SetStoreFlags(authorities._store, Libcrypto.StorePartialChain) == 1, "making a store");
            authorities._certificates.ForEach(c => OpenSslLibrary.Require(Libcrypto.AddToStore(authorities._store, c) == 1, "adding an authority"));
            return authorities;
        }
        catch
        {
            authorities.Dispose();
            throw;
        }
    }

    /// <summary>The system's. They are read from its files each time: share the object.</summary>
    /// <exception cref="OpenSslException">They cannot be read.</exception>
    public static TlsAuthorities OfSystem()
    {
        OpenSslLibrary.Load();
        var authorities = new TlsAuthorities([]);
        try
        {
            OpenSslLibrary.Require(authorities._store != 0 && Libcrypto.SetDefaultPaths(authorities._store) == 1, "reading the system's authorities");
            return authorities;
        }
        catch
        {
            authorities.Dispose();
            throw;
        }
    }

    /// <summary>Frees it.</summary>
    public void Dispose()
    {
        _certificates.ForEach(Libcrypto.FreeCertificate);
        _certificates = [];
        if (_store != 0) Libcrypto.FreeStore(_store);
        _store = 0;
    }
}
