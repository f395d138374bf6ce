"""Where networks compute: on a GPU if there is one, and with which precision."""

import os
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch
from torch import Tensor

BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # what a CPU with instructions for bfloat16 has: x86 twice, ARM


@cache
def device() -> torch.device:
    """Where networks compute: on a GPU if there is one, unless DEVICE says otherwise."""
    return device_named(os.environ.get("DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu"))


def device_named(name: str) -> torch.device:
    """The device of that name. Raises ValueError where it can't be used."""
    if name not in ("cpu", "cuda") or (name == "cuda" and not torch.cuda.is_available()):
        raise ValueError(
            f"DEVICE: expected cpu, or cuda where a GPU can be used, got '{name}'; correct the environment"
        )
    return torch.device(name, int(os.environ.get("LOCAL_RANK", "0"))) if name == "cuda" else torch.device(name)


def to_device(values: Tensor) -> Tensor:
    """`values` on the device, if they leave half of its free memory to others; else where they are."""
    place = device()
    if place.type == "cuda" and values.nbytes > torch.cuda.mem_get_info(place)[0] // 2:
        return values
    return values.to(place)


def take_rows(values: Tensor, which: Tensor) -> Tensor:
    """The rows `which` (B,) of `values`, on the device of `which`, wherever `near` has left the values."""
    return values[which.to(values.device)].to(which.device)


def mixed_precision() -> AbstractContextManager[Any]:
    """bfloat16 where PyTorch takes it for safe and the device has instructions for it."""
    kind = device().type
    if kind == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = any(torch.cpu.get_capabilities().get(name) for name in BFLOAT16)
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=fast)


def full_precision() -> AbstractContextManager[Any]:
    """float32 inside `mixed_precision`."""
    return torch.autocast("cuda" if device().type == "cuda" else "cpu", enabled=False)
