# MNIST from scratch: download → convert → train → evaluate → summarise → figures → report.
# config/config.yaml says what is built; config/README.md has every key and its default.
from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/experiment.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/recovery.smk"


# Everything, so that a file that was deleted is made again, not the report alone.
PLOTS = [rules.plot_data.output, rules.plot_results.output, rules.plot_mistakes.output, rules.plot_weights.output]
ABOUT_MODELS = [rules.summarise.output, *PLOTS, rules.plot_workflow.output, rules.explore.output, rules.report.output]
EVERY_RUN = [
    expand(
        rules.combine.output if model in ENSEMBLES else [*rules.train.output, *rules.evaluate.output],
        model=model,
        seed=seeds,
    )
    for model, seeds in PLANNED.items()
]
ABOUT_SEARCHES = [expand(rules.train.output, model=s["candidates"], seed=s["seeds"]) for s in SEARCHES.values()]


rule all:
    default_target: True
    input:
        rules.convert.output,
        EVERY_RUN,
        ABOUT_MODELS if config["models"] else [],
        [rules.compare.output, rules.plot_ladder.output] if LADDER else [],
        [rules.explain.output, rules.plot_experiment.output] if EXPERIMENT else [],
        [*ABOUT_SEARCHES, rules.search.output] if SEARCHES else [],
    message:
        "All of results/ is there"


onstart:
    require_writable("resources", "results", "logs", "benchmarks")
    say_processor()


onsuccess:
    remember(Path(".snakemake"))
    say_warnings()


onerror:
    remember(Path(".snakemake"))
