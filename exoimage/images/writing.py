"""Writing pictures, labels and overlays; a file is there whole or not at all."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile

from exoimage.errors import ImageError
from exoimage.images.image import Image

_LARGEST_UINT16 = 65535
_LARGEST_EXACT_FLOAT32 = 2**24
_SATURATION_TAG = 341  # SMaxSampleValue


def write_labels(path: str | os.PathLike[str], labels: npt.NDArray[Any], pixel_size: float | None) -> None:
    """Write a label image as a deflate-compressed TIFF that ImageJ opens, with its scale.

    Parameters
    ----------
    path : str or path
        Replaced if it exists.
    labels : (y, x) array of bool or integers
        0 is background. Stored as uint16 up to 65535; beyond, as float32, which is exact up to 2^24
        (ImageJ knows no 32-bit integers).
    pixel_size : float or None
        µm.

    Raises
    ------
    ImageError
        If the labels are no such array.
    OSError
        If the file cannot be written (disk full, folder missing or read-only); nothing is left behind.
    """
    stored = _labels_for_imagej(np.asarray(labels))
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        iter([_deflated(stored)]),
        shape=stored.shape,
        dtype=stored.dtype,
        byteorder="<",
        imagej=True,
        compression="zlib",
        rowsperstrip=stored.shape[0],
        **_imagej_scale(pixel_size),
    )
    write_whole(path, buffer.getbuffer())


def write_image(path: str | os.PathLike[str], image: Image) -> None:
    """Write an image as a lossless TIFF that ImageJ and `read` open alike.

    Pixel size, channel names and a saturation value below the dtype's own are kept. Whether light was
    absorbed or emitted is not stored: reading takes RGB as absorbed, everything else as emitted.

    Parameters
    ----------
    path : str or path
        Replaced if it exists.
    image : Image
        Three channels of absorbed light are written as RGB, others as a stack of channels.

    Raises
    ------
    OSError
        If the file cannot be written; nothing is left behind.
    """
    buffer = io.BytesIO()
    is_rgb = image.light == "absorbed" and image.pixels.shape[2] == 3
    if is_rgb and image.pixels.dtype != np.uint8:
        _write_deep_rgb(buffer, image)
    else:
        _write_imagej(buffer, image, is_rgb)
    write_whole(path, buffer.getbuffer())


def write_overlay(
    path: str | os.PathLike[str], rgb: npt.NDArray[np.uint8], *, max_edge: int = 1600, quality: int = 85
) -> None:
    """Write a colour picture for looking at: JPEG, reduced so that its longer edge fits.

    Parameters
    ----------
    path : str or path
        Any name, Unicode too; replaced if it exists.
    rgb : (y, x, 3) array of uint8
    max_edge : int, optional
        px. Reduction averages areas.
    quality : int, optional
        Of JPEG, 1 to 100.

    Raises
    ------
    ImageError
        If the picture is no such array.
    OSError
        If the file cannot be written; nothing is left behind.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ImageError(f"an overlay is a (y, x, 3) array of uint8, not {rgb.shape} of {rgb.dtype}")
    small = reduced(rgb, max_edge)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ImageError(f"an overlay of {rgb.shape} could not be encoded as JPEG; reduce it")
    write_whole(path, data.tobytes())


def reduced(pixels: npt.NDArray[Any], max_edge: int) -> npt.NDArray[Any]:
    """Reduce a (y, x, …) array until its longer edge fits; smaller ones stay as they are.

    Areas of whole pixels are averaged, so the result may be down to half as large as would fit: averaging areas of
    fractions of pixels takes seven times as long, and interpolating the rest costs more than drawing and storing it.
    """
    height, width = pixels.shape[:2]
    whole = -(-max(height, width) // max_edge)
    if whole <= 1:
        return pixels
    rows, columns = max(1, height // whole), max(1, width // whole)
    # An edge of less than the factor is kept whole.
    trimmed = np.ascontiguousarray(pixels[: max(rows * whole, 1), : max(columns * whole, 1)])
    small: npt.NDArray[Any] = cv2.resize(trimmed, (columns, rows), interpolation=cv2.INTER_AREA)
    return small


def write_whole(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Write a file beside its place and move it there, so that nobody meets a half one.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind.
    """
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to be written piece by piece, which comes to its place when all is there; see `write_whole`."""
    place = Path(path)
    draft = place.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def _labels_for_imagej(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if labels.ndim != 2 or 0 in labels.shape or labels.dtype.kind not in "bui":
        raise ImageError(f"labels are a (y, x) array of integers, not {labels.shape} of {labels.dtype}")
    if labels.dtype in (np.uint8, np.uint16, np.bool_):
        return labels.astype(np.uint16, copy=False)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > _LARGEST_EXACT_FLOAT32:
        raise ImageError(f"labels span {low} to {high}; a file holds 0 to {_LARGEST_EXACT_FLOAT32}")
    return labels.astype(np.uint16 if high <= _LARGEST_UINT16 else np.float32)


def _deflated(labels: npt.NDArray[Any]) -> bytes:
    """Compress little-endian values; zlib-ng takes a tenth of the time of the codec that tifffile picks."""
    values: Any = np.ascontiguousarray(labels, labels.dtype.newbyteorder("<"))
    encode = imagecodecs.zlibng_encode if imagecodecs.ZLIBNG.available else imagecodecs.zlib_encode
    return bytes(encode(values, 1))


def _imagej_scale(pixel_size: float | None) -> dict[str, Any]:
    """Give tifffile's arguments that make ImageJ (and `read`) know the scale."""
    if pixel_size is None:
        return {}
    return {"resolution": (1 / pixel_size, 1 / pixel_size), "metadata": {"unit": "um"}}


def _write_imagej(buffer: io.BytesIO, image: Image, is_rgb: bool) -> None:
    pixels = image.pixels if is_rgb else np.moveaxis(image.pixels, -1, 0)
    scale = _imagej_scale(image.pixel_size)
    metadata = {**scale.pop("metadata", {}), "axes": "YXS" if is_rgb else "CYX"}
    if not is_rgb and image.pixels.shape[2] > 1:
        metadata |= {"Labels": list(image.channels), "mode": "composite"}
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(pixels),
        imagej=True,
        photometric="rgb" if is_rgb else "minisblack",
        compression="zlib",
        extratags=_saturation_tag(image),
        metadata=metadata,
        **scale,
    )


def _write_deep_rgb(buffer: io.BytesIO, image: Image) -> None:
    """Write 16-bit and float RGB as OME-TIFF, since ImageJ's own TIFF has none."""
    metadata: dict[str, Any] = {"axes": "YXS"}
    if image.pixel_size is not None:
        metadata |= {f"PhysicalSize{axis}": image.pixel_size for axis in "XY"}
    tifffile.imwrite(
        buffer,
        image.pixels,
        ome=True,
        photometric="rgb",
        compression="zlib",
        extratags=_saturation_tag(image),
        metadata=metadata,
    )


def _saturation_tag(image: Image) -> list[tuple[int, str, int, tuple[int, ...], bool]]:
    if image.pixels.dtype != np.uint16 or image.max_value >= _LARGEST_UINT16:
        return []
    return [(_SATURATION_TAG, "H", 1, (int(image.max_value),), True)]
