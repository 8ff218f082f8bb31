# Names that the rules on trainings and on verdicts of arXiv 2410.08258 share.

MIXING = FORGOTTEN.training
FORGOTTEN_TRAINING_TABLES = [
    name for name in names_of("forgotten", "table") if name in ("table2", "claims")
]
FORGOTTEN_CHECKED = list(
    dict.fromkeys(
        [
            *FORGOTTEN_DATASETS,
            *([CORPUS.dataset] if CORPUS.source != "folder" else []),
        ]
    )
)
