"""Peers learn from our items and are judged as ours are; budgets and convergence mean what they say."""

import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stages.common.modality import Modality
from tests.clones import ROOT
from tools.peers.__main__ import KEYS, REAL, TRAIN, jobs, keep
from tools.peers.clock import LEAST_S, LOOK_S, MOST_S, OWN, PATIENCE, Clock, Patience, descend
from tools.peers.items import Items, item, network_input
from tools.peers.latent_diffusion import LATENT, SOLVER, LatentDiffusion, kept_share
from tools.peers.networks import CaptionWriter, tell
from tools.peers.variational import PEERS, build

NAMES = (Modality("image", "image"), Modality("text", "text"), Modality("audio", "audio"))


@pytest.fixture(scope="module")
def items(built: Path) -> Items:
    return Items(NAMES, built / "data/preprocess")


@given(seed=st.integers(0, 2**32 - 1))
def test_levels_come_back_as_they_went_in(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for name, shape in (("image", (2, 5, 4, 3)), ("audio", (2, 6, 8))):
        levels = rng.integers(0, 256, shape).astype(np.uint8)
        assert (item(name, network_input(name, levels)) == levels).all()


def test_a_likeliest_token_is_the_one_that_is_told(items: Items) -> None:
    """A writer that is told what it wrote gives the scores with which it wrote it."""
    torch.manual_seed(0)
    writer = CaptionWriter(items.shape("text")[0], items.vocabulary["text"], 8).eval()
    plans = torch.randn(5, 8)
    alone = writer(plans).reconstruction
    writer.told = alone.argmax(-1)
    torch.testing.assert_close(writer(plans).reconstruction, alone)


@pytest.mark.parametrize("method", PEERS)
def test_a_step_lowers_what_a_peer_loses(items: Items, method: str) -> None:
    from tools.peers.library import MultimodalBaseDataset

    torch.manual_seed(0)
    np.random.seed(0)
    model = build(method, items)
    batch = items.rows(np.arange(32))
    tell(model.decoders, batch)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = model(MultimodalBaseDataset(batch)).loss
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_what_is_given_stays_while_the_rest_is_drawn(items: Items) -> None:
    torch.manual_seed(0)
    model = LatentDiffusion(items).eval()
    shown = torch.randn(4, 3 * LATENT)
    with torch.no_grad():
        made = model.draw(shown, torch.tensor([1.0, 0.0, 1.0]))
    assert (made[:, LATENT : 2 * LATENT] == shown[:, LATENT : 2 * LATENT]).all()
    assert (made[:, :LATENT] != shown[:, :LATENT]).all() and made.isfinite().all()


class OfANormal(torch.nn.Module):
    """The noise that a normal distribution with this mean and deviation, made noisy, is expected to have."""

    def forward(self, latents: torch.Tensor, time: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
        left = kept_share(time)[:, None]
        apart = (latents - left * MEAN) / (left**2 * DEVIATION**2 + 1 - left**2)
        return apart * (1 - left**2).sqrt()


MEAN, DEVIATION = 1.5, 0.3


def test_the_exact_score_draws_from_the_distribution(items: Items) -> None:
    torch.manual_seed(0)
    model = LatentDiffusion(items)
    model.score = OfANormal()
    with torch.no_grad():
        made = model.draw(torch.zeros(40, 3 * LATENT), torch.ones(3))
    assert made.mean().item() == pytest.approx(MEAN, abs=0.02) and made.std().item() == pytest.approx(
        DEVIATION, abs=0.02
    )


def test_a_training_is_left_as_it_was_when_it_lost_least() -> None:
    model, losses = torch.nn.Linear(1, 1), iter([3.0, 1.0, 2.0])
    patience = Patience(lambda: torch.tensor(next(losses)), model)
    for now, weight in ((LOOK_S, 0.1), (2 * LOOK_S, 0.2), (3 * LOOK_S, 0.3)):
        torch.nn.init.constant_(model.weight, weight)
        patience.over(now)
    patience.restore()
    assert model.weight.item() == pytest.approx(0.2)


def test_noise_replaces_a_latent_from_nothing_to_all() -> None:
    left = kept_share(torch.linspace(0, 1, SOLVER))
    assert left[0] == 1 and left[-1] < 0.01 and (left.diff() < 0).all()


@given(st.lists(st.floats(0, 100), min_size=80, max_size=200))
def test_patience_ends_when_the_best_is_a_third_old(losses: list[float]) -> None:
    told = iter(losses)
    seen: list[float] = []

    def look() -> torch.Tensor:
        seen.append(next(told))
        return torch.tensor(seen[-1])

    patience = Patience(look, torch.nn.Linear(1, 1))
    now = next(now for now in count(0.0, LOOK_S) if patience.over(now))
    assert LEAST_S <= now <= MOST_S
    best = LOOK_S * (1 + int(np.argmin(np.array(seen, np.float32))))
    assert now == MOST_S or now - best > PATIENCE * now


def test_a_budget_ends_a_training_and_a_loss_that_is_none_is_refused() -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    adam, clock = torch.optim.SGD([weight], lr=0.1), Clock()
    until = clock.seconds() + 0.2
    steps = list(descend(lambda: (weight**2).sum(), adam, clock, until, None))
    assert steps == list(range(1, len(steps) + 1)) and 0 <= clock.seconds() - until < 0.1
    with clock.stopped():
        sum(range(3_000_000))
    assert clock.seconds() - until < 0.2
    with pytest.raises(ValueError, match="expected a finite loss, got nan at step 0"):
        next(descend(lambda: weight.sum() * float("nan"), adam, clock, clock.seconds() + 1, None))


def test_a_training_serves_all_budgets_where_it_can() -> None:
    work = list(jobs([REAL, "MoPoE", "ours"], [120.0, OWN], [1, 2]))
    assert work[:2] == [(REAL, 1, []), ("MoPoE", 1, [120.0, OWN])]
    assert work[2:4] == [("ours", 1, [120.0]), ("ours", 1, [OWN])] and len(work) == 7


def test_what_runs_again_replaces_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"coherence.joint": 0.5, "coherence.a_to_b": 0.5, "coverage.a": 0.5, "cpu_s": 119.94, "commit": "1234567"}
    keep([row | dict(zip(KEYS, key, strict=True)) for key in (("ours", 120.0, 1), ("MoPoE", OWN, 1), (REAL, None, 1))])
    keep([row | {"coherence.joint": 0.75} | dict(zip(KEYS, ("ours", 120.0, 1), strict=True))])
    table = pd.read_csv(tmp_path / "metrics/peers.csv")
    assert table["method"].tolist() == [REAL, "MoPoE", "ours"] and table["coherence.joint"].tolist() == [0.5, 0.5, 0.75]
    assert table["budget_s"].tolist()[1:] == [OWN, 120] and (table["cpu_s"] == 119.9).all()
    assert (tmp_path / "metrics/peers.png").read_bytes()[:4] == b"\x89PNG"


def peers(folder: Path, *chosen: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.peers", "--seeds", "1", *chosen]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_every_method_is_measured_alike(mine: Path) -> None:
    (mine / "metrics/peers.csv").unlink(missing_ok=True)
    done = peers(mine, "--methods", REAL, *PEERS, "latent diffusion", "--budgets", "25")
    assert done.returncode == 0, done.stderr
    done = peers(mine, "--methods", "ours", "--budgets", "inf")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(mine / "metrics/peers.csv").set_index("method")
    assert table.index.tolist() == [REAL, *TRAIN]
    assert table.loc[[*PEERS, "latent diffusion"], "cpu_s"].between(25, 40).all() and 0 < table["cpu_s"]["ours"] < 120
    told = table.drop(REAL)[["cpu_s", "steps", "parameters", "peak_mib", "per_second"]].to_numpy()
    assert (told > 0).all()
    figures = table.filter(regex=r"^(coherence|coverage|fidelity)\.")
    assert figures.filter(regex=r"^coherence\..*_to_").shape[1] == 9 and figures.filter(like="coverage").shape[1] == 3
    assert figures.filter(regex=r"_to_(image|audio)$").notna().to_numpy().all()  # a caption may never name its digit
    assert figures["coherence.audio_to_image"][REAL] == figures["coherence.audio_to_image"].max()


def test_only_what_the_peers_can_carry_is_taken(mine: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected pictures, clips and captions, got 'grams'"):
        Items([Modality("grams", "number")], mine / "data/preprocess")
    (tmp_path / "params.yaml").write_text("{}", encoding="utf-8")
    command = [sys.executable, "-m", "tools.peers"]
    alone = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert (
        done.returncode == 2 and done.stderr.startswith("peers: expected data/judge") and done.stderr.count("\n") == 1
    )
