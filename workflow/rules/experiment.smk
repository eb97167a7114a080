# Needs: history.csv of the runs of the model that is explained and of the experiment's recipes.
# Makes: results/learning.csv, results/experiment.csv and their figures. Nothing here reads the test images.

EXPERIMENT_NAMES = ["learning.svg", "experiment.svg", "loss-slopes.svg"] if EXPERIMENT else []
EXPERIMENT_FIGURES, EXPERIMENT_NARROW = figures(*EXPERIMENT_NAMES), narrow(*EXPERIMENT_NAMES)
EXPERIMENT_NUMBERS = numbers("loss-slopes") if EXPERIMENT else {}


if EXPERIMENT:

    rule explain:
        input:
            [f"{RUN.format(model=m, seed=s)}/history.csv" for m, seeds in EXPERIMENT["seeds"].items() for s in seeds],
        output:
            **captioned(
                {"learning": "results/learning.csv", "experiment": "results/experiment.csv"},
                "Tables",
                "table",
            ),
        log:
            "logs/explain.log",
        benchmark:
            "benchmarks/explain.tsv"
        resources:
            **LIGHT,
        params:
            plan=json.dumps(EXPERIMENT),
            source=source("digits/explain.py"),
        message:
            "Joining the histories that explain the results"
        shell:
            "python -m digits.explain --plan {params.plan:q} --runs results/runs"
            " --learning {output.learning} --experiment {output.experiment} 2> {log}"

    rule plot_experiment:
        input:
            learning="results/learning.csv",
            experiment="results/experiment.csv",
        output:
            **captioned(EXPERIMENT_FIGURES, "Results"),
            **EXPERIMENT_NARROW,
            **EXPERIMENT_NUMBERS,
        log:
            "logs/plot_experiment.log",
        benchmark:
            "benchmarks/plot_experiment.tsv"
        resources:
            **LIGHT,
        params:
            plan=json.dumps(EXPERIMENT),
            source=source("digits/plot_experiment.py"),
        message:
            "Drawing what explains the results"
        shell:
            "python -m digits.plot_experiment --learning {input.learning} --experiment {input.experiment}"
            " --plan {params.plan:q} --learning-figure {output.learning} {output.narrow_learning}"
            " --experiment-figure {output.experiment} {output.narrow_experiment}"
            " --slopes-figure {output.loss_slopes} {output.narrow_loss_slopes} --slopes-table {output.loss_slopes_table} 2> {log}"
