using GuestMemFs.Media;

namespace GuestMemFs;

/// <summary>
/// Opens media, as <c>Medium.ForDirectory(path)</c> and the like: what a directory is, the best that this machine has,
/// memory behind descriptors.
/// </summary>
/// <remarks>Apart from <see cref="Medium"/>, which knows none of the media that derive from it.</remarks>
public static class MediumFactory
{
    extension(Medium)
    {
        /// <summary>
        /// The medium that a directory is, by what the kernel says of it (mount type and options, statfs, statx), never
        /// by its path.
        /// </summary>
        /// <param name="path">The directory. With <paramref name="writable"/> it is made (mode 0700) where it is
        /// missing and its parent is there.</param>
        /// <param name="writable">Require that files can be created.</param>
        /// <param name="trust">Whose directory and files these may be; root's and our own where nothing is
        /// said.</param>
        /// <exception cref="MediumException">
        /// It is missing (<see cref="MediumErrorKind.Missing"/>), not a directory, not writable or mounted read-only
        /// (<see cref="MediumErrorKind.Denied"/>).
        /// </exception>
        /// <exception cref="UntrustedOwnerException">It is another user's, or another user can change it.</exception>
        public static Medium ForDirectory(string path, bool writable = true, PathTrust? trust = null) =>
            MediumDetector.Open(path, writable, trust ?? PathTrust.Own);

        /// <summary>
        /// The medium for an arena where nobody named a directory: the one that holds files of that name already, else
        /// the best that is really there, that we may write to and that has the room (<see cref="MediumCandidates"/>
        /// says what is better). <see cref="Medium.Reason"/> explains the choice.
        /// </summary>
        /// <param name="name">The arena's name; its directory is <c>MOUNT/guestmemfs-UID/NAME</c>, mode 0700, made
        /// here.</param>
        /// <param name="bytesWanted">Bytes the arena is going to hold.</param>
        /// <exception cref="MediumException"><see cref="MediumErrorKind.NoSpace"/>: none has the room; the message
        /// lists them all.</exception>
        public static Medium Default(string name, long bytesWanted) => DefaultMedium.Open(name, bytesWanted);

        /// <summary>
        /// Memory behind descriptors that this object holds (memfd): gone when the object is disposed and nobody else
        /// holds a descriptor.
        /// </summary>
        /// <param name="name">For people.</param>
        /// <param name="reservedHugePages">Take 2 MiB pages from the pool that was set aside for hugetlbfs, instead of
        /// ordinary memory.</param>
        public static Medium InMemory(string name, bool reservedHugePages = false) =>
            new MemfdMedium(name, reservedHugePages);

        /// <summary>
        /// Memory behind descriptors that a holder keeps while this process is not there. What is held already is
        /// taken; what is made is handed over before it is used. At most
        /// <see cref="MediumCapabilities.MaximumFileLength"/> a descriptor, so that a large arena has several.
        /// </summary>
        /// <param name="holder">The holder; the medium's from now on.</param>
        /// <exception cref="MediumException">The holder is not there, or refuses.</exception>
        public static Medium FromHolder(DescriptorHolder holder) => MemfdMedium.Held(holder);

        /// <summary>
        /// Memory behind descriptors that were got from somewhere: an update of the kernel, another process. This
        /// process is what keeps them. Names are only where to look first, and may be anything that differs.
        /// </summary>
        /// <param name="name">For people.</param>
        /// <param name="files">The descriptors, which are the medium's from now on.</param>
        /// <param name="survives">What keeps the memory where this process ends: nothing, unless others hold the
        /// descriptors too.</param>
        public static Medium FromDescriptors(string name, IEnumerable<HeldDescriptor> files,
            Survives survives = Survives.Nothing) => MemfdMedium.Of(name, files, survives);
    }
}
