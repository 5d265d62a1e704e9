"""Label images, read back as they were written."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from exoimage.errors import ImageReadError
from exoimage.images.reading import read


def read_labels(path: str | os.PathLike[str]) -> npt.NDArray[np.int32]:
    """Read a label image: TIFF as `write_labels` leaves it, or any lossless picture of whole numbers.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    (y, x) int32 array
        0 is background.

    Raises
    ------
    ImageReadError
        If the file is missing or damaged, has several channels, or holds values that are no whole numbers from 0.
    """
    pixels = read(path, photometric="stored").pixels
    if pixels.shape[2] != 1:
        raise ImageReadError(os.fspath(path), f"a label image has one channel, this has {pixels.shape[2]}")
    values = pixels[:, :, 0]
    labels = values.astype(np.int32)
    if (labels != values).any() or (labels < 0).any():
        raise ImageReadError(os.fspath(path), "a label image holds 0 and whole numbers, one for each object")
    return labels
