namespace Gatehouse.Lab;

/// <summary>The lab can't do what was asked; the message says why and, where there is a way, what to do.</summary>
public sealed class LabException : Exception
{
    public LabException(string message)
        : base(message)
    {
    }

    public LabException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
