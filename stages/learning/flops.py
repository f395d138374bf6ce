"""How many floating-point operations a piece of work takes, counted while it is done."""

from collections.abc import Mapping
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class FlopCounter(TorchDispatchMode):
    """Counts those of the matrix products and convolutions within, forward and back, of this thread alone.

    PyTorch's own `FlopCounterMode` also follows which module they belong to, by hooks that all threads share.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flop = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        made = func(*args, **given)
        if (count := flop_registry.get(func.overloadpacket)) is not None:
            self.flop += count(*args, **given, out_val=made)
        return made
