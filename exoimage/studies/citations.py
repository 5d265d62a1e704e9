"""References as BibTeX, from the lines that recipes print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

PACKAGES = (
    ("numpy", "Harris CR, et al. Array programming with NumPy. Nature 2020;585:357-362. doi:10.1038/s41586-020-2649-2"),
    (
        "scipy",
        "Virtanen P, et al. SciPy 1.0: fundamental algorithms for scientific computing in Python. Nat Methods"
        " 2020;17:261-272. doi:10.1038/s41592-019-0686-2",
    ),
    (
        "scikit-image",
        "van der Walt S, et al. scikit-image: image processing in Python. PeerJ 2014;2:e453. doi:10.7717/peerj.453",
    ),
    ("opencv-python-headless", "Bradski G. The OpenCV library. Dr Dobb's Journal of Software Tools 2000;25:120-125."),
)
"""What a methods section cites for the packages that do the arithmetic."""

TESTS = {
    "Tukey": (
        "Tukey JW. Comparing individual means in the analysis of variance. Biometrics 1949;5:99-114."
        " doi:10.2307/3001913"
    ),
    "Dunnett": (
        "Dunnett CW. A multiple comparison procedure for comparing several treatments with a control."
        " J Am Stat Assoc 1955;50:1096-1121. doi:10.1080/01621459.1955.10501294"
    ),
    "Games-Howell": (
        "Games PA, Howell JF. Pairwise multiple comparison procedures with unequal N's and/or variances: a Monte Carlo"
        " study. J Educ Stat 1976;1:113-125. doi:10.3102/10769986001002113"
    ),
    "Dunn": (
        "Dunn OJ. Multiple comparisons using rank sums. Technometrics 1964;6:241-252."
        " doi:10.1080/00401706.1964.10490181"
    ),
    "Holm": "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.",
    "Welch's ANOVA": (
        "Welch BL. On the comparison of several mean values: an alternative approach. Biometrika 1951;38:330-336."
        " doi:10.1093/biomet/38.3-4.330"
    ),
    "Kruskal-Wallis": (
        "Kruskal WH, Wallis WA. Use of ranks in one-criterion variance analysis. J Am Stat Assoc 1952;47:583-621."
        " doi:10.1080/01621459.1952.10483441"
    ),
    "Mann-Whitney": (
        "Mann HB, Whitney DR. On a test of whether one of two random variables is stochastically larger than the other."
        " Ann Math Stat 1947;18:50-60. doi:10.1214/aoms/1177730491"
    ),
}
"""What is cited for a test, by a word of its name; t tests and one-way ANOVA need none."""

CHECKLIST = (
    "Schmied C, et al. Community-developed checklists for publishing images and image analyses. Nat Methods"
    " 2024;21:170-181. doi:10.1038/s41592-023-01987-9"
)

_DOI = re.compile(r"\s*doi:\s*(?P<doi>10\.\S+?)\.?\s*$")
_ARTICLE = re.compile(
    r"(?P<authors>.+?)\. (?P<title>.+)\. (?P<journal>[^.;]+?) (?P<year>\d{4});(?P<volume>[^:;]+):(?P<pages>[\w-]+)\.?"
)
_YEAR = re.compile(r"\b(1[89]|20)\d{2}\b")
_SUFFIXES = ("Jr", "Sr", "II", "III")


@dataclass(frozen=True)
class Reference:
    """A reference in the parts that BibTeX wants.

    Parameters
    ----------
    text : str
        As recipes print it.
    fields : tuple of (str, str)
        BibTeX's fields in order; only a note where the text is no article's.
    kind : str
        BibTeX's kind of entry.
    """

    text: str
    fields: tuple[tuple[str, str], ...]
    kind: str

    @property
    def key(self) -> str:
        """First author and year, in ASCII."""
        found = dict(self.fields)
        first = found.get("author", self.text).split(" and ")[0].split(",")[0]
        years = [match.group() for match in _YEAR.finditer(found.get("year", self.text))]
        plain = unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode()
        return f"{re.sub(r'[^A-Za-z]', '', plain)[:24].lower() or 'reference'}{years[0] if years else ''}"


def of_tests(names: Sequence[str]) -> tuple[str, ...]:
    """The references of tests by their names in tests.csv.

    Examples
    --------
    >>> [text.split()[0] for text in of_tests(["one-way ANOVA", "Dunn, Holm"])]
    ['Dunn', 'Holm']
    """
    return tuple(
        text for word, text in TESTS.items() if any(re.search(rf"\b{re.escape(word)}\b", name) for name in names)
    )


def parse_reference(text: str) -> Reference:
    """Take a reference apart: ``Authors. Title. Journal Year;Volume:Pages. doi:…``.

    Examples
    --------
    >>> reference = parse_reference("Ruifrok AC, Johnston DA. A title. Anal Quant 2001;23:291-299. doi:10.1/x")
    >>> reference.key, dict(reference.fields)["author"], dict(reference.fields)["pages"]
    ('ruifrok2001', 'Ruifrok, A. C. and Johnston, D. A.', '291--299')
    """
    doi = _DOI.search(text)
    about = _ARTICLE.fullmatch(_DOI.sub("", text).strip())
    if about is None:
        return Reference(text, (("note", text),), "misc")
    fields = [
        ("author", " and ".join(_author(name) for name in about["authors"].split(", "))),
        ("title", about["title"]),
        ("journal", about["journal"]),
        ("year", about["year"]),
        ("volume", about["volume"]),
        ("pages", about["pages"].replace("-", "--")),
    ]
    return Reference(text, (*fields, *((("doi", doi["doi"]),) if doi else ())), "article")


def _author(name: str) -> str:
    """``Surname AB`` as ``Surname, A. B.``; ``et al`` as BibTeX's "others"."""
    if name.strip().rstrip(".") == "et al":
        return "others"
    words = name.split()
    suffix = f", {words.pop()}." if words[-1] in _SUFFIXES else ""
    if len(words) < 2 or not words[-1].replace("-", "").isupper():
        return f"{{{name}}}"
    initials = " ".join(f"{letter}." for letter in words[-1].replace("-", ""))
    return f"{' '.join(words[:-1])}{suffix}, {initials}"


def to_bibtex(references: Sequence[str]) -> str:
    """References as a BibTeX file in UTF-8, each once, in order; equal keys told apart by letters."""
    parsed = [parse_reference(text) for text in dict.fromkeys(references)]
    keys = [reference.key for reference in parsed]
    entries = []
    for index, reference in enumerate(parsed):
        same = [i for i, key in enumerate(keys) if key == keys[index]]
        letter = "abcdefghijklmnopqrstuvwxyz"[same.index(index) % 26] if len(same) > 1 else ""
        lines = ",\n".join(f"  {name} = {{{_escaped(name, value)}}}" for name, value in reference.fields)
        entries.append(f"@{reference.kind}{{{keys[index]}{letter},\n{lines}\n}}\n")
    return "\n".join(entries)


def _escaped(name: str, value: str) -> str:
    """Text with TeX's own signs escaped; a DOI stays as it is."""
    if name == "doi":
        return value
    text = re.sub(r"([&%$#_])", r"\\\1", value)
    # Capitals within a title (OpenCV, SciPy, H&E) stay capitals in every style.
    return re.sub(r"\b(\w+[A-Z]\w*)\b", r"{\1}", text) if name == "title" else text
