"""The page as text, and as a real browser shows it (headless Chromium)."""

import json
import os
import re
import shutil
import struct
import subprocess
from dataclasses import replace
from email.message import Message
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.results import event, study
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import AutoLocator

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.parallel import same_workers
from hepsets.report.decay_trees import decay_tree
from hepsets.report.figures import roc_curves, score_distributions
from hepsets.report.page import (
    Column,
    Drawing,
    FigureFiles,
    KeyFigure,
    Listing,
    Page,
    Section,
    SpeedupExplorer,
    Table,
    cell_text,
    drawing,
    render,
    write_page,
)
from hepsets.report.style import model_styles

RESULTS = study()
STYLES = model_styles(list(RESULTS.scores))
MODELS = Table(
    (Column("Model"), Column("AUC"), Column("Parameters"), Column("To limit")),
    (
        ("zeta", Measured(0.71, 0.01), 1000, Measured(-0.02, 0.01)),
        ("alpha", Measured(0.913, 0.004), 20_000, None),
        ("mid", Measured(0.82, 0.004), 300, Measured(0.1, 0.01)),
    ),
    "Best first.",
    highlight=1,
)
PAGE = Page(
    title="A test of the page & its <parts>",
    summary="It saves a factor of `5.6`.",
    facts=(("Sample", "mixed"), ("Seed", "1")),
    key_figures=(KeyFigure("5.6", "speedup", "on test events"),),
    sections=(
        Section("Models", ("One paragraph.\n\nAnother with `code` & <b>no markup</b>.", MODELS)),
        Section(
            "ROC curves", (drawing(roc_curves(RESULTS.classified, STYLES, RESULTS.limit), "The ROC curves."),)
        ),
        Section(
            "Speedup", (SpeedupExplorer(RESULTS.curves, RESULTS.chosen, STYLES, "model_1", RESULTS.limit),)
        ),
        Section(
            "Trees",
            (Drawing(decay_tree(event((511, 0, 1.0), (211, 0, 0.5), (-211, 0, 0.5)), 0), "An event."),),
        ),
        Section(
            "Configuration",
            (Listing("config.toml", 'seed = 1\nname = "</script>"', open=True), Listing("Versions", "x")),
        ),
    ),
)


# -- as text -------------------------------------------------------------------------------------------


class Outline(HTMLParser):
    """Collects what the checks below ask about, and that tags close in order."""

    void = frozenset({"meta", "link", "br", "input", "path", "use", "rect", "circle", "image"})

    def __init__(self):
        super().__init__()
        self.stack, self.ids, self.links, self.anchors = [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.ids.append(values["id"])
        self.links += [v for k, v in attributes if k in ("href", "src", "xlink:href", "action", "data") and v]
        if tag not in self.void:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.void:
            self.stack.pop()

    def handle_endtag(self, tag):
        if tag not in self.void:
            assert self.stack, tag
            while self.stack[-1] != tag:  # li, option, tr, td may stay open
                assert self.stack.pop() in {"li", "option", "tr", "td", "th", "p"}, tag
            self.stack.pop()


def outline(html):
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert parser.stack == []
    return parser


def test_a_figure_is_laid_out_once_for_all_its_forms(tmp_path, monkeypatch):
    laid_out = []
    execute = ConstrainedLayoutEngine.execute
    monkeypatch.setattr(
        ConstrainedLayoutEngine, "execute", lambda self, fig: (laid_out.append(fig), execute(self, fig))
    )
    FigureFiles(tmp_path)("roc", roc_curves(RESULTS.classified, STYLES), "The ROC curves.")
    assert len(laid_out) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"roc.png", "roc.pdf"}


def test_no_label_is_cut_off_at_the_edge_of_a_figure(tmp_path):
    long = {f"deep_sets_gcn_pdg_normalized_{i}": found for i, found in enumerate(RESULTS.classified.values())}
    FigureFiles(tmp_path)("roc", roc_curves(long, model_styles(tuple(long)), RESULTS.limit), "ROC.")
    pixels = imread(tmp_path / "roc.png")[..., :3]
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 1).all()


