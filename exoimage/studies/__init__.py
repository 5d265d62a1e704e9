"""A folder of pictures with groups: plan, batch, store, tables, methods text."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "batch": ["Event", "Run", "iter_run", "run"],
        "naming": ["Placement"],
        "plan": ["load_study", "study_of_images"],
        "study": ["Study", "StudyImage"],
    },
)
