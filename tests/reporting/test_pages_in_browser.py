"""The pages as a browser lays them out: as wide as the screen on a desk and on a telephone, and without a complaint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reporting.browser import Browser, find_browser, started
from tests.reporting.test_pages import PAGES, rendered

SCREENS = {"desk": (1280, 900, False), "telephone": (390, 844, True)}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium): the pages are checked as text only")
    with started(program, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


# What a reader has before him: the words and plots shown at this width, and the smallest letters of the plots in pixels of the screen.
SEEN = """JSON.stringify({
  page: document.documentElement.scrollWidth, screen: window.innerWidth, words: document.body.innerText.length,
  outside: [...document.querySelectorAll("main *")].filter(e =>
    !e.closest(".scroll, svg") && e.getBoundingClientRect().right > window.innerWidth).length,
  plots: [...document.querySelectorAll("svg:not(.trend)")].filter(e => e.checkVisibility()).length,
  letters: Math.min(...[...document.querySelectorAll("svg text")].filter(e => e.checkVisibility()).map(e => {
    const at = e.getScreenCTM(); return parseFloat(getComputedStyle(e).fontSize) * Math.hypot(at.a, at.b); }), 99),
})"""


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_the_browser_does_not_complain(browser: Browser, tmp_path: Path, name: str, screen: str) -> None:
    width, height, is_phone = SCREENS[screen]
    html = rendered(name)
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    browser.open(tmp_path / "page.html", width, height, is_phone=is_phone)
    seen = json.loads(browser.value(SEEN))
    assert seen["screen"] == width and seen["page"] <= width and seen["outside"] == 0, seen
    assert seen["words"] > 500 and seen["plots"] == html.count("<svg role") // 2, "each plot stands once for the desk and once for the telephone"
    assert seen["letters"] >= 9, seen
    assert browser.complaints == []


def test_the_browser_tells_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    """What the test above rests on: a page too wide is seen, and so is one that asks for something or fails."""
    page = tmp_path / "bad.html"
    page.write_text("<meta name=viewport content='width=device-width'><p style='width:600px'>x<script>console.error('no')</script><img src=gone.png>")
    browser.open(page, 390, 844, is_phone=True)
    assert json.loads(browser.value(SEEN))["page"] >= 600
    assert any("consoleAPICalled" in c for c in browser.complaints) and any("loadingFailed" in c for c in browser.complaints)
