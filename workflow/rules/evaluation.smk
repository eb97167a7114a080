# Needs: results/tensors/test.safetensors and the runs' weights.
# Makes: predictions and metrics of each run, the two tables over all runs, and the two that compare the ladder's rungs.

COMPARED = {name for rung in LADDER for name in (rung["model"], rung["against"]) if name}
COMPARED_RUNS = [run for run in RUNS if Path(run).parent.name in COMPARED]


rule evaluate:
    input:
        images=TENSORS["test"],
        weights=f"{RUN}/weights.safetensors",
        snapshots=f"{RUN}/snapshots.safetensors",
        validation=f"{RUN}/validation.safetensors",
    output:
        predictions=f"{RUN}/predictions.safetensors",
        metrics=f"{RUN}/metrics.json",
    log:
        "logs/evaluate/{model}-{seed}.log",
    benchmark:
        "benchmarks/evaluate/{model}-{seed}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        recipe=recipe,
        label_errors=json.dumps(config["dataset"]["label_errors"]),
        source=source("digits/evaluate.py"),
    message:
        "Evaluating {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m digits.evaluate --images {input.images} --recipe {params.recipe:q} --weights {input.weights}"
        " --snapshots {input.snapshots} --validation {input.validation} --label-errors {params.label_errors:q}"
        " --predictions {output.predictions} --metrics {output.metrics} 2> {log}"


rule summarise:
    input:
        metrics=[f"{run}/metrics.json" for run in RUNS],
        predictions=[f"{run}/predictions.safetensors" for run in RUNS],
    output:
        metrics=report(
            "results/metrics.csv", caption="../report/metrics.rst", category="Tables", labels={"table": "all runs"}
        ),
        summary=report(
            "results/summary.csv", caption="../report/summary.rst", category="Tables", labels={"table": "all models"}
        ),
    log:
        "logs/summarise.log",
    benchmark:
        "benchmarks/summarise.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        # The tables' order. Snakemake compares inputs without their order.
        runs=RUNS,
        source=source("digits/summarise.py"),
    message:
        "Joining all runs into two tables"
    shell:
        "python -m digits.summarise --runs {input.metrics} --predictions {input.predictions}"
        " --metrics {output.metrics} --summary {output.summary} 2> {log}"


if LADDER:

    rule compare:
        input:
            metrics=[f"{run}/metrics.json" for run in COMPARED_RUNS],
            predictions=[f"{run}/predictions.safetensors" for run in COMPARED_RUNS],
        output:
            ladder=report(
                "results/ladder.csv",
                caption="../report/ladder-table.rst",
                category="Tables",
                labels={"table": "the ladder"},
            ),
            comparisons=report(
                "results/comparisons.csv",
                caption="../report/comparisons.rst",
                category="Tables",
                labels={"table": "comparisons by seed"},
            ),
        log:
            "logs/compare.log",
        benchmark:
            "benchmarks/compare.tsv"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(5),
        params:
            ladder=json.dumps(LADDER),
            source=source("digits/compare.py"),
        message:
            "Comparing the rungs of the ladder"
        shell:
            "python -m digits.compare --ladder {params.ladder:q} --runs {input.metrics}"
            " --predictions {input.predictions} --table {output.ladder} --comparisons {output.comparisons} 2> {log}"
