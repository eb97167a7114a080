# Needs: validation.safetensors of each candidate's runs, and searches.* of the configuration.
# Makes: results/search.csv and results/figures/search.svg. Nothing here reads the test images.


rule search:
    input:
        [f"{run}/validation.safetensors" for run in SEARCH_RUNS],
    output:
        **captioned({"table": "results/search.csv"}, "Tables", "table"),
        **captioned({"figure": "results/figures/search.svg"}, "Results"),
    log:
        "logs/search.log",
    benchmark:
        "benchmarks/search.tsv"
    resources:
        **LIGHT,
    params:
        searches=json.dumps(SEARCHES),
        source=source("digits/search.py"),
    message:
        "Comparing the candidates of the searches"
    shell:
        "python -m digits.search --searches {params.searches:q} --runs results/runs"
        " --table {output.table} --figure {output.figure} 2> {log}"
