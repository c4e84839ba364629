"""What the identity audit tells of itself."""

from __future__ import annotations

from appetence.reporting.identity_page import build_identity
from appetence.reporting.parts import render
from tests.reporting import planted


def test_what_the_model_expects_is_told_with_its_intervals() -> None:
    page = render(build_identity(planted.identity_rows()))
    assert "0.991 (0.990 to 0.992)" in page and "0.979 (0.977 to 0.981)" in page


def test_without_such_a_run_the_page_says_nothing_of_it() -> None:
    assert "What the model expects" not in render(build_identity(planted.identity_rows(expected=())))
