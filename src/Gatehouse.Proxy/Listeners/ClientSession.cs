using Gatehouse.Proxy.Loops;

namespace Gatehouse.Proxy.Listeners;

/// <summary>What a client's connection is to its loop, whatever it speaks.</summary>
internal abstract class ClientSession : Timed
{
    internal ClientSession? NextOpen;
    internal ClientSession? PreviousOpen;

    /// <summary>Where it came in.</summary>
    public abstract ListenerState Listener { get; }

    /// <summary>Its loop drains, or its listener is no more: it ends when it has nothing to do.</summary>
    public abstract void Drain();

    /// <summary>It ends now, and is recorded so.</summary>
    public abstract void CutOff();
}

/// <summary>The sessions of a loop that are open. Adding and removing cost two stores each, and the list itself no memory.</summary>
internal struct SessionList
{
    private ClientSession? _first;

    public void Add(ClientSession session)
    {
        session.NextOpen = _first;
        session.PreviousOpen = null;
        if (_first is not null) _first.PreviousOpen = session;
        _first = session;
    }

    public void Remove(ClientSession session)
    {
        if (session.NextOpen is not null) session.NextOpen.PreviousOpen = session.PreviousOpen;
        if (session.PreviousOpen is not null) session.PreviousOpen.NextOpen = session.NextOpen;
        else if (_first == session) _first = session.NextOpen;
        session.NextOpen = session.PreviousOpen = null;
    }

    /// <summary>A copy, of which each may end while it is gone through.</summary>
    public readonly List<ClientSession> ToList()
    {
        List<ClientSession> all = [];
        for (var session = _first; session is not null; session = session.NextOpen) all.Add(session);
        return all;
    }
}
