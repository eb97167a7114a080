# MNIST from scratch: download → convert → train → evaluate → summarise → figures → report.
# Every number that can be changed is in config/config.yaml; README.md shows how.
from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        # Everything, so that a file that was deleted is made again, not the report alone.
        rules.convert.output,
        expand([*rules.train.output, *rules.evaluate.output], model=config["models"], seed=config["seeds"]),
        rules.summarise.output,
        rules.plot_data.output,
        rules.plot_results.output,
        rules.report.output,
    message:
        "All of results/ is there"


onstart:
    require_writable("resources", "results", "logs", "benchmarks")
