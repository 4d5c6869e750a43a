"""What buttons do: one operator a file."""
