"""Modules of a model by name pattern."""

from __future__ import annotations

from fnmatch import fnmatchcase

from torch import nn


def select_layers(model: nn.Module, patterns: list[str]) -> list[str]:
    """Return the names of the modules that match, in the order of the module tree.

    Raises:
        ValueError: a pattern matches nothing; the message lists what there is.
    """
    names = [name for name, _ in model.named_modules() if name]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            shown = ", ".join(name for name in names if name.count(".") <= 2)
            raise ValueError(f"layer {pattern!r} matches nothing; there are: {shown}")
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def freeze(model: nn.Module, patterns: list[str]) -> None:
    """Exclude the parameters of the modules that match from training.

    Raises:
        ValueError: a pattern matches nothing.
    """
    modules = dict(model.named_modules())
    for name in select_layers(model, patterns):
        modules[name].requires_grad_(False)
