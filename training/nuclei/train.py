"""Train the nuclei network; stop and start again as often as you like.

    python train.py DATA RUN [--steps 4200] [--minutes 110]

DATA holds folders of `images` and `masks` (BBBC038); RUN receives `state.pt`, from which the same command goes on, and
`log.csv`. Every crop depends on the seed and its number alone, so that a training in pieces sees what one in a single
run sees. A GPU is used if there is one.
"""

from __future__ import annotations

import argparse
import copy
import csv
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from crops import EDGE_PX, crop
from network import NucleiNet, maps, parameter_count
from pictures import Source, real_sources, synthetic_sources
from torch import nn
from torch.utils.data import DataLoader, Dataset


@dataclass(frozen=True)
class Plan:
    """How long and how fast is learned.

    Parameters
    ----------
    steps, batch : int
        Steps, and crops in each.
    rate : float
        Largest learning rate; it rises over the first steps and falls with a cosine.
    decay : float
        Of the weights, in each step relative to the rate.
    memory : float
        Share of the averaged weights that each step leaves: those are what is shipped.
    seed : int
    synthetic : int
        Synthetic pictures of each kind.
    """

    steps: int = 4200
    batch: int = 16
    rate: float = 3e-3
    decay: float = 0.02
    memory: float = 0.998
    seed: int = 10
    synthetic: int = 240


WARM_UP = 100
"""Steps over which the learning rate rises."""

SAVED_EVERY = 100
"""Steps between saved states: half a minute to two minutes."""


class Crops(Dataset):
    """All crops of a training, by number."""

    def __init__(self, sources: tuple[Source, ...], plan: Plan, first_step: int) -> None:
        self.sources, self.plan, self.first = sources, plan, first_step * plan.batch

    def __len__(self) -> int:
        return self.plan.steps * self.plan.batch - self.first

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        cv2.setNumThreads(1)
        one = crop(self.sources, (self.plan.seed, self.first + index))
        return torch.from_numpy(one.views), torch.from_numpy(one.answer), torch.from_numpy(one.weight)


def loss_of(answer: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Loss of the foreground, the depth and the way to the middle, each per pixel that counts for it."""
    foreground, depth, way = answer[:, 0], answer[:, 1], answer[:, 2:]
    inside = wanted[:, 0] * weight
    entropy = nn.functional.binary_cross_entropy_with_logits(foreground, wanted[:, 0], reduction="none")
    depth_error = nn.functional.smooth_l1_loss(depth, wanted[:, 1], reduction="none", beta=0.1)
    way_error = nn.functional.smooth_l1_loss(way, wanted[:, 2:], reduction="none", beta=0.2).sum(dim=1)
    overlap = (torch.sigmoid(foreground) * inside).sum() * 2 + 1
    dice = 1 - overlap / ((torch.sigmoid(foreground) * weight).sum() + inside.sum() + 1)
    every = weight.sum().clamp(min=1)
    return (
        (entropy * weight).sum() / every + 0.3 * dice,
        (depth_error * weight).sum() / every,
        (way_error * inside).sum() / inside.sum().clamp(min=EDGE_PX),
    )


def rate_at(step: int, plan: Plan) -> float:
    """Learning rate of a step."""
    if step < WARM_UP:
        return plan.rate * (step + 1) / WARM_UP
    done = (step - WARM_UP) / max(1, plan.steps - WARM_UP)
    return plan.rate * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * done))))


def main() -> None:
    """Train, or go on training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--minutes", type=float, default=110, help="stop after so long; the same command goes on")
    given = parser.parse_args()
    given.run.mkdir(parents=True, exist_ok=True)
    _train(Plan(steps=given.steps), given.data, given.run, given.minutes)


def _train(plan: Plan, data: Path, run: Path, minutes: float) -> None:
    started = time.monotonic()
    torch.manual_seed(plan.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = NucleiNet().to(device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=plan.decay)
    step, state = 0, run / "state.pt"
    if state.exists():
        step = _restored(state, plan, network, averaged, optimiser, device)
    print(f"{parameter_count(network):,} parameters, {device}, from step {step} of {plan.steps}", flush=True)
    sources = real_sources(data) + synthetic_sources(plan.synthetic, plan.seed)
    workers = max(1, (os.cpu_count() or 2) - 1)
    # Forked workers hang where OpenCV has started its threads before.
    crops = DataLoader(
        Crops(sources, plan, step),
        plan.batch,
        num_workers=workers,
        prefetch_factor=4,
        multiprocessing_context="spawn",
    )
    losses: list[list[float]] = []
    for views, wanted, weight in crops:
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, plan)
        losses.append(_learned(network, optimiser, [part.to(device) for part in (views, wanted, weight)]))
        _average(averaged, network, min(plan.memory, (1 + step) / (10 + step)))
        step += 1
        if step % SAVED_EVERY == 0 or step == plan.steps:
            _save(state, step, plan, network, averaged, optimiser)
            _log(run / "log.csv", step, np.mean(losses, axis=0), time.monotonic() - started)
            losses = []
            if time.monotonic() - started > 60 * minutes:
                break


def _learned(network: nn.Module, optimiser: torch.optim.Optimizer, batch: list[torch.Tensor]) -> list[float]:
    """Take one step; the losses before it."""
    network.train()
    views, wanted, weight = batch
    with torch.autocast(views.device.type, torch.bfloat16):
        answer = network(views.contiguous(memory_format=torch.channels_last))
    parts = loss_of(maps(answer).float(), wanted, weight)
    optimiser.zero_grad(set_to_none=True)
    torch.stack(parts).sum().backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return [float(part.detach()) for part in parts]


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, memory: float) -> None:
    for mean, new in zip(averaged.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(new, 1 - memory)
        else:
            mean.copy_(new)


def _save(
    path: Path, step: int, plan: Plan, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state beside the old one first: a run that is cut loses nothing."""
    held = {
        "step": step,
        "plan": asdict(plan),
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    torch.save(held, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def _restored(
    path: Path,
    plan: Plan,
    network: nn.Module,
    averaged: nn.Module,
    optimiser: torch.optim.Optimizer,
    device: torch.device,
) -> int:
    held = torch.load(path, map_location=device, weights_only=True)
    if held["plan"] != asdict(plan):
        raise SystemExit(f"{path} is of another plan, {held['plan']}; choose another folder for this one")
    network.load_state_dict(held["network"])
    averaged.load_state_dict(held["averaged"])
    optimiser.load_state_dict(held["optimiser"])
    return int(held["step"])


def _log(path: Path, step: int, losses: np.ndarray, seconds: float) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", "foreground", "depth", "way", "seconds"])
        writer.writerow([step, *(f"{loss:.4f}" for loss in losses), f"{seconds:.0f}"])
    print(step, *(f"{loss:.4f}" for loss in losses), f"{seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
