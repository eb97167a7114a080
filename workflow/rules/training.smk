# Needs: results/tensors/train.safetensors and recipes.* of the configuration.
# Makes: weights and history of each run, in results/runs/{model}/seed-{seed}/.


rule train:
    input:
        unpack(features),
        images=TENSORS["train"],
    output:
        weights=f"{RUN}/weights.safetensors",
        snapshots=f"{RUN}/snapshots.safetensors",
        validation=f"{RUN}/validation.safetensors",
        history=f"{RUN}/history.csv",
    log:
        "logs/train/{model}-{seed}.log",
    benchmark:
        "benchmarks/train/{model}-{seed}.tsv"
    # One thread: their number changes the results, and parallel runs keep the cores busy.
    threads: 1
    resources:
        mem_mb=growing_with_input(2000),
        runtime=minutes_to_train,
        gpu=int(config["device"] == "cuda"),
    params:
        recipe=recipe,
        device=config["device"],
        features=lambda wildcards, input: f"--features {input.features}" if input.get("features") else "",
        # A candidate that diverges is a result, and its search goes on; a model that does is a mistake.
        on_divergence=lambda wildcards: "record" if wildcards.model in CANDIDATES else "stop",
        source=source("digits/train.py"),
    message:
        "Training {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m digits.train --images {input.images} --model {wildcards.model} --seed {wildcards.seed}"
        " --recipe {params.recipe:q} --device {params.device} --on-divergence {params.on_divergence} {params.features}"
        " --weights {output.weights} --snapshots {output.snapshots} --history {output.history}"
        " --validation {output.validation} 2> {log}"
