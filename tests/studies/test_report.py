from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from support import write_fields

import exoimage as xi
from exoimage.assays.cut_histogram import CutHistogram, histogram_of
from exoimage.assays.recipe_text import load_resolved
from exoimage.errors import StudyError
from exoimage.flags import Flag
from exoimage.studies import outputs, report, report_charts, report_pictures
from exoimage.studies.finished import read_tables
from exoimage.studies.methods_text import methods_text
from exoimage.studies.plan import load_study
from exoimage.studies.report_pictures import PAGE_BYTES, embedded
from exoimage.studies.store import Store

WINDOWS = sys.platform == "win32"

EVIL = "PMO_<img src=x onerror=alert(1)>_9.tif"
QUOTED = "PMO_'\"&amp;{{7*7}}-->_8.tif"
TITLE = "</script><script>alert(2)</script> PMO & µ"
VOID = {"meta", "img", "input", "br", "link", "hr"}


class _Page(HTMLParser):
    """What a browser would see: every tag with its attributes, the text, and whether tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.broken: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def ids(self) -> Counter[str]:
        return Counter(attributes["id"] for _, attributes in self.tags if "id" in attributes)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    names = [f"{group}_{sample}_{field}.tif" for group in ("Control", "PMO") for sample in (1, 2) for field in (1, 2)]
    names += [EVIL, QUOTED] if not WINDOWS else []  # names that Windows refuses
    write_fields(folder / "images", names)
    (folder / "images" / "PMO_7_1.tif").write_text("no picture")
    (folder / "study.toml").write_text(
        f'[study]\nname = "{TITLE}"\nassay = "alizarin-red"\nimages = "images/*"\n'
        '[groups]\npattern = "{group}_{sample}_{field}"\norder = ["Control", "PMO"]\ncontrol = "Control"\n'
        '[exclude]\n"images/PMO_1_1.tif" = "a fold <b>"\n',
        encoding="utf-8",
    )
    xi.run(folder / "study.toml", folder / "out")
    return folder


@pytest.fixture(scope="module")
def page(made: Path) -> _Page:
    return _Page((made / "out" / "report.html").read_text("utf-8"))


def test_a_run_leaves_figures_report_methods_and_references(made: Path) -> None:
    out = made / "out"
    stems = ("stained_area_pct", "integrated_od", "panel")
    assert {path.name for path in (out / "figures").iterdir()} == {
        f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "png", "pdf", "txt")
    }
    for name in ("report.html", "methods.md", "references.bib"):
        assert (out / name).stat().st_size > 500


def test_tags_nest_and_ids_are_unique(page: _Page) -> None:
    assert (page.open, page.broken) == ([], [])
    assert max(page.ids.values()) == 1


def test_nothing_is_loaded_from_elsewhere(page: _Page) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            if name in attributes and tag != "a":
                assert attributes[name].startswith("data:"), (tag, attributes[name][:60])
    for attributes in page.all("a"):
        assert attributes["href"].startswith("#")
        assert attributes["href"][1:] in page.ids, "a link within the page leads somewhere"
    text = "".join(page.words)
    assert "@import" not in text
    assert "url(" not in text


def test_only_our_script_may_run(page: _Page, made: Path) -> None:
    assert len(page.all("script")) == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    source = re.search(r"<script>(.*?)</script>", (made / "out" / "report.html").read_text("utf-8"), re.S)
    digest = base64.b64encode(hashlib.sha256(source[1].encode()).digest()).decode()
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


@pytest.mark.skipif(WINDOWS, reason="Windows refuses such names")
def test_names_are_text_and_never_markup(page: _Page) -> None:
    words = "".join(page.words)
    assert words.count(EVIL) >= 2
    assert words.count(QUOTED) >= 2
    assert "{{7*7}}" in words
    assert "49" not in re.findall(r"PMO_.{0,12}?(49)", words)
    assert not [image for image in page.all("img") if image.get("src") == "x"]


def test_title_and_reasons_are_text(page: _Page) -> None:
    words = "".join(page.words)
    assert TITLE in words
    assert "a fold <b>" in words
    assert not page.all("b")


def test_what_to_look_at_comes_first(page: _Page, made: Path) -> None:
    text = (made / "out" / "report.html").read_text("utf-8")
    places = [text.index(f'id="{name}"') for name in ("first", "figures", "images", "pictures", "methods", "again")]
    assert places == sorted(places)
    rows = [row for row in page.all("tr") if "data-image" in row]
    assert rows[0]["class"] == rows[1]["class"] == "out"
    assert [row["data-image"] for row in rows] == [f"i{n}" for n in range(1, len(rows) + 1)]
    words = "".join(page.words)
    assert words.index("PMO_7_1.tif") < words.index("Control_1_1.tif"), "the failed one first"
    assert "it is text, not a picture" in words


def test_every_image_has_a_row_and_every_measured_one_both_pictures(page: _Page, made: Path) -> None:
    with (made / "out" / "images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len([row for row in page.all("tr") if "data-image" in row]) == len(rows)
    shown = [image for image in page.all("img") if image["src"].startswith("data:image/jpeg") and "width" in image]
    assert len(shown) == 2 * sum(row["status"] == "ok" for row in rows)
    assert len(page.all("article")) == len(rows)


def test_it_can_be_used_without_seeing_it(page: _Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in page.all("img"))
    assert all("aria-label" in field for field in page.all("input") if field.get("type") == "range")
    assert all(drawing["aria-label"] for drawing in page.all("svg"))
    assert all(head["scope"] == "col" for head in page.all("th"))
    assert len(page.all("table")) == len(page.all("caption"))


def test_the_same_results_make_the_same_report(made: Path) -> None:
    out = made / "out"
    names = ("report.html", "methods.md", "references.bib", "figures/panel.png", "figures/integrated_od.pdf")
    before = {name: (out / name).read_bytes() for name in names}
    xi.run(made / "study.toml", out)
    assert {name: (out / name).read_bytes() for name in names} == before
    xi.run(made / "study.toml", made / "elsewhere", jobs=2)
    assert {name: (made / "elsewhere" / name).read_bytes() for name in names} == before


def test_tables_only_leave_no_report_of_other_numbers(made: Path) -> None:
    out = made / "tables"
    shutil.copytree(made / "out", out)
    (out / "figures" / "mine.svg").write_text("a user's own")
    (out / "report_notes.html").write_text("a user's own")
    xi.run(made / "study.toml", out, pictures=False)
    assert not (out / "report.html").exists()
    assert [path.name for path in (out / "figures").iterdir()] == ["mine.svg"]
    assert (out / "report_notes.html").exists()
    assert (out / "methods.md").exists()


@pytest.mark.parametrize("name", ["report.html", "references.bib", "figures"])
def test_files_of_a_users_own_are_never_replaced(made: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(StudyError, match=name):
        xi.run(made / "study.toml", tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def _write(made: Path, tables, folder: Path) -> tuple[Path, ...]:
    study, store = load_study(made / "study.toml"), Store(folder)
    drawn = outputs.write_figures(study, store, tables)
    return report.write_report(study, store, tables, load_resolved(folder / "resolved.toml"), drawn)


def test_many_images_go_on_over_pages(made: Path, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    (out / "report_9.html").write_text("of an earlier run")
    monkeypatch.setattr(report, "PER_PAGE", 3)
    paths = _write(made, read_tables(out), out)
    count = len(read_tables(out).images)
    assert [path.name for path in paths] == ["report.html", *(f"report_{n}.html" for n in range(2, -(-count // 3) + 1))]
    assert not (out / "report_9.html").exists()
    pages = {path.name: _Page(path.read_text("utf-8")) for path in paths}
    assert sum(len(page.all("article")) for page in pages.values()) == count
    for name, page in pages.items():
        assert (page.open, page.broken) == ([], [])
        for link in page.all("a"):
            target, _, anchor = link["href"].partition("#")
            assert not anchor or anchor in pages[target or name].ids
            assert target in ("", *pages)
        for image in page.all("img"):
            is_here = image["src"].startswith("data:")
            assert is_here if name == "report.html" else (out / unquote(image["src"])).is_file()


def _with_statistics(out: Path, stars: str) -> None:
    head = "measure,test,statistic,df,p,group_a,group_b,difference,ci_low,ci_high,p_holm,stars,note"
    omnibus = 'stained_area_pct,one-way ANOVA,12.5,"1, 3",0.00001,,,,,,,,'
    pair = f"stained_area_pct,Tukey HSD,,,0.004,PMO,Control,-4.5,-7,-2,0.008,{stars},"
    rows = f"\n{omnibus}\n{pair}\n"
    (out / "tests.csv").write_text(head + rows, encoding="utf-8")
    (out / "tests_all.csv").write_text((head + rows).replace("0.004", "0.4"), encoding="utf-8")
    groups = "group,measure,n,mean,sd\nControl,stained_area_pct,2,10,1\nPMO,stained_area_pct,2,15,1\n"
    for name in ("groups.csv", "groups_all.csv"):
        (out / name).write_text(groups, encoding="utf-8")


def test_statistics_are_shown_with_and_without_what_was_left_out(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made / "out", out)
    _with_statistics(out, "**")
    tables = read_tables(out)
    _write(made, tables, out)
    text = (out / "report.html").read_text("utf-8")
    words = "".join(_Page(text).words)
    assert "With the rows that were left out" in words
    assert text.index(">0.004<") < text.index(">0.4<")
    assert "&lt; 0.0001" in text
    assert "−4.5" in words
    assert ">**<" in (out / "figures" / "stained_area_pct.svg").read_text("utf-8")
    methods = methods_text(load_study(made / "study.toml"), tables, load_resolved(out / "resolved.toml"))
    assert "groups were compared by one-way ANOVA and Tukey HSD, for 1 measure;" in methods
    assert not (out / "figures" / "integrated_od.svg").exists(), "what was not tested is not drawn"


def test_a_figure_that_fails_costs_neither_tables_nor_report(made: Path, tmp_path: Path, monkeypatch) -> None:
    def fail(*args, **kwargs):
        raise RuntimeError("no font <x>")

    monkeypatch.setattr("exoimage.studies.figures.draw_chart", fail)
    run = xi.run(made / "study.toml", tmp_path)
    assert len(run.images) > 5
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "no font &lt;x&gt;" in text
    assert (tmp_path / "figures" / "panel.svg").exists()


def test_without_groups_there_is_a_report_but_no_figure(tmp_path: Path) -> None:
    write_fields(tmp_path / "images", ["a.tif", "b.tif"])
    from exoimage.studies.plan import study_of_images

    xi.run(study_of_images(xi.assay("alizarin-red"), [tmp_path / "images"]), tmp_path / "out")
    assert list((tmp_path / "out" / "figures").iterdir()) == []
    page = _Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert (page.open, page.broken) == ([], [])
    assert "exoimage measure alizarin-red" in "".join(page.words)


@pytest.mark.parametrize("count", [60, 200])
def test_the_pictures_of_a_page_stay_small_enough_to_be_sent(tmp_path: Path, count: int) -> None:
    store = Store(tmp_path)
    store.prepare()
    noise = np.random.default_rng(1).normal(128, 40, (600, 800, 3)).clip(0, 255).astype(np.uint8)
    for path in (store.preview_path("x"), store.overlay_path("x")):
        cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 1))
    shown = embedded(store, "x", count)
    assert (shown.width, shown.height) == (800, 600)
    assert count * (len(shown.original) + len(shown.overlay)) <= 1.02 * PAGE_BYTES


def test_pictures_are_as_good_as_there_is_room_for() -> None:
    picture = np.full((600, 800, 3), 200, np.uint8)
    cv2.circle(picture, (400, 300), 200, (120, 20, 60), -1)
    sizes = [len(report_pictures._encoded(picture, budget)) for budget in (90_000, 9_000, 4_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] <= 9_000
    assert sizes[2] <= 4_000


def test_the_histogram_holds_the_cut_and_almost_all_values() -> None:
    values = np.concatenate([np.zeros(900), np.full(100, 0.8)])
    shown = histogram_of(values, 0.3, "optical density", "pixels")
    assert shown.counts.sum() == 1000
    assert shown.edges[0] <= 0 < 0.3 < 0.8 <= shown.edges[-1]
    assert CutHistogram().is_empty
    assert histogram_of(np.empty(0), 0.3, "", "").is_empty
    svg = report_charts.histogram_chart(histogram_of(values, np.inf, "optical density", "pixels"))
    assert 'class="cut"' not in svg


def test_the_run_shows_the_histogram_its_threshold_was_found_in(made: Path) -> None:
    study, store = load_study(made / "study.toml"), Store(made / "out")
    decided = load_resolved(made / "out" / "resolved.toml")[""]
    shown = decided.recipe.cut_histogram(report._some_evidence(study, store, ""))
    assert shown.cut == decided.recipe.threshold.od
    area = shown.counts[shown.edges[1:] > shown.cut].sum() / shown.counts.sum()
    assert 0.05 < area < 0.4, "the share above the cut is about that of the stained fields"


@pytest.mark.parametrize("values", [[0.2] * 5, [0.1, 0.5, 0.3], list(np.linspace(0, 1, 1000)), [0.0], [-1.0, 1.0]])
def test_thresholds_are_drawn_within_the_frame(values) -> None:
    names = [f"<{i}>" for i in range(len(values))]
    svg = report_charts.threshold_chart(names, values, "Threshold OD")
    page = _Page(svg)
    assert (page.open, page.broken) == ([], [])
    heights = [float(circle["cy"]) for circle in page.all("circle")]
    assert all(report_charts.TOP <= y <= report_charts.HEIGHT - report_charts.BOTTOM for y in heights)
    assert len(page.all("circle")) == (len(values) if len(values) <= report_charts.MOST_POINTS else 0)


def test_thresholds_set_by_hand_are_named_in_the_methods(made: Path) -> None:
    tables = read_tables(made / "out")

    def overridden(row) -> Mapping:
        is_own = row["image"] == "images/PMO_2_1.tif"
        return {**row, "flags": Flag.THRESHOLD_OVERRIDDEN.value, "threshold_od": 0.31} if is_own else row

    changed = type(tables)(tuple(map(overridden, tables.images)), tables.samples)
    text = methods_text(load_study(made / "study.toml"), changed, {})
    assert "set by hand in 1 images: images/PMO_2_1.tif (0.31)." in text


def test_the_methods_say_replicates_versions_and_what_is_left_to_fill_in(made: Path) -> None:
    text = (made / "out" / "methods.md").read_text("utf-8")
    assert re.search(r"Python 3\.\d+\.\d+, numpy \d", text)
    assert "Samples per group were Control 2, PMO" in text
    assert "images/PMO_1_1.tif (a fold <b>)" in text
    assert "- [ ] TODO microscope" in text
    assert "- [x] Exact version (minimal)" in text
    assert "ruifrok2001" in (made / "out" / "references.bib").read_text("utf-8")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium on the path")
@pytest.mark.slow
def test_a_browser_sorts_filters_and_slides(made: Path, tmp_path: Path) -> None:
    text = (made / "out" / "report.html").read_text("utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)  # for the script that tries it
    tried = """<script>
      const out = [];
      const names = () => Array.from(document.querySelectorAll("#images tbody tr:not([hidden])"));
      const area = (row) => Number(row.querySelector("td.n").dataset.v);
      const heads = Array.from(document.querySelectorAll("#images th button"));
      const head = heads.find((b) => b.textContent.startsWith("Stained area (%)"));
      head.click();
      const up = names().map((r) => r.querySelector("td.n").dataset.v).filter((v) => v !== "").map(Number);
      out.push(up.every((v, i) => i === 0 || up[i - 1] <= v));
      out.push(names().pop().querySelector("td.n").dataset.v === "");
      head.click();
      out.push(head.closest("th").getAttribute("aria-sort") === "descending");
      const filter = document.getElementById("filter-text");
      filter.value = "control";
      filter.dispatchEvent(new Event("input"));
      out.push(names().length === 4 && document.querySelectorAll(".card:not([hidden])").length === 4);
      const slider = document.querySelector(".card:not([hidden]) .slide input");
      slider.value = 80;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      out.push(slider.closest(".card").querySelector(".compare").style.getPropertyValue("--cut") === "80%");
      out.push(document.documentElement.scrollWidth <= window.innerWidth);
      document.title = "tried " + out.join(" ");
    </script></body>"""
    path = tmp_path / "tried.html"
    path.write_text(text.replace("</body>", tried), encoding="utf-8")
    for width in (1280, 400):
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
        done = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120)
        assert "<title>tried true true true true true true</title>" in done.stdout
