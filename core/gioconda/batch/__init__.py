"""Many portraits × many motions: planned, rendered on this machine by a pool of processes, reported."""
