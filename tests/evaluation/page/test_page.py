"""The page in a real browser: it loads without a complaint, shows and plays what it holds, and fits a phone."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from stages.evaluation.metrics.result import Result
from stages.evaluation.page.examples import Example, View
from stages.evaluation.page.guidance_chart import Dot, GuidanceChart
from stages.evaluation.page.interpretability import Attention, Game, Share
from stages.evaluation.page.media import as_data_uri
from stages.evaluation.page.page import Content, render
from stages.evaluation.page.privacy import Bound, Guarantee
from stages.evaluation.page.trust_checks import Check, NearCopy, Rejects, Visibility
from tests.browser import ABSENT, PROGRAM, Page, browser

NAN = float("nan")
NAMES = ("image", "text", "audio")
MISCHIEF = '<script>alert("caption")</script> & \u00e9\u4e2d\u6587 ' + "long" * 60
PICTURES = "[...document.images].every(picture => picture.complete && picture.naturalWidth > 0)"
PLAYERS = """Promise.all([...document.querySelectorAll("audio")].map(player => new Promise(found => {
  if (player.readyState >= 1) found(player.duration);
  player.addEventListener("loadedmetadata", () => found(player.duration));
  player.addEventListener("error", () => found(-1));
  player.load();
})))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT = """[...document.querySelectorAll("audio")].filter(player => player.getBoundingClientRect().width < 220).length"""
COLOURS = (
    """["backgroundColor", "color"].map(name => getComputedStyle(document.body)[name].match(/\\d+/g).map(Number))"""
)
NAMELESS = """[...document.querySelectorAll("a, audio, img, [tabindex]")].filter(one => !(one.innerText || one.alt ||
  one.getAttribute("aria-label") || one.getAttribute("aria-labelledby"))).length"""
needs_browser = pytest.mark.skipif(PROGRAM is None, reason=ABSENT)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def sample(names: tuple[str, ...] = NAMES) -> View:
    """A picture, a caption that would break a careless page, and a tone."""
    picture, clip = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (28, 28), "purple").save(picture, "PNG")
    soundfile.write(clip, np.sin(np.arange(8000) / 9), 16000, format="WAV")
    made = {
        "image": as_data_uri("image", picture.getvalue()),
        "audio": as_data_uri("audio", clip.getvalue()),
        "text": MISCHIEF,
    }
    return {name: made[name] for name in NAMES if name in names}


DOTS = [Dot(1.0, 40.0, 90.0, 0.5, 0.9, 9), Dot(2.5, 90.0, 20.0, 0.8, 0.7, 9)]


def content() -> Content:
    """Something for every part of the page."""
    results = [
        Result("coherence.joint", 0.9, 0.88, 0.92, 100, 0.1, 0.9, 0.88, 0.92, "Above real data: <b>why</b>."),
        Result("coherence.image_to_text+audio", 0.5, 0.4, 0.6, 100, 0.1, 0.95, 0.94, 0.96),
        Result("coherence.image_to_text", 0.5, 0.4, 0.6, 100, 0.1, 0.95, 0.94, 0.96),
        Result("fidelity.image", 0.2, float("nan"), float("nan"), 100, float("nan"), 0.0),
        Result("unheard_of.before", -3.0, -4.0, -2.0, 100, -9.0, 0.0),
        Result("membership.generator", 0.61, 0.55, 0.66, 200, 0.5, NAN),
        Result("coverage.image", 0.987, 0.95, 0.99, 78, 0.885, 0.96, 0.93, 0.99),
    ]
    curves = pd.DataFrame({"stage": "train/prior", "loss": "velocity", "step": [1, 2], "value": [2.0, 1.0]})
    example = Example("000001", sample(("image",)), sample(("text", "audio")), {})
    return Content(
        names=NAMES, key="digit", tested=100, results={one.metric: one for one in results}, curves=curves,
        nothing=[sample(), sample(("text",)), sample(("image", "audio"))], examples={("image",): [example]},
        strips=[[sample()] * 8], games=[Game("audio", "pitch", 0.3, 0.9, 50, {"text": Share(0.6, 0.5, 0.7, 0.6, 0.6)})],
        attentions=[Attention("nothing", {"constant": 1.0}), Attention("image+text", {"constant": 0.2, "image": 0.8})],
        guidance=GuidanceChart(dict.fromkeys(NAMES, DOTS), (0.5, 0.8), (0.7, 0.9)),
        near_copies={n: [NearCopy(n, "7", 0.4, sample((n,)), {i: sample((n,)) for i in "23"})] * 5 for n in NAMES},
        checks=[Check("recall", "noise", 0.5, 0.6, passes=False), Check("fidelity", "noise", 0, 1, True, "rises")],
        rejects=Rejects(2, {MISCHIEF: 2}, [{"id": MISCHIEF, "file": "a/" * 60, "reason": MISCHIEF}]),
        guarantee=Guarantee(7.25, 1e-5, [Bound("fusion", 7.25, 1e-5, "speaker", 90), Bound("text", None, 0.0, "", 0)]),
        codecs=["The codec of pictures: linear."], remarks=[f"{MISCHIEF} captions are cut"],
        visibilities=[
            Visibility("speaker", "image", 0.17, 0.165, 0.005, -0.02, 0.03, 900, "measured", shown=False),
            Visibility("digit", "audio", 0.99, 0.1, 0.89, 0.88, 0.9, 900, "told", shown=True),
            Visibility("size", "text", NAN, NAN, NAN, NAN, NAN, 0, "told", shown=True),
        ],
    )  # fmt: skip


