"""Named random streams: every use of chance has its own, so that adding one moves no other."""

import hashlib

import numpy as np


def seed_of(seed: int, name: str) -> int:
    """A 63-bit seed for the stream `name` of the run seeded with `seed`."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def draws(seed: int, name: str) -> np.random.Generator:
    """The NumPy stream `name`; its PyTorch twin is `stages.learning.training.stream`."""
    return np.random.default_rng(seed_of(seed, name))
