using System.Globalization;
using System.Text;

namespace Gatehouse.Proxy.Configuration.Form;

/// <summary>An object that has a fault, so that it can be left out.</summary>
/// <param name="Section">For example <c>virtualHosts</c>. Null: the fault is in nothing smaller than the configuration.</param>
/// <param name="Index">Its place there. -1: the section itself, or one that is no list.</param>
/// <param name="Inner">For example <c>routes</c>. Null: the fault is in the object itself.</param>
/// <param name="InnerIndex">The place there. -1 with <paramref name="Inner"/> null.</param>
/// <param name="Field">The field of the innermost object. Null: it as a whole.</param>
internal readonly record struct FaultyObject(string? Section, int Index, string? Inner, int InnerIndex, string? Field);

/// <summary>The way from the root of a configuration to the value at hand. It becomes a text only when something is wrong there.</summary>
internal sealed class ConfigTrail
{
    private (string? Name, int Index)[] _steps = new (string?, int)[16];

    /// <summary>Steps from the root.</summary>
    public int Depth { get; private set; }

    public void Enter(string name) => Push((name, 0));

    public void Enter(int index) => Push((null, index));

    public void Leave() => Depth--;

    /// <summary>The object that the value at hand belongs to.</summary>
    public FaultyObject Object() => IndexAt(3) is >= 0 and var inner
        ? new(NameAt(0), IndexAt(1), NameAt(2), inner, NameAt(4))
        : new(NameAt(0), IndexAt(1), null, -1, NameAt(IndexAt(1) < 0 ? 1 : 2));

    /// <summary>For example <c>virtualHosts[0].routes[2].path</c>.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (name, index) in _steps.AsSpan(0, Depth))
        {
            if (name is null) text.Append(CultureInfo.InvariantCulture, $"[{index}]");
            else text.Append(text.Length == 0 ? "" : ".").Append(name);
        }

        return text.ToString();
    }

    private string? NameAt(int step) => step < Depth ? _steps[step].Name : null;

    private int IndexAt(int step) => step < Depth && _steps[step].Name is null ? _steps[step].Index : -1;

    private void Push((string? Name, int Index) step)
    {
        if (Depth == _steps.Length) Array.Resize(ref _steps, Depth * 2);
        _steps[Depth++] = step;
    }
}
