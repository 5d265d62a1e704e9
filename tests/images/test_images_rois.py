"""Regions from ImageJ, QuPath and masks; ImageJ's own masks are the truth."""

from __future__ import annotations

import base64
import json
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pil

from exoimage.errors import ImageReadError
from exoimage.images.image import Image
from exoimage.images.polygons import ellipse_mask, polygon_mask
from exoimage.images.rois import read_regions
from exoimage.images.writing import write_image, write_labels

SHAPE = (48, 64)

# ROIs made by ImageJ 1.53t (RoiEncoder) and, for all but the last two, the masks it made of them
# (ImagePlus.createRoiMask) on a picture of 64 × 48 px; each ROI after its length, the masks as packed bits.
NAMES = [
    "rect",
    "rect_float",
    "rect_round",
    "oval_even",
    "oval_odd",
    "oval_small",
    "oval_3",
    "oval_wide",
    "oval_float",
    "oval_clip",
    "polygon",
    "diamond",
    "triangle",
    "triangle_r",
    "star",
    "freehand",
    "polygon_float",
    "freehand_float",
    "rotated",
    "ellipse",
    "traced",
    "composite",
    "two_parts",
    "thresholded",
    "line",
    "point",
]
ROIS = """
eNrFWQ1sVFUWPmVmmJn+TKf/dKilP2DrihUZQEQi71ztUpANlcV1E4W2S1s1KW2lw4+JPxV/qAmJI1RsCWIXSCwratcldLdqUgkmlS0uyGqa
WLVEIqgEazSxGP/OvfNm5rzXV+w0Jb6bO/O9N/ed951zzzn33DcA0LKsYWMAzsYB2MEGCZAEsR2axbVmkNLGe2yAGlgHAUKtES4OSAcP5ALg
fr9fO9i+G7Opu8Z41m9xiY+ZSwXUQh00QJWJVzpxKoC545TmugK8NhCrjVAP1XR1R4jXFICpymLZkzR37nFLaIBNZKM64lVDqIZ4AQQjrNzg
BB/xmhxWrgmwaiA7VUdnkDjlqhksnCRO8RPg1ATrFaqjq9sNvPKpTQ6vqRPg5Td41BRqCXDD7+hRm+F+mrsaw+zFU/NBHuWFYuozqR+iHrji
eSHKiueFqLVyf/kBFsO039Fa6+jzfmika/tCrEBmUQcUU3PExGo19UJIoWxiU3k8mc5yLMa1UneOW2ojca2DB+Fe+pZZYm+EpZxT6f32mFiW
013p+gxGkfEIxsSwmuxXRbHZoGfXPaMY2mJiuAIgkvuscuD2mHJagDK/5FdPFqxTUdExKfzSL8svfsL85ErFbWiHRPLEeTH7olxxge6UTGaS
jET6tPbF8ftPE7GtUvy6QvycoRU0GzJjmBF5VKrnuilGUqhecVHOlCziaCbc4IU0y2qqI6Z5r1Vrfw3cp2wr/fJDQ3xfQ+23bcqz4UOR+LZH
41vWWKKg/wQepnw63N+PntparYtwmt+PBwBEPv3u8PstZL9JPWmCecCYT380zIYPssZhp2aTZe3kKWPOhtZJGlGWRlp7pVbYRRq3U2W5uv+E
doEwrSraSerD9FsKXW8i7bup99P5HsvnD1H3THg2jfofj+jvIAsUwrXgQLnWURfye3iUPAc0o8Zm1gmzYAZp7IRQrUpRg3dq5eK68nSR+toF
7YNHK+W51rHEi33Jx0TCSC42DG2R52PM7Pjzp6xMA0qTGumntosRbVxUScyk+qJMcpVdlFEfLcEGzUuiJx1QBFdTm0X3FlLNlk+a5dJKNJ08
N4siNR1SaZ6TyfcSSU9Za0qvkbsYWbvEUQsdEskrNvpN2tVJY+PpniTlJ6kkJ5PkZZPcHJI/g54j68OZ9Fz59CJqxaoV0fqeTc1HI6er0eEm
z3zUsmnENMUtQ2fnpWd46FkJiqGLcbTpHOOY/kamIa4uujNBsfWQNMk3jWRnSM7KiqXf94hbK+4S2s2fi8U7nxAL168S/lPVoqTviLhmTZYo
bM8QV227KLLmbxDeV74V7p//IGz+XBw5nIlfwbP4cW0Fksfj0XNBPLJgB/7D8TburRvEnVsfxqfv/hybE4ewYeV0rNyyE//8rxRclrUZtZ5G
XHSoDBeMHMf5L12HC3qm4KLr56rZLcufhqu27scK7724/p9f4yPLe7BlzULcUd+KL5Sexs4TH+Lh4Vn49nM5+N4BHw7aDuEX7cfw+9u/FFMe
7RbuFacE+aLI3L5Q5JztFgU/5Ynid3eIkluOCv+qJHHjpaBYPPsmseTMR+LWtMWitKdALCV9l62+KJbje2L5rvli+R3NYllgnvQwYSv+TDh+
elW4tnwq4p/rEIkr3xdJB3zC88wnIjnlTpFctFV43l8kPKkFIvH86yLhr7OFe91e4fR8IOxr14q4uzbij6TXd2/Z8cJ30/Hs4UYc9GTi6ZRz
+O6pauxd24pH/vspvnLtBdz/7EO4O7kUg90ncNsLS/HhfWew7vgA3nP6j/inj0qVffz3bMJi91LMzXkcMw4+hp7eI+huaEdH7za09byMtqoR
tHdno7N7MyaS3VJfXIm+B57GwmMvY8lTLbho32ykece/PHkJa7OO46bnZ+Dj33yJ2y9m466SPfji3+vw4Lx8fP3/6fhm/RP4zvAb+L8yPw78
7T94piSIX+xuxW92rcFLqWstAnAopoivUbsYWXU2qYpkMBTxLlDxlaaiIJYjyGLAqXzfRVHjVt/yPBrXl/81KmX0cTKm3ZGsaqqotg5ltN2R
9wBTqeVaViLyOGp92VYmP7EjlAOXNOu4Q8eaCVPX9NUNWwj36r9JPKTjSiNGYPdz7NVxngnn6dhrwnN0DCZcHsLymQbcqONeE+5kYzj+N5PJ
cR/jwPFJxpnjAaYjx9wmHJ+P2tCAh3XcZ8LhMUMmHJY5bMI6B5l5DFjnLOwmrOsoXCas20QkmrBuQ5khDbiRjeG4nMnkeA7jwHEe48yxl+nI
MTCbMBzxyT4T7o36tCk2WmLa966jWmO9qiWbKP8EVPb5IRKdMvKLaK9hffjGuN4Z3pJruibyOxKpmhGrcbom4dpMWUvWajk6LjdiOcZaezgf
k/YB2EyaV5D+chcTIBuAfa4hN+WP+ebm3Bi5aVDlGRkjbSxegjouN+EWZpUWCwuVm/AcJpPjcM5pM+E5LD9yHJbZacItbAzHQSaT4zaWW7tY
7uhi+aXPhMP5aMCEe1kMcBzOa+dNuJPFD8dhu4+YcCUbw7HGZHKcxzhw7GWcOQamI1jEbZcJh3VsNOEhFh1DFutQngl7WX73WqxDYMIaWz84
rmTrDcdtbEzb6HVIyey0WIe8JtzLOHPcx3Tk+GTUJgY8wDLGbaF8qzLDbVG7iDwjlmOsM4ZdvpFLiCFj3Kd2nk30Lfff1aGKJvzvjw3UjiSD
GmhaqIdrkyv874+sH+tV/tarq3hQOzoPfcaNGh13md3/CtC9RGacMd5nXe5Nya5R7ykkM/Vu+VeVhUqp
"""
MASKS = """
eNrtmMFu3CAQhk2pRA5VeYGo9BF67KEKeaQce6hkHo1H4RF85GCZgvkHG+rdbFZb7W7iuXyK4x0wDMM/03XHTfnzuNulTY6X4W73ZiHMYCGY
RB6CvSTJL41z26ZcZu+xKFOHj6ko8FGH2L5PfshvGWe3E/cF1AbraBG8riILw1ls/RT/NJ7at+BOjGHnuKtJz3f7v8bNNm8kOkI+8SFaDAyZ
GFOzSoypWs805W/6P71ffr/blaw32EeHizhfqDJk/alw0RI1LuBDbN8nP+SXlQvB7Gt/+yYgrzS0Zl+0pwMH0DccwekAw1k8ed6ILpE1c9KR
DpxnLJCGop6cZ8rxPNGCJnOC7vTg0IjySo8yfPfyd8vQ0jSinmgbuoq6nFcSXENd0XOq7H+DX24zwh7AR/CJ8hJVU5SfLAqA+rslAk6VfDVW
z+k9XgStrfyWcZ6aeTx8jAOusV4a66WxXrrEmQVNlQg06i+NNoWmRIEw1EjzutH9ulnuX+BP8Af4/aPUYSVe6Z4cEa9jlVA6Yj/WC6+afpEA
Ocioj0T806z8Y5MfPr+3+sVsk9vjFG6LUceodDR4GGQ6GizRzPlXhhz4eQeUy3endGLIP88OmIWAtzz7ff5U8+Ur8vY37BeOytTXHHGUfC6l
2SDN2j8z+UPjKPMHRe/PV1j9F0rjXSX/ONKMKGna47mvwv9fkoysWa6/vsk/Crsp32l0v6aDkKZX/bOibwJIOsiDrnkP+mQCPehAW+uZWu90
heEQj+uevtBtUraNJ7qISLl2vslz17Gpa2SMPyv+F33ZnoPhbefgvRudc/peiaxPfeKiU+hanbqtOKT2BMV9jLu6DpZ4USwHoq6AlsK4dLQd
TqLbjHSFGchARxehMx24wO9LqequClzRrKPEgiusn0LiUSjIJBKTRKKSSFwChZxYFXRT3o88QoADYg9HauXQwgEaU3mDiHqZIZV+pgodfo+N
LOrmCkxe+tNI79PvdzveX+OlXq3TQo8oQvR1WVUmNZejEORDvuheJfoYbCOK7Zo07pLHxmqed9KfK2n8QrxJa+/2c3mV6ovK09I/cHPrpY+T
ShyVn+nlTDbE6mlFPkQFu0UvM0c1k6Wsv+LciFyTxqPx03wS0/yoFfRWXsH+AsShg1c=
"""


