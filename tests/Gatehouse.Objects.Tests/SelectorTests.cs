using Gatehouse.Objects.Kinds;
using Gatehouse.Objects.Selectors;

namespace Gatehouse.Objects.Tests;

public sealed class SelectorTests
{
    private static readonly Dictionary<string, string> Labels = new() { ["app"] = "shop", ["tier"] = "", ["example.com/zone"] = "eu-1" };

    [Theory]
    [InlineData(null, true)]
    [InlineData("", true)]
    [InlineData("  ", true)]
    [InlineData("app=shop", true)]
    [InlineData("app==shop", true)]
    [InlineData(" app = shop ", true)]
    [InlineData("app=other", false)]
    [InlineData("app!=other", true)]
    [InlineData("app!=shop", false)]
    [InlineData("none!=x", true)]
    [InlineData("none=x", false)]
    [InlineData("tier=", true)]
    [InlineData("tier", true)]
    [InlineData("!tier", false)]
    [InlineData("!none", true)]
    [InlineData("! none", true)]
    [InlineData("app in (x, shop)", true)]
    [InlineData("app in (x)", false)]
    [InlineData("app notin (x,y)", true)]
    [InlineData("app notin (shop)", false)]
    [InlineData("none notin (x)", true)]
    [InlineData("none in (x)", false)]
    [InlineData("tier in (,x)", true)]
    [InlineData("example.com/zone=eu-1,app=shop", true)]
    [InlineData("example.com/zone=eu-1,app=x", false)]
    [InlineData("app in (shop),!none,tier", true)]
    public void Label_selectors_match_as_kubernetes_does(string? text, bool matches)
    {
        Assert.True(LabelSelector.TryParse(text, out var selector, out var fault), fault);
        Assert.Equal(matches, selector.Matches(Labels));
        Assert.Equal(string.IsNullOrWhiteSpace(text), selector.IsEverything);
    }

    [Theory]
    [InlineData("=x")]
    [InlineData("app=a b")]
    [InlineData("app like x")]
    [InlineData("app in x")]
    [InlineData("app in (x")]
    [InlineData("app in (x,")]
    [InlineData("app,")]
    [InlineData(",app")]
    [InlineData("app=x,,b=c")]
    [InlineData("app!x")]
    [InlineData("a b")]
    [InlineData("-app=x")]
    [InlineData("app=-x")]
    [InlineData("a/b/c=x")]
    [InlineData("UPPER.example/=x")]
    [InlineData("app=(x)")]
    [InlineData("!app=x")]
    public void What_is_no_label_selector_is_refused_with_the_reason(string text)
    {
        Assert.False(LabelSelector.TryParse(text, out var selector, out var fault));
        Assert.Null(selector);
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void No_labels_match_what_asks_for_absence_alone()
    {
        Assert.True(LabelSelector.TryParse("!a,b!=c", out var absent, out _));
        Assert.True(absent.Matches(null));
        Assert.True(LabelSelector.TryParse("a", out var present, out _));
        Assert.False(present.Matches(null));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("spec.holder=w1", true)]
    [InlineData("spec.holder==w1", true)]
    [InlineData("spec.holder!=w1", false)]
    [InlineData("spec.holder=w1,spec.query!=x", true)]
    [InlineData("spec.holder=w1,spec.query=x", false)]
    [InlineData("spec.query=a\\,b\\=c\\\\d", true)]
    [InlineData("spec.absent=", true)]
    [InlineData("spec.absent!=x", true)]
    public void Field_selectors_match(string text, bool matches)
    {
        Assert.True(FieldSelector.TryParse(text, out var selector, out var fault), fault);
        Assert.Equal(matches, selector.Matches(path => path switch { "spec.holder" => "w1", "spec.query" => "a,b=c\\d", _ => null }));
    }

    [Theory]
    [InlineData("spec.holder")]
    [InlineData("=x")]
    [InlineData("a=b=c")]
    [InlineData("a=b\\c")]
    [InlineData("a=b\\")]
    public void What_is_no_field_selector_is_refused_with_the_reason(string text)
    {
        Assert.False(FieldSelector.TryParse(text, out _, out var fault));
        Assert.NotEmpty(fault);
    }

    [Fact]
    public void A_field_selector_knows_what_it_demands_and_what_a_kind_lacks()
    {
        Assert.True(FieldSelector.TryParse("spec.holder=w1,spec.query!=x,metadata.name=n,spec.nothing=1", out var selector, out _));
        Assert.Equal("w1", selector.Required("spec.holder"));
        Assert.Null(selector.Required("spec.query"));
        Assert.Equal(["spec.nothing"], selector.UnsupportedBy(Interest.Info));
    }
}
