# Needs: the tensors, all runs, the tables and the figures.
# Makes: results/report.html with its executed notebook, and the data that its page computes with.
import yaml

EXPLORED = [model for model in config["report"]["networks"] if model in FIRST_RUNS]
# Their outputs are no probabilities; an ensemble's are those of its members.
RECIPE_OF = {model: ENSEMBLES[model]["recipe"] if model in ENSEMBLES else model for model in FIRST_RUNS}
SIGMOIDS = [model for model, name in RECIPE_OF.items() if config["recipes"][name]["loss"] != "cross_entropy"]
NOTEBOOK = ROOT / "workflow" / "notebooks" / "report.ipynb"
CITATION = yaml.load((ROOT / "CITATION.cff").read_bytes(), yaml.BaseLoader)
CITATION["year"] = CITATION.pop("date-released")[:4]
# As one types them beside this Snakefile; of a file elsewhere its name, so that the report is the same in another folder.
CONFIGFILES = [
    os.path.relpath(path, ROOT) if ROOT in Path(path).absolute().parents else Path(path).name
    for path in workflow.overwrite_configfiles
]
# All of the page's files but hidden ones, so that a new one counts.
TEMPLATE = sorted((NOTEBOOK.parent / "template").glob("[!.]*"))


rule explore:
    input:
        test=TENSORS["test"],
        datasheet=DATASHEET,
        summary="results/summary.csv",
        predictions=[f"{run}/predictions.safetensors" for run in FIRST_RUNS.values()],
        metrics=[f"{run}/metrics.json" for run in FIRST_RUNS.values()],
        weights=[f"{FIRST_RUNS[model]}/weights.safetensors" for model in EXPLORED],
    output:
        "results/explorer.json",
    log:
        "logs/explore.log",
    benchmark:
        "benchmarks/explore.tsv"
    resources:
        **LIGHT,
    params:
        # Their order: Snakemake compares inputs without it.
        models=list(FIRST_RUNS),
        networks=EXPLORED,
        sigmoids=SIGMOIDS,
        label_errors=json.dumps(DATASET["label_errors"]),
        source=source("digits/explore.py"),
    message:
        "Collecting what the report's page computes with"
    shell:
        "python -m digits.explore --test {input.test} --datasheet {input.datasheet} --summary {input.summary} --models {params.models}"
        " --predictions {input.predictions} --metrics {input.metrics} --sigmoids {params.sigmoids}"
        " --label-errors {params.label_errors:q} --weights {input.weights} --explorer {output} 2> {log}"


rule report:
    input:
        explorer=rules.explore.output,
        metrics="results/metrics.csv",
        summary="results/summary.csv",
        mistakes="results/mistakes.csv",
        ladder=["results/ladder.csv"] if LADDER else [],
        learning=["results/learning.csv"] if EXPERIMENT else [],
        experiment=["results/experiment.csv"] if EXPERIMENT else [],
        runs=[f"{run}/metrics.json" for run in RUNS],
        weights=[f"{run}/weights.safetensors" for run in RUNS],
        tensors=list(TENSORS.values()),
        datasheet=DATASHEET,
        figures=list(FIGURES.values()),
        numbers=list(NUMBERS.values()),
    output:
        html="results/report.html",
        notebook="results/report.ipynb",
        inputs="results/report.json",
    log:
        "logs/report.log",
    benchmark:
        "benchmarks/report.tsv"
    resources:
        **LIGHT,
    params:
        # A function of `output`, which Snakemake does not track: where the notebook lies is no part of the result.
        notebook=lambda wildcards, output: os.path.relpath(NOTEBOOK),
        about=lambda wildcards: json.dumps(
            {
                "configuration": shown_config(config),
                "libraries": locked_versions(LOCK, direct_libraries(LOCK)),
                "citation": CITATION,
                "graph": workflow_graph("results/report.html"),
                "configfiles": CONFIGFILES,
            }
        ),
        source=source(
            "digits/report.py",
            "notebooks/report.ipynb",
            *TEMPLATE,
            libraries=["ipykernel", "pyyaml"],
        ),
    message:
        "Writing the report"
    shell:
        "python -m digits.report --notebook {params.notebook:q} --metrics {input.metrics} --summary {input.summary}"
        " --mistakes {input.mistakes} --explorer {input.explorer} --ladder {input.ladder}"
        " --learning {input.learning} --experiment {input.experiment} --runs {input.runs}"
        " --weights {input.weights} --tensors {input.tensors} --datasheet {input.datasheet} --figures {input.figures} --numbers {input.numbers} --about {params.about:q}"
        " --inputs {output.inputs} --executed {output.notebook} --html {output.html} 2> {log}"
