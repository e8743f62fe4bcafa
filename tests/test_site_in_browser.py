"""The built site in a real browser, from the disk: `make docs && pytest -m browser -n 0`, with Chromium or Chrome."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag

import pytest

from minivit.plot import frames
from minivit.plot.figure import new_panel

SITE = Path(__file__).parent.parent / "build" / "site"
HOME = f"{SITE.as_uri()}/"
STEPS = SITE / "docs" / "steps"
WIDTHS = (1400, 400)

pytestmark = pytest.mark.browser

LOOK = r"""
async () => {
    if (window.MathJax) await MathJax.startup.promise;
    const raw = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest('pre, code, script, style, mjx-container, .sig')) continue;
        if (/\$|\\[a-zA-Z([]|:math:|\.\. \w+::/.test(node.textContent)) raw.push(node.textContent.trim().slice(0, 80));
    }
    const all = (query) => [...document.querySelectorAll(query)];
    return {
        raw,
        formulas: all('.math').length,
        typeset: all('.math mjx-container').length,
        mistakes: all('mjx-merror, [data-mjx-error]').map(item => item.textContent),
        anchors: all('[id]').map(item => item.id),
        links: all('a[href]').map(item => item.href),
        missing: all('img').filter(item => !(item.complete && item.naturalWidth)).map(item => item.src),
    };
}
"""


class Page(NamedTuple):
    """What a reader finds on a page, and what the browser complains of."""

    raw: list[str]
    formulas: int
    typeset: int
    mistakes: list[str]
    anchors: list[str]
    links: list[str]
    missing: list[str]
    console: list[str]
    elsewhere: list[str]
    too_wide: list[int]


@pytest.fixture(scope="module")
def browser(browser):
    """That of all tests, if there is a site."""
    assert SITE.is_dir(), "no site: run `make docs`"
    return browser


@pytest.fixture(scope="module")
def look_at(browser):
    """Opens a page and looks at it in both widths."""
    tab = browser.new_page()
    console, requests = [], []
    tab.on("console", lambda message: console.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: console.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))

    def look_at(path):
        console.clear()
        requests.clear()
        tab.set_viewport_size({"width": WIDTHS[0], "height": 1000})
        tab.goto(path.as_uri())
        found, too_wide = tab.evaluate(LOOK), []
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 1000})
            if tab.evaluate("document.documentElement.scrollWidth") > width:
                too_wide.append(width)
        elsewhere = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
        return Page(**found, console=[*console], elsewhere=elsewhere, too_wide=too_wide)

    return look_at


@pytest.fixture(scope="module")
def pages(look_at):
    """Every page of the site but the redirection, and those that walk through a run, which make themselves.

    Of the pages of sources, which Sphinx makes all alike, one in ten.
    """
    sources = sorted((SITE / "_modules").rglob("*.html"))
    paths = set(SITE.rglob("*.html")) - {SITE / "index.html", *STEPS.glob("*.html"), *sources} | {*sources[::10]}
    return {path.relative_to(SITE).as_posix(): look_at(path) for path in sorted(paths)}


def faults(pages, field):
    """The pages on which a field is not empty."""
    return {name: getattr(page, field) for name, page in pages.items() if getattr(page, field)}


def test_no_page_leads_to_the_answers(pages):
    assert "docs/answers/index.html" in pages
    others = {name: page for name, page in pages.items() if not name.startswith("docs/answers/")}
    assert {name for name, page in others.items() if any("/docs/answers/" in link for link in page.links)} == set()


def test_faults_are_seen(look_at, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        r"""<!doctype html><html><body><p>With $x$ and \bar y</p><code>$HOME</code><span class="math">x</span>
        <mjx-merror>undefined</mjx-merror><img src="none.png"><img src="http://localhost:1/"><a href="b.html#c">b</a>
        <div style="width: 700px">wide</div><script>missing()</script></body></html>""",
        encoding="utf-8",
    )
    seen = look_at(page)
    assert seen.raw == [r"With $x$ and \bar y"]
    assert (seen.formulas, seen.typeset, seen.mistakes) == (1, 0, ["undefined"])
    assert (len(seen.missing), seen.elsewhere) == (2, ["http://localhost:1/"])
    assert any("missing is not defined" in text for text in seen.console)
    assert (seen.links, seen.too_wide) == ([(tmp_path / "b.html").as_uri() + "#c"], [400])


@pytest.fixture
def with_sliders(browser, tmp_path):
    """A page with three of them: of one parameter, the same again, of two parameters."""

    def draw(height, colour="red"):
        ax = new_panel(height, width=2)
        ax.set_facecolor(colour)
        return ax

    one, two = frames(draw, height=[1, 2, 3]), frames(draw, colour=["blue", "red"], height=[1, 2])
    body = "".join(shown._repr_html_() for shown in (one, one, two))
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><html><body>{body}</body></html>", encoding="utf-8")
    tab = browser.new_page()
    complaints = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri())
    yield tab
    assert not complaints


def test_a_slider_moves_its_picture_and_no_other(with_sliders):
    tab = with_sliders

    def shown():
        return tab.evaluate("[...document.images].map(image => [image.alt, image.naturalHeight])")

    tab.wait_for_function("[...document.images].every(image => image.complete)")
    assert shown() == [["height = 1", 100], ["height = 1", 100], ["colour = red, height = 1", 100]]
    first, second, colour, height = tab.get_by_role("slider").all()
    first.focus()
    tab.keyboard.press("ArrowRight")  # no mouse is needed
    second.fill("2")
    colour.fill("0")
    height.fill("1")
    tab.wait_for_function("[...document.images].every(image => image.complete)")
    assert shown() == [["height = 2", 200], ["height = 3", 300], ["colour = blue, height = 2", 200]]
    assert colour.get_attribute("aria-valuetext") == "blue"  # for who hears the page
    assert tab.get_by_label("colour").count() == 1


def test_without_scripts_no_slider_is_shown_and_the_first_picture_is(browser, with_sliders):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(with_sliders.url)
    assert tab.get_by_role("slider").count() == 0
    assert tab.get_by_role("img", name="height = 1").first.is_visible()
    assert "of height = 1, 2, 3" in tab.inner_text("body")
    context.close()


def test_every_part_of_the_site_is_there(pages):
    parts = (
        "docs/training",
        "docs/reference/map",
        "docs/reference/minivit.ops.attention",
        "docs/glossary",
        "notebooks/04_vit",
        "CHANGELOG",
    )
    assert {f"{part}.html" for part in parts} <= pages.keys()
    assert sum(page.formulas for page in pages.values()) > 300
    assert sum(len(page.links) for page in pages.values()) > 1000


def test_no_formula_is_left_as_text(pages):
    assert not faults(pages, "raw")
    assert not faults(pages, "mistakes")
    assert not {name for name, page in pages.items() if page.formulas != page.typeset}


def test_the_browser_complains_of_nothing(pages):
    assert not faults(pages, "console")


def test_nothing_is_asked_of_the_network(pages):
    assert not faults(pages, "elsewhere")


def test_every_image_is_loaded(pages):
    assert not faults(pages, "missing")


def test_every_link_leads_somewhere(pages):
    broken = []
    for name, page in pages.items():
        for link in set(page.links):
            url, anchor = urldefrag(link)
            if not url.startswith(HOME):
                continue
            target = unquote(url.removeprefix(HOME))
            has_anchor = not anchor or target not in pages or unquote(anchor) in pages[target].anchors
            if not (SITE / target).exists() or not has_anchor:
                broken.append((name, link.removeprefix(HOME)))
    assert not broken


def test_links_to_steps_lead_to_steps(browser, pages):
    links = {name: [link for link in page.links if "/docs/steps/" in link] for name, page in pages.items()}
    assert len(links["docs/steps.html"]) > 5
    assert {f"notebooks/0{n}" for n in (2, 3, 4, 5)} <= {name[:12] for name, found in links.items() if found}
    tab = browser.new_page()
    for link in sorted({link for found in links.values() for link in found}):
        tab.goto(link)
        anchor = unquote(urldefrag(link)[1])
        tab.wait_for_selector(f'main[data-shown="{anchor}"]' if anchor else "main[data-shown]")
    tab.close()


def test_no_page_is_wider_than_its_window(pages):
    assert not faults(pages, "too_wide")


def test_the_search_finds_an_op(browser):
    tab = browser.new_page()
    tab.goto(f"{HOME}search.html?q=attention_backward")
    tab.wait_for_selector("#search-results li a[href*='minivit.ops.attention.html']")


def test_the_first_page_leads_to_the_home_page(browser):
    tab = browser.new_page()
    tab.goto(f"{HOME}index.html")
    tab.wait_for_url(f"{HOME}docs/index.html")
