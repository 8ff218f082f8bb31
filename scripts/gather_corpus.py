"""Assign the domains of all web pictures and write them as one table, in the shards' order."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from replidg.files import whole_file
from replidg.metrics.domain_assign import assigned


def gather_corpus(scores: Sequence[Path], marks: Sequence[Path], chosen: Path, out: Path) -> None:
    """Write one row a picture, sorted by shard and position, a row group a shard.

    Args:
        scores: parquet files of the filter jobs, a row group a shard; shard i belongs to job
            i % jobs.
        marks: files of the same rows with `duplicate`, and `pruned/<name>`; none if empty.
        chosen: thresholds of the classifiers.
        out: parquet file; `kept`: neither duplicate nor unreadable.
    """
    levels = json.loads(chosen.read_text())
    files = [parquet.ParquetFile(path) for path in scores]
    marked = [parquet.read_table(path) for path in marks]
    starts = [0] * len(files)
    shards = sum(file.num_row_groups for file in files)
    with whole_file(out) as temporary:
        writer: parquet.ParquetWriter | None = None
        for number in range(shards):
            group, job = divmod(number, len(files))
            frame = assigned(files[job].read_row_group(group).to_pandas(), levels)
            frame["kept"] = frame.pop("readable").to_numpy()
            if marked:
                part = marked[job].slice(starts[job], len(frame)).to_pandas()
                starts[job] += len(frame)
                frame["kept"] &= ~part.pop("duplicate").to_numpy()
                for name in part:
                    frame[name] = part[name].to_numpy()
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or parquet.ParquetWriter(temporary, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=max(1, len(table)))
        if writer is not None:
            writer.close()


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    gather_corpus(
        scores=[Path(path) for path in snakemake.input.scores],
        marks=[Path(path) for path in snakemake.input.marks],
        chosen=Path(snakemake.input.chosen),
        out=Path(snakemake.output.domains),
    )
