namespace GuestMemFs.Media;

/// <summary>A medium's place.</summary>
/// <param name="Gone">The path does not lead to it any more.</param>
/// <param name="Changed">Changes when names come and go.</param>
internal readonly record struct PlaceState(bool Gone, long Changed);