def test_every_form_of_a_figure_has_the_ticks_for_which_it_was_laid_out(tmp_path):
    class ByResolution(AutoLocator):
        def __call__(self):
            return [0, 1] if self.axis.figure.dpi > 100 else [0, 0.123, 1]

    figure = Figure()
    figure.subplots().xaxis.set_major_locator(ByResolution())
    assert "0.123" not in FigureFiles(tmp_path)("ticks", figure, "Ticks.").svg


def test_figures_drawn_by_workers_are_those_of_one_process_to_the_byte(tmp_path):
    drawn = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        with same_workers(workers):
            figures = FigureFiles(folder)
            scores = {name: (RESULTS.labels, s, None) for name, s in RESULTS.scores.items()}
            shown = [
                figures.of_simulation()("roc", roc_curves(RESULTS.classified, STYLES), "ROC."),
                figures("scores", score_distributions(scores, STYLES), "Scores."),
            ]
            figures.wait()
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
        drawn.append(([each.svg for each in shown], files))
    assert set(drawn[0][1]) == {"roc.png", "roc.pdf", "scores.png", "scores.pdf"}
    assert drawn[0] == drawn[1]


def test_the_page_is_well_formed_and_asks_nothing_of_the_network():
    html = render(PAGE)
    found = outline(html)
    assert len(found.ids) == len(set(found.ids))
    for link in found.links:
        assert link.startswith("#") or link == "data:,", link
        if link.startswith("#"):
            assert link[1:] in found.ids, link
    # the names of XML name spaces are the only addresses
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", html))
    assert all(address.startswith("http://www.w3.org/") for address in addresses), addresses
    assert not re.search(r"@import|url\((?!#)", html)


def test_a_page_names_the_documentation_that_explains_it_and_links_to_it_where_it_has_an_address(monkeypatch):
    page = Page("A title", "A summary.", (), docs="smart_background")
    assert "<code>docs/smart_background.md</code>" in render(page)
    told = Message()
    told["Project-URL"] = "Source, https://example.org/code"
    told["Project-URL"] = "Documentation, https://example.org/hepsets/"
    monkeypatch.setattr("hepsets.report.page.metadata", lambda _: told)
    assert '<a href="https://example.org/hepsets/smart_background/">' in render(page)
    assert "documentation of hepsets" not in render(replace(page, docs=""))


def test_the_documentation_that_pages_name_is_there():
    root = Path(__file__).parents[2]
    sources = [path.read_text(encoding="utf-8") for path in (root / "src" / "hepsets").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r'docs="(\w+)"', source)}
    assert {"smart_background", "filter", "infer"} < named
    assert all((root / "docs" / f"{name}.md").is_file() for name in named)


def test_text_of_users_cannot_become_markup():
    html = render(PAGE)
    assert "A test of the page &amp; its &lt;parts&gt;" in html
    assert "&lt;b&gt;no markup&lt;/b&gt;" in html
    assert "<code>code</code>" in html
    assert html.count("</script>") == 2


def test_embedded_curves_are_those_of_the_results():
    html = render(PAGE)
    data = json.loads(re.search(r'class="explorer-data">(.*?)</script>', html, re.DOTALL).group(1))
    assert data["first"] == "model_1"
    assert data["limit"] == pytest.approx(RESULTS.limit.max_speedup.value)
    for model in data["models"]:
        curve, chosen = RESULTS.curves[model["name"]], RESULTS.chosen[model["name"]]
        assert np.delete(model["speedup"], model["chosen"]) == pytest.approx(curve.speedup, rel=1e-5)
        assert (np.diff(model["threshold"]) >= 0).all()
        assert model["threshold"][model["chosen"]] == pytest.approx(chosen.threshold, rel=1e-5)
        assert model["f0"][model["chosen"]] == pytest.approx(chosen.false_positive_rate.value, rel=1e-5)


