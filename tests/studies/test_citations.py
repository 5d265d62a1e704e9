from __future__ import annotations

import re

import pytest

from exoimage.assays.registry import ASSAYS, assay
from exoimage.studies.citations import CHECKLIST, PACKAGES, TESTS, parse_reference, to_bibtex

ALL = sorted(
    {text for name in ASSAYS for text in assay(name).references}
    | {text for _, text in PACKAGES}
    | {*TESTS.values()}
    | {CHECKLIST}
)


@pytest.mark.parametrize("text", ALL, ids=lambda text: text[:30])
def test_every_reference_can_be_taken_apart(text: str) -> None:
    reference = parse_reference(text)
    fields = dict(reference.fields)
    assert reference.kind == "article", "authors, title, journal year;volume:pages"
    assert fields["year"] in text
    assert ("doi" in fields) == ("doi:" in text)
    assert re.fullmatch(r"[a-z]+\d{4}", reference.key)
    assert "{" not in fields["author"], "a person has a name and initials"


def test_authors_are_written_as_bibtex_wants_them() -> None:
    fields = dict(parse_reference("van der Laak JAWM, McCarty KS Jr, et al. A title. A Journal 2000;1:2-3.").fields)
    assert fields["author"] == "van der Laak, J. A. W. M. and McCarty, Jr., K. S. and others"


def test_keys_differ_and_each_reference_is_there_once() -> None:
    a, b = "Smith A. One. J Bone 2001;1:2-3.", "Smith A. Two. J Bone 2001;1:4-5."
    text = to_bibtex([a, b, a])
    assert re.findall(r"@article\{(\w+),", text) == ["smith2001a", "smith2001b"]


def test_signs_of_tex_are_escaped_and_braces_balance() -> None:
    text = to_bibtex(["A note on H&E, 5 % of #1_a", "Doe J. On H&E and 5 % of it. J Test 2002;1:1-2. doi:10.1/a_b%c"])
    assert r"H\&E, 5 \% of \#1\_a" in text
    assert "doi = {10.1/a_b%c}" in text
    assert text.count("{") == text.count("}")
