"""Trainings side by side: truly at once, with the same bytes as one after the other, and none outlives an error."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from stages.learning.concurrent import in_threads, stop_if_abandoned
from stages.learning.networks import Perceptron, initialise
from stages.learning.training import Training, optimise, stream

Work = Callable[[], bytes]


def learned(name: str, state: Path) -> bytes:
    """The weights of a small regression."""
    model = Perceptron(8, 8, width=64, depth=1)
    initialise(model, stream(1, f"{name}/weights"))

    def loss(stream: torch.Generator) -> dict[str, torch.Tensor]:
        x = torch.randn(64, 8, generator=stream)
        return {"fit": ((model(x).float() - x) ** 2).mean()}

    curve = optimise(model, loss, Training(steps=30, batch=64, learning_rate=0.01), seed=1, name=name, state=state)
    return save(model.state_dict()) + curve.table().to_csv().encode()


def works(state: Path) -> dict[str, Work]:
    return {name: partial(learned, name, state) for name in ("one", "two", "three")}


def test_bytes_do_not_depend_on_how_many_are_under_way(tmp_path: Path) -> None:
    alone = in_threads(works(tmp_path / "alone"), threads=1)
    assert in_threads(works(tmp_path / "beside"), threads=3) == alone
    assert list(alone) == ["one", "two", "three"]
    assert len(set(alone.values())) == 3


def test_they_are_under_way_at_once_and_share_the_threads() -> None:
    meeting = threading.Barrier(2, timeout=60)

    def meet() -> int:
        meeting.wait()  # breaks where the other never comes
        return torch.get_num_threads()

    before = torch.get_num_threads()
    assert in_threads({"one": meet, "two": meet}, threads=5) == {"one": 2, "two": 2}
    assert torch.get_num_threads() == before


def test_the_first_error_ends_all_and_is_told() -> None:
    started, stopped = threading.Event(), threading.Event()

    def endless() -> None:
        started.set()
        try:
            while True:
                stop_if_abandoned()
                time.sleep(0.001)
        finally:
            stopped.set()

    def failing() -> None:
        assert started.wait(60)
        raise ValueError("lower learning_rate")

    def never() -> None:
        raise AssertionError("it was waiting for a lane")

    with pytest.raises(ValueError, match="lower learning_rate"):
        in_threads({"endless": endless, "failing": failing, "never": never}, threads=2)
    assert stopped.is_set()
    stop_if_abandoned()  # nobody outside is told to stop


def test_between_several_processes_they_come_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """All must do the same in the same order, or they would wait for each other."""
    monkeypatch.setattr("stages.learning.concurrent.world_size", lambda: 2)
    main = threading.get_ident()
    assert in_threads({"one": threading.get_ident, "two": threading.get_ident}, threads=2) == {
        "one": main,
        "two": main,
    }
