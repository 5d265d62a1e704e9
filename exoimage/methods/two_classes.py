"""Negative and positive cells told apart by their intensities: two classes, or one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 400
"""Steps of the histogram that is fitted: as fine as it needs to be, whatever the number of cells."""

STARTS = (0.05, 0.2, 0.5, 0.8, 0.95, 0.98)
"""Shares of negative cells from which the fit starts; the likeliest end counts."""

ROUNDS = 300
SETTLED = 1e-5
"""The fit ends after so many rounds, or when the means move by less."""

LEAST_SPREAD = 0.02
"""No class is narrower, on the scale of the fit: 2 % of the intensity."""

LEAST_CELLS, LEAST_CLASS = 20, 3
"""Fewer cells in all, or in one class, are no class."""

LEAST_GAP = 2.0
"""The positive class lies further above the negative one than this many of the latter's standard deviations."""

CLEARLY_APART = 2.0
"""Classes this many mean standard deviations apart are separate (Ashman et al. 1994) …"""

TIMES_BRIGHTER = 3.0
"""… and so are those whose centres differ by this factor, however wide: one skewed class is split into less."""

LEAST_EVIDENCE = 10.0
"""By which the Bayesian information criterion must prefer two classes to one: "very strong" (Kass & Raftery 1995)."""

ROSE = 5.0
"""What is this many times brighter than the noise is seen for certain (Rose 1948)."""

DETECTABLE = 3.0
"""A class whose centre is less than so many times the noise is not a positive one."""


