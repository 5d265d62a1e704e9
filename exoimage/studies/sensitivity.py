"""Whether a study's conclusion stands when its thresholds are moved or other methods are taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exoimage.assays.columns import Value
from exoimage.assays.recipe import Resolved
from exoimage.assays.recipe_text import load_resolved
from exoimage.errors import ExoimageError
from exoimage.studies.batch import iter_run, run_decided, write_accounts
from exoimage.studies.csv_tables import write_csv
from exoimage.studies.finish_line import remember_again
from exoimage.studies.finished import is_of_a_pair, is_of_all_groups, read_tables
from exoimage.studies.passes import Event
from exoimage.studies.store import Store
from exoimage.studies.study import Study

FACTORS = (0.8, 0.9, 1.1, 1.2)
"""What each cut is multiplied by."""

ALPHA = 0.05

COLUMNS: Mapping[str, str] = {
    "variant": "What was changed; empty for the run itself.",
    "measure": "The column that was tested.",
    "means": "Mean of each group.",
    "order": "The groups from the lowest mean to the highest.",
    "p": "Of the omnibus test; of the comparison where there are two groups.",
    "stars": "Of each pair of groups.",
    "same_order": "Whether the groups are in the order of the run itself.",
    "same_pairs": "Whether the same pairs differ (p < 0.05), in the same direction.",
    "conclusion_stands": "Whether both are the same.",
    "note": "Why the variant has no result.",
}
"""The columns of sensitivity.csv, with their definitions."""

Row = dict[str, Value]


@dataclass(frozen=True)
class _Variant:
    name: str
    run: Callable[[Path], Iterator[Event]]

    @property
    def folder(self) -> str:
        spelt = self.name.replace("+", "plus ").replace("-", "minus ")
        return re.sub(r"[^A-Za-z0-9.]+", "_", spelt).strip("_")


@dataclass(frozen=True)
class _Conclusion:
    """What a reader takes from one measure of one run."""

    means: Mapping[str, float]
    p: float | None
    stars: Mapping[str, str]
    differing: frozenset[tuple[str, str]]

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(sorted(self.means, key=lambda name: self.means[name]))


def iter_sensitivity(study: Study, out: str | Path, **options: Any) -> Iterator[Event]:
    """Measure a finished run's study again with every variant, and write sensitivity.csv.

    Each cut that was decided is moved by 10 and 20 % both ways, and each method is replaced by the others that labs
    use. The variants' tables lie in ``sensitivity/``; methods and report then tell of them.

    Parameters
    ----------
    study : Study
    out : path
        Of the finished run.
    **options
        As in `exoimage.run`: jobs, fresh, cluster.

    Yields
    ------
    Event
        Of the variants, the variant's name before the image's.
    """
    folder = Path(out)
    runs: list[tuple[str, Path, str]] = [("", folder, "")]
    decided = load_resolved(folder / "resolved.toml")
    for variant in _variants(study, decided, options):
        target = folder / "sensitivity" / variant.folder
        problem = ""
        try:
            for event in variant.run(target):
                if event.stage != "finished":
                    yield replace(event, key=f"{variant.name}: {event.key}")
        except ExoimageError as error:
            problem = " ".join(str(error).split())
        runs.append((variant.name, target, problem))
    write_csv(folder / "sensitivity.csv", list(COLUMNS), list(_rows(runs)))
    write_accounts(study, Store(folder), decided, pictures=(folder / "report.html").is_file())
    remember_again(Store(folder))
    yield Event("finished", "", len(runs) - 1, len(runs) - 1)


def _variants(study: Study, decided: Mapping[str, Resolved], options: Mapping[str, Any]) -> Iterator[_Variant]:
    for factor in FACTORS:
        moved = {batch: one.recipe.scaled(factor) for batch, one in decided.items()}
        for key in dict.fromkeys(key for ones in moved.values() for key in ones):
            given = {
                batch: replace(one, recipe=moved[batch].get(key, one.recipe)) for batch, one in decided.items()
            }  # fmt: skip
            yield _Variant(f"{key} {100 * (factor - 1):+.0f} %", _running_given(study, given, options))
    for name, recipe in study.recipe.others().items():
        yield _Variant(name, _running(replace(study, recipe=recipe), options))


def _running_given(
    study: Study, given: Mapping[str, Resolved], options: Mapping[str, Any]
) -> Callable[[Path], Iterator[Event]]:
    return lambda target: run_decided(study, target, given, pictures=False, **options)


def _running(study: Study, options: Mapping[str, Any]) -> Callable[[Path], Iterator[Event]]:
    return lambda target: iter_run(study, target, pictures=False, **options)


def _rows(runs: Sequence[tuple[str, Path, str]]) -> Iterator[Row]:
    reference = _conclusions(runs[0][1])
    for name, folder, problem in runs:
        found = {} if problem else _conclusions(folder)
        for measure, usual in reference.items():
            one = found.get(measure)
            if one is None:
                yield {"variant": name, "measure": measure, "note": problem or "this measure has no result"}
            else:
                yield {"variant": name, "measure": measure, **_compared(one, usual)}


def _compared(one: _Conclusion, usual: _Conclusion) -> Row:
    same_order, same_pairs = one.order == usual.order, one.differing == usual.differing
    return {
        "means": "; ".join(f"{group} {mean:.4g}" for group, mean in one.means.items()),
        "order": " < ".join(one.order),
        "p": one.p,
        "stars": "; ".join(f"{pair} {stars}" for pair, stars in one.stars.items()),
        "same_order": same_order,
        "same_pairs": same_pairs,
        "conclusion_stands": same_order and same_pairs,
    }


def _conclusions(folder: Path) -> dict[str, _Conclusion]:
    """What each measure of a run says."""
    tables = read_tables(folder)
    found = {}
    for measure in tables.measures:
        own = [row for row in tables.groups if row["measure"] == measure]
        pairs = [row for row in tables.tests_of(measure) if is_of_a_pair(row) and row["p"] is not None]
        overall = [row["p"] for row in tables.tests_of(measure) if is_of_all_groups(row)] or [row["p"] for row in pairs]
        found[measure] = _Conclusion(
            {row["group"]: row["mean"] for row in own if row["mean"] is not None},
            overall[0] if overall else None,
            {f"{row['group_a']} - {row['group_b']}": row["stars"] for row in pairs},
            frozenset(_low_and_high(row) for row in pairs if row["p"] < ALPHA),
        )
    return found


def _low_and_high(row: Mapping[str, Any]) -> tuple[str, str]:
    a, b = row["group_a"], row["group_b"]
    return (a, b) if (row["difference"] or 0.0) < 0 else (b, a)
