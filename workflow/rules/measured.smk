# The list of a run's jobs, from which `./replidg measured` knows what to look for.
from replidg import measured
from replidg.commands import measured as measured_command


def run_jobs():
    """Every job that is measured, with where it leaves its traces."""
    failed = workflow.scheduler.failed if workflow.scheduler else set()
    for job in workflow.dag.jobs:
        if job.benchmark:
            kept = [path for path in job.output if path not in job.temp_output]
            yield {
                "rule": job.rule.name,
                "wildcards": job.wildcards_dict,
                "log": str(job.log[0]) if job.log else "",
                "benchmark": str(job.benchmark),
                "outputs": list(map(str, kept)),
                "failed": job in failed,
            }


def list_jobs():
    measured.write_jobs(run_jobs(), CONFIG.scale)


def tell_measured():
    """Write what was measured, and print it where that is asked for."""
    list_jobs()
    rows = measured.kinds(measured.read_jobs())
    measured.write_csv(rows)
    if CONFIG.show_measured:
        print(measured_command.table(rows), measured_command.summary(rows), sep="\n")
