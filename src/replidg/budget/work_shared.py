"""Work of the jobs that all papers share, and of the alignment paper's trainings."""

from __future__ import annotations

from replidg.budget.plan import Job
from replidg.budget.work import (
    TRAINING,
    Pass,
    Work,
    architecture,
    counts,
    kind,
    precision,
    table,
    total,
    tower,
    values,
)
from replidg.config import Config
from replidg.config.check import run_protocol
from replidg.config.methods import FineTuning

#: Bytes up to which a domain's hold-out is decoded once (`replidg.training.validation`).
KEPT_BYTES = 2 * 2**30
#: Forward passes an image of a step: 3, SAGM two gradients, 1 more for a frozen copy that is asked.
TIMES = {"sagm": 2 * TRAINING, "miro": TRAINING + 1, "vl2v_sd": TRAINING + 1}


def embed_images(config: Config, job: Job) -> Work:
    """Every image of a data set forward once."""
    model, dataset = job.wildcards["model"], job.wildcards["dataset"]
    images = total(config, dataset)
    return Work(
        passes=(Pass(tower(config, model), images),),
        read={kind(config, dataset): images},
        processes=max(1, config.embedding.workers),
        images=images,
        vectors=images * 768,
        source="embeddings counted with 768 values",
    )


def retrieve_model(config: Config, job: Job) -> Work:
    """No computation; the weights that are stored."""
    name = architecture(config, job.wildcards["model"])[0]
    if job.rule == "retrieve_clip":
        return Work(weights=values(name, "image", "text"))
    return Work(weights=values(name, "image" if (name, "image") in table() else "encoder"))


def validations(protocol: FineTuning, first: bool) -> int:
    """Return how often a training validates.

    Args:
        protocol: of the training.
        first: whether it does after step 1 too, as DomainBed does.
    """
    last = protocol.steps - first
    return last // protocol.evaluate_every + first + (last % protocol.evaluate_every > 0)


def held_out(
    protocol: FineTuning, shares: list[float], size: int, times: int
) -> tuple[float, float]:
    """Return validated and, of these, decoded images of a training.

    Args:
        protocol: of the training.
        shares: images held out, by source domain.
        size: side of an image, pixels.
        times: validations.
    """
    each = [min(n, protocol.validation_images or n) for n in shares]
    decoded = [n if n * 3 * size**2 <= KEPT_BYTES else n * times for n in each]
    return sum(each) * times, sum(decoded)


def train_classifier(config: Config, job: Job) -> Work:
    """Steps, validations on the sources and the test on the target, for each run of the job."""
    w = job.wildcards
    model, dataset = w["model"], w["dataset"]
    protocol = run_protocol(config, model, dataset, w["method"])
    method = config.methods[w["method"]].for_dataset(dataset)
    domains = counts(config, dataset, "domain")
    names = config.datasets[dataset].domains or list(domains)
    targets = names if w["target"] == "all_targets" else [w["target"]]
    seeds = len(config.alignment.seeds) if w["seed"] == "all_seeds" else 1
    size = architecture(config, model)[1] or 224
    cost, often = tower(config, model), validations(protocol, first=True)
    passes, read, stepped, rows = [], 0.0, 0.0, 0.0
    for target in targets:
        everywhere = method.train_on == "all"
        sources = [name for name in names if everywhere or name != target]
        steps = protocol.steps * protocol.batch_per_domain * len(sources)
        probed = protocol.batch_per_domain * len(sources) * min(method.linear_steps, protocol.steps)
        probed = probed if method.objective == "lp_ft" else 0
        held = [domains[name] * protocol.validation_share for name in sources]
        seen, decoded = held_out(protocol, held, size, often)
        tested = domains[target] * (protocol.validation_share if everywhere else 1) + sum(held)
        times = TIMES.get(method.objective, TRAINING)
        passes += [Pass(cost, steps - probed, times, trained=True), Pass(cost, probed)]
        passes.append(Pass(cost, seen + tested))
        read += steps + decoded + tested
        stepped += steps
        rows += tested
    network = values(architecture(config, model)[0], "image")
    return Work(
        passes=tuple(Pass(p.gflop, p.images * seeds, p.times, p.trained) for p in passes),
        read={kind(config, dataset): read * seeds},
        processes=max(1, protocol.workers),
        precision=precision(protocol),
        images=stepped * seeds,
        weights=network * len(targets) * seeds,
        network=network,
        rows=rows * seeds,
    )
