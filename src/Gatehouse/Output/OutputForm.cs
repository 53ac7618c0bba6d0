using System.CommandLine;

namespace Gatehouse.Output;

/// <summary>How objects are shown.</summary>
internal enum OutputForm
{
    /// <summary>Aligned columns for people.</summary>
    Table,

    /// <summary>The same with the columns that seldom matter.</summary>
    Wide,

    Json,

    Yaml,

    /// <summary><c>kind/name</c>, one on a line, for scripts.</summary>
    Name,
}

/// <summary>The option <c>-o</c>.</summary>
internal static class OutputOption
{
    public static Option<OutputForm> Create(params OutputForm[] forms)
    {
        var allowed = forms.Length == 0 ? Enum.GetValues<OutputForm>() : forms;
        var words = string.Join(", ", allowed.Select(f => f.ToString().ToLowerInvariant()));
        return new Option<OutputForm>("--output", "-o")
        {
            Description = $"One of {words}. Default table.",
            HelpName = "FORM",
            DefaultValueFactory = _ => OutputForm.Table,
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (Enum.TryParse<OutputForm>(text, ignoreCase: true, out var form) && allowed.Contains(form) && !char.IsAsciiDigit(text[0])) return form;
                result.AddError($"--output: '{text}' is not valid: one of {words}");
                return default;
            },
        };
    }
}
