# Needs: results/tensors/test.safetensors and the runs' weights.
# Makes: predictions and metrics of each run, ensembles, the two tables over all runs, and the two that compare the ladder's rungs.

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
    resources:
        **{**LIGHT, "mem_mb": growing_with_input(1000)},
    params:
        recipe=recipe,
        label_errors=json.dumps(DATASET["label_errors"]),
        source=source("digits/evaluate.py"),
    message:
        "Evaluating {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m digits.evaluate --images {input.images} --recipe {params.recipe:q} --weights {input.weights}"
        " --snapshots {input.snapshots} --validation {input.validation} --label-errors {params.label_errors:q}"
        " --predictions {output.predictions} --metrics {output.metrics} 2> {log}"


rule combine:
    input:
        weights=members("weights.safetensors"),
        predictions=members("predictions.safetensors"),
        validation=members("validation.safetensors"),
        metrics=members("metrics.json"),
    output:
        weights=f"{RUN}/weights.safetensors",
        predictions=f"{RUN}/predictions.safetensors",
        validation=f"{RUN}/validation.safetensors",
        metrics=f"{RUN}/metrics.json",
    log:
        "logs/combine/{model}-{seed}.log",
    benchmark:
        "benchmarks/combine/{model}-{seed}.tsv"
    wildcard_constraints:
        model=ENSEMBLE,
    resources:
        **LIGHT,
    params:
        label_errors=json.dumps(DATASET["label_errors"]),
        source=source("digits/combine.py"),
    message:
        "Combining the members of {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m digits.combine --model {wildcards.model} --seed {wildcards.seed} --member-weights {input.weights}"
        " --member-predictions {input.predictions} --member-validation {input.validation}"
        " --member-metrics {input.metrics} --label-errors {params.label_errors:q} --weights {output.weights}"
        " --predictions {output.predictions} --validation {output.validation} --metrics {output.metrics} 2> {log}"


rule summarise:
    input:
        metrics=[f"{run}/metrics.json" for run in RUNS],
        predictions=[f"{run}/predictions.safetensors" for run in RUNS],
        train=TENSORS["train"],
    output:
        **captioned({"metrics": "results/metrics.csv", "summary": "results/summary.csv"}, "Tables", "table"),
    log:
        "logs/summarise.log",
    benchmark:
        "benchmarks/summarise.tsv"
    resources:
        **LIGHT,
    params:
        # The tables' order. Snakemake compares inputs without their order.
        runs=RUNS,
        source=source("digits/summarise.py"),
    message:
        "Joining all runs into two tables"
    shell:
        "python -m digits.summarise --runs {input.metrics} --predictions {input.predictions} --train {input.train}"
        " --metrics {output.metrics} --summary {output.summary} 2> {log}"


if LADDER:

    rule compare:
        input:
            metrics=[f"{run}/metrics.json" for run in COMPARED_RUNS],
            predictions=[f"{run}/predictions.safetensors" for run in COMPARED_RUNS],
        output:
            **captioned({"ladder": "results/ladder.csv", "comparisons": "results/comparisons.csv"}, "Tables", "table"),
        log:
            "logs/compare.log",
        benchmark:
            "benchmarks/compare.tsv"
        resources:
            **LIGHT,
        params:
            ladder=json.dumps(LADDER),
            source=source("digits/compare.py"),
        message:
            "Comparing the rungs of the ladder"
        shell:
            "python -m digits.compare --ladder {params.ladder:q} --runs {input.metrics}"
            " --predictions {input.predictions} --table {output.ladder} --comparisons {output.comparisons} 2> {log}"
