"""The paper's losses: hinge, feature matching, match of embeddings. No VGG: its weights may not be used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
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


def take_up(
    weights: dict[str, Tensor], discriminator: nn.Module, moments: dict[str, Any] | None, judging: torch.optim.Optimizer
) -> None:
    """Go on with a discriminator; people who were not learned from before get columns of their own, after the others'.

    Args:
        weights: its state in the checkpoint; people is W, (embedding, columns).
        moments: its optimiser's; of W's new shape they would make no sense, so they begin anew then.
    """
    columns = discriminator.state_dict()["people"].clone()
    known = weights["people"].shape[1]
    columns[:, :known] = weights["people"]
    discriminator.load_state_dict(weights | {"people": columns})
    if moments is not None and columns.shape[1] == known:
        judging.load_state_dict(moments)