def test_who_cannot_see_a_figure_is_told_its_axes_and_results():
    svg = drawing(roc_curves(RESULTS.classified, STYLES, RESULTS.limit), "The ROC curves.").svg
    told = unescape(re.search(r'aria-label="([^"]*)"', svg).group(1))
    assert told.startswith("The ROC curves. ")
    assert " against " in told
    for name, result in RESULTS.classified.items():
        assert name in told
        assert f"{result.auc.value:.3f}" in told
    assert not re.search(r"[${}\\]", told)
    svg = drawing(roc_curves(RESULTS.classified, STYLES), "Caption", alt="Ours is best").svg
    assert 'aria-label="Ours is best"' in svg


def test_the_same_figure_twice_keeps_its_ids_apart_from_others_and_is_repeatable():
    labels = {name: (RESULTS.labels, s, None) for name, s in RESULTS.scores.items()}
    one = drawing(roc_curves(RESULTS.classified, STYLES), "a")
    same = drawing(roc_curves(RESULTS.classified, STYLES), "a")
    other = drawing(score_distributions(labels, STYLES), "b")
    assert one == same
    ids = [set(re.findall(r'\bid="([^"]+)"', figure.svg)) for figure in (one, other)]
    assert not ids[0] & ids[1]
    for figure, own in zip((one, other), ids, strict=True):
        assert set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', figure.svg)) <= own
        assert "#15191e" not in figure.svg
        assert "var(--ink)" in figure.svg


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (Measured(5.64, 0.14), 2, "5.64(14)"),
        (Measured(-0.0001, 0.003), 3, "0.000(3)"),
        (Measured(-0.5, 0.03), 2, "−0.50(3)"),
        (Measured(123.0, 12.0), None, "123(12)"),
        (Measured(1.2134, 0.004), 2, "1.213(4)"),
        (Measured(1.0, 0.0), None, "1.0000(0)"),
        (Measured(0.99999545, 3e-17), 2, "1.00(0)"),
        (Measured(31.4159, 1.25), 2, "31.42(1.25)"),
        (-0.0001, 2, "0.00"),
        (-1.5, 1, "−1.5"),
        (np.int64(1234567), None, "1\u202f234\u202f567"),
        ("raw", None, "raw"),
        (86_699.7, 0, "86\u202f700"),
        (12_345.6, None, "12\u202f346"),
        (Measured(5776.0, 6046.0), None, "5\u202f776(6046)"),
        (-8.34e-7, None, "−8.3·10⁻⁷"),
        (0.0, None, "0"),
    ],
)
def test_numbers_are_written_with_their_error_in_brackets(value, digits, text):
    assert cell_text(value, digits) == text


def test_a_sign_in_prose_is_a_minus_but_what_is_typed_stays_as_it_is():
    text = "From -0.066 to (-2), 1-19 GeV²; `--floor -1`, `x` and -3."
    html = render(replace(PAGE, sections=(Section("Signs", (text,)),)))
    assert "From −0.066 to (−2), 1-19 GeV²; <code>--floor -1</code>, <code>x</code> and −3." in html


def test_text_in_a_column_of_numbers_stands_under_them_and_sorts_last():
    rows = (("a", Measured(0.5, 0.1), "one"), ("b", "one value", "two"), ("c", None, None))
    table = Table((Column("model"), Column("spread"), Column("text")), rows)
    html = render(replace(PAGE, sections=(Section("Spread", (table,)),)))
    assert '<td class="number" data-sort="">one value</td>' in html
    assert '<td data-sort="two">two</td>' in html