@dataclass(frozen=True)
class TwoClasses:
    """What the intensities of many cells say of the cut between negative and positive.

    Parameters
    ----------
    cut : float
        A cell is positive above it.
    found : bool
        Whether there are two classes; else the cut is `ROSE` times the noise.
    negative, positive : float
        Centres of the classes; of one class both are its median.
    """

    cut: float
    found: bool
    negative: float
    positive: float


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Two normal distributions and their logarithmic likelihood."""

    means: Floats
    spreads: Floats
    shares: Floats
    likelihood: float


def fit_two_classes(intensities: Floats, noise: float) -> TwoClasses:
    """Fit two classes to the intensities of cells, and cut where a cell is as likely of either.

    The intensities are taken to ``asinh(intensity / (ROSE × noise))``: even steps up to what is seen for certain,
    logarithmic above it. On that scale two normal distributions are fitted to the histogram by expectation and
    maximisation. The positive class has to lie above the noise, and two classes have to explain the intensities better
    than one.

    Parameters
    ----------
    intensities : (n,) array
        Above the background.
    noise : float
        Standard deviation of the background's pixels.

    Returns
    -------
    TwoClasses
        Not `found` where one class explains the intensities as well.

    References
    ----------
    Dempster AP, Laird NM, Rubin DB. Maximum likelihood from incomplete data via the EM algorithm. J R Stat Soc B
    1977;39:1-38. doi:10.1111/j.2517-6161.1977.tb01600.x
    Lupton RH, Gunn JE, Szalay AS. A modified magnitude system that produces accurate magnitudes, colors, and errors
    even for low signal-to-noise ratio measurements. Astron J 1999;118:1406-1410. doi:10.1086/301004
    Ashman KM, Bird CM, Zepf SE. Detecting bimodality in astronomical datasets. Astron J 1994;108:2348-2361.
    doi:10.1086/117248
    Kass RE, Raftery AE. Bayes factors. J Am Stat Assoc 1995;90:773-795. doi:10.1080/01621459.1995.10476572
    Rose A. The sensitivity performance of the human eye on an absolute scale. J Opt Soc Am 1948;38:196-208.
    doi:10.1364/JOSA.38.000196

    Examples
    --------
    >>> cells = np.concatenate([np.linspace(-2, 2, 90), np.linspace(80, 120, 10)])
    >>> fit = fit_two_classes(cells, noise=1.0)
    >>> fit.found, 2 < fit.cut < 80
    (True, True)
    """
    values = np.asarray(intensities, dtype=np.float64)
    values = values[np.isfinite(values)]
    noise = max(noise, 1e-9)
    if len(values) < LEAST_CELLS or np.ptp(values) == 0:
        return _one_class(values, noise)
    scale = ROSE * noise
    scaled = np.arcsinh(values / scale)
    counts, edges = np.histogram(scaled, BINS)
    there = counts > 0
    weights, places = counts[there].astype(np.float64), ((edges[1:] + edges[:-1]) / 2)[there]
    fits = [fit for start in STARTS if (fit := _fitted(places, weights, float(np.quantile(scaled, start)))) is not None]
    if not fits:
        return _one_class(values, noise)
    best = max(fits, key=lambda fit: fit.likelihood)
    gain = 2.0 * (best.likelihood - _likelihood_of_one(places, weights)) - 3.0 * np.log(len(values))
    cut, negative, positive = (float(np.sinh(y) * scale) for y in (_crossing(best), *best.means))
    if gain < LEAST_EVIDENCE or positive < DETECTABLE * noise:
        return _one_class(values, noise)
    return TwoClasses(cut, True, negative, positive)


def _one_class(values: Floats, noise: float) -> TwoClasses:
    middle = float(np.median(values)) if len(values) else 0.0
    return TwoClasses(ROSE * noise, False, middle, middle)


def _fitted(places: Floats, weights: Floats, start: float) -> _Mixture | None:
    """The mixture that is reached from classes parted at `start`; None where it is no negative and positive class."""
    is_low = places <= start
    if is_low.all() or not is_low.any():
        return None
    moments = [_moments(places[part], weights[part]) for part in (is_low, ~is_low)]
    means, spreads = np.array([m for m, _ in moments]), np.array([s for _, s in moments])
    shares = np.array([weights[is_low].sum(), weights[~is_low].sum()]) / weights.sum()
    total = np.zeros(len(places))
    for _ in range(ROUNDS):
        densities = shares * _normal(places[:, np.newaxis], means, spreads)
        total = np.maximum(densities.sum(axis=1), 1e-300)
        belongs = densities / total[:, np.newaxis] * weights[:, np.newaxis]
        size = np.maximum(belongs.sum(axis=0), 1e-12)
        moved = (belongs * places[:, np.newaxis]).sum(axis=0) / size
        squares = (belongs * (places[:, np.newaxis] - moved) ** 2).sum(axis=0) / size
        shares, spreads = size / size.sum(), np.maximum(np.sqrt(squares), LEAST_SPREAD)
        is_settled = np.abs(moved - means).max() < SETTLED
        means = moved
        if is_settled:
            break
    order = np.argsort(means, kind="stable")
    fit = _Mixture(means[order], spreads[order], shares[order], float((weights * np.log(total)).sum()))
    is_filled = shares.min() * weights.sum() >= LEAST_CLASS
    return fit if is_filled and _is_apart(fit) and _crossing(fit) > fit.means[0] + fit.spreads[0] else None


def _is_apart(fit: _Mixture) -> bool:
    gap = fit.means[1] - fit.means[0]
    is_separate = gap > CLEARLY_APART * np.sqrt(np.square(fit.spreads).mean())
    is_brighter = np.sinh(fit.means[1]) > TIMES_BRIGHTER * np.sinh(fit.means[0])
    return bool(gap > LEAST_GAP * fit.spreads[0] and (is_separate or is_brighter))


def _crossing(fit: _Mixture) -> float:
    """Where, between the means, a cell is as likely of either class; the lower mean where it is nowhere."""
    between = np.linspace(fit.means[0], fit.means[1], 4097)
    densities = fit.shares * _normal(between[:, np.newaxis], fit.means, fit.spreads)
    return float(between[int(np.argmax(densities[:, 1] > densities[:, 0]))])


def _likelihood_of_one(places: Floats, weights: Floats) -> float:
    mean, spread = _moments(places, weights)
    return float((weights * np.log(np.maximum(_normal(places, mean, spread), 1e-300))).sum())


def _moments(places: Floats, weights: Floats) -> tuple[float, float]:
    mean = float((places * weights).sum() / weights.sum())
    return mean, max(float(np.sqrt((weights * (places - mean) ** 2).sum() / weights.sum())), LEAST_SPREAD)


def _normal(places: Floats, means: Floats | float, spreads: Floats | float) -> Floats:
    return np.asarray(np.exp(-0.5 * ((places - means) / spreads) ** 2) / (spreads * np.sqrt(2.0 * np.pi)))
