"""The network: a small U-Net that says, pixel by pixel, where nuclei are and which way their middle lies."""

from __future__ import annotations

import torch
from torch import nn

CHANNELS = (32, 64, 128)
"""At half, a quarter and an eighth of the resolution. Full resolution is seen by the first and last layer only: nuclei
are 20 px wide there, and most of the time would go into it."""

INPUTS = 2
"""The two views of a plane; see `exoimage.methods.network_views`."""

OUTPUTS = 4
"""Foreground (logit), depth in the nucleus (0 … 1), and the way to its middle (y, x)."""


class NucleiNet(nn.Module):
    """(n, 2, y, x) views to (n, 16, y / 2, x / 2): each of the four outputs at each of 2 × 2 pixels.

    y and x are multiples of 8.
    """

    def __init__(self, channels: tuple[int, int, int] = CHANNELS) -> None:
        super().__init__()
        a, b, c = channels
        self.down_half = nn.Sequential(_layer(INPUTS, a, kernel=5, stride=2), _layer(a, a))
        self.down_quarter = nn.Sequential(_layer(a, b, stride=2), _layer(b, b))
        self.down_eighth = nn.Sequential(_layer(b, c, stride=2), _layer(c, c), _layer(c, c, dilation=2))
        self.to_quarter = nn.ConvTranspose2d(c, b, 2, stride=2)
        self.at_quarter = nn.Sequential(_layer(2 * b, b), _layer(b, b))
        self.to_half = nn.ConvTranspose2d(b, a, 2, stride=2)
        self.at_half = nn.Sequential(_layer(2 * a, a), _layer(a, a))
        self.head = nn.Conv2d(a, 4 * OUTPUTS, 3, padding=1)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """The maps, four pixels in each."""
        half = self.down_half(views)
        quarter = self.down_quarter(half)
        eighth = self.down_eighth(quarter)
        quarter = self.at_quarter(torch.cat([quarter, self.to_quarter(eighth)], dim=1))
        half = self.at_half(torch.cat([half, self.to_half(quarter)], dim=1))
        return self.head(half)


def maps(answer: torch.Tensor) -> torch.Tensor:
    """(n, 16, y / 2, x / 2) to (n, 4, y, x)."""
    return nn.functional.pixel_shuffle(answer, 2)


def parameter_count(network: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in network.parameters())


def _layer(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    reach = kernel // 2 * dilation
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=reach, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