def test_a_column_without_any_entry_is_not_shown():
    columns = (Column("model"), Column("To limit"), Column("Loss"), Column("Note"))
    table = Table(columns, (("a", None, 0.5, ""), ("b", None, None, "")))
    html = render(replace(PAGE, sections=(Section("Models", (table,)),)))
    assert "To limit" not in html
    assert "Note</button>" not in html
    assert "Loss</button>" in html
    assert [len(re.findall("<t[dh]", row)) for row in re.findall(r"<tr\b.*?</tr>", html, re.DOTALL)][:3] == [
        2,
        2,
        2,
    ]


def test_a_page_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    write_page(tmp_path / "report.html", PAGE)
    before = (tmp_path / "report.html").read_text(encoding="utf-8")
    monkeypatch.setattr("hepsets.report.page.render", lambda page: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_page(tmp_path / "report.html", PAGE)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(InputError, match="1 cells"):
        Table((Column("a"), Column("b")), (("x",),))
    with pytest.raises(InputError, match="distinct titles"):
        Page("t", "s", (Section("The limit", ()), Section("The limit?", ())))
    with pytest.raises(InputError, match="first 'no'"):
        SpeedupExplorer(RESULTS.curves, RESULTS.chosen, STYLES, "no")
    with pytest.raises(InputError, match="no folder"):
        write_page(tmp_path / "nowhere" / "report.html", PAGE)


# -- in a browser ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Run headless Chromium on the page: ``browser(*options, fragment="…", script="…")`` → its output."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome")
    program = next((path for name in names if name and (path := shutil.which(name))), None)
    if program is None:
        pytest.fail("no Chromium: install chromium (or name it in $CHROMIUM); the report is tested in it")
    folder = tmp_path_factory.mktemp("page")
    html = render(PAGE)

    def run(*options, fragment="", script=""):
        path = folder / "report.html"
        path.write_text(html.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
        finished = subprocess.run(
            [
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--hide-scrollbars",
                "--enable-logging=stderr",
                "--v=0",
                f"--user-data-dir={folder / 'profile'}",
                "--virtual-time-budget=3000",
                *options,
                f"{path.as_uri()}{fragment}",
            ],
            capture_output=True,
            timeout=120,
            check=True,
        )
        complaints = [line for line in finished.stderr.decode().splitlines() if "CONSOLE" in line]
        assert complaints == []
        return finished.stdout.decode()

    return run


def readings(dom):
    """The exact numbers behind the outputs of the explorer, and its model."""
    numbers = re.findall(r'class="explorer-(\w+)" data-value="([^"]+)"', dom)
    return {name: float(value) for name, value in numbers}


def shown(dom, name):
    return unescape(re.search(rf'class="explorer-{name}"[^>]*>([^<]*)<', dom).group(1))


@pytest.mark.browser
@pytest.mark.parametrize(("model", "threshold"), [("model_0", 0.25), ("model_1", 0.8), ("model_2", 0.9125)])
def test_the_slider_shows_what_python_computed(browser, model, threshold):
    dom = browser("--dump-dom", fragment=f"#threshold={threshold}&model={model}")
    curve = RESULTS.curves[model]
    i = int(np.argmin(np.abs(curve.thresholds - threshold)))
    expected = {
        "speedup": curve.speedup[i],
        "f1": curve.true_positive_rate[i],
        "f0": curve.false_positive_rate[i],
        "kept": curve.kept[i],
    }
    found = readings(dom)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name
    assert shown(dom, "speedup") == f"{curve.speedup[i]:.2f} ± {curve.speedup_se[i]:.2f}"
    assert float(shown(dom, "threshold")) == pytest.approx(threshold, abs=2e-4)
    assert f"{1e6 * curve.kept[i]:,.0f}".replace(",", "\u202f") in shown(dom, "words")


@pytest.mark.browser
def test_the_page_opens_at_the_threshold_from_validation(browser):
    dom = browser("--dump-dom")
    chosen = RESULTS.chosen["model_1"]
    found = readings(dom)
    assert found["speedup"] == pytest.approx(chosen.speedup.value, rel=1e-5)
    assert found["f0"] == pytest.approx(chosen.false_positive_rate.value, rel=1e-5)


MOVE = """
const slider = document.querySelector(".explorer-slider");
slider.focus();
slider.value = 40;
slider.dispatchEvent(new Event("input", { bubbles: true }));
document.body.dataset.hash = location.hash;
document.body.dataset.cursor = document.querySelector(".cursor").getAttribute("d");
const select = document.querySelector(".explorer-model");
select.value = "model_2";
select.dispatchEvent(new Event("change", { bubbles: true }));
"""


@pytest.mark.browser
def test_moving_the_slider_moves_the_line_and_another_model_starts_at_its_own_threshold(browser):
    dom = browser("--dump-dom", script=MOVE)
    threshold = RESULTS.curves["model_1"].thresholds[40]
    assert (
        unescape(re.search(r'data-hash="([^"]*)"', dom).group(1)) == f"#threshold={threshold:g}&model=model_1"
    )
    x = float(re.search(r'data-cursor="M([\d.]+)', dom).group(1))
    assert x == pytest.approx(46 + (744 - 46) * threshold)
    assert readings(dom)["speedup"] == pytest.approx(RESULTS.chosen["model_2"].speedup.value, rel=1e-5)


SORT = """
const rows = () => [...document.querySelectorAll("tbody tr")];
const order = () => rows().map((row) => row.cells[0].textContent.trim()).join();
const seen = [order()];
for (const column of [1, 1, 0, 2, 3]) {
  document.querySelectorAll("thead button")[column].click();
  seen.push(order());
}
document.body.dataset.seen = seen.join(" ");
"""


@pytest.mark.browser
def test_tables_sort_by_value_and_put_what_is_missing_last(browser):
    dom = browser("--dump-dom", script=SORT)
    assert re.search(r'data-seen="([^"]*)"', dom).group(1).split() == [
        "zeta,alpha,mid",
        "alpha,mid,zeta",
        "zeta,mid,alpha",
        "alpha,mid,zeta",
        "alpha,zeta,mid",
        "mid,zeta,alpha",
    ]
    assert 'aria-sort="descending"' in dom


REACH = """
const inside = [...document.querySelectorAll("main *")];
const own = inside.filter((e) => !e.closest(".scroll, .explorer-plot, pre, details"));
document.body.dataset.wide = own.filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => e.tagName + "." + e.className).join(" ");
document.body.dataset.width = innerWidth;
document.body.dataset.overflow = document.documentElement.scrollWidth - innerWidth;
const controls = [...document.querySelectorAll("button, select, input, summary, a")];
document.body.dataset.unreachable = controls.filter((e) => e.tabIndex < 0).length;
const named = (e) => e.textContent.trim() || e.labels?.length || e.ariaLabel;
document.body.dataset.unnamed = controls.filter((e) => !named(e)).map((e) => e.outerHTML).join();
"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [500, 800, 1280])
def test_nothing_runs_off_the_side_and_the_keyboard_reaches_everything(browser, width):
    dom = browser("--dump-dom", f"--window-size={width},900", script=REACH)
    data = dict(re.findall(r'data-(wide|width|overflow|unreachable|unnamed)="([^"]*)"', dom))
    assert int(data["width"]) == width
    assert data["wide"] == ""
    assert int(data["overflow"]) <= 0
    assert (data["unreachable"], data["unnamed"]) == ("0", "")


@pytest.mark.browser
def test_it_prints_and_can_be_seen(browser, tmp_path):
    browser(f"--print-to-pdf={tmp_path / 'report.pdf'}", "--no-pdf-header-footer")
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 8
    browser(f"--screenshot={tmp_path / 'report.png'}", "--window-size=1280,2000")
    png = (tmp_path / "report.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == (1280, 2000)
    assert len(png) > 50_000
