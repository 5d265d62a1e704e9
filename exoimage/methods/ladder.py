"""Molecular weights from a ladder's bands: the logarithm of mass by the distance run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError
from exoimage.flags import Flag

Doubles = npt.NDArray[np.float64]

LARGEST_DEGREE = 3
"""Log mass by distance is a line in the middle of a gel and bends at its ends: up to a cubic."""

BETTER = 0.8
"""A bend more is taken if it lowers the error of left-out bands below this share."""

LARGEST_ERROR_PCT = 10.0
"""Typical error of a left-out ladder band above which the ladder is flagged."""

MOST_CHOICES = 20_000
"""Ways of matching bands and masses that are tried at most."""

UPSIDE_DOWN_RATIO = 0.5
"""The blot may be upside down if the ladder read from the bottom fits this much better."""


@dataclass(frozen=True)
class MassScale:
    """Mass by distance run.

    Parameters
    ----------
    coefficients : tuple of float
        Of the polynomial of log10 mass, highest power first, in the distance scaled to -1 … 1 over the ladder.
    first_px, last_px : float
        Distances of the ladder's first and last band.
    error_pct : float
        Root mean square error of the ladder's bands, each left out in turn; NaN for two bands.
    flags : tuple of Flag
        `Flag.LADDER_UNCERTAIN`, `Flag.UPSIDE_DOWN`.
    """

    coefficients: tuple[float, ...]
    first_px: float
    last_px: float
    error_pct: float
    flags: tuple[Flag, ...] = ()

    def mass_kda(self, distance_px: npt.ArrayLike) -> Doubles:
        """Mass at some distances run, in kDa; extrapolated beyond the ladder along the line at its end."""
        scaled = self._scaled(np.asarray(distance_px, np.float64))
        inside = np.clip(scaled, -1, 1)
        slope = np.polyval(np.polyder(np.array(self.coefficients)), inside)
        return np.asarray(10 ** (np.polyval(self.coefficients, inside) + slope * (scaled - inside)))

    def is_beyond(self, distance_px: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether distances lie outside the ladder's bands."""
        return np.asarray(np.abs(self._scaled(np.asarray(distance_px, np.float64))) > 1 + 1e-9)

    def distance_px(self, mass_kda: float) -> float:
        """Where a mass runs to, between the ladder's ends.

        Raises
        ------
        MeasureError
            If the mass lies beyond the ladder.
        """
        places = np.linspace(self.first_px, self.last_px, 2001)
        masses = self.mass_kda(places)
        if not masses[-1] <= mass_kda <= masses[0]:
            raise MeasureError(
                f"{mass_kda:g} kDa lies beyond the ladder, {masses[-1]:.3g} to {masses[0]:.3g} kDa; choose the band"
                " another way"
            )
        return float(places[int(np.argmin(np.abs(np.log(masses / mass_kda))))])

    def _scaled(self, distance: Doubles) -> Doubles:
        return np.asarray(2 * (distance - self.first_px) / (self.last_px - self.first_px) - 1)


def fit_ladder(distances_px: Sequence[float], masses_kda: Sequence[float]) -> MassScale:
    """Fit the mass scale of a ladder's bands.

    Where there are more bands than masses, or fewer, those are left out without which the rest lies best on a line.

    Parameters
    ----------
    distances_px : sequence of float
        Of the ladder's bands, in any order.
    masses_kda : sequence of float
        Of the ladder's proteins, in any order.

    Returns
    -------
    MassScale

    Raises
    ------
    MeasureError
        If there are fewer than two bands or two masses, or a mass is not positive.

    Notes
    -----
    The relation: Weber K, Osborn M. The reliability of molecular weight determinations by dodecyl
    sulfate-polyacrylamide gel electrophoresis. J Biol Chem 1969;244:4406-4412. doi:10.1016/S0021-9258(18)94333-4. Its
    degree (line to cubic) is chosen by the error of bands that are left out of the fit.

    Examples
    --------
    >>> scale = fit_ladder([10, 40, 70, 100], [100, 50, 25, 12.5])
    >>> round(float(scale.mass_kda(55.0)), 2), bool(scale.is_beyond(120))
    (35.36, True)
    """
    run, mass = np.sort(np.asarray(distances_px, np.float64)), -np.sort(-np.asarray(masses_kda, np.float64))
    if len(mass) < 2 or not (mass > 0).all():
        raise MeasureError(f"a ladder has the masses of two bands or more, in kDa, not {list(masses_kda)}")
    if len(run) < 2:
        raise MeasureError(f"{len(run)} bands were found in the ladder's lane; two or more are needed")
    few = len(run) < len(mass)
    run, mass = _matched(run, np.log10(mass))
    coefficients, error = _fitted(run, mass)
    turned = _fitted((run[0] + run[-1] - run)[::-1], mass)[1] if len(run) > LARGEST_DEGREE else np.inf
    flags = [Flag.UPSIDE_DOWN] if _line_error(run, mass) > 0.02 and turned < UPSIDE_DOWN_RATIO * error else []
    if few or not error <= LARGEST_ERROR_PCT:
        flags.append(Flag.LADDER_UNCERTAIN)
    return MassScale(coefficients, float(run[0]), float(run[-1]), error, tuple(flags))


def _matched(run: Doubles, mass: Doubles) -> tuple[Doubles, Doubles]:
    """As many bands as masses, in order: the choice that lies nearest to a line."""
    longer, few = (run, len(mass)) if len(run) > len(mass) else (mass, len(run))
    if len(run) == len(mass):
        return run, mass
    choices = np.array(list(itertools.islice(itertools.combinations(range(len(longer)), few), MOST_CHOICES)))
    if len(run) > len(mass):
        errors = [_line_error(run[list(one)], mass) for one in choices]
        return run[choices[int(np.argmin(errors))]], mass
    errors = [_line_error(run, mass[list(one)]) for one in choices]
    return run, mass[choices[int(np.argmin(errors))]]


def _line_error(run: Doubles, mass: Doubles) -> float:
    """Root mean square distance from a line, in log10 mass, per its span."""
    rest = mass - np.polyval(np.polyfit(run, mass, 1), run)
    return float(np.sqrt((rest**2).mean()) / (mass.max() - mass.min()))


def _fitted(run: Doubles, mass: Doubles) -> tuple[tuple[float, ...], float]:
    scaled = 2 * (run - run[0]) / (run[-1] - run[0]) - 1
    best, error = 1, _left_out_error(scaled, mass, 1)
    for degree in range(2, LARGEST_DEGREE + 1):
        if len(run) >= degree + 3:
            own = _left_out_error(scaled, mass, degree)
            if own < BETTER * error and _falls(np.polyfit(scaled, mass, degree)):
                best, error = degree, own
    return tuple(float(one) for one in np.polyfit(scaled, mass, best)), error


def _falls(coefficients: Doubles) -> bool:
    """Whether mass falls all the way down."""
    return bool((np.diff(np.polyval(coefficients, np.linspace(-1, 1, 101))) < 0).all())


def _left_out_error(scaled: Doubles, mass: Doubles, degree: int) -> float:
    """Root mean square error of the inner bands in percent of mass, each left out of the fit in turn."""
    if len(scaled) < degree + 2:
        return float("nan")
    number = np.arange(len(scaled))
    rest = [
        mass[one] - np.polyval(np.polyfit(scaled[number != one], mass[number != one], degree), scaled[one])
        for one in number[1:-1]
    ]
    return float(100 * (10 ** np.sqrt(np.mean(np.square(rest))) - 1))
