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
    "confusion": "results/figures/confusion.svg",
    "mistakes": "results/figures/mistakes.png",
    "first_layers": "results/figures/first-layers.png",
}
LADDER_FIGURE = {"ladder": "results/figures/ladder.svg"} if LADDER else {}
NOTEBOOK = ROOT / "workflow" / "notebooks" / "report.ipynb"


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
    params:
        source=source("digits/plot_data.py"),
    message:
        "Drawing the data set"
    shell:
        "python -m digits.plot_data --train {input.train} --test {input.test} --samples {output.samples}"
        " --class-means {output.class_means} --class-counts {output.class_counts} 2> {log}"


rule plot_results:
    input:
        training=[f"{run}/{name}" for run in RUNS for name in ("history.csv", "weights.safetensors")],
        evaluation=[f"{run}/{name}" for run in RUNS for name in ("predictions.safetensors", "metrics.json")],
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        test=TENSORS["test"],
    output:
        **captioned(RESULT_FIGURES, "Results"),
    log:
        "logs/plot_results.log",
    params:
        runs=RUNS,
        references=lambda wildcards: json.dumps(config["references"]),
        source=source("digits/plot_results.py"),
    message:
        "Drawing the results"
    shell:
        "python -m digits.plot_results --runs {params.runs} --metrics {input.metrics} --summary {input.summary}"
        " --test {input.test} --references {params.references:q} --curves {output.curves}"
        " --accuracies {output.accuracies} --confusion {output.confusion} --mistakes {output.mistakes}"
        " --first-layers {output.first_layers} 2> {log}"


if LADDER:

    rule plot_ladder:
        input:
            "results/ladder.csv",
        output:
            **captioned(LADDER_FIGURE, "Results"),
        log:
            "logs/plot_ladder.log",
        params:
            source=source("digits/plot_ladder.py"),
        message:
            "Drawing the ladder"
        shell:
            "python -m digits.plot_ladder --table {input} --ladder {output.ladder} 2> {log}"


rule report:
    input:
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        ladder=["results/ladder.csv"] if LADDER else [],
        runs=[f"{run}/metrics.json" for run in RUNS],
        tensors=list(TENSORS.values()),
        figures=[*DATA_FIGURES.values(), *RESULT_FIGURES.values(), *LADDER_FIGURE.values()],
    output:
        html="results/report.html",
        notebook="results/report.ipynb",
    log:
        "logs/report.log",
    params:
        # A function of `output`, which Snakemake does not track: where the notebook lies is no part of the result.
        notebook=lambda wildcards, output: os.path.relpath(NOTEBOOK),
        about=lambda wildcards: json.dumps(
            {
                "configuration": shown_config(),
                "libraries": locked_versions(LOCK, direct_libraries(LOCK)),
                "commands": {rule.name: rule.shellcmd for rule in workflow.rules if rule.shellcmd},
            }
        ),
        source=source(
            "digits/report.py",
            "notebooks/report.ipynb",
            "notebooks/template/conf.json",
            "notebooks/template/index.html.j2",
            "notebooks/template/style.css",
            libraries=["ipykernel"],
        ),
    message:
        "Writing the report"
    shell:
        "python -m digits.report --notebook {params.notebook:q} --metrics {input.metrics} --summary {input.summary}"
        " --ladder {input.ladder} --runs {input.runs} --tensors {input.tensors} --figures {input.figures} --about {params.about:q}"
        " --executed {output.notebook} --html {output.html} 2> {log}"
