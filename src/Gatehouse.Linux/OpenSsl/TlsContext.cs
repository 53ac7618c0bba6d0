using System.Security.Cryptography;
using Gatehouse.Linux.Native;

namespace Gatehouse.Linux.OpenSsl;

/// <summary>
/// How sessions are made (an SSL_CTX). Immutable, and shared by all threads; a change is a new context. Disposing it is safe while sessions run: those that began keep
/// what they need until they end.
/// </summary>
public sealed unsafe class TlsContext : IDisposable
{
    /// <summary>One ticket of TLS 1.3 for each handshake: a client that uses it gets the next.</summary>
    private const int Tickets = 1;

    private readonly Action? _unused;
    private readonly nint _context;
    private int _users = 1;
    private int _disposed;

    private TlsContext(TlsOptions options, bool isServer)
    {
        IsServer = isServer;
        _unused = (options as TlsServerOptions)?.Unused;
        OpenSslLibrary.Load();
        Data = new TlsContextData(options);
        Libcrypto.ClearErrors();
        _context = Libssl.NewContext(Libssl.TlsMethod());
        OpenSslLibrary.Require(_context != 0, "making a TLS context");
    }

    /// <summary>Whether it is a server's.</summary>
    public bool IsServer { get; }

    /// <summary>The SSL_CTX.</summary>
    internal nint Handle => _context;

    /// <summary>What callbacks need of it.</summary>
    internal TlsContextData Data { get; }

    /// <summary>A context for accepted connections.</summary>
    /// <exception cref="OpenSslException">OpenSSL refuses a setting; the message says which and why.</exception>
    public static TlsContext Server(TlsServerOptions options)
    {
        if (options.ClientCertificates != TlsClientCertificates.None && options.ClientAuthorities is null)
            throw new OpenSslException("clients are asked for certificates, but nobody is named who may have signed them");
        return Make(new TlsContext(options, isServer: true), options, static (context, o) => context.SetUpServer(o));
    }

    /// <summary>A context for connections to upstreams. Sessions are made from it by way of a <see cref="TlsPeer"/>.</summary>
    /// <inheritdoc cref="Server"/>
    public static TlsContext Client(TlsClientOptions options) =>
        Make(new TlsContext(options, isServer: false), options, static (context, o) => context.SetUpClient(o));

