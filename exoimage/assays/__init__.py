"""One file per assay: a frozen recipe that composes methods, its columns, its text form, its result."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "recipe": ["Recipe", "Resolved"],
        "recipe_text": ["load_recipe", "load_resolved", "to_toml"],
        "registry": ["ASSAYS", "assay", "recipe_class"],
        "results": ["Result"],
    },
)
