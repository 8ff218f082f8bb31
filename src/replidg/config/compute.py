"""Typed configuration of how a training computes, the same for all trainings of our own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from replidg.typed import Strict

#: Objectives whose loss is a mean over images that do not know of each other: a batch can be
#: divided. The others compare images, domains or the teacher's scores of a batch.
DIVISIBLE = frozenset(
    {"erm", "lp_ft", "sagm", "attn_tune", "miro", "vl2v_sd", "clipood", "dann", "arpl"}
)
#: Objectives that combine gradients of several places or domains themselves: loss scaling would
#: have to know each of them.
COMBINING = frozenset({"sagm", "mldg", "daml", "and_mask"})
#: Objectives that read or change the tower's inner layers.
LOOKING_INSIDE = frozenset({"miro", "mixstyle"})
#: Objectives that mix inner layers of images that another process has.
MIXING_INSIDE = frozenset({"mixstyle"})


class Compute(Strict):
    """Switches of a training's arithmetic. All of them change the result, by rounding at least."""

    precision: Literal["float32", "bf16", "fp16"] = Field(
        "float32",
        description="of the towers' passes; bf16, fp16: autocast. Weights, heads and losses stay "
        "float32. fp16 scales the loss",
    )
    accumulate: PositiveInt = Field(
        1,
        description="parts that a step's batch is divided into, to save memory; the batch and the "
        "gradient stay what they are",
    )
    gpus: PositiveInt = Field(
        1, description="of a job; more than one starts as many processes, which share each batch"
    )
    tf32: bool = Field(False, description="TF32 for float32 products and convolutions on a GPU")
    deterministic: bool = Field(
        True, description="the same bits each time; false lets a GPU choose its fastest kernels"
    )
    compile: bool = Field(False, description="compile the image tower (torch.compile)")

    def problems(self, objective: str) -> list[str]:
        """Return which of these switches an objective cannot be computed with, one line each."""
        found = []
        if self.accumulate > 1 and self.gpus > 1:
            found.append("accumulate and gpus: only one of them may be above 1")
        if self.accumulate > 1 and objective not in DIVISIBLE:
            found.append(
                f"accumulate: {objective} compares the images of a batch, which cannot be divided; "
                "set it to 1"
            )
        if self.precision == "fp16" and objective in COMBINING:
            found.append(f"precision: {objective} combines gradients itself; set it to bf16")
        if self.compile and objective in LOOKING_INSIDE:
            found.append(f"compile: {objective} reads layers inside the tower; set it to false")
        if self.gpus > 1 and objective in MIXING_INSIDE:
            found.append(
                f"gpus: {objective} mixes layers of images that other processes have; set it to 1"
            )
        return found
