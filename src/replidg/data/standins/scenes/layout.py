"""Compose a street from far to near."""

from __future__ import annotations

import numpy as np

from replidg.data.standins.scenes import blocks, buildings, ground
from replidg.data.standins.scenes.stage import Plan, Stage
from replidg.data.standins.scenes.traffic import Traffic


def compose(plan: Plan, width: int, height: int, random: np.random.Generator) -> Stage:
    """Draw one street; the returned stage holds its canvas and camera.

    Args:
        plan: what is asked.
        width: pixels.
        height: pixels.
        random: decides everything else.
    """
    stage = Stage(plan, width, height, random)
    canvas, camera, look = stage.canvas, stage.camera, stage.look
    ground.sky(canvas, camera, random, look)
    buildings.skyline(canvas, camera, random, look, stage.photo)
    plane = ground.Ground(canvas, camera)
    ground.plain(plane, look)
    blocks.line_street(stage, plane)
    ground.road(plane, random, look, stage.half, stage.walk)
    blocks.verge(stage, plane)
    Traffic(stage, plane).populate()
    if stage.chance(look.ego):
        ground.own_car(canvas, random, look)
    return stage
