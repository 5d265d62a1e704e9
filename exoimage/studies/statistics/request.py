"""What of a table is to be compared, and how: checked before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from exoimage.errors import StudyError
from exoimage.studies.statistics.values import Design, PosthocName, TestName


@dataclass(frozen=True)
class Request:
    """What of a table is to be compared.

    Parameters
    ----------
    value, group : str
        Columns: the number, and the group.
    unit : str
        Column: the animal or well whose rows are averaged first. Empty: every row is a unit.
    pair : str
        Column: what pairs units of different groups.
    by : str
        Column: each of its values is analysed on its own.
    design : Design
    target : str
        Column of the gene, for 2^-ΔΔCt; `value` is then the Ct. Empty for other tables.
    references : tuple of str
        Genes.
    calibrator : str
        Group.
    """

    value: str
    group: str
    unit: str = ""
    pair: str = ""
    by: str = ""
    design: Design = field(default_factory=Design)
    target: str = ""
    references: tuple[str, ...] = ()
    calibrator: str = ""


def request_of(
    *,
    value: str,
    group: str,
    unit: str = "",
    pair: str = "",
    by: str = "",
    test: str = "anova",
    posthoc: str = "",
    control: str = "",
    log2: bool = False,
    against: float = 1.0,
    ddct: bool = False,
    target: str = "",
    reference: Sequence[str] = (),
    calibrator: str = "",
    **_: Any,
) -> Request:
    """The request that a command line asks for.

    Raises
    ------
    StudyError
        If a test or post hoc comparison has no such name, or what is asked for does not go together.

    Examples
    --------
    >>> request_of(value="absorbance", group="treatment", posthoc="dunnett", control="Control").design.comparing
    'dunnett'
    """
    _refuse_unknown("test", test, get_args(TestName))
    _refuse_unknown("posthoc", posthoc, ("", *get_args(PosthocName)))
    calibrator = calibrator or control
    if ddct:
        missing = [name for name, given in _ddct_needs(unit, target, reference, calibrator) if not given]
        if missing:
            raise StudyError(f"--ddct needs {', '.join(missing)}")
        control = control or calibrator
    elif target or reference:
        raise StudyError("--target and --reference belong to --ddct")
    if pair and test not in ("anova", "paired-t"):
        raise StudyError(f"--pair means nothing to --test {test}: use anova (pairs are its blocks) or paired-t")
    if test == "paired-t" and not pair:
        raise StudyError("--test paired-t needs --pair COL, the column that says what belongs together")
    if posthoc == "dunnett" and not control:
        raise StudyError("--posthoc dunnett needs --control GROUP")
    try:
        design = Design(test, posthoc, control, "log2" if log2 or ddct else "none", against)  # type: ignore[arg-type]
    except ValueError as error:
        raise StudyError(str(error)) from None
    return Request(value, group, unit, pair, by, design, target, tuple(reference), calibrator)


def _ddct_needs(
    unit: str, target: str, reference: Sequence[str], calibrator: str
) -> tuple[tuple[str, object], ...]:  # fmt: skip
    return (
        ("--unit COL (the sample)", unit),
        ("--target COL (the gene)", target),
        ("--reference GENE", reference),
        ("--calibrator GROUP", calibrator),
    )


def _refuse_unknown(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise StudyError(f"--{what} {given!r} is none of {', '.join(name for name in known if name)}")
