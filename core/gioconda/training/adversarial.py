"""The paper's losses: hinge, feature matching, match of embeddings. No VGG: its weights may not be used."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

FEATURES, MATCH = 10.0, 10.0  # the paper's weights of feature matching and of |e - W_i|


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge (equation 6): real scores should exceed 1, made ones should fall below -1."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """What the generator wants of the discriminator: high scores for what it made."""
    return -fake.mean()


def feature_matching(real: list[Tensor], fake: list[Tensor], *, weight: float = FEATURES) -> Tensor:
    """Mean difference of the discriminator's inner answers (Wang et al. 2018, pix2pixHD), times `weight`."""
    differences = [(a.detach() - b).abs().mean() for a, b in zip(real, fake, strict=True)]
    total = differences[0]
    for difference in differences[1:]:
        total = total + difference
    return weight * total / len(differences)


def embedding_match(embedding: Tensor, columns: Tensor, *, weight: float = MATCH) -> Tensor:
    """|e - W_i|, times `weight`: an embedding can take its column's place for somebody new. Both (N, embedding)."""
    return weight * (embedding - columns).abs().mean()
