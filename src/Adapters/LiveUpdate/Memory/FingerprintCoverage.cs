namespace GuestMemFs.LiveUpdate;

/// <summary>How much of a memory a fingerprint covers.</summary>
public enum FingerprintCoverage
{
    /// <summary>4,096 pages of 4 KiB, spread over the whole, others in each plan: the same time for any size.</summary>
    Sampled = 0,

    /// <summary>Every byte: some seconds for each 100 GiB.</summary>
    Whole = 1,
}
