namespace KvStore.Server;

/// <summary>What has connections, and wants to look after them now and then. On the loop's thread.</summary>
internal interface IHousekept
{
    /// <summary>Lets clients in again, where descriptors had run out.</summary>
    void ResumeAccepting();

    /// <summary>Takes over what CONFIG SET changed, and gives back the memory of requests that are gone.</summary>
    void EverySecond();

    /// <summary>Closes the connections whose clients were idle for longer than the limit.</summary>
    void CloseIdle(int seconds);
}
