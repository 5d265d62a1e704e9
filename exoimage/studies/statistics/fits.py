"""The linear model of groups, and of blocks where values are paired: means, their covariance, the F test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exoimage.studies.statistics.values import Group

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """Groups, and blocks where there are any, fitted by least squares with one variance for all.

    Parameters
    ----------
    means : (k,) array
        Of the groups, in the order given; adjusted to the same block. Their differences are what counts.
    covariance : (k, k) array
        Of these means.
    residuals : (n,) array
    f, df, df_error, p : float
        Of the test that all groups have the same mean, blocks allowed for.
    explained, unexplained : float
        Sums of squares: of the groups, and residual.
    """

    means: Array
    covariance: Array
    residuals: Array
    f: float
    df: float
    df_error: float
    p: float
    explained: float
    unexplained: float

    @property
    def residual_sd(self) -> float:
        """Root of the residual mean square."""
        return float(np.sqrt(self.unexplained / self.df_error))

    @property
    def has_variation(self) -> bool:
        """Whether the residuals are more than rounding."""
        scale = float(np.abs(self.means).max())
        return self.residual_sd > 1e-12 * scale if scale > 0 else self.unexplained > 0


def fit_groups(groups: Sequence[Group]) -> Fit:
    """Fit the groups; with blocks as fixed effects where the groups have pairs.

    Parameters
    ----------
    groups : sequence of Group
        Two or more, with more values in all than groups and blocks, which `why_not_fitted` says.
    """
    from statsmodels.regression.linear_model import OLS

    values, of_groups, of_blocks = _design(groups)
    centre = values.mean()
    full = OLS(values - centre, np.hstack([of_groups, of_blocks])).fit()
    reduced = OLS(values - centre, np.hstack([np.ones((len(values), 1)), of_blocks])).fit()
    f, p, df = full.compare_f_test(reduced) if full.ssr > 0 else (np.nan, np.nan, len(groups) - 1.0)
    k = len(groups)
    return Fit(
        means=np.asarray(full.params)[:k] + centre,
        covariance=np.asarray(full.cov_params())[:k, :k],
        residuals=np.asarray(full.resid),
        f=float(f),
        df=float(df),
        df_error=float(full.df_resid),
        p=float(p),
        explained=float(reduced.ssr - full.ssr),
        unexplained=float(full.ssr),
    )


def why_not_fitted(groups: Sequence[Group]) -> str:
    """Why the groups cannot be fitted, in words; empty if they can."""
    values, of_groups, of_blocks = _design(groups)
    design = np.hstack([of_groups, of_blocks])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return "the blocks do not connect the groups: too few of them hold more than one group"
    if len(values) <= design.shape[1]:
        return f"{len(values)} values are too few for {len(groups)} groups" + (
            f" and {of_blocks.shape[1] + 1} blocks" if of_blocks.shape[1] else ""
        )
    return ""


def blocks_of(groups: Sequence[Group]) -> dict[str, set[str]]:
    """Which groups each block (animal, donor, day) has values of."""
    found: dict[str, set[str]] = {}
    for group in groups:
        for pair in group.pairs:
            found.setdefault(pair, set()).add(group.name)
    return found


def _design(groups: Sequence[Group]) -> tuple[Array, Array, Array]:
    """Values; a column of 0 and 1 per group; one per block but the first."""
    values = np.concatenate([np.asarray(group.values, dtype=np.float64) for group in groups])
    of_groups = np.repeat(np.eye(len(groups)), [group.n for group in groups], axis=0)
    pairs = [pair for group in groups for pair in group.pairs]
    blocks = sorted(set(pairs))[1:]
    of_blocks = np.array([[pair == block for block in blocks] for pair in pairs], dtype=np.float64)
    return values, of_groups, of_blocks.reshape(len(values), len(blocks))
