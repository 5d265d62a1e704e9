"""Statistics of groups: summaries, tests, post hoc comparisons, effect sizes, and the tables of them.

`analyse` is the pure core: groups of values and a `Design` make an `Analysis`. Nothing in it prints a warning; a test
that has no honest answer leaves its p empty and a note that says why.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "analysis": ["analyse"],
        "values": ["Analysis", "Comparison", "Design", "Effect", "Group", "Summary", "Test"],
        "writing": ["write_statistics"],
    },
)
