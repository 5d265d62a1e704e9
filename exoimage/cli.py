"""The command line: thin, one line per error, no traceback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from exoimage import __version__
from exoimage.errors import ExoimageError

OK, SOME_FAILED, WRONG_USAGE = 0, 1, 2
STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: the process's own.

    Returns
    -------
    int
        0: all images measured; 1: some failed; 2: wrong usage or an unreadable study; 130: stopped by Ctrl-C.
    """
    _write_utf8()
    options = _parser().parse_args(arguments)
    try:
        command: Callable[[argparse.Namespace], int] = options.command
        return command(options)
    except ExoimageError as error:
        print(f"exoimage: {' '.join(str(error).split())}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("exoimage: stopped; the same command goes on where it was", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        sys.stderr.close()
        return OK
    except Exception as error:  # a defect of ours; a traceback would help nobody at a command line
        if os.environ.get("EXOIMAGE_DEBUG"):
            raise
        text = " ".join(str(error).split())
        print(f"exoimage: unexpected {type(error).__name__}: {text}; please report it", file=sys.stderr)
        return SOME_FAILED


def _write_utf8() -> None:
    """A Windows console or pipe of another code page would fail on µ."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exoimage",
        description="From a folder of pictures to the table of the paper.",
        epilog="Exit status: 0 all images measured, 1 some image failed, 2 wrong usage.",
    )
    parser.add_argument("--version", action="version", version=f"exoimage {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    assays = commands.add_parser("assays", help="list the assays, or one assay's parameters and columns")
    assays.add_argument("name", nargs="?", metavar="NAME")
    assays.set_defaults(command=_assays)

    inspect = commands.add_parser("inspect", help="say what a picture is: size, channels, pixel size, flags")
    inspect.add_argument("images", nargs="+", metavar="IMAGE", help="image or folder of images")
    inspect.add_argument("--json", action="store_true", help="print JSON")
    inspect.add_argument("--contact-sheet", metavar="FILE", help="write a sheet of thumbnails (PNG or JPEG)")
    inspect.set_defaults(command=_inspect)

    convert = commands.add_parser("convert", help="write pictures as OME-TIFF or OME-Zarr")
    convert.add_argument("images", nargs="+", metavar="IMAGE", help="image or folder of images")
    convert.add_argument("--to", required=True, choices=("ome-tiff", "ome-zarr"))
    convert.add_argument("--out", required=True, metavar="DIR", help="folder of what is written")
    convert.set_defaults(command=_convert)

    recipe = commands.add_parser("recipe", help="print a commented recipe of an assay, to be edited")
    recipe.add_argument("assay", metavar="ASSAY")
    recipe.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    recipe.set_defaults(command=_recipe)

    measure = commands.add_parser("measure", help="measure images or folders, without groups")
    measure.add_argument("assay", metavar="ASSAY")
    measure.add_argument("images", nargs="+", metavar="IMAGE|FOLDER")
    measure.add_argument("--recipe", metavar="FILE", help="recipe to measure by (see: exoimage recipe ASSAY)")
    measure.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE",
        help="change one parameter of the recipe, like threshold.floor_od=0.2",
    )  # fmt: skip
    measure.add_argument("--pixel-size", type=_positive, metavar="UM", help="µm per pixel, where the files don't say")
    measure.add_argument("--rois", metavar="FILE", help="ImageJ ROIs, GeoJSON or a mask image; or a folder of them")
    measure.add_argument("--edits", metavar="DIR", default="", help="masks corrected by hand, IMAGE.tif each")
    _add_run_options(measure)
    measure.set_defaults(command=_measure)

    study = commands.add_parser("study", help="write a study.toml from a folder's names, to be edited")
    study.add_argument("folder", metavar="FOLDER")
    study.add_argument("--assay", required=True, metavar="ASSAY")
    study.set_defaults(command=_study)

    run = commands.add_parser("run", help="run a study: tables, overlays, labels, methods text")
    run.add_argument("study", metavar="STUDY.toml")
    _add_run_options(run)
    run.add_argument(
        "--sensitivity", action="store_true", help="then measure with moved thresholds and other methods too"
    )
    run.add_argument("--watch", action="store_true", help="measure new images as they appear, until Ctrl-C")
    run.set_defaults(command=_run)

    _add_statistics(commands)
    _add_compare(commands)
    gui = commands.add_parser("gui", help="open napari with a study, a folder or images, to look and to correct")
    gui.add_argument("what", nargs="*", metavar="STUDY|FOLDER|IMAGE")
    gui.add_argument("--assay", default="", metavar="ASSAY", help="of a folder or images")
    gui.set_defaults(command=_gui)
    return parser


def _add_statistics(commands: Any) -> None:
    statistics = commands.add_parser(
        "statistics", help="compare the groups of any table: absorbances, counts, Ct values"
    )
    statistics.add_argument("table", metavar="TABLE", help=".csv, .tsv, .txt or .xlsx, with a header row")
    statistics.add_argument("--value", required=True, metavar="COL", help="the number (with --ddct: the Ct)")
    statistics.add_argument("--group", required=True, metavar="COL")
    statistics.add_argument("--unit", default="", metavar="COL", help="animal or well; its rows are averaged first")
    statistics.add_argument("--pair", default="", metavar="COL", help="what pairs units of different groups")
    statistics.add_argument("--by", default="", metavar="COL", help="analyse each value of this column on its own")
    statistics.add_argument(
        "--test", default="anova", help="anova (default), welch, kruskal, t, welch-t, paired-t, ..."
    )
    statistics.add_argument("--posthoc", default="", help="tukey (default), dunnett, holm, lsd, games-howell, dunn")
    statistics.add_argument("--control", default="", metavar="GROUP")
    statistics.add_argument("--log2", action="store_true", help="test the logarithms (ratios, fold changes)")
    statistics.add_argument("--against", type=float, default=1.0, metavar="X", help="of one-sample-t (default: 1)")
    statistics.add_argument("--ddct", action="store_true", help="relative expression 2^-ddCt of qPCR Ct values")
    statistics.add_argument("--target", default="", metavar="COL", help="with --ddct: the column of the gene")
    statistics.add_argument("--reference", action="append", default=[], metavar="GENE", help="housekeeping gene(s)")
    statistics.add_argument("--calibrator", default="", metavar="GROUP", help="with --ddct (default: the control)")
    statistics.add_argument("--out", required=True, metavar="DIR", help="folder of the results")
    statistics.set_defaults(command=_statistics)


def _add_compare(commands: Any) -> None:
    compare = commands.add_parser("compare", help="agreement of two runs, or with an ImageJ Results table")
    compare.add_argument("a", metavar="A.csv")
    compare.add_argument("b", metavar="B.csv")
    compare.add_argument("--value", required=True, metavar="COL", help="the column, or COL_A=COL_B if they differ")
    compare.add_argument("--key", metavar="COL", help="the column that names the image (default: found by itself)")
    compare.add_argument("--plot", metavar="FILE", help="write a Bland-Altman plot (.png, .svg, .pdf)")
    compare.set_defaults(command=_compare)


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--jobs", type=_count, default=0, metavar="N", help="processes (default: the cores)")
    parser.add_argument(
        "--cluster", default="", metavar="ADDRESS", help="a Dask scheduler, like tcp://host:8786, or local:4"
    )
    parser.add_argument("--resolved", metavar="FILE", help="measure by what another run decided (its resolved.toml)")
    parser.add_argument("--fresh", action="store_true", help="measure everything again")
    parser.add_argument("--tables-only", action="store_true", help="leave no overlays and label images")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def _assays(options: argparse.Namespace) -> int:
    from exoimage.assays.describe import describe_assay, list_assays

    print(describe_assay(options.name) if options.name else list_assays())
    return OK


def _inspect(options: argparse.Namespace) -> int:
    from exoimage.studies import inspection

    reports = inspection.inspect_all(options.images)
    print(inspection.as_json(reports) if options.json else inspection.as_table(reports))
    if options.contact_sheet:
        inspection.write_contact_sheet(reports, Path(options.contact_sheet))
    return SOME_FAILED if any(report.error for report in reports) else OK


def _convert(options: argparse.Namespace) -> int:
    from exoimage.images.converting import convert
    from exoimage.studies.inspection import pictures_given
    from exoimage.studies.work import explain

    failed = 0
    for picture in pictures_given(options.images):
        try:
            print(convert(picture, options.to, options.out))
        except Exception as error:
            failed += 1
            print(f"{picture.ref(str(picture.path)).key}: {explain(error)}", file=sys.stderr)
    return SOME_FAILED if failed else OK


def _recipe(options: argparse.Namespace) -> int:
    from exoimage.assays.recipe_text import to_toml, with_settings
    from exoimage.assays.registry import assay

    print(to_toml(with_settings(assay(options.assay), options.settings)), end="")
    return OK


def _measure(options: argparse.Namespace) -> int:
    from exoimage.assays.recipe_text import load_recipe, with_settings
    from exoimage.assays.registry import assay
    from exoimage.errors import RecipeError
    from exoimage.studies.by_hand import with_edits
    from exoimage.studies.plan import study_of_images

    if options.resolved and (options.recipe or options.settings or options.rois):
        raise RecipeError("--resolved says all that decides a number: leave out --recipe, --set and --rois")
    recipe = load_recipe(options.recipe) if options.recipe else assay(options.assay)
    if recipe.assay != options.assay:
        raise RecipeError(f"{options.recipe} is a recipe of {recipe.assay}, not of {options.assay}")
    settings = list(options.settings)
    if options.rois:
        path = Path(options.rois).absolute().as_posix()
        settings.append(f'region={{method="rois", path="{path}"}}')
    if settings:
        recipe = with_settings(recipe, settings)
    study = study_of_images(recipe, options.images, pixel_size=options.pixel_size)
    images = with_edits(study.images, options.edits, recipe, Path.cwd())
    return _run_and_say(replace(study, images=images), options)


def _study(options: argparse.Namespace) -> int:
    from exoimage.errors import StudyError
    from exoimage.studies.plan import draft_study

    text = draft_study(options.folder, options.assay)
    path = Path(options.folder) / "study.toml"
    if path.exists():
        raise StudyError(f"{path} is there already; move it away first")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path}: cannot be written: {error.strerror or error}") from None
    print(f"{path} is written: look through it, then  exoimage run {path} --out results")
    return OK


def _run(options: argparse.Namespace) -> int:
    from exoimage.studies.plan import load_study

    if options.watch:
        return _watch(options)
    study = load_study(options.study)
    status = _run_and_say(study, options)
    return max(status, _try_variants(study, options)) if options.sensitivity else status


def _try_variants(study: Any, options: argparse.Namespace) -> int:
    from exoimage.studies import batch, sensitivity
    from exoimage.studies.finished import read_tables
    from exoimage.studies.progress import reporter

    jobs = options.jobs or batch.default_jobs(len(study.images))
    with reporter(quiet=options.quiet) as report:
        for event in sensitivity.iter_sensitivity(study, options.out, jobs=jobs, cluster=options.cluster):
            report.show(event)
    table = Path(options.out) / "sensitivity.csv"
    rows = [row for row in read_tables(table.parent).sensitivity if row["variant"]]
    fallen = [row for row in rows if row["conclusion_stands"] != "true"]
    if not options.quiet:
        print(f"the conclusion stands in {len(rows) - len(fallen)} of {len(rows)} variants: {table}")
        for row in fallen:
            print(f"  not with {row['variant']} ({row['measure']}): {row['order'] or row['note']}; {row['stars']}")
    return OK


def _watch(options: argparse.Namespace) -> int:
    from exoimage.studies import batch, watching

    events = watching.watch(
        options.study,
        options.out,
        jobs=options.jobs or batch.default_jobs(10**6),
        resolved=options.resolved,
        fresh=options.fresh,
        pictures=not options.tables_only,
        cluster=options.cluster,
    )
    if not options.quiet:
        print(f"watching the images of {options.study}; Ctrl-C ends it", flush=True)
    for event in events:
        if event.error:
            print(f"{event.key}: {event.error}", file=sys.stderr, flush=True)
        elif event.stage == "finished" and not options.quiet:
            print(f"{event.total} images in {Path(options.out) / 'images.csv'}", flush=True)
    return OK


def _statistics(options: argparse.Namespace) -> int:
    from exoimage.studies.statistics.of_table import write_statistics_of_table
    from exoimage.studies.statistics.request import request_of

    print(write_statistics_of_table(options.table, options.out, request_of(**vars(options))))
    return OK


def _compare(options: argparse.Namespace) -> int:
    from exoimage.studies import agreement

    found = agreement.compare(options.a, options.b, options.value, options.key)
    print(agreement.report(found))
    if options.plot:
        agreement.plot(found, options.plot)
    return OK


def _gui(options: argparse.Namespace) -> int:
    from importlib import import_module

    try:
        window = import_module("napari_exoimage.launch")
    except ImportError as error:
        raise ExoimageError(
            f'the window needs napari and its plugin: python -m pip install "napari-exoimage[qt]" ({error})'
        ) from None
    return int(window.launch(options.what, options.assay))


def _run_and_say(study: Any, options: argparse.Namespace) -> int:
    from exoimage.studies import batch
    from exoimage.studies.progress import reporter

    jobs = options.jobs or batch.default_jobs(len(study.images))
    report = reporter(quiet=options.quiet)
    with report:
        run = batch.run(
            study,
            options.out,
            jobs=jobs,
            resolved=options.resolved,
            fresh=options.fresh,
            pictures=not options.tables_only,
            cluster=options.cluster,
            progress=report.show,
        )
    if not options.quiet:
        failed = f", {run.n_failed} failed (see the column error)" if run.n_failed else ""
        print(f"{run.n_images - run.n_failed} of {run.n_images} images measured{failed}: {run.folder / 'images.csv'}")
    return SOME_FAILED if run.n_failed else OK


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"a pixel size is a positive number of µm with a dot, like 0.65, not {text}")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"the number of processes is 1 or more, not {text}")
    return int(text)
