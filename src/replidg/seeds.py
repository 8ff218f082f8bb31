"""Seeds as a function of what they are for, so that a resumed job draws the same numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*parts: int | str) -> int:
    """Return a 63-bit seed for a purpose, e.g. `seed_of(seed, "order", epoch)`.

    Unlike a generator's state it needs no saving, and unlike Python's `hash` it is the same in
    every process and version.
    """
    text = "/".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's CPU random numbers from `seed` inside the block, and go on as before after it.

    `torch.manual_seed` would also seed every GPU, and format a stack trace for each call.
    """
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(state)