def imagej_files():
    data, files = zlib.decompress(base64.b64decode(ROIS)), {}
    for name in NAMES:
        size = int.from_bytes(data[:4], "big")
        files[name], data = data[4 : 4 + size], data[4 + size :]
    return files


def imagej_masks():
    bits = np.frombuffer(zlib.decompress(base64.b64decode(MASKS)), np.uint8)
    return dict(zip(NAMES[:-2], np.unpackbits(bits).reshape(-1, *SHAPE).astype(bool), strict=True))


FILES, TRUTH = imagej_files(), imagej_masks()


@pytest.mark.parametrize("name", TRUTH)
def test_masks_are_imagejs(tmp_path, name):
    path = tmp_path / f"{name}.roi"
    path.write_bytes(FILES[name])
    (region,) = read_regions(path, SHAPE)
    assert region.name == name
    assert TRUTH[name].any()
    np.testing.assert_array_equal(region.mask, TRUTH[name])
    assert not region.mask.flags.writeable


def roi_set(tmp_path, names, folder=""):
    path = tmp_path / "RoiSet.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(f"{folder}{number:04d}.roi", FILES[name])
    return path


def test_a_roi_set_keeps_order_and_tells_names_apart(tmp_path):
    regions = read_regions(roi_set(tmp_path, ["star", "rect", "star"]), SHAPE)
    assert [region.name for region in regions] == ["star", "rect", "star-2"]
    np.testing.assert_array_equal(regions[1].mask, TRUTH["rect"])


