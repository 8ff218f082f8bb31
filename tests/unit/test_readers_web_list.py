"""Reader of web lists: order, ids, columns, memory."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from reader_entries import entry

from replidg.data import index, readers
from replidg.data.errors import DatasetError
from replidg.data.readers import web_list

COLUMNS = {"image_id": "SAMPLE_ID", "url": "URL", "caption": "TEXT", "width": "WIDTH"}


def page(parts=None, columns=None):
    parts = parts or {"natural": "natural/*.parquet", "rendition": "rendition/part-*.parquet"}
    reader = {"kind": "web_list", "parts": parts, "columns": columns or COLUMNS}
    return entry("laion", reader, ["natural", "rendition"])


def write(path: Path, ids, **columns) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(ids)
    table = {
        "SAMPLE_ID": ids,
        "URL": [f"https://example.org/{path.stem}/{i}.jpg" for i in range(count)],
        "TEXT": [f"picture {i}" for i in range(count)],
        "WIDTH": pa.array(range(count), pa.int64()),
        "NSFW": ["UNLIKELY"] * count,
        **columns,
    }
    parquet.write_table(pa.table({k: v for k, v in table.items() if v is not None}), path)
    return path


@pytest.fixture
def lists(tmp_path) -> Path:
    write(tmp_path / "rendition" / "part-1.parquet", [7, 3, 5], WIDTH=[None, 1, 2])
    write(tmp_path / "rendition" / "part-0.parquet", [9, 8])
    write(tmp_path / "natural" / "a.parquet", [4, 1], TEXT=["ünï", None])
    (tmp_path / "rendition" / ".part-2.parquet").write_bytes(b"x")
    return tmp_path


def everything(*args) -> pd.DataFrame:
    return pd.concat(readers.chunks(*args), ignore_index=True)


def test_rows_in_the_order_of_the_files(lists):
    rows = everything(page(), lists, None, None)
    assert rows["image_id"].tolist() == ["4", "1", "9", "8", "7", "3", "5"]
    assert rows["domain"].tolist() == ["natural"] * 2 + ["rendition"] * 5
    assert rows["url"].tolist()[2] == "https://example.org/part-0/0.jpg"
    assert rows["caption"].isna().tolist() == [False, True] + [False] * 5
    assert rows["width"].tolist()[:4] == [0, 1, 0, 1] and pd.isna(rows["width"][4])
    assert rows["width"].dtype == "Int64"
    assert set(rows["label"]) == {-1} and set(rows["split"]) == {""}
    assert not {"path", "NSFW"} & set(rows.columns)
    assert readers.class_names(page(), lists, None, None) == []


def test_domains_are_parts(lists):
    assert set(everything(page(), lists, None, ["natural"])["image_id"]) == {"4", "1"}


def test_missing_column_lists_what_there_is(lists):
    write(lists / "rendition" / "part-9.parquet", [1], URL=None)
    with pytest.raises(
        DatasetError, match=r"part-9\.parquet has no column URL; it has SAMPLE_ID, "
    ):
        next(readers.chunks(page(), lists, None, None))


def test_no_file(lists):
    wrong = page({"natural": "nothing/*.parquet"})
    with pytest.raises(DatasetError, match=r"no file .*nothing/\*\.parquet"):
        next(readers.chunks(wrong, lists, None, None))


def test_ids_are_unique_in_a_file(tmp_path, caplog):
    write(tmp_path / "natural" / "a.parquet", [5, None, 5, 6, None])
    write(tmp_path / "natural" / "b.parquet", [5.0, 2.0**53, None])  # pandas writes gaps as floats
    rows = everything(page({"natural": "natural/*.parquet"}), tmp_path, None, ["natural"])
    assert rows["image_id"].tolist() == ["5", "#1", "5#2", "6", "#4", "5", str(2**53), "#2"]
    assert "3 rows have no id of their own" in caplog.text


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_ids_do_not_depend_on_the_batches(tmp_path, batch):
    write(tmp_path / "natural" / "a.parquet", [5, None, 5, 6, 6])
    one = page({"natural": "natural/*.parquet"})
    source = readers.Source(one, tmp_path, None, ["natural"])
    found = list(web_list.frames(source, batch))
    assert max(map(len, found)) == min(batch, 5)
    assert pd.concat(found)["image_id"].tolist() == ["5", "#1", "5#2", "6", "6#4"]


def test_types_are_those_of_the_first_file(tmp_path):
    write(tmp_path / "natural" / "a.parquet", [1])
    write(tmp_path / "natural" / "b.parquet", [2], WIDTH=[640.0])
    one = page({"natural": "natural/*.parquet"})
    assert everything(one, tmp_path, None, ["natural"])["width"].tolist() == [0, 640]
    path = write(tmp_path / "natural" / "c.parquet", [2], WIDTH=["wide"])
    with pytest.raises(DatasetError, match=rf"{path}: column WIDTH cannot be read as int64"):
        everything(one, tmp_path, None, ["natural"])


def test_index_twice(lists, tmp_path):
    outs = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for out in outs:
        index.build(lists, ["natural", "rendition"], out, tmp_path / "c.json", page())
    assert outs[0].read_bytes() == outs[1].read_bytes()
    rows = everything(page(), lists, None, None)
    pd.testing.assert_frame_equal(pd.read_parquet(outs[0])[["image_id"]], rows[["image_id"]])
    assert "bytes" not in rows and json.loads((tmp_path / "c.json").read_text()) == []
    # A gap makes no column of integers one of floats, in whichever batch it lies.
    assert parquet.read_schema(outs[0]).field("width").type == pa.int64()


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_readers_web_list import page
from replidg.data import index
folder = Path(sys.argv[1])
one = page({"natural": "natural/*.parquet"})
index.build(folder / "small", ["natural"], folder / "s.parquet", folder / "s.json", one)
# Not getrusage: its maximum may be that of the process that started this one.
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
index.build(folder / "large", ["natural"], folder / "l.parquet", folder / "l.json", one)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux' own figures")
def test_a_million_rows_in_little_memory(tmp_path):
    """Texts of 1,000,000 rows are 500 MB in memory; a reader that holds them all needs more."""
    block, blocks = 20_000, 50
    texts = [f"{i:06d} " + "a long caption " * 28 for i in range(block)]
    urls = [f"https://example.org/{i}.jpg" for i in range(block)]
    for name, count in (("small", 4), ("large", blocks)):
        path = tmp_path / name / "natural" / "a.parquet"
        path.parent.mkdir(parents=True)
        schema = pa.schema(
            {"SAMPLE_ID": pa.int64(), "URL": pa.string(), "TEXT": pa.string(), "WIDTH": pa.int64()}
        )
        with parquet.ParquetWriter(path, schema, compression="zstd") as file:
            for number in range(count):
                ids = range(number * block, (number + 1) * block)
                columns = [pa.array(ids), urls, texts, [1] * block]
                file.write_table(pa.table(columns, schema=schema))
    source = readers.Source(page(), tmp_path / "large", None, ["natural"])
    sizes = [len(frame) for frame in web_list.frames(source)]
    assert sum(sizes) == block * blocks and max(sizes) <= web_list.BATCH
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert parquet.read_metadata(tmp_path / "l.parquet").num_rows == block * blocks
    grown_mb = int(done.stdout) / 1024
    assert grown_mb < 250, f"{grown_mb:.0f} MB more for 920,000 rows more"
