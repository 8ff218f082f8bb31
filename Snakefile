include: "workflow/Snakefile"


# An include never decides what runs by default.
workflow.default_target = "all"
