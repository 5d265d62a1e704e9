"""Thousands of damaged files over all readers: each a picture or a refusal, none a hang, a swollen process or a defect.

    python benchmarks/mutated_files.py [COUNT]

Real files of every reader are needed (EXOIMAGE_REAL); synthetic ones stand beside them.
"""

from __future__ import annotations

import collections
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from mutations import run_all
from whole_files import whole_files


def main(count: int) -> int:
    """Run, print a table of outcomes, and what must not be."""
    files = whole_files()
    outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    wrong: list[str] = []
    slowest = 0.0
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, seed, outcome, seconds in run_all(files, count, Path(folder)):
            kind = outcome.partition(":")[0]
            outcomes[name][kind] += 1
            slowest = max(slowest, seconds)
            if kind not in ("image", "refused"):
                wrong.append(f"{name} seed {seed}: {outcome} ({seconds:.1f} s)")
    for name, counted in outcomes.items():
        print(f"{name:50s} {dict(counted)}")
    print(f"{count} files of {len(files)} kinds in {time.perf_counter() - began:.0f} s, the slowest {slowest:.1f} s")
    print("\n".join(wrong) or "none died, hung, swelled or failed otherwise")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(min(1, main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)))
