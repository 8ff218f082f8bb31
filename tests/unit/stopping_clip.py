"""`replidg.training.clip_main` for torchrun; a signal asks the second process to stop at step 2."""

import os
import signal
import sys

import faults

from replidg.training import clip_main


def strike(step: int) -> None:
    if step == 2 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGUSR1)


if __name__ == "__main__":
    faults.watch(clip_main.MixSteps, strike, "advance")
    clip_main.main(clip_main.Settings.model_validate_json(sys.argv[1]), sys.argv[2:])