    /// <summary>No session is made from it any more.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) Leave();
    }

    /// <summary>A handshake begins. False: the context is gone.</summary>
    internal bool TryEnter()
    {
        var users = Volatile.Read(ref _users);
        while (users > 0)
        {
            var before = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (before == users) return true;
            users = before;
        }

        return false;
    }

    /// <summary>A handshake ended, or the owner is done. OpenSSL keeps the SSL_CTX as long as a session has it.</summary>
    internal void Leave()
    {
        if (Interlocked.Decrement(ref _users) > 0) return;
        Libssl.FreeContext(_context);
        _unused?.Invoke();
    }

    private static TlsContext Make<T>(TlsContext context, T options, Action<TlsContext, T> setUp)
        where T : TlsOptions
    {
        try
        {
            context.SetUp(options);
            setUp(context, options);
            return context;
        }
        catch
        {
            Libssl.FreeContext(context._context);
            throw;
        }
    }

    private void SetUp(TlsOptions options)
    {
        Data.Attach(_context);
        _ = Libssl.SetContextOptions(_context, Libssl.OptionNoCompression | Libssl.OptionNoRenegotiation | (IsServer ? Libssl.OptionServerPreference : 0));
        _ = Libssl.ContextControl(_context, Libssl.ControlMode, Libssl.ModeMovingWriteBuffer | Libssl.ModeReleaseBuffers, null);
        OpenSslLibrary.Require(Libssl.ContextControl(_context, Libssl.ControlMinVersion, (nint)options.MinVersion, null) == 1, $"setting the oldest version {options.MinVersion}");
        OpenSslLibrary.Require(Libssl.ContextControl(_context, Libssl.ControlMaxVersion, (nint)options.MaxVersion, null) == 1, $"setting the newest version {options.MaxVersion}");
        if (options.Ciphers is { } ciphers) OpenSslLibrary.Require(Libssl.SetCiphers(_context, ciphers) == 1, $"setting the ciphers '{ciphers}'");
        if (options.Certificate is { } certificate) Use(certificate);
        if (options.KeyLog is not null) Libssl.SetKeyLogCallback(_context, (delegate* unmanaged[Cdecl]<nint, byte*, void>)&TlsCallbacks.KeyLog);
    }

    private void Use(TlsCertificate certificate)
    {
        Require(Libssl.UseCertificate(_context, certificate.Chain[0]), "using the certificate");
        Require(Libssl.UsePrivateKey(_context, certificate.Key), "using the key");
        for (var i = 1; i < certificate.Chain.Count; i++)
        {
            Require((int)Libssl.ContextControl(_context, Libssl.ControlChainCertificate, 1, (void*)certificate.Chain[i]), $"using certificate {i + 1} of the chain");
        }

        static void Require(int result, string act)
        {
            if (result != 1) throw new OpenSslException($"{act}: {OpenSslLibrary.TakeErrors()}") { IsOfCertificate = true };
        }
    }

    private void SetUpServer(TlsServerOptions options)
    {
        // Sessions live in tickets alone: a store of them here would be memory without a bound for each loop.
        _ = Libssl.ContextControl(_context, Libssl.ControlSessionCacheMode, Libssl.SessionCacheOff, null);
        if (options.TicketKeys is null)
        {
            _ = Libssl.SetContextOptions(_context, Libssl.OptionNoTicket);
            _ = Libssl.SetTicketCount(_context, 0);
        }
        else
        {
            _ = Libssl.SetTicketCount(_context, Tickets);
            _ = Libssl.SetTicketCallback(_context, (delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint, nint, int, int>)&TlsCallbacks.Ticket);
        }

        // Always: of a context that was found by name OpenSSL takes this function, and the protocols are those of the one that asked.
        Libssl.SetAlpnSelect(_context, (delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int>)&TlsCallbacks.SelectAlpn, 0);
        if (options.Names is not null)
        {
            _ = Libssl.ContextControl(_context, Libssl.ControlServerNameArgument, 0, (void*)Data.Handle);
            _ = Libssl.ContextCallback(_context, Libssl.ControlServerNameCallback, (delegate* unmanaged[Cdecl]<nint, int*, nint, int>)&TlsCallbacks.ServerName);
        }

        if (options.Certificate?.Staple is not null)
        {
            _ = Libssl.ContextControl(_context, Libssl.ControlStatusArgument, 0, (void*)Data.Handle);
            _ = Libssl.ContextCallback(_context, Libssl.ControlStatusCallback, (delegate* unmanaged[Cdecl]<nint, nint, int>)&TlsCallbacks.Status);
        }

        SetUpClientCertificates(options);
    }

    /// <summary>A session that was made with other authorities must not be resumed here: its client is known by the ticket alone. So the id of the context tells them apart.</summary>
    private void SetUpClientCertificates(TlsServerOptions options)
    {
        using var id = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        id.AppendData([(byte)options.ClientCertificates]);
        if (options.ClientCertificates != TlsClientCertificates.None)
        {
            var authorities = options.ClientAuthorities!;
            Libssl.SetStore(_context, authorities.Store);
            foreach (var certificate in authorities.Certificates)
            {
                OpenSslLibrary.Require(Libssl.AddClientAuthority(_context, certificate) == 1, "naming an authority to clients");
                id.AppendData(TlsPeerCertificate.Fingerprint(certificate));
            }

            var required = options.ClientCertificates == TlsClientCertificates.Required;
            Libssl.SetVerify(_context, Libssl.VerifyPeer | (required ? Libssl.VerifyFailWithoutPeer : 0), null);
        }

        var digest = id.GetHashAndReset();
        fixed (byte* start = digest)
        {
            OpenSslLibrary.Require(Libssl.SetSessionIdContext(_context, start, (uint)digest.Length) == 1, "naming the sessions' context");
        }
    }

    private void SetUpClient(TlsClientOptions options)
    {
        if (options.Authorities is { } authorities) Libssl.SetStore(_context, authorities.Store);
        Libssl.SetVerify(_context, options.Authorities is null ? Libssl.VerifyNone : Libssl.VerifyPeer, null);
        if (options.Resumption)
        {
            _ = Libssl.ContextControl(_context, Libssl.ControlSessionCacheMode, Libssl.SessionCacheClientNoStore, null);
            Libssl.SetNewSessionCallback(_context, (delegate* unmanaged[Cdecl]<nint, nint, int>)&TlsCallbacks.NewSession);
        }
        else
        {
            _ = Libssl.SetContextOptions(_context, Libssl.OptionNoTicket);
            _ = Libssl.ContextControl(_context, Libssl.ControlSessionCacheMode, Libssl.SessionCacheOff, null);
        }

        var alpn = Data.Alpn;
        fixed (byte* start = alpn)
        {
            // This one function of the library answers 0 when it did it.
            if (alpn.Length > 0) OpenSslLibrary.Require(Libssl.SetAlpnOffer(_context, start, (uint)alpn.Length) == 0, "offering protocols (ALPN)");
        }
    }
}
