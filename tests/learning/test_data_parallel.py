"""Several real processes find the weights of one, whatever a loss looks at: rows, tokens or the whole batch."""

import multiprocessing
import os
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn
from torch.distributed.rendezvous import rendezvous

from stages.common.params import read_yaml
from stages.common.special_tokens import END, START
from stages.features.bottleneck import Bottleneck
from stages.features.codecs import codec_of
from stages.fusion.dataset import FeatureDataset
from stages.fusion.objective import Learning
from stages.fusion.trained_fusion import FUSIONS
from stages.generation.models.families import FAMILIES
from stages.generation.models.trained_generator import build
from stages.learning import training
from stages.learning.data_parallel import data_parallel, join
from stages.learning.device import device
from stages.learning.networks import initialise
from stages.learning.training import Training, optimise, set_up, stream
from tests.clones import ROOT

PROCESSES, BATCH = 3, 7  # a batch that does not divide evenly
TINY: dict[str, Any] = read_yaml(ROOT / "tests/tiny.yaml")
SHORT: dict[str, Any] = {"steps": 3, "batch": BATCH, "learning_rate": 0.1}


def codecs(state: Path) -> dict[str, nn.Module]:
    """Every codec that learns; captions of all lengths, so that a share of the rows is no such share of the tokens."""
    rng = np.random.default_rng(1)
    captions = rng.integers(END + 1, 20, (40, 9)).astype(np.uint16)
    captions[:, 0] = START
    captions[np.arange(9) >= rng.integers(3, 9, 40)[:, None]] = 0
    levels = rng.integers(0, 256, (40, 6, 6)).astype(np.uint8)
    items = {
        "recurrent": ("text", captions),
        "transformer": ("text", captions),
        "autoencoder": ("image", levels),
        "mixer": ("image", levels),
    }
    made = {}
    for kind, (name, some) in items.items():
        section = TINY["extract"][name]
        bottleneck = Bottleneck(width=section["width"], noise=section["noise"], **SHORT)
        settings = codec_of(name, kind).Settings(**section[kind])
        made[kind] = codec_of(name, kind).fit(bottleneck, settings, some, seed=1, name=kind, state=state)[0]
    return made


def fusions(state: Path) -> dict[str, nn.Module]:
    """The network fusions, whose contrast looks at the whole batch."""
    copies, there = torch.randn(30, 2, 8, generator=stream(1, "copies")), torch.ones(30, 2, dtype=torch.bool)
    dataset = FeatureDataset(
        ("image", "text"), [(4,), (2, 2)], copies[:, 0], there, np.full(30, "train"), copies, torch.ones(8)
    )
    budget = Learning(unified_width=6, noise=0.2, feature_noise=0.1, hidden=16, **SHORT)
    made = {}
    for name in ("concat", "gated", "attention"):
        settings = FUSIONS[name].Settings(**TINY["fuse"][name])
        made[name] = FUSIONS[name].fit(dataset, settings, budget, seed=1, state=state / name)[0]
    return made


def generators(state: Path) -> dict[str, nn.Module]:
    """Every family."""
    made: dict[str, nn.Module] = {}
    for name in FAMILIES:
        model = build(name, {"width": 6, "condition": 3, "hidden": 16, "depth": 2}, TINY["train"][name])
        initialise(model, stream(1, "weights"))

        def loss(chance: Generator, model: Any = model) -> dict[str, Tensor]:
            return model.losses(*torch.randn(BATCH, 9, generator=chance).split([6, 3], -1), chance)

        optimise(model, loss, Training(**SHORT), seed=1, name=name, state=state)
        made[name] = model
    return made


def learned() -> dict[str, Tensor]:
    """The weights of all models after a few steps, in full precision and along the gradients themselves.

    AdamW and clipping would hide a gradient of the wrong length, and blow up one that is zero but for rounding.
    """
    vars(training)["mixed_precision"] = nullcontext
    training.CLIP_NORM = 1e9
    torch.optim.AdamW = lambda weights, lr, **_: torch.optim.SGD(weights, lr)  # type: ignore[assignment,misc]
    with TemporaryDirectory() as folder:
        models = codecs(Path(folder)) | fusions(Path(folder)) | generators(Path(folder))
    return {f"{name}.{key}": value for name, model in models.items() for key, value in model.state_dict().items()}


def work(rank: int, meeting: Path) -> None:
    """Be one process of all, and expect of them what one alone finds."""
    set_up(1)
    expected = learned()
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store, _, _ = next(rendezvous(meeting.as_uri(), rank, PROCESSES))
    join(store, rank, PROCESSES)
    torch.testing.assert_close(learned(), expected, rtol=1e-4, atol=1e-5)
    shared = data_parallel(torch.sin, torch.arange(5.0, requires_grad=True))
    assert torch.equal(shared, torch.arange(5.0).sin()), "what is gathered is exact"


@pytest.mark.slow
def test_the_number_of_processes_does_not_change_what_is_learned(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=work, args=(rank, tmp_path / "meeting")) for rank in range(PROCESSES)]
    for process in running:
        process.start()
    for process in running:
        process.join(300)
    assert [process.exitcode for process in running] == [0] * PROCESSES


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    device.cache_clear()
    monkeypatch.setenv("DEVICE", "gpu")
    with pytest.raises(ValueError, match=r"^DEVICE: expected cpu, or cuda where a GPU can be used, got 'gpu'; correct"):
        device()
    monkeypatch.setenv("DEVICE", "cpu")
    assert device() == torch.device("cpu")
