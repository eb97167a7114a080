# Needs: the tensors, all runs and the tables.
# Makes: results/figures/ and results/report.html with its executed notebook.

DATA_FIGURES = {
    "samples": "results/figures/samples.png",
    "class_means": "results/figures/class-means.png",
    "class_counts": "results/figures/class-counts.svg",
}
RESULT_FIGURES = {
    "curves": "results/figures/curves.svg",
    "accuracies": "results/figures/accuracies.svg",
    "calibration": "results/figures/calibration.svg",
}
MISTAKE_FIGURES = {
    "confusion": "results/figures/confusion.svg",
    "mistakes": "results/figures/mistakes.png",
    "shared_mistakes": "results/figures/shared-mistakes.png",
}
WEIGHT_FIGURE = {"first_layers": "results/figures/first-layers.png"}
LADDER_FIGURE = {"ladder": "results/figures/ladder.svg"} if LADDER else {}
WORKFLOW_FIGURE = {"workflow": "results/figures/workflow.svg"}
FIGURES = DATA_FIGURES | RESULT_FIGURES | MISTAKE_FIGURES | WEIGHT_FIGURE | LADDER_FIGURE | WORKFLOW_FIGURE
# The models as the page shows them, each by its first seed, and those among them that it computes with.
FIRST_RUNS = {model: RUN.format(model=model, seed=config["seeds"][0]) for model in config["models"]}
EXPLORED = [model for model in config["report"]["networks"] if model in FIRST_RUNS]
NOTEBOOK = ROOT / "workflow" / "notebooks" / "report.ipynb"
# All of the page's files but hidden ones, so that a new one counts.
TEMPLATE = sorted((NOTEBOOK.parent / "template").glob("[!.]*"))


def captioned(figures, category):
    """Mark figures for `snakemake --report`, each with its caption in workflow/report/ and a label for the list."""
    return {
        name: report(
            path,
            caption=f"../report/{Path(path).stem}.rst",
            category=category,
            labels={"figure": name.replace("_", " ")},
        )
        for name, path in figures.items()
    }


rule plot_data:
    input:
        **TENSORS,
    output:
        **captioned(DATA_FIGURES, "Data"),
    log:
        "logs/plot_data.log",
    benchmark:
        "benchmarks/plot_data.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        source=source("digits/plot_data.py"),
    message:
        "Drawing the data set"
    shell:
        "python -m digits.plot_data --train {input.train} --test {input.test} --samples {output.samples}"
        " --class-means {output.class_means} --class-counts {output.class_counts} 2> {log}"


rule plot_results:
    input:
        histories=[f"{run}/history.csv" for run in RUNS],
        predictions=[f"{run}/predictions.safetensors" for run in RUNS],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
    output:
        **captioned(RESULT_FIGURES, "Results"),
    log:
        "logs/plot_results.log",
    benchmark:
        "benchmarks/plot_results.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        runs=RUNS,
        references=lambda wildcards: json.dumps(config["references"]),
        source=source("digits/plot_results.py"),
    message:
        "Drawing the results"
    shell:
        "python -m digits.plot_results --runs {params.runs} --metrics {input.metrics} --summary {input.summary}"
        " --references {params.references:q} --curves {output.curves} --accuracies {output.accuracies}"
        " --calibration {output.calibration} 2> {log}"


rule plot_mistakes:
    input:
        evaluation=[f"{run}/{name}" for run in RUNS for name in ("predictions.safetensors", "metrics.json")],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        test=TENSORS["test"],
    output:
        **captioned(MISTAKE_FIGURES, "Results"),
        table=report(
            "results/mistakes.csv",
            caption="../report/mistakes-table.rst",
            category="Tables",
            labels={"table": "shared mistakes"},
        ),
    log:
        "logs/plot_mistakes.log",
    benchmark:
        "benchmarks/plot_mistakes.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        runs=RUNS,
        source=source("digits/plot_mistakes.py"),
    message:
        "Drawing the mistakes"
    shell:
        "python -m digits.plot_mistakes --runs {params.runs} --metrics {input.metrics} --summary {input.summary}"
        " --test {input.test} --table {output.table} --confusion {output.confusion} --mistakes {output.mistakes}"
        " --shared-mistakes {output.shared_mistakes} 2> {log}"


