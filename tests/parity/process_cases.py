"""Questions about ImageJ's process steps, asked of the real ImageJ and of exoimage alike.

``python tests/parity/process_cases.py`` asks the real ImageJ a small choice of them and records its answers, for
machines without Java.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from imagej_oracle import HERE, Oracle

from exoimage.methods import background, filters, maxima, segmentation

RECORDED = HERE / "golden" / "process" / "answers.npz"

Array = np.ndarray[Any, np.dtype[Any]]


class Case(NamedTuple):
    """A command of `OracleProcess.java`, the image by its name, and the command's parameters."""

    command: str
    image: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "|".join((self.command, self.image, *self.parameters))

    @classmethod
    def parse(cls, text: str) -> Case:
        command, image, *parameters = text.split("|")
        return cls(command, image, tuple(parameters))


def ask_imagej(oracle: Oracle, cases: Sequence[Case], images: dict[str, Array]) -> list[Array]:
    """ImageJ's answers: images, or rows of y, x."""
    folder = Path(tempfile.mkdtemp(dir=oracle.folder))
    files = {name: folder / f"image{k}.tif" for k, name in enumerate(images)}
    for name in {case.image for case in cases}:
        tifffile.imwrite(files[name], images[name], photometric="rgb" if images[name].ndim == 3 else "minisblack")
    answers = [folder / f"answer{k}" for k in range(len(cases))]
    for command in sorted({case.command for case in cases}):
        jobs = [
            (files[case.image], answer, *case.parameters)
            for case, answer in zip(cases, answers, strict=True)
            if case.command == command
        ]
        said = oracle.ask(command, jobs, program="OracleProcess")
        assert "failed" not in said, said
    return [
        read_points(answer) if case.command == "maxima" else tifffile.imread(answer)
        for case, answer in zip(cases, answers, strict=True)
    ]


def read_points(file: Path) -> Array:
    """Maxima as ImageJ lists them, from the highest down; only where it does not list them, its dots row by row."""
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    listed = [row[1:] for row in rows if row[0] == "order"]
    dots = [row[1:] for row in rows if row[0] == "dot"]
    assert not listed or sorted(map(tuple, listed)) == sorted(map(tuple, dots))
    return np.array(listed or dots, np.int64).reshape(-1, 2)


def answer(case: Case, image: Array) -> Array:
    """What exoimage says."""
    return ANSWERS[case.command](image, *case.parameters)


def ball(image: Array, radius: str, options: str) -> Array:
    name = "sliding_paraboloid" if "paraboloid" in options else "rolling_ball"
    step = getattr(background, f"{name}_background" if "background" in options else name)
    colours = "brightness" if "brightness" in options else "separate"
    return step(image, float(radius), light="light" in options, smooth="rough" not in options, colours=colours)


def found_maxima(image: Array, prominence: str, threshold: str, options: str) -> Array:
    edm = "edm" in options
    points = maxima.find_maxima(
        image,
        float(prominence),
        None if threshold == "none" else float(threshold),
        exclude_edges="edges" in options,
        edm=edm,
        strict="strict" in options,
    )
    return points if threshold == "none" and not edm else points[np.lexsort(points.T[::-1])]


def summits(mask: Array, _: str) -> Array:
    """As ImageJ draws Ultimate Points: their distance, rounded, on black."""
    points = tuple(maxima.ultimate_points(mask > 0).T)
    drawn = np.zeros(mask.shape, np.uint8)
    drawn[points] = np.minimum(segmentation.distance_map(mask > 0)[points] + 0.5, 255)
    return drawn


ANSWERS: dict[str, Callable[..., Array]] = {
    "ball": ball,
    "maxima": found_maxima,
    "menu": summits,
    "distance": lambda mask, edges: segmentation.distance_map(mask > 0, edges_are_background=edges == "true"),
    "watershed": lambda mask: 255 * segmentation.watershed_imagej(mask > 0).astype(np.uint8),
    "holes": lambda mask: 255 * segmentation.fill_holes(mask > 0).astype(np.uint8),
    "gaussian": lambda image, sigma: filters.gaussian_blur(image, float(sigma)),
    "median": lambda image, radius: filters.median(image, float(radius)),
}


def smooth_noise(random: np.random.Generator, shape: tuple[int, int], sigma: float) -> Array:
    """Noise with structures of a size, of mean 0 and standard deviation 1."""
    noise = filters.gaussian_blur(random.normal(size=shape).astype(np.float32), sigma)
    return (noise - noise.mean()) / noise.std()


