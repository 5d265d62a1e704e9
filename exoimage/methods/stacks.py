"""One plane of a z-stack, so that nothing that shows in several planes counts twice."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from exoimage.errors import MeasureError

Stack = npt.NDArray[Any]


def one_plane(stack: Stack, how: Literal["max", "focus"] = "max") -> npt.NDArray[Any]:
    """A stack's brightest projection, or its best-focused plane.

    Parameters
    ----------
    stack : (z, y, x) array
    how : {"max", "focus"}
        The largest value of each pixel over all planes, or the plane of `best_focused`.

    Returns
    -------
    (y, x) array of the same dtype

    Raises
    ------
    MeasureError
        If the stack is not three-dimensional or has no plane.

    Examples
    --------
    >>> one_plane(np.array([[[1, 5]], [[3, 2]]], np.uint8)).tolist()
    [[3, 5]]
    """
    if stack.ndim != 3 or len(stack) == 0:
        raise MeasureError(f"a stack of shape {stack.shape}; expected (z, y, x) with a plane at least")
    return np.array(stack.max(axis=0) if how == "max" else stack[best_focused(stack)])


def best_focused(stack: Stack) -> int:
    """The plane with the most fine structure: the largest variance of the Laplacian of a slightly smoothed plane.

    Parameters
    ----------
    stack : (z, y, x) array

    Returns
    -------
    int
        From 0; the first of equals.

    Notes
    -----
    Pech-Pacheco et al., Proc ICPR 3:314–317 (2000), https://doi.org/10.1109/ICPR.2000.903548.

    Examples
    --------
    >>> sharp = np.zeros((20, 20), np.float32)
    >>> sharp[10, 10] = 100
    >>> best_focused(np.stack([cv2.GaussianBlur(sharp, (0, 0), sigma) for sigma in (4, 1, 3)]))
    1
    """
    return int(np.argmax([_structure(plane) for plane in stack]))


def _structure(plane: npt.NDArray[Any]) -> float:
    smooth = cv2.GaussianBlur(np.asarray(plane, dtype=np.float32), (0, 0), 1.5, borderType=cv2.BORDER_REFLECT_101)
    return float(np.var(cv2.Laplacian(smooth, cv2.CV_32F, borderType=cv2.BORDER_REFLECT_101), dtype=np.float64))
