namespace GuestMemFs;

/// <summary>
/// Room on a medium, in bytes. <paramref name="Free"/> is null where the medium does not tell the truth about it.
/// </summary>
public readonly record struct MediumSpace(long Total, long? Free);
