using Gatehouse.Proxy.Configuration.Form;

namespace Gatehouse.Proxy.Configuration.Validation;

/// <summary>Looks whether a configuration can be served. All faults are told at once, whoever made it: a person's file and a role's code go through the same rules.</summary>
public static class ConfigValidator
{
    /// <summary>Everything must be right.</summary>
    /// <param name="time">For certificates' ends.</param>
    /// <param name="known">One that was found right before: what both have, by reference, is not looked into again, only how it fits with the rest. Null: all is looked into.</param>
    /// <returns>The same configuration, or null for it when there is a fault.</returns>
    public static ConfigOutcome Check(ProxyConfig config, TimeProvider time, ProxyConfig? known = null)
    {
        var check = Run(config, time, known);
        return new ConfigOutcome { Config = check.Faults.Count == 0 ? config : null, Faults = check.Faults, Warnings = check.Warnings };
    }

    /// <summary>What is right is served: each object with a fault is left out, by itself and with its faults told. Written for roles, whose objects come from many people.</summary>
    /// <remarks>
    /// What is left out never leads requests to somebody else's service: a group that is wrong or missing stays as one without endpoints (503), and a route whose answer is wrong as one that
    /// answers 503. What can't be matched at all (a wrong path, host or listener) is not there.
    /// </remarks>
    /// <param name="time">For certificates' ends.</param>
    /// <param name="known">As for <see cref="Check"/>.</param>
    /// <returns>Always a configuration; <see cref="Check"/> finds no fault in it.</returns>
    public static ConfigOutcome CheckLeniently(ProxyConfig config, TimeProvider time, ProxyConfig? known = null)
    {
        var check = Run(config, time, known);
        return new ConfigOutcome { Config = check.Faults.Count == 0 ? config : LenientConfig.Rest(config, check, time, known), Faults = check.Faults, Warnings = check.Warnings };
    }

    internal static ConfigCheck Run(ProxyConfig config, TimeProvider time, ProxyConfig? known)
    {
        var check = new ConfigCheck(time.GetUtcNow()) { Known = known is null ? null : ObjectsOf(known) };
        ConfigForm.Shape.Check(config, check);
        Named(config.Listeners, static l => l.Name, "listeners", check);
        Named(config.VirtualHosts, static v => v.Name, "virtualHosts", check);
        Named(config.Upstreams, static u => u.Name, "upstreams", check);
        Named(config.Certificates, static c => c.Name, "certificates", check);
        ListenerRules.CheckCollisions(config, check);
        check.ReferencesFollow();
        References.Check(config, check);
        if (config.Listeners.Count == 0) check.Warn("listeners", "there are none: nothing is served");
        return check;
    }

    private static void Named<T>(EquatableArray<T> items, Func<T, string> name, string section, ConfigCheck check)
        where T : IEquatable<T> => Unique.Check(items, name, check, section, "name");

    private static HashSet<object> ObjectsOf(ProxyConfig config)
    {
        HashSet<object> all = new(config.Listeners.Count + config.VirtualHosts.Count + config.Upstreams.Count + config.Certificates.Count, ReferenceEqualityComparer.Instance);
        foreach (var one in config.Listeners) all.Add(one);
        foreach (var one in config.VirtualHosts) all.Add(one);
        foreach (var one in config.Upstreams) all.Add(one);
        foreach (var one in config.Certificates) all.Add(one);
        return all;
    }
}
