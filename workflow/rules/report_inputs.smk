# What the report shows besides figures and tables.
from pathlib import Path


def verdict_files():
    """Verdicts of every paper that is run."""
    papers = dict.fromkeys(artefact.paper for artefact in ARTEFACTS)
    return [f"results/{paper}/verdicts.csv" for paper in papers]


def lacking_artefacts():
    """What the artefacts that this configuration cannot make would need, by target."""
    lacking = {
        artefacts.target(a): artefacts.missing(a, PROVIDED) for a in artefacts.ARTEFACTS
    }
    return {name: needs for name, needs in lacking.items() if needs}


def gpus_asked(wildcards):
    """How many GPUs a job of a rule asks for, by the folder of its benchmark files."""
    asked = {}
    for step in workflow.rules:
        gpu = step.resources.get("gpu")
        if gpu is not None and step.benchmark and not gpu.is_evaluable() and gpu.value:
            asked[Path(str(step.benchmark)).parts[1]] = gpu.value
    return asked


def overlays():
    """The configuration files that were given on the command line."""
    found = [Path(path).absolute() for path in workflow.overwrite_configfiles]
    here = Path.cwd()
    return [str(p.relative_to(here) if p.is_relative_to(here) else p) for p in found]
