"""Random weights in the place of checkpoints: for a rehearsal, and refused by every other run."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from replidg.config.inputs import OpenClipModel, TimmModel
from replidg.files import write_json

Random = Literal["never", "unreachable", "always"]
#: Key of model.json, and the variable by which a rehearsal's jobs know that they may load them.
KEY, VARIABLE = "random_weights", "REPLIDG_RANDOM_WEIGHTS"
#: Seconds until a silent hub counts as out of reach.
PATIENCE_S = 5.0
#: Errors of sockets, urllib and the hub's client that say so, whatever they are wrapped in. A
#: checkpoint that is not there, or that needs a log-in, is no such error.
_SAYING = ("Connect", "Timeout", "LocalEntryNotFound", "OfflineMode", "gaierror")


def allow(allowed: bool) -> None:
    """Let the processes that are started from here load random weights, or not."""
    if allowed:
        os.environ[VARIABLE] = "allowed"
    else:
        os.environ.pop(VARIABLE, None)


def wanted(model: OpenClipModel | TimmModel) -> bool:
    """Tell whether a model's weights come from a hub: not from a file, and not at random anyway."""
    if isinstance(model, TimmModel):
        # The demo's tower ships with a package.
        return model.pretrained and model.path is None and model.weights != "efficientnet_lite0"
    return ":" in model.name or bool(model.pretrained and not Path(model.pretrained).exists())


def without(model: OpenClipModel | TimmModel) -> OpenClipModel | TimmModel:
    """Return the same architecture without a checkpoint.

    Raises:
        RuntimeError: the architecture itself is only known to the hub.
    """
    if isinstance(model, TimmModel):
        return model.model_copy(update={"pretrained": False})
    if ":" in model.name:
        raise RuntimeError(f"{model.name}: the hub alone knows its architecture")
    return model.model_copy(update={"pretrained": ""})


def hub_answers() -> bool:
    """Tell whether the hub's host accepts a connection; its client would retry for a minute."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return True  # only the client knows how to ask through it
    place = urlsplit(constants.ENDPOINT)
    port = place.port or (80 if place.scheme == "http" else 443)
    try:
        with socket.create_connection((place.hostname, port), PATIENCE_S):
            return True
    except OSError:
        return False


@contextmanager
def offline() -> Iterator[None]:
    """Let the hub's client look at its cache alone, without asking again and again."""
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def unreachable(error: BaseException | None) -> bool:
    """Tell whether an error, or one that led to it, says that no network is there."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        reason = getattr(error, "reason", None)  # urllib's
        for each in (error, reason):
            if isinstance(each, ConnectionError | TimeoutError | socket.gaierror):
                return True
            if each is not None and any(word in type(each).__name__ for word in _SAYING):
                return True
        error = error.__cause__ or error.__context__
    return False


def mark(facts: Path) -> None:
    """Note in a model's facts that its weights are random."""
    write_json(facts, json.loads(facts.read_text()) | {KEY: True})


def check(folder: Path, facts: dict[str, Any]) -> None:
    """Refuse random weights in a run that is no rehearsal.

    Raises:
        RuntimeError: says which folder has to go.
    """
    if facts.get(KEY) and os.environ.get(VARIABLE) != "allowed":
        raise RuntimeError(
            f"{folder} has random weights in the place of a checkpoint, from a rehearsal. Remove "
            "that folder, so that the checkpoint is retrieved, or set random_weights (config)"
        )
