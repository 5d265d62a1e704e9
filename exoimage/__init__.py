"""exoimage: from a folder of pictures to the table and the figure of the paper.

>>> import exoimage as xi
>>> xi.assay("alizarin-red").assay
'alizarin-red'
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=["assays", "images", "methods", "studies"],
    submod_attrs={
        "assays.recipe_text": ["load_recipe"],
        "assays.registry": ["assay"],
        "images.image": ["Image", "ImageRef"],
        "images.reading": ["read"],
        "studies.batch": ["Run", "iter_run", "run"],
        "studies.plan": ["load_study"],
        "studies.saving": ["save_study"],
        "studies.study": ["Study"],
    },
)
