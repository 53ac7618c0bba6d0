using System.Xml.Linq;

namespace Gatehouse.Repo.Tests;

/// <summary>Holds the project files against <see cref="DependencyTable"/>.</summary>
public sealed class DependencyTests
{
    private static readonly IReadOnlyList<string> Sources = ProjectsUnder("src/");

    [Fact]
    public void Every_project_references_only_what_its_rank_allows()
    {
        var faults = Sources.Where(p => p != DependencyTable.Host).SelectMany(Forbidden).ToList();
        Assert.True(faults.Count == 0, string.Join('\n', faults));
    }

    [Fact]
    public void Every_project_has_a_rank()
    {
        var ranked = DependencyTable.Ranks.SelectMany(r => r.Projects).Append(DependencyTable.Host).ToHashSet();
        Assert.Empty(Sources.Where(p => !ranked.Contains(p)).Select(p => $"{p} stands in no rank of the dependency table"));
    }

    [Fact]
    public void No_project_has_two_ranks()
    {
        var names = DependencyTable.Ranks.SelectMany(r => r.Projects).ToList();
        Assert.Equal(names.Distinct().Order(), names.Order());
    }

    [Fact]
    public void The_table_itself_has_no_circle()
    {
        var above = new HashSet<string>();
        foreach (var rank in DependencyTable.Ranks)
        {
            Assert.All(rank.May, m => Assert.True(above.Contains(m) || IsLaterEngine(m), $"{rank.Name} may reference {m}, which does not stand below it"));
            foreach (var project in rank.Projects) above.Add(project);
        }

        bool IsLaterEngine(string name) => rankOf(name) < rankOf("Gatehouse.Root");
        static int rankOf(string name) => DependencyTable.Ranks.ToList().FindIndex(r => r.Projects.Contains(name));
    }

    [Fact]
    public void Every_source_project_has_a_test_project_that_references_it()
    {
        var tests = ProjectsUnder("tests/").ToHashSet();
        Assert.Empty(Sources.Where(p => !tests.Contains($"{p}.Tests")).Select(p => $"{p} has no tests/{p}.Tests"));
        Assert.Empty(Sources.Where(p => tests.Contains($"{p}.Tests") && !References($"tests/{p}.Tests/{p}.Tests.csproj").Contains(p)).Select(p => $"{p}.Tests does not reference {p}"));
    }

    [Fact]
    public void Every_project_stands_in_the_solution_and_nothing_else_does()
    {
        var listed = XDocument.Parse(Repository.Read("Gatehouse.slnx")).Descendants("Project").Select(p => (string?)p.Attribute("Path")).Order();
        Assert.Equal(Repository.Files.Where(f => f.EndsWith(".csproj", StringComparison.Ordinal)).Order(), listed);
    }

    [Fact]
    public void Versions_of_packages_stand_in_one_place()
    {
        var local = Repository.Files.Where(f => f.EndsWith(".csproj", StringComparison.Ordinal))
            .SelectMany(f => XDocument.Parse(Repository.Read(f)).Descendants("PackageReference").Where(p => p.Attribute("Version") is not null).Select(p => $"{f}: {(string?)p.Attribute("Include")}"));
        Assert.Empty(local);
    }

    private static IEnumerable<string> Forbidden(string project)
    {
        if (DependencyTable.Ranks.FirstOrDefault(r => r.Projects.Contains(project)) is not { } rank) return [];
        return References($"src/{project}/{project}.csproj").Where(r => !rank.May.Contains(r))
            .Select(r => $"{project} references {r}, but {rank.Why}. It may reference: {(rank.May.Count == 0 ? "nothing" : string.Join(", ", rank.May))}.");
    }

    private static IReadOnlyList<string> ProjectsUnder(string folder) =>
        [.. Repository.Files.Where(f => f.StartsWith(folder, StringComparison.Ordinal) && f.EndsWith(".csproj", StringComparison.Ordinal)).Select(f => Path.GetFileNameWithoutExtension(f))];

    private static IReadOnlyList<string> References(string project) =>
        [.. XDocument.Parse(Repository.Read(project)).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!))];
}
