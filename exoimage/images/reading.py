"""Reading pictures: whatever the suffix says, the content decides."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from exoimage.images.biorad import decode_1sc
from exoimage.images.decoded import ChannelChoice, Decoded, Refusal, to_image, with_channels_chosen
from exoimage.images.formats import HEAD, TIFF_MAGIC, Format, container_format, format_of_bytes, is_image_lab
from exoimage.images.image import Image, Light
from exoimage.images.image_lab import decode_scn
from exoimage.images.raster import decode_bmp, decode_jpeg, decode_png
from exoimage.images.seam import refusing, with_open_file
from exoimage.images.selection import AxisChoice, Selection, checked, refuse_stack_choice
from exoimage.images.stored import decode_container
from exoimage.images.tiff import decode_tiff, scene_names
from exoimage.images.tiff_colour import Photometric

_RASTER: tuple[tuple[bytes, str, Callable[[bytes], Decoded]], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG", decode_png),
    (b"\xff\xd8\xff", "JPEG", decode_jpeg),
    (b"BM", "BMP", decode_bmp),
    (b"\xaf\xaf", "Bio-Rad .1sc", decode_1sc),
)
_IMAGE_LAB = "Bio-Rad .scn"
_EXPORT = "export it as OME-TIFF from the microscope's software or from Fiji (Bio-Formats)"
_UNREAD = (
    (b"\0\0\0\x03\0", "a Gatan .dm3 file; export it as TIFF from DigitalMicrograph or ImageJ"),
    (b"\0\0\0\x04\0", "a Gatan .dm4 file; export it as TIFF from DigitalMicrograph or ImageJ"),
    (b"\x89HDF", f"an HDF5 file (Imaris?); {_EXPORT}"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 file; save it as TIFF"),
    (b"GIF8", "a GIF file, which keeps 256 colours; go back to the original, as TIFF"),
    (b"RIFF", "a WebP file or a film; save it as TIFF"),
    (b"8BPS", "a Photoshop file; save it as TIFF"),
    (b"%PDF", "a PDF; save the picture itself as TIFF"),
    (b"PK\x03\x04", "a ZIP archive or Office file; unpack the pictures in it"),
    (b"\x1f\x8b", "a gzip archive; unpack it"),
)


def read(
    path: str | os.PathLike[str],
    *,
    scene: int | None = None,
    z: AxisChoice | None = None,
    t: AxisChoice | None = None,
    c: ChannelChoice | None = None,
    pixel_size: float | None = None,
    light: Light | None = None,
    photometric: Photometric = "shown",
    default_z: AxisChoice | None = None,
) -> Image:
    """Read one picture from a TIFF, PNG, JPEG or BMP, a microscope's, slide scanner's or gel imager's file.

    docs/formats.md lists the formats, and which need a package more.

    Parameters
    ----------
    path : str or path
        The content decides what it is read as, not the suffix. A folder or an address (``s3://…``) of OME-Zarr.
    scene : int, optional
        Which picture, from 0, of a file that holds several. Needed only there; thumbnails, labels and smaller
        levels of a pyramid are no scenes, the full resolution is read.
    z, t : int, "max" or "mean", optional
        Plane and moment, or a projection over all; needed where there are several. "mean" gives float32 with
        the saturation value of what was averaged. z may also be "sharpest": the plane in best focus, one for all
        channels. Pages without a name are scenes, or the stack that z, t or
        c makes of them.
    c : int, str or a list of them, optional
        Channels by number or name. Default: all.
    pixel_size : float, optional
        µm; replaces what the file says.
    light : {"absorbed", "emitted"}, optional
        Default: "absorbed" for a red-green-blue picture, "emitted" for everything else.
    photometric : {"shown", "stored"}, optional
        TIFFs marked WhiteIsZero are inverted, so that bright is bright as shown. Blot scanners that so mark
        values which are signal already need "stored".
    default_z : int, "max", "mean" or "sharpest", optional
        As `z`, where the file names a z axis; pages without a name are no stack by it.

    Returns
    -------
    Image
        uint8, uint16 or float32, values as stored: no gamma, no profile. 1, 2 and 4 bits span 0 to 255.
        Palettes become RGB (`Flag.PALETTE_FILE`), except lookup tables that only tint intensities. CMYK
        becomes RGB naively, CIELab becomes sRGB. GE's .gel becomes float32, linear in counts. Transparent
        pixels lie over white (colour) or black (grey). JPEG, in TIFF too, is flagged `Flag.LOSSY_FILE`.
        EXIF's and TIFF's orientation is applied.

    Raises
    ------
    ImageReadError
        If the file is missing, empty, damaged, truncated, absurdly large, of an unknown kind, holds values
        that no `Image` can hold exactly, or holds several planes and none is chosen.

    See Also
    --------
    list_scenes : the pictures of a file that holds several.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from exoimage.images.writing import write_image
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "field.tif")
    >>> write_image(path, Image(np.full((4, 5, 3), 240, np.uint8), pixel_size=0.65))
    >>> image = read(path)
    >>> image.shape, image.channels, image.pixel_size, image.light
    ((4, 5), ('red', 'green', 'blue'), 0.65, 'absorbed')
    >>> folder.cleanup()
    """
    name = os.fspath(path)
    selection = Selection(scene, z, t, c, default_z)

    def from_file(file: BinaryIO) -> Image:
        return _image(file, selection, name, pixel_size, light, photometric)

    stored_as = container_format(name)
    if stored_as is None:
        return with_open_file(name, from_file)
    return refusing(name, lambda: to_image(_from_container(stored_as, name, selection), name, pixel_size, light))


def read_bytes(
    data: bytes,
    source: str,
    *,
    scene: int | None = None,
    z: AxisChoice | None = None,
    t: AxisChoice | None = None,
    c: ChannelChoice | None = None,
    pixel_size: float | None = None,
    light: Light | None = None,
    photometric: Photometric = "shown",
    default_z: AxisChoice | None = None,
) -> Image:
    """Read one picture from the bytes of a file already in memory; otherwise the same as `read`.

    Parameters
    ----------
    data : bytes
        The whole file.
    source : str
        What messages call it.
    scene, z, t, c, pixel_size, light, photometric, default_z
        As in `read`. ``c="all"``: pages without a name are channels.

    Notes
    -----
    Microscopes' formats are read from their place: their bytes are written to a temporary file for that.

    Raises
    ------
    ImageReadError
        As in `read`.

    Examples
    --------
    >>> read_bytes(b"not a picture", "notes.tif")
    Traceback (most recent call last):
    exoimage.errors.ImageReadError: notes.tif: it is text, not a picture; give a TIFF, PNG, JPEG or BMP file
    """
    selection = Selection(scene, z, t, c, default_z)
    stored_as = format_of_bytes(data[:HEAD], data[-HEAD:])
    if stored_as is not None:
        with _as_file(data) as place:
            return refusing(
                source, lambda: to_image(_from_container(stored_as, place, selection), source, pixel_size, light)
            )
    file = io.BytesIO(data)
    return refusing(source, lambda: _image(file, selection, source, pixel_size, light, photometric))


def list_scenes(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the pictures in a file, in the order of `read`'s `scene`; one name for most files.

    Raises
    ------
    ImageReadError
        If the file is no picture or damaged.
    """
    name = os.fspath(path)
    stored_as = container_format(name)
    if stored_as is not None:
        return refusing(name, lambda: _container_scenes(stored_as, name))

    def names(file: BinaryIO) -> tuple[str, ...]:
        if _kind(file.read(HEAD)) != "TIFF":
            return (Path(name).name,)
        file.seek(0)
        return scene_names(file)

    return with_open_file(name, names)


