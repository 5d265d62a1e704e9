"""Relative expression by the comparative Ct method, 2^-ΔΔCt.

References
----------
Livak & Schmittgen (2001), Methods 25:402-408, doi:10.1006/meth.2001.1262.
Schmittgen & Livak (2008), Nat Protoc 3:1101-1108, doi:10.1038/nprot.2008.73: tests are made on ΔCt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from exoimage.errors import StudyError


@dataclass(frozen=True)
class Well:
    """One well of a qPCR plate.

    Parameters
    ----------
    group, sample, gene : str
    ct : float
        NaN where the instrument gave none (``Undetermined``).
    """

    group: str
    sample: str
    gene: str
    ct: float


@dataclass(frozen=True)
class Expression:
    """The expression of one gene in one sample.

    Parameters
    ----------
    group, sample, gene : str
    n_wells : int
        Technical replicates with a Ct that were averaged.
    ct, reference_ct : float
        Mean Ct of the gene, and of the reference genes.
    delta_ct, delta_delta_ct : float
        ct - reference_ct; and that minus the calibrator group's mean.
    relative_expression : float
        2 to the negative delta_delta_ct: 1 in the calibrator group, as its geometric mean.
    """

    group: str
    sample: str
    gene: str
    n_wells: int
    ct: float
    reference_ct: float
    delta_ct: float
    delta_delta_ct: float

    @property
    def relative_expression(self) -> float:
        """The gene's amount relative to the calibrator group's."""
        return float(2.0**-self.delta_delta_ct)


def relative_expression(wells: Sequence[Well], references: Sequence[str], calibrator: str) -> tuple[Expression, ...]:
    """The expression of every gene but the references, sample by sample.

    Parameters
    ----------
    wells : sequence of Well
        Technical replicates are wells of the same group, sample and gene.
    references : sequence of str
        Housekeeping genes; the mean Ct of several is taken, which is the geometric mean of their amounts.
    calibrator : str
        The group whose mean ΔCt is subtracted.

    Returns
    -------
    tuple of Expression
        NaN where a sample has no Ct of the gene or of a reference.

    Raises
    ------
    StudyError
        If a reference gene or the calibrator group is not there, no other gene is, or the calibrator has no value.

    Examples
    --------
    >>> plate = [Well("Control", "1", "GAPDH", 18.0), Well("Control", "1", "RUNX2", 25.0),
    ...          Well("PMO", "2", "GAPDH", 18.0), Well("PMO", "2", "RUNX2", 26.0)]
    >>> [(one.group, one.relative_expression) for one in relative_expression(plate, ["GAPDH"], "Control")]
    [('Control', 1.0), ('PMO', 0.5)]
    """
    _refuse_absent("reference gene", references, [well.gene for well in wells])
    _refuse_absent("calibrator group", [calibrator], [well.group for well in wells])
    replicates: dict[tuple[str, str, str], list[float]] = {}
    for well in wells:
        cts = replicates.setdefault((well.group, well.sample, well.gene), [])
        if math.isfinite(well.ct):
            cts.append(well.ct)
    mean = {place: fmean(cts) if cts else math.nan for place, cts in replicates.items()}
    of_reference = {
        (group, sample): fmean(mean.get((group, sample, gene), math.nan) for gene in references)
        for group, sample, _ in mean
    }
    delta = {
        place: ct - of_reference[place[:2]] for place, ct in mean.items() if place[2] not in references
    }  # fmt: skip
    if not delta:
        raise StudyError(f"there is no gene beside the reference {', '.join(references)}")
    base = {gene: _base(gene, calibrator, delta) for gene in dict.fromkeys(place[2] for place in delta)}
    return tuple(
        Expression(
            *place,
            n_wells=len(replicates[place]),
            ct=mean[place],
            reference_ct=of_reference[place[:2]],
            delta_ct=value,
            delta_delta_ct=value - base[place[2]],
        )
        for place, value in delta.items()
    )


def _base(gene: str, calibrator: str, delta: dict[tuple[str, str, str], float]) -> float:
    of_calibrator = [
        value
        for (group, _, own), value in delta.items()
        if group == calibrator and own == gene and math.isfinite(value)
    ]
    if not of_calibrator:
        raise StudyError(f"no sample of the calibrator group {calibrator!r} has a Ct of {gene} and of the reference")
    return fmean(of_calibrator)


def _refuse_absent(what: str, wanted: Sequence[str], present: Sequence[str]) -> None:
    absent = [name for name in wanted if name not in present]
    if absent:
        raise StudyError(f"the {what} {absent[0]!r} is none of {', '.join(dict.fromkeys(present))}")
