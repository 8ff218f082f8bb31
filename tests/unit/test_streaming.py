"""Steps that read rows of web size in parts: a million rows and 200,000 embeddings."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS, IMAGES, DIM = 1_000_000, 200_000, 256
#: MB of growth. At once the steps would need: the list's and the corpus' texts 130 MB and, as
#: tables of pandas, three times that; a set of the ids 100 MB; the embeddings 200 MB as float32,
#: and scores of them three times that.
BOUNDS = {
    "index": 250, "gather": 150, "composition": 100, "order": 80, "ids": 80, "score": 550,
}  # fmt: skip


@pytest.fixture(scope="module")
def memory():
    spec = importlib.util.spec_from_file_location("memory", BENCHMARKS / "memory.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["memory"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(memory, tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("streaming")
    memory.write_web(made, ROWS)
    memory.write_images(made, IMAGES, DIM)
    return made


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_is_that_of_a_part(memory, folder):
    growth = {step: memory.peak(step, folder)["growth"] for step in BOUNDS}
    assert growth == {step: pytest.approx(0, abs=bound) for step, bound in BOUNDS.items()}