def _from_container(stored_as: Format, path: str, selection: Selection) -> Decoded:
    with stored_as.open(path) as container:
        return decode_container(container, checked(selection))


def _container_scenes(stored_as: Format, path: str) -> tuple[str, ...]:
    with stored_as.open(path) as container:
        names = tuple(scene.name for scene in container.scenes)
        return names if len(names) > 1 or any(names) else (Path(path).name,)


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "picture")
        place.write_bytes(data)
        yield str(place)


def _image(
    file: BinaryIO,
    selection: Selection,
    source: str,
    pixel_size: float | None,
    light: Light | None,
    photometric: Photometric,
) -> Image:
    decoded = _decoded(file, checked(selection), photometric)
    return to_image(decoded, source, pixel_size, light)


def _decoded(file: BinaryIO, selection: Selection, photometric: Photometric) -> Decoded:
    kind = _kind(file.read(HEAD))
    file.seek(0)
    if kind == "TIFF":
        return decode_tiff(file, selection, photometric)
    refuse_stack_choice(selection, f"a {kind} file")
    decoders = {name: decode for _, name, decode in _RASTER} | {_IMAGE_LAB: decode_scn}
    decode = decoders[kind]
    data = file.getvalue() if isinstance(file, io.BytesIO) else file.read()
    return with_channels_chosen(decode(data), selection.c)


def _kind(head: bytes) -> str:
    if head.startswith(TIFF_MAGIC):
        return "TIFF"
    for magic, name, _ in _RASTER:
        if head.startswith(magic):
            return name
    if is_image_lab(head):
        return _IMAGE_LAB
    for magic, what in _UNREAD:
        if head.startswith(magic):
            raise Refusal(f"it is {what}")
    if not head:
        raise Refusal("the file is empty; copy or export it again")
    printable = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
    what = "text, not a picture" if printable == len(head) else f"no picture that is known here ({head[:4]!r} …)"
    raise Refusal(f"it is {what}; give a TIFF, PNG, JPEG or BMP file")