@pytest.mark.parametrize("name", ["line", "point"])
def test_lines_and_points_are_no_regions(tmp_path, name):
    with pytest.raises(ImageReadError, match=f"'{name}' is a {name}, not an area"):
        read_regions(roi_set(tmp_path, ["rect", name]), SHAPE)


def test_a_region_outside_is_refused(tmp_path):
    with pytest.raises(ImageReadError, match="covers no pixel of the 10 × 4 px picture"):
        read_regions(roi_set(tmp_path, ["two_parts", "oval_small"]), (4, 10))


def test_an_empty_set_is_refused(tmp_path):
    with pytest.raises(ImageReadError, match="holds no region"):
        read_regions(roi_set(tmp_path, []), SHAPE)


@pytest.mark.parametrize("name", ["composite", "polygon_float", "rect"])
@pytest.mark.parametrize("seed", range(12))
def test_damaged_rois_give_regions_or_an_error(tmp_path, name, seed):
    rng = np.random.default_rng([seed, len(name)])
    data = bytearray(FILES[name])
    for place in rng.integers(0, len(data), 3):
        data[place] = rng.integers(0, 256)
    path = tmp_path / "damaged.roi"
    path.write_bytes(bytes(data[: len(data) - seed * len(data) // 12]))
    regions = regions_or_none(path)
    assert regions is None or all(region.mask.shape == SHAPE for region in regions)


def regions_or_none(path):
    try:
        return read_regions(path, SHAPE)
    except ImageReadError:
        return None


def geojson(tmp_path, content):
    path = tmp_path / "regions.geojson"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


RING = [[5, 5], [25, 5], [25, 20], [5, 20], [5, 5]]
HOLE = [[10, 8], [15, 8], [15, 12], [10, 12], [10, 8]]
FAR = [[40, 30], [60, 30], [60, 40], [40, 40], [40, 30]]


def feature(kind, coordinates, **properties):
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def test_qupath_polygons_with_holes_and_parts(tmp_path):
    features = [
        feature("Polygon", [RING, HOLE], name="Gewebe"),
        feature("MultiPolygon", [[RING], [FAR]], classification={"name": "Tumor"}),
        feature("Polygon", [FAR], classification={"name": "Tumor"}),
        feature("Polygon", [RING]),
    ]
    for content in ({"type": "FeatureCollection", "features": features}, features):
        regions = read_regions(geojson(tmp_path, content), SHAPE)
        assert [region.name for region in regions] == ["Gewebe", "Tumor", "Tumor-2", "region 4"]
        assert [int(region.mask.sum()) for region in regions] == [300 - 20, 300 + 200, 200, 300]
        assert not regions[0].mask[9, 12]
        assert regions[0].mask[6, 6]


def test_a_bare_geometry_is_a_region(tmp_path):
    (region,) = read_regions(geojson(tmp_path, {"type": "Polygon", "coordinates": [RING]}), SHAPE)
    assert int(region.mask.sum()) == 300


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (feature("LineString", RING, name="axis"), "'axis' is a LineString, not an area"),
        (feature("Point", [3, 4]), "is a Point, not an area"),
        (feature("Polygon", [[[1, 2]]], name="dot"), "no polygon"),
        (feature("Polygon", [[[100, 100], [120, 100], [120, 120]]], name="out"), "'out' covers no pixel"),
        ({"wells": 6}, "no GeoJSON"),
        ({"type": "FeatureCollection", "features": []}, "holds no region"),
        ({"type": "Feature", "geometry": {"type": "Polygon"}}, "damaged"),
    ],
)
def test_geojson_that_holds_no_areas_is_refused(tmp_path, content, message):
    with pytest.raises(ImageReadError, match=message):
        read_regions(geojson(tmp_path, content), SHAPE)


def test_broken_json_is_refused(tmp_path):
    path = tmp_path / "regions.geojson"
    path.write_text('{"type": "Feature"', encoding="utf-8")
    with pytest.raises(ImageReadError, match="damaged"):
        read_regions(path, SHAPE)


def test_a_binary_mask_is_one_region(tmp_path):
    path = tmp_path / "mask.png"
    Pil.fromarray(TRUTH["star"]).save(path)
    (region,) = read_regions(path, SHAPE)
    assert region.name == "roi"
    np.testing.assert_array_equal(region.mask, TRUTH["star"])


def test_labels_are_a_region_each(tmp_path):
    labels = TRUTH["rect"] * 7 + TRUTH["rotated"] * ~TRUTH["rect"] * 3
    write_labels(tmp_path / "labels.tif", labels, 0.5)
    regions = read_regions(tmp_path / "labels.tif", SHAPE)
    assert [region.name for region in regions] == ["3", "7"]
    np.testing.assert_array_equal(regions[1].mask, TRUTH["rect"])


def test_masks_that_are_none_are_refused(tmp_path):
    noise = np.random.default_rng(0).integers(0, 65536, SHAPE, dtype=np.uint16)
    write_image(tmp_path / "noise.tif", Image(noise, light="emitted"))
    with pytest.raises(ImageReadError, match="a whole number per region"):
        read_regions(tmp_path / "noise.tif", SHAPE)
    with pytest.raises(ImageReadError, match="must be the same"):
        read_regions(tmp_path / "noise.tif", (10, 10))
    Pil.fromarray(TRUTH["star"]).convert("L").save(tmp_path / "mask.jpg")
    with pytest.raises(ImageReadError, match="JPEG"):
        read_regions(tmp_path / "mask.jpg", SHAPE)
    Pil.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "blank.png")
    with pytest.raises(ImageReadError, match="holds no region"):
        read_regions(tmp_path / "blank.png", SHAPE)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(ImageReadError, match="no such file"):
        read_regions(tmp_path / "missing.zip", SHAPE)


coordinates = st.tuples(st.floats(-20, 80), st.floats(-20, 70))


@settings(max_examples=60, deadline=None)
@given(st.lists(coordinates, min_size=3, max_size=9))
def test_polygons_hold_the_pixels_whose_centre_they_enclose(corners):
    """Against the even-odd rule, pixel by pixel in plain Python."""
    mask = polygon_mask([corners], (20, 25))
    for y in range(20):
        for x in range(25):
            assert mask[y, x] == encloses(corners, x + 0.5, y + 0.5)


def encloses(corners, x, y):
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        # The same arithmetic as in the mask: centres within rounding of an edge may fall either way.
        if y0 <= y < y1 and x0 + (y - y0) * ((x1 - x0) / (y1 - y0)) < x:
            inside = not inside
    return inside


def test_areas_of_large_shapes():
    shape = (2000, 2000)
    assert polygon_mask([[(100, 100), (1900, 300), (1000, 1800)]], shape).sum() == pytest.approx(1_440_000, abs=900)
    assert ellipse_mask(200, 300, 1500, 1000, shape).sum() == pytest.approx(np.pi * 750 * 500, rel=1e-4)