def greys(random: np.random.Generator, shape: tuple[int, int]) -> dict[str, Array]:
    """Spots on an uneven background with noise, in every type; pure noise; few grey levels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    field = 60 + 0.2 * x + 40 * np.sin(y / 45) + 30 * np.maximum(smooth_noise(random, shape, 4), 0.5)
    field = field + random.normal(0, 3, shape)
    return {
        "grey8": np.clip(field, 0, 255).astype(np.uint8),
        "grey16": np.clip(field * 200, 0, 65_535).astype(np.uint16),
        "grey32": ((field - 90) * 0.0371).astype(np.float32),
        "noise8": random.integers(0, 256, shape).astype(np.uint8),
        "levels8": random.integers(0, 5, shape).astype(np.uint8),
        "rgb": np.clip(field[..., None] * random.uniform(0.4, 1.2, 3), 0, 255).astype(np.uint8),
    }


def masks(random: np.random.Generator, side: int, count: int) -> dict[str, Array]:
    """Touching discs, blobs, salt and pepper; nothing, everything, one hole."""
    found: dict[str, Array] = {}
    for k in range(count):
        shape = tuple(int(n) for n in random.integers(side // 2, side, 2))
        y, x = np.ogrid[: shape[0], : shape[1]]
        discs = np.zeros(shape, bool)
        for _ in range(int(random.integers(3, 60))):
            radius = random.uniform(1, side / 10)
            discs |= (y - random.uniform(0, shape[0])) ** 2 + (x - random.uniform(0, shape[1])) ** 2 < radius**2
        found[f"discs{k}"] = discs
        found[f"blobs{k}"] = smooth_noise(random, shape, float(random.uniform(1, 6))) > random.uniform(-1, 1)
        found[f"salt{k}"] = random.random(shape) < (k + 1) / (count + 1)
    found["nothing"], found["everything"] = np.zeros((20, 30), bool), np.ones((20, 30), bool)
    found["hole"] = np.ones((side, side), bool)
    found["hole"][side // 3, 2] = False
    return {name: 255 * mask.astype(np.uint8) for name, mask in found.items()}


def cases_of_greys(
    images: Iterable[str],
    radii: Iterable[float] = (5, 10, 25, 31, 50, 100, 101, 150),
    sigmas: Iterable[float] = (0.5, 1, 2, 5, 8.5, 8.6, 20, 60),
) -> list[Case]:
    cases = []
    for name in images:
        options = ["plain", "light", "rough", "background", "light background", "paraboloid", "light paraboloid"]
        if name == "rgb":
            options += ["brightness", "light brightness paraboloid"]
        cases += [Case("ball", name, (f"{radius}", chosen)) for radius in radii for chosen in options]
        cases += [Case("gaussian", name, (f"{sigma}",)) for sigma in sigmas]
        cases += [Case("median", name, (f"{radius}",)) for radius in (0, 0.5, 1, 1.5, 2, 2.5, 3, 4.5, 10)]
    return cases


def cases_of_maxima(images: dict[str, Array]) -> list[Case]:
    cases = []
    for name, image in images.items():
        low, high = float(image.min()), float(image.max())
        for share in (0, 0.01, 0.05, 0.2, 0.5, 0.99, 1, 1.1):
            for threshold in ("none", f"{(low + high) / 2}"):
                for options in ("plain", "edges", "strict", "edges strict"):
                    cases.append(Case("maxima", name, (f"{share * (high - low)}", threshold, options)))
    return cases


def cases_of_masks(images: dict[str, Array]) -> list[Case]:
    cases = []
    for name, mask in images.items():
        cases += [Case("watershed", name), Case("holes", name), Case("menu", name, ("points",))]
        if not mask.all():  # without background, ImageJ's distance is 46341 and ours infinite
            cases.append(Case("distance", name, ("false",)))
        cases.append(Case("distance", name, ("true",)))
    return cases


def record() -> None:
    random = np.random.default_rng(5)
    images = greys(random, (40, 54))
    points = {name: images[name] for name in ("grey8", "grey16", "grey32", "levels8")}
    shapes = masks(random, 72, 2)
    cases = cases_of_greys(["grey8", "rgb"], radii=(5, 25, 50, 120), sigmas=(1, 20))
    cases += [Case(command, name, ("12",)) for command in ("gaussian", "median") for name in ("grey16", "grey32")]
    cases += [Case("ball", name, ("25", "plain")) for name in ("grey16", "grey32")]
    cases = [case for case in cases if case.image != "rgb" or case.parameters[0] in ("2", "20", "25")]
    cases += cases_of_maxima(points)[::5] + cases_of_masks(shapes)
    images |= shapes
    with tempfile.TemporaryDirectory() as folder:
        oracle = Oracle(Path(folder))
        answers = ask_imagej(oracle, cases, images)
    used = {case.image for case in cases}
    arrays = {f"image|{name}": image for name, image in images.items() if name in used}
    arrays |= {str(case): given for case, given in zip(cases, answers, strict=True)}
    RECORDED.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(RECORDED, version=oracle.version, **arrays)
    print(f"{len(cases)} answers of ImageJ {oracle.version}, {RECORDED.stat().st_size} bytes")


if __name__ == "__main__":
    record()
