"""The data set that docs/adding.md shows, retrieved and indexed by the workflow."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from workspace import ROOT, Workspace


@pytest.mark.demo
def test_a_folder_of_the_users_becomes_a_data_set(tmp_path: Path) -> None:
    """The overlay of the page as it stands, less the paper's other data set and its images."""
    page = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
    shown = next(b for b in re.findall(r"```yaml\n(.*?)```", page, re.S) if "NICO" in b)
    overlay = yaml.safe_load(shown)
    images = tmp_path / "images"
    for domain in overlay["datasets"]["NICO"]["domains"]:
        for kind in ("bear", "dog"):
            folder = images / domain / kind
            folder.mkdir(parents=True)
            for number in range(2):
                pixels = np.full((8, 8, 3), 40 * number, np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    overlay["datasets"]["NICO"]["images"] = {"autumn": 4}
    overlay["data_root"]["NICO"] = str(images)
    overlay.pop("alignment")
    mine = tmp_path / "mine.yaml"
    mine.write_text(yaml.safe_dump(overlay), encoding="utf-8")

    folder = tmp_path / "run"
    folder.mkdir()
    workspace = Workspace(folder, mine)
    workspace.run("data_NICO")
    index = pd.read_parquet(folder / "results" / "data" / "NICO" / "index.parquet")
    assert len(index) == 2 * 2 * len(overlay["datasets"]["NICO"]["domains"])
    assert set(index["class_name"]) == {"bear", "dog"}
