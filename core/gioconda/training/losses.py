"""How far pictures are from their targets. Pictures are (N, 3, S, S) of encoded values; every loss is one number.

Errors count relative to what the engine's own picture has: a nearly still frame matters as much as a wild one, and 1 is
"no better than the geometry alone".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SOFT = 0.02  # below this difference the penalty is quadratic, above it linear
LEAST = 0.004  # an engine's error below this is not asked to shrink


def charbonnier(difference: Tensor) -> Tensor:
    return torch.sqrt(difference**2 + SOFT**2) - SOFT


def reconstruction(picture: Tensor, engine: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Relative error of colours, (N,). weight: (N or 1, 1, S, S)."""
    ours, theirs = (_mean(charbonnier(p - target), weight) for p in (picture, engine))
    return ours / (theirs + LEAST)


def edges(picture: Tensor, engine: Tensor, target: Tensor, weight: Tensor, *, scales: int = 3) -> Tensor:
    """Relative error of gradients at several scales, (N,): keeps things sharp."""
    total = torch.zeros(len(picture), device=picture.device)
    for _ in range(scales):
        ours, theirs = (_gradient_error(p, target, weight) for p in (picture, engine))
        total = total + ours / (theirs + LEAST)
        picture, engine, target, weight = (functional.avg_pool2d(x, 2) for x in (picture, engine, target, weight))
    return total / scales


def decibels(picture: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The logarithm of the squared error, (N,): what PSNR averages."""
    return torch.log(_mean((picture - target) ** 2, weight) + 3e-5)


def psnr(picture: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """dB, (N,)."""
    return -10 * torch.log10(_mean((picture - target) ** 2, weight) + 1e-8)


def dissimilarity(picture: Tensor, target: Tensor, weight: Tensor, *, scales: int = 3) -> Tensor:
    """1 - SSIM averaged over scales, (N,), with windows of 8 x 8 pixels.

    Source: Wang, Simoncelli and Bovik, "Multi-scale structural similarity", 2003 (here the mean, not the product).
    """
    total = torch.zeros(len(picture), device=picture.device)
    for scale in range(scales):
        if scale:
            picture, target, weight = (functional.avg_pool2d(x, 2) for x in (picture, target, weight))
        a, b = (functional.avg_pool2d(x, 8, stride=4) for x in (picture, target))
        va, vb = (functional.avg_pool2d(x * x, 8, stride=4) - m * m for x, m in ((picture, a), (target, b)))
        vab = functional.avg_pool2d(picture * target, 8, stride=4) - a * b
        ssim = (2 * a * b + 1e-4) * (2 * vab + 9e-4) / ((a * a + b * b + 1e-4) * (va + vb + 9e-4))
        total = total + _mean(1 - ssim, functional.avg_pool2d(weight, 8, stride=4))
    return total / scales


def variation(flow: Tensor) -> Tensor:
    """Mean difference between neighbours, (N,). Source: Rudin, Osher and Fatemi, "Nonlinear total variation", 1992."""
    across = (flow[..., :, 1:] - flow[..., :, :-1]).abs().mean((1, 2, 3))
    return across + (flow[..., 1:, :] - flow[..., :-1, :]).abs().mean((1, 2, 3))


def _gradient_error(picture: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    difference = picture - target
    across = charbonnier(difference[..., :, 1:] - difference[..., :, :-1])
    down = charbonnier(difference[..., 1:, :] - difference[..., :-1, :])
    return _mean(across, weight[..., :, 1:]) + _mean(down, weight[..., 1:, :])


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    weight = weight.expand(values.shape[0], 1, *values.shape[2:])
    return (values.mean(1, keepdim=True) * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp(min=1e-6)
