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
        "results/report.html",
        "results/metrics.csv",
        "results/summary.csv",