rule plot_weights:
    input:
        weights=[f"{run}/weights.safetensors" for run in RUNS],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        test=TENSORS["test"],
    output:
        **captioned(WEIGHT_FIGURE, "Results"),
    log:
        "logs/plot_weights.log",
    benchmark:
        "benchmarks/plot_weights.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        runs=RUNS,
        source=source("digits/plot_weights.py"),
    message:
        "Drawing the first layers"
    shell:
        "python -m digits.plot_weights --runs {params.runs} --metrics {input.metrics} --summary {input.summary}"
        " --test {input.test} --first-layers {output.first_layers} 2> {log}"


rule plot_workflow:
    output:
        **captioned(WORKFLOW_FIGURE, "How it was made"),
    log:
        "logs/plot_workflow.log",
    benchmark:
        "benchmarks/plot_workflow.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        graph=lambda wildcards: json.dumps(workflow_graph("results/report.html")),
        source=source("digits/plot_workflow.py"),
    message:
        "Drawing the workflow"
    shell:
        "python -m digits.plot_workflow --graph {params.graph:q} --workflow {output.workflow} 2> {log}"


if LADDER:

    rule plot_ladder:
        input:
            "results/ladder.csv",
        output:
            **captioned(LADDER_FIGURE, "Results"),
        log:
            "logs/plot_ladder.log",
        benchmark:
            "benchmarks/plot_ladder.tsv"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(5),
        params:
            models=config["models"],  # for their colours
            source=source("digits/plot_ladder.py"),
        message:
            "Drawing the ladder"
        shell:
            "python -m digits.plot_ladder --table {input} --models {params.models} --ladder {output.ladder} 2> {log}"


rule explore:
    input:
        test=TENSORS["test"],
        summary="results/summary.csv",
        predictions=[f"{run}/predictions.safetensors" for run in FIRST_RUNS.values()],
        weights=[f"{FIRST_RUNS[model]}/weights.safetensors" for model in EXPLORED],
    output:
        "results/explorer.json",
    log:
        "logs/explore.log",
    benchmark:
        "benchmarks/explore.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        # Their order: Snakemake compares inputs without it.
        models=list(FIRST_RUNS),
        networks=EXPLORED,
        source=source("digits/explore.py"),
    message:
        "Collecting what the report's page computes with"
    shell:
        "python -m digits.explore --test {input.test} --summary {input.summary} --models {params.models}"
        " --predictions {input.predictions} --weights {input.weights} --explorer {output} 2> {log}"


rule report:
    input:
        explorer=rules.explore.output,
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        mistakes="results/mistakes.csv",
        ladder=["results/ladder.csv"] if LADDER else [],
        runs=[f"{run}/metrics.json" for run in RUNS],
        weights=[f"{run}/weights.safetensors" for run in RUNS],
        tensors=list(TENSORS.values()),
        figures=list(FIGURES.values()),
    output:
        html="results/report.html",
        notebook="results/report.ipynb",
    log:
        "logs/report.log",
    benchmark:
        "benchmarks/report.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        # A function of `output`, which Snakemake does not track: where the notebook lies is no part of the result.
        notebook=lambda wildcards, output: os.path.relpath(NOTEBOOK),
        about=lambda wildcards: json.dumps(
            {
                "configuration": shown_config(),
                "libraries": locked_versions(LOCK, direct_libraries(LOCK)),
                "commands": {rule.name: rule.shellcmd for rule in workflow.rules if rule.shellcmd},
                "graph": workflow_graph("results/report.html"),
            }
        ),
        source=source(
            "digits/report.py",
            "notebooks/report.ipynb",
            *TEMPLATE,
            libraries=["ipykernel"],
        ),
    message:
        "Writing the report"
    shell:
        "python -m digits.report --notebook {params.notebook:q} --metrics {input.metrics} --summary {input.summary}"
        " --mistakes {input.mistakes} --explorer {input.explorer} --ladder {input.ladder} --runs {input.runs}"
        " --weights {input.weights} --tensors {input.tensors} --figures {input.figures} --about {params.about:q}"
        " --executed {output.notebook} --html {output.html} 2> {log}"
