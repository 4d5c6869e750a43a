"""Each protocol's packets as samples. A parser takes any bytes: it gives a sample, None, or a PacketError."""
