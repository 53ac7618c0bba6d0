using Gatehouse.Api.Client;
using Gatehouse.Api.Server;

namespace Gatehouse.Root.Oakestra;

/// <summary>Oakestra's HTTP surface at root (its service manager on port 10099).</summary>
internal sealed partial class OakestraRoot(IObjectClient local, RootFeeds feeds, RootState state, OakestraOptions options, TimeProvider time)
{
    /// <summary>The listeners that the options ask for.</summary>
    public IReadOnlyList<SideListener> Listeners => [];
}