def contrast(*colours: list[int]) -> float:
    """Of two colours, 1 to 21; from 7 on it suits everyone (WCAG 2.2, 1.4.6)."""

    def luminance(colour: list[int]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear[:3]))

    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)


def inspect(tab: Page, file: Path) -> None:
    """What any page must keep, on a desk and on a phone, by day and by night."""
    for width, height, dark in ((1280, 900, False), (390, 844, False), (390, 844, True)):
        tab.show(file, width=width, height=height, dark=dark)
        assert tab.value(OVERFLOW) <= 0, f"wider than a screen of {width} pixels"
        assert tab.value(PICTURES)
        assert min(tab.value(PLAYERS), default=1) > 0, "a clip that can't be played"
        assert tab.value(CUT) == 0, "a player too narrow for its controls"
        assert tab.complaints() == []
    paper, ink = tab.value(COLOURS)
    assert contrast(paper, ink) > 7, (paper, ink)


@needs_browser
def test_a_page_with_everything_on_it(tab: Page, tmp_path: Path) -> None:
    file = tmp_path / "index.html"
    file.write_text(render(content()), encoding="utf-8")
    inspect(tab, file)
    assert tab.value("document.images.length") > 0 and tab.value("document.querySelectorAll('audio').length") > 0
    assert tab.value("document.querySelectorAll('script').length") == 0
    text = tab.value("document.body.innerText")
    assert MISCHIEF.split(" & ")[0] in text
    for said in (
        "1 of 2 checks fail",
        "2 items could not be used",
        "+60.0",
        "What the fusion attends to",
        "The codec of pictures",
        "What became of the data",
        "Which modality shows what",
        "Only 100 test samples: a share of one half is known to within 9.8\u00a0% at best",
        "1 more says nothing, because its floor and ceiling can't be told apart",
    ):
        assert said in text


@needs_browser
def test_it_can_be_used_by_keyboard_alone(tab: Page, tmp_path: Path) -> None:
    """The first key leads to the link that skips, further ones to every link and player, each with a name."""
    file = tmp_path / "index.html"
    file.write_text(render(content()), encoding="utf-8")
    tab.show(file, width=1280, height=900)
    found = []
    for _ in range(40):
        tab.press("Tab")
        found.append(tab.value("[document.activeElement.tagName, document.activeElement.innerText || '']"))
    assert found[0] == ["A", "Skip to the figures"]
    assert {"A", "AUDIO"} <= {tag for tag, _ in found}
    assert tab.value(NAMELESS) == 0
    assert tab.value("[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))")


@needs_browser
@pytest.mark.slow
def test_the_page_that_the_pipeline_builds(tab: Page, built: Path) -> None:
    file = built / "data/report/index.html"
    assert file.stat().st_size < 8 * 2**20
    inspect(tab, file)
    said = tab.value("document.querySelector('main').innerText")
    assert "What is good" in said and "What is not" in said


def test_text_is_escaped_and_nothing_comes_from_outside() -> None:
    page = render(content())
    assert "<script" not in page and "&lt;script&gt;" in page and "&lt;b&gt;why" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)|url\(|@import""", page)


def test_figures_that_can_not_tell_are_neither_good_nor_bad() -> None:
    """As found on 796 samples: the page praised a coverage of .987 whose floor was .885."""
    page = render(content())
    assert "have a made one close by" not in page
    assert "1 of 4 figures are as good as real data" in page
    silent = Result("coherence.joint", 0.5, 0.4, 0.6, 40, 0.45, 0.55, 0.4, 0.7, floor_low=0.3, floor_high=0.6)
    page = render(replace(content(), results={"coherence.joint": silent}))
    assert "0 of 0 figures" in page and "there is nothing to praise or to blame" in page
    assert "says nothing: these can't be told apart" in page


@pytest.mark.parametrize(("tested", "warns"), [(399, True), (400, False)])
def test_with_few_test_samples_the_page_says_how_little_they_tell(tested: int, warns: bool) -> None:
    assert ('id="few"' in render(replace(content(), tested=tested))) == warns


def test_without_attributes_it_still_renders() -> None:
    """No coherence, matchers instead, and families that no one has put into words."""
    match = Result("match.image_to_text", 0.8, 0.7, 0.9, 50, 0.5, 0.9)
    novel = Result("novel.thing", 1.0, 0.9, 1.1, 5, 0.0, 2.0)
    example = Example("a", sample(("image",)), sample(("text",)), sample(("text",)))
    bare = replace(content(), names=("image", "text"), results={one.metric: one for one in (match, novel)}, nothing=[])
    page = render(replace(bare, examples={("image",): [example]}))
    assert "what is made fits in 80.0" in page and "Novel" in page and "caption right in 80.0" in page
