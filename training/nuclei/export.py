"""Write a trained network where exoimage looks for it: ``python export.py RUN/state.pt``.

OpenCV must answer as PyTorch does, or nothing is written.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from network import INPUTS, NucleiNet, parameter_count

from exoimage.methods import network_maps

LARGEST_DIFFERENCE = 1e-3
"""Between OpenCV's answers and PyTorch's."""


def main(state: Path) -> None:
    """Export the averaged weights of a training's state."""
    held = torch.load(state, map_location="cpu", weights_only=True)
    network = NucleiNet()
    network.load_state_dict(held["averaged"])
    network.eval()
    file = Path(network_maps.__file__).with_name(network_maps.WEIGHTS)
    fresh = file.with_suffix(".new")
    free = {"views": {2: "y", 3: "x"}, "blocks": {2: "half_y", 3: "half_x"}}
    torch.onnx.export(
        network,
        torch.zeros(1, INPUTS, 64, 64),
        str(fresh),
        dynamo=False,  # the newer exporter writes operators that older versions of OpenCV do not know
        opset_version=13,
        input_names=["views"],
        output_names=["blocks"],
        dynamic_axes=free,
    )
    difference = _difference(network, fresh)
    if not difference < LARGEST_DIFFERENCE:
        raise SystemExit(
            f"OpenCV's answers differ by {difference:g} from PyTorch's; {fresh} is left for you to look at"
        )
    fresh.replace(file)
    content = file.read_bytes()
    print(
        f"{file}: step {held['step']}, {parameter_count(network):,} parameters, {len(content) / 2**20:.2f} MiB,"
        f" sha256 {hashlib.sha256(content).hexdigest()}; OpenCV within {difference:.1g}"
    )


@torch.no_grad()
def _difference(network: NucleiNet, file: Path) -> float:
    views = np.random.default_rng(0).random((1, INPUTS, 200, 264), np.float32)
    ours = cv2.dnn.readNetFromONNX(str(file))
    ours.setInput(views)
    return float(np.abs(ours.forward() - network(torch.from_numpy(views)).numpy()).max())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
