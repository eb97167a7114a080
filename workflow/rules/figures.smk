# Needs: the tensors, all runs and the tables.
# Makes: results/figures/ and results/mistakes.csv.


DATA_NAMES = ["samples.svg", "class-means.svg", "class-counts.svg"]
DATA_FIGURES, DATA_NARROW, DATA_NUMBERS = (
    figures(*DATA_NAMES),
    narrow(*DATA_NAMES),
    numbers("class-counts", "class-means"),
)
RESULT_NAMES = ["curves.svg", "accuracies.svg", "calibration.svg"]
RESULT_FIGURES, RESULT_NARROW, RESULT_NUMBERS = (
    figures(*RESULT_NAMES),
    narrow(*RESULT_NAMES),
    numbers("curves", "calibration"),
)
MISTAKE_FIGURES = figures("confusion.svg", "mistakes.png", "shared-mistakes.png")
WEIGHT_FIGURE, WEIGHT_NARROW = figures("first-layers.svg"), narrow("first-layers.svg")
WEIGHT_NUMBERS = numbers("first-layers")
WORKFLOW_FIGURE, WORKFLOW_NARROW = figures("workflow.svg"), narrow("workflow.svg")
LADDER_NAMES = ["ladder.svg"] if LADDER else []
LADDER_FIGURE, LADDER_NARROW = figures(*LADDER_NAMES), narrow(*LADDER_NAMES)
FIGURES = (
    EXPERIMENT_FIGURES
    | EXPERIMENT_NARROW
    | RESULT_NARROW
    | DATA_NARROW
    | WEIGHT_NARROW
    | WORKFLOW_NARROW
    | LADDER_NARROW
    | DATA_FIGURES
    | RESULT_FIGURES
    | MISTAKE_FIGURES
    | WEIGHT_FIGURE
    | LADDER_FIGURE
    | WORKFLOW_FIGURE
)
NUMBERS = DATA_NUMBERS | RESULT_NUMBERS | WEIGHT_NUMBERS | EXPERIMENT_NUMBERS


rule plot_data:
    input:
        **TENSORS,
        datasheet=DATASHEET,
    output:
        **captioned(DATA_FIGURES, "Data"),
        **DATA_NARROW,
        **DATA_NUMBERS,
    log:
        "logs/plot_data.log",
    benchmark:
        "benchmarks/plot_data.tsv"
    resources:
        **LIGHT,
    params:
        source=source("digits/plot_data.py"),
    message:
        "Drawing the data set"
    shell:
        "python -m digits.plot_data --train {input.train} --test {input.test} --datasheet {input.datasheet} --samples {output.samples} {output.narrow_samples}"
        " --class-means {output.class_means} {output.narrow_class_means}"
        " --class-counts {output.class_counts} {output.narrow_class_counts} --class-counts-table {output.class_counts_table}"
        " --class-means-table {output.class_means_table} 2> {log}"


rule plot_results:
    input:
        histories=[f"{run}/history.csv" for run in RUNS if Path(run).parent.name not in ENSEMBLES],
        predictions=[f"{run}/predictions.safetensors" for run in RUNS],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
    output:
        **captioned(RESULT_FIGURES, "Results"),
        **RESULT_NARROW,
        **RESULT_NUMBERS,
    log:
        "logs/plot_results.log",
    benchmark:
        "benchmarks/plot_results.tsv"
    resources:
        **LIGHT,
    params:
        runs=RUNS,
        ensembles=[model for model in PLANNED if model in ENSEMBLES],
        references=lambda wildcards: json.dumps(config["references"]),
        source=source("digits/plot_results.py"),
    message:
        "Drawing the results"
    shell:
        "python -m digits.plot_results --runs {params.runs} --ensembles {params.ensembles} --metrics {input.metrics} --summary {input.summary}"
        " --references {params.references:q} --curves {output.curves} {output.narrow_curves}"
        " --accuracies {output.accuracies} {output.narrow_accuracies}"
        " --calibration {output.calibration} {output.narrow_calibration}"
        " --curves-table {output.curves_table} --calibration-table {output.calibration_table} 2> {log}"


rule plot_mistakes:
    input:
        evaluation=[f"{run}/{name}" for run in RUNS for name in ("predictions.safetensors", "metrics.json")],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        test=TENSORS["test"],
        datasheet=DATASHEET,
    output:
        **captioned(MISTAKE_FIGURES, "Results"),
        **captioned({"table": "results/mistakes.csv"}, "Tables", "table"),
    log:
        "logs/plot_mistakes.log",
    benchmark:
        "benchmarks/plot_mistakes.tsv"
    resources:
        **LIGHT,
    params:
        runs=RUNS,
        ensembles=[model for model in PLANNED if model in ENSEMBLES],
        source=source("digits/plot_mistakes.py"),
    message:
        "Drawing the mistakes"
    shell:
        "python -m digits.plot_mistakes --runs {params.runs} --ensembles {params.ensembles} --metrics {input.metrics} --summary {input.summary}"
        " --test {input.test} --datasheet {input.datasheet} --table {output.table} --confusion {output.confusion} --mistakes {output.mistakes}"
        " --shared-mistakes {output.shared_mistakes} 2> {log}"


rule plot_weights:
    input:
        weights=[f"{run}/weights.safetensors" for run in RUNS],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        test=TENSORS["test"],
    output:
        **captioned(WEIGHT_FIGURE, "Results"),
        **WEIGHT_NARROW,
        **WEIGHT_NUMBERS,
    log:
        "logs/plot_weights.log",
    benchmark:
        "benchmarks/plot_weights.tsv"
    resources:
        **LIGHT,
    params:
        runs=RUNS,
        ensembles=[model for model in PLANNED if model in ENSEMBLES],
        source=source("digits/plot_weights.py"),
    message:
        "Drawing the first layers"
    shell:
        "python -m digits.plot_weights --runs {params.runs} --ensembles {params.ensembles} --metrics {input.metrics} --summary {input.summary}"
        " --test {input.test} --first-layers {output.first_layers} {output.narrow_first_layers}"
        " --first-layers-table {output.first_layers_table} 2> {log}"


rule plot_workflow:
    output:
        **captioned(WORKFLOW_FIGURE, "How it was made"),
        **WORKFLOW_NARROW,
    log:
        "logs/plot_workflow.log",
    benchmark:
        "benchmarks/plot_workflow.tsv"
    resources:
        **LIGHT,
    params:
        graph=lambda wildcards: json.dumps(workflow_graph("results/report.html")),
        source=source("digits/plot_workflow.py"),
    message:
        "Drawing the workflow"
    shell:
        "python -m digits.plot_workflow --graph {params.graph:q} --workflow {output.workflow} {output.narrow_workflow} 2> {log}"


if LADDER:

    rule plot_ladder:
        input:
            "results/ladder.csv",
        output:
            **captioned(LADDER_FIGURE, "Results"),
            **LADDER_NARROW,
        log:
            "logs/plot_ladder.log",
        benchmark:
            "benchmarks/plot_ladder.tsv"
        resources:
            **LIGHT,
        params:
            models=list(PLANNED),  # for their colours
            source=source("digits/plot_ladder.py"),
        message:
            "Drawing the ladder"
        shell:
            "python -m digits.plot_ladder --table {input} --models {params.models}"
            " --ladder {output.ladder} {output.narrow_ladder} 2> {log}"
