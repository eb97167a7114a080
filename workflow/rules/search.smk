# Needs: validation.safetensors of each candidate's runs, and searches.* of the configuration.
# Makes: results/search.csv and results/figures/search.svg. Nothing here reads the test images.


rule search:
    input:
        [f"{run}/validation.safetensors" for run in SEARCH_RUNS],
    output:
        table=report(
            "results/search.csv", caption="../report/search.rst", category="Tables", labels={"table": "searches"}
        ),
        figure=report(
            "results/figures/search.svg",
            caption="../report/search.rst",
            category="Results",
            labels={"figure": "searches"},
        ),
    log:
        "logs/search.log",
    benchmark:
        "benchmarks/search.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
    params:
        searches=json.dumps(SEARCHES),
        source=source("digits/search.py"),
    message:
        "Comparing the candidates of the searches"
    shell:
        "python -m digits.search --searches {params.searches:q} --runs results/runs"
        " --table {output.table} --figure {output.figure} 2> {log}"
