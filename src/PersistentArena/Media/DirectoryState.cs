namespace GuestMemFs.Media;

/// <summary>The directory that a medium is in, as it is now.</summary>
/// <param name="Gone">The path does not lead to it any more.</param>
/// <param name="Changed">Changes when names come and go.</param>
internal readonly record struct DirectoryState(bool Gone, long Changed);
