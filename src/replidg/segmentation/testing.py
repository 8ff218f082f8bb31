"""The results of a test job: what is asked of each trained network, made one after the other."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from replidg.config import vltseg_arms
from replidg.config.schema import Config
from replidg.config.vltseg_tests import Result
from replidg.data import availability
from replidg.data.errors import DatasetError
from replidg.files import whole_file
from replidg.models.store import device
from replidg.segmentation import evaluation, submissions
from replidg.segmentation.build import load_segmentor
from replidg.segmentation.images import in_turn, test_rows
from replidg.segmentation.pixel_embeddings import pixel_embeddings
from replidg.segmentation.predictions import View, predicted

if TYPE_CHECKING:
    from mmseg.models import EncoderDecoder

logger = logging.getLogger(__name__)
METADATA = "replidg"


class RunTests:
    """The tests of one trained network.

    Args:
        config: whole configuration.
        run: folder of the network.
        indexes: index of each data set.
        checkpoints: folder of unfinished work.
    """

    def __init__(
        self, config: Config, run: Path, indexes: Mapping[str, pd.DataFrame], checkpoints: Path
    ) -> None:
        self.config, self.paper, self.run, self.indexes = config, config.vltseg, run, indexes
        self.network = self._load(trained=True)
        self.place = evaluation.Workplace(checkpoints, run, self.paper.test.shard)

    def make(self, result: Result) -> None:
        """Write one result."""
        logger.info("%s: %s of %s", self.run, result.kind, result.dataset)
        getattr(self, f"_{result.kind}")(result, Path(result.path))

    def _load(self, trained: bool) -> EncoderDecoder:
        return load_segmentor(self.run, trained=trained).segmentor.to(device()).eval()

    def view(self, result: Result, tta: bool) -> View:
        """Return how a data set's images are looked at."""
        scale, test = vltseg_arms.scale_of(self.config, result.run.source), self.paper.test
        return View(
            size=scale.test_size_of(result.dataset),
            window=scale.window,
            stride=scale.stride,
            ratios=tuple(scale.tta_ratios) if tta else None,
            batch_size=1 if tta else test.batch_size,
            workers=test.workers,
        )

    def rows(self, result: Result) -> pd.DataFrame:
        """Return the labelled test images of a data set for this network's source."""
        held = vltseg_arms.held_out(self.config, result.run.source, result.dataset)
        return test_rows(self.indexes[result.dataset], held)

    def _confusion(self, result: Result, out: Path) -> None:
        view = self.view(result, self.paper.test.tta)
        work = partial(evaluation.counted, self.network, view=view)
        table = self.place.table(self.rows(result), work, view, _name(result))
        order = ["image_id", "truth", "pred"]
        evaluation.write_table(table.sort_values(order, ignore_index=True), out)

    def _perturbed(self, result: Result, out: Path) -> None:
        study = self.paper.perturbations
        rows = in_turn(self.rows(result), study.images or len(self.indexes[result.dataset]))
        rows = evaluation.corrupted(rows, study.kinds, study.severities)
        view = self.view(result, tta=False)._replace(scale=study.scale, seed=study.seed)
        keys = ("perturbation", "severity")
        work = partial(evaluation.counted, self.network, view=view, keys=keys)
        table = self.place.table(rows, work, view, _name(result))
        order = ["perturbation", "severity", "image_id", "truth", "pred"]
        evaluation.write_table(table.sort_values(order, ignore_index=True), out)

    def _panels(self, result: Result, out: Path) -> None:
        view = self.view(result, self.paper.test.tta)
        rows = in_turn(self.rows(result), self.paper.panels.images[result.dataset])
        work = partial(evaluation.pictured, self.network, view=view)
        table = self.place.table(rows, work, view, _name(result))
        evaluation.write_table(table, out)

    def _embeddings(self, result: Result, out: Path) -> None:
        study = self.paper.tsne
        rows = in_turn(self.rows(result), study.images)
        found = pixel_embeddings(
            before=self._load(trained=False),
            after=self.network,
            rows=rows,
            view=self.view(result, tta=False),
            pixels=study.pixels,
            seed=result.run.seed,
        )
        # One entry: safetensors writes several in no fixed order.
        metadata = {METADATA: json.dumps({"images": rows["image_id"].tolist()})}
        arrays = {name: np.ascontiguousarray(a) for name, a in found._asdict().items()}
        with whole_file(out) as temporary:
            save_file(arrays, temporary, metadata=metadata)

    def _submission(self, result: Result, out: Path) -> None:
        page = availability.page(result.dataset, self.config.datasets[result.dataset]).name
        index = self.indexes[result.dataset]
        rows = index[index["split"] == "test"].sort_values("image_id", ignore_index=True)
        if not len(rows):
            raise DatasetError(
                f"{result.dataset} has no test images, whose labels the server has; take "
                f"{result.dataset!r} out of vltseg.submissions.datasets or add the images"
            )
        view = self.view(result, self.paper.submissions.tta)

        def work(part: pd.DataFrame) -> pd.DataFrame:
            labels = predicted(self.network, part, view)
            files = [evaluation.label_png(submissions.as_server_wants(x, page)) for x in labels]
            return pd.DataFrame({"name": map(submissions.name_of, part["image_id"]), "png": files})

        table = self.place.table(rows, work, view, _name(result))
        submissions.write(table.itertuples(index=False, name=None), out)


def _name(result: Result) -> str:
    return f"{result.run.arm} of {result.run.source}, {result.dataset}, {result.kind}"
