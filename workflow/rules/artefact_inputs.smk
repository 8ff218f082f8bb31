# Files of figures and tables, the same for every paper.


def artefact_files(chosen):
    return [path for artefact in chosen for path in artefacts.files(artefact)]


def names_of(paper, kind, without=()):
    """Figures or tables of a paper that this configuration can make."""
    return [
        a.name
        for a in ARTEFACTS
        if (a.paper, a.kind) == (paper, kind) and a.name not in without
    ]


def captioned(paper, kind, name):
    """The file of an artefact that stands in Snakemake's report."""
    return report(
        f"results/{paper}/{kind}s/{name}.{artefacts.SUFFIXES[kind][0]}",
        caption=f"../../report/{paper}_{name}.rst",
        category=paper,
        subcategory=f"{kind}s",
        labels={kind: name},
    )


def written(paper, kind, names):
    """Files of figures or tables by suffix, as outputs: lists, or one file of one name.

    Captions are looked for beside the file that calls: do so from workflow/rules/papers/.
    """
    if isinstance(names, str):
        return {s: files[0] for s, files in written(paper, kind, [names]).items()}
    first, *others = artefacts.SUFFIXES[kind]
    files = {s: [f"results/{paper}/{kind}s/{n}.{s}" for n in names] for s in others}
    return {first: [captioned(paper, kind, name) for name in names]} | files


def made_or_missing(artefact):
    """The files of an artefact; if the configuration lacks what it needs, an error that says so."""
    lacking = artefacts.missing(artefact, PROVIDED)
    if not lacking:
        return artefacts.files(artefact)

    def explain(wildcards):
        name = artefacts.target(artefact)
        raise WorkflowError(f"{name} needs {' and '.join(lacking)}.")

    return explain
