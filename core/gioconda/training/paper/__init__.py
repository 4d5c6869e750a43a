"""The seed paper's networks, kept to compare with: embedder, generator, discriminator and their training."""
