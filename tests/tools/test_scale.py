"""What pictures of a size cost is measured by the stages themselves, and a large one does not cost its square."""

import pytest

from tests.clones import ROOT, run
from tools.scale import measured


def test_too_few_samples_are_refused() -> None:
    done = run(ROOT, "python", "-m", "tools.scale", "--samples", "100")
    assert done.returncode == 2
    assert done.stderr == "scale: --samples: expected 200 or more, got 100; make more\n"


@pytest.mark.proof
@pytest.mark.slow
def test_pictures_of_128_pixels_need_no_square_of_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """49,152 values: their covariance alone would take 9 GiB. The command in docs/speed.md measures 50,000 samples."""
    monkeypatch.chdir(ROOT)
    found = measured(600, 128, "extract image")
    assert list(found) == ["features.extract image"]
    assert found["features.extract image"]["peak_mib"] < 1500


@pytest.mark.rare
@pytest.mark.proof
@pytest.mark.slow
def test_many_of_them_cost_what_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that does nothing else: 50,000 are told apart from 25,000 by their time."""
    monkeypatch.chdir(ROOT)
    half, all_ = (measured(count, 128, "extract image")["features.extract image"] for count in (25_000, 50_000))
    print(f"half {half['seconds']:.0f} s, all {all_['seconds']:.0f} s, {all_['peak_mib']:.0f} MiB")
    assert all_["peak_mib"] < 2048
    assert all_["seconds"] < 1.3 * 2 * half["seconds"]
