"""Fixtures that several test files share. Nothing heavy is imported before one is used."""

import json
import signal

import pytest


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """Index of tiny pictures: 3 domains x 3 classes x 6."""
    from training_runs import write_images

    return write_images(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def restored():
    """Leave torch's global switches and random state as they were."""
    import torch

    state, threads = torch.get_rng_state(), torch.get_num_threads()
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR1)}
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_rng_state(state)
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def unbroken(index, tmp_path_factory):
    """Results of unbroken runs, trained once a method."""
    from training_runs import result, train

    known = {}

    def get(method: str):
        if method not in known:
            run = train(index, tmp_path_factory.mktemp("unbroken"), method)
            known[method] = (result(run, index), run.history)
        return known[method]

    return get


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """Folder of a stored CLIP with two small ViT blocks."""
    import open_clip
    import torch
    from training_runs import ARCHITECTURE

    from replidg.models.store import save_open_clip

    folder = tmp_path_factory.mktemp("model")
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": ARCHITECTURE, "preprocess_cfg": {}})
    )
    torch.manual_seed(0)
    save_open_clip(folder, open_clip.create_model(f"local-dir:{folder}"), ARCHITECTURE)
    return folder


@pytest.fixture(scope="session")
def finished(index, model, tmp_path_factory):
    """Outputs of an unbroken job of four runs."""
    from training_runs import a_job, run_job

    return run_job(a_job(), index, model, tmp_path_factory.mktemp("finished"))


@pytest.fixture
def server():
    """Return a server that answers downloads as a test tells it to."""
    from broken_server import serving

    with serving() as server:
        yield server


@pytest.fixture
def home(tmp_path):
    """Return a folder for downloads with its lock."""
    from broken_server import Home

    return Home(tmp_path)


@pytest.fixture
def owned(tmp_path):
    """Return a user's own folder of domains and classes."""
    from pictures import write_folder

    return write_folder(tmp_path / "own")
