using Gatehouse.Linux.OpenSsl;
using Gatehouse.Proxy.Configuration;

namespace Gatehouse.Proxy.Tls;

/// <summary>What a listener accepts TLS with. Immutable, and the same object from one configuration to the next as long as nothing of it changes.</summary>
internal sealed class ListenerTlsState
{
    private readonly List<SharedContext> _leased = [];
    private readonly List<TlsSetupFault> _faults = [];
    private readonly Dictionary<CertificateEntry, TlsContext?> _made = [];
    private readonly ServerContexts _contexts;
    private readonly ServerNameTable? _names;

    /// <param name="listener">Its name.</param>
    /// <param name="recipe">What it is made from.</param>
    /// <param name="contexts">Where contexts for its settings are.</param>
    /// <param name="unused">Is called when it was disposed and the last handshake ended: then what it leased may go.</param>
    /// <exception cref="OpenSslException">The settings cannot be served.</exception>
    public ListenerTlsState(string listener, ListenerTlsRecipe recipe, ServerContexts contexts, Action<ListenerTlsState> unused)
    {
        Recipe = recipe;
        Listener = listener;
        _contexts = contexts;
        Context = MakeOwn(unused);
        if (recipe.Default is { } certificate && !_faults.Exists(f => f.Kind == "certificate")) _made.Add(certificate, Context);
        try
        {
            _names = new ServerNameTable(
                new(recipe.Hosts.Select(h => KeyValuePair.Create(h.Pattern, new ServerNameTable.Choice(ContextOf(h.Certificate))))),
                new(recipe.Listed.Select(l => (l.Pattern, Context: ContextOf(l.Certificate))).Where(l => l.Context is not null).Select(l => KeyValuePair.Create(l.Pattern, l.Context!))),
                ContextOf(recipe.Default));
        }
        catch
        {
            Context.Dispose();
            throw;
        }
    }

    public string Listener { get; }

    /// <summary>What sessions are made from.</summary>
    public TlsContext Context { get; }

    public ListenerTlsRecipe Recipe { get; }

    /// <summary>What of the recipe cannot be served.</summary>
    public IReadOnlyList<TlsSetupFault> Faults => _faults;

    /// <summary>Configurations that have it. Counted by the compiler, under its lock.</summary>
    public int Leases { get; set; }

    /// <summary>The context that a client gets who asks for a name; null: it is refused.</summary>
    public TlsContext? Find(ReadOnlySpan<byte> name) => _names?.Find(name);

    /// <summary>Gives the contexts back; under the compiler's lock.</summary>
    public void Release()
    {
        _leased.ForEach(static c => c.Release());
        _leased.Clear();
    }

    /// <summary>The context that asks for names; it has the default certificate itself, so that one certificate costs one context.</summary>
    private TlsContext MakeOwn(Action<ListenerTlsState> unused)
    {
        var options = _contexts.Options with
        {
            Certificate = Recipe.Default?.Tls,
            MinVersion = Recipe.Tls.MinVersion == TlsVersion.Tls13 ? TlsProtocol.Tls13 : TlsProtocol.Tls12,
            MaxVersion = Recipe.Tls.MaxVersion == TlsVersion.Tls12 ? TlsProtocol.Tls12 : TlsProtocol.Tls13,
            Alpn = [.. Recipe.Tls.Alpn],
            TicketKeys = Recipe.TicketKeys,
            Names = Find,
            Unused = () => unused(this),
        };
        try
        {
            return TlsContext.Server(options);
        }
        catch (OpenSslException fault) when (fault.IsOfCertificate)
        {
            _made.Add(Recipe.Default!, null);
            Fault(fault);
            return TlsContext.Server(options with { Certificate = null });
        }
    }

    private TlsContext? ContextOf(CertificateEntry? certificate)
    {
        if (certificate is null) return null;
        if (_made.TryGetValue(certificate, out var made)) return made;
        try
        {
            var shared = _contexts.Lease(certificate);
            _leased.Add(shared);
            return _made[certificate] = shared.Context;
        }
        catch (OpenSslException fault) when (fault.IsOfCertificate)
        {
            Fault(fault, certificate);
            return _made[certificate] = null;
        }
    }

    private void Fault(OpenSslException fault, CertificateEntry? certificate = null) =>
        _faults.Add(new("certificate", (certificate ?? Recipe.Default!).Name, $"{fault.Message}; listener '{Listener}' is served without it"));
}
