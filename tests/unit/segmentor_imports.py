"""What a training by mmengine imports, for a server that forks such trainings."""

from replidg.compat import prepare_mmseg

prepare_mmseg()

from replidg.segmentation.hooks import ResumeHook  # noqa: E402
from replidg.segmentation.train import Training, train_all  # noqa: E402

__all__ = ["ResumeHook", "Training", "train_all"]
