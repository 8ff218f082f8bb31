"""Image counts of the HDG benchmark: PACS as it is, and what the counting script asserts."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from replidg.config.label_sets import PAPER_SPLITS
from replidg.data.errors import DatasetError
from replidg.data.hybrid import expected_counts

ROOT = Path(__file__).parents[2]
CLASSES = ("dog", "elephant", "giraffe", "guitar", "horse", "house", "person")
#: Images of each class of the real PACS.
PACS = {
    "art_painting": (379, 255, 285, 184, 201, 295, 449),
    "cartoon": (389, 457, 346, 135, 324, 288, 405),
    "photo": (189, 202, 182, 186, 199, 280, 432),
    "sketch": (772, 740, 753, 608, 816, 80, 160),
}
SPLITS = {name: {"sets": list(s), "hybridness": h} for name, (h, s) in PAPER_SPLITS["PACS"].items()}


@pytest.fixture(scope="module")
def pacs(tmp_path_factory) -> Path:
    """The index of a data set with as many images as PACS."""
    rows = [
        {"image_id": f"{domain}/{name}/{place:04}.jpg", "domain": domain, "class_name": name,
         "label": number, "hdg_label": number, "hdg_role": "known" if number < 6 else "unknown"}
        for domain, counts in PACS.items()
        for number, (name, count) in enumerate(zip(CLASSES, counts, strict=True))
        for place in range(count)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("pacs") / "index.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def script():
    path = ROOT / "scripts" / "count_hybrid_splits.py"
    spec = importlib.util.spec_from_file_location("count_hybrid_splits", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count(
    index: Path, official: list[str], module=None, splits: dict = SPLITS, **data: object
) -> pd.DataFrame:
    out = index.with_name("counts.parquet")
    (module or script()).count_hybrid_splits(
        {"PACS": index}, {"PACS": "PACS"}, official, {"PACS": list(PACS)}, {"PACS": list(PACS)},
        {"PACS": splits}, {"PACS": data}, out,
    )  # fmt: skip
    return pd.read_parquet(out)


def test_shares_of_pacs_are_nearly_the_official_lists(pacs):
    table = count(pacs, ["PACS"])
    assert len(table) == len(expected_counts("PACS")) == 4 * 4 * 7 and table["expected"].all()
    off = (table["n_images"] - table["expected"]).abs()
    assert (off[table["role"] == "target"] == 0).all()
    # The official folds are not cut by name: photo and sketch differ by an image or two.
    assert (off[table["domain"].isin(["art_painting", "cartoon"])] == 0).all() and off.max() == 2
    assert set(table["hybridness"]) == {"0", "1/6", "1/3", "1"}


def test_stand_ins_are_compared_with_nothing(pacs):
    assert count(pacs, [])["expected"].isna().all()


def lists(folder: Path, index: Path) -> str:
    """Write the lists of the index's own shares; return their pattern."""
    rows = pd.read_parquet(index)
    for domain, own in rows.groupby("domain"):
        parts = {"train": own.iloc[::2], "val": own.iloc[1::2]}
        for part, images in parts.items():
            text = "".join(f"{name} 1\n" for name in images["image_id"])
            (folder / f"{domain}_{part}.txt").write_text(text)
    return str(folder / "{domain}_{part}.txt")


def test_lists_with_other_counts_than_the_benchmarks_stop(pacs, tmp_path):
    pattern = lists(tmp_path, pacs)
    with pytest.raises(DatasetError, match=r"PACS.lists: \d+ of 112 counts differ.*not 761"):
        count(pacs, ["PACS"], lists=pattern)
    # Of a data set that is not the real one nothing is asked.
    assert len(count(pacs, [], lists=pattern)) == 112


def test_lists_with_the_right_counts_pass(pacs, tmp_path, monkeypatch):
    pattern, module = lists(tmp_path, pacs), script()
    own = count(pacs, [], lists=pattern)
    columns = ["split", "target", "role", "domain", "part", "n_images"]
    monkeypatch.setattr(module, "expected_counts", lambda page: own[columns])
    table = count(pacs, ["PACS"], module, lists=pattern)
    assert (table["n_images"] == table["expected"]).all()


def test_label_sets_of_a_users_own(pacs):
    """Any H: it is computed, and there is no official count to compare with."""
    table = count(pacs, ["PACS"], splits={"mine": {"sets": ["0-4", "1-5", "0,1,5"]}})
    assert set(table["hybridness"]) == {"4/9"} and table["expected"].isna().all()
    art = table[(table["target"] == "sketch") & (table["domain"] == "art_painting")]
    # Dog to horse, 90 and 10 % of each class.
    assert art.set_index("part")["n_images"].to_dict() == {"train": 1171, "val": 133}
