# Needs: results/tensors/train.safetensors and recipes.* of the configuration.
# Makes: weights and history of each run, in results/runs/{model}/seed-{seed}/.


def features(wildcards):
    """Return the weights whose features a recipe reuses: those of the run of another model with the same seed."""
    model = config["recipes"][wildcards.model]["features_of"]
    return {"features": f"results/runs/{model}/seed-{wildcards.seed}/weights.safetensors"} if model else {}


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
    # One thread: the number of threads changes the bits, and parallel runs keep the cores busy.
    threads: 1
    params:
        recipe=recipe,
        device=config["device"],
        features=lambda wildcards, input: f"--features {input.features}" if input.get("features") else "",
        source=source("digits/train.py"),
    message:
        "Training {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m digits.train --images {input.images} --model {wildcards.model} --seed {wildcards.seed}"
        " --recipe {params.recipe:q} --device {params.device} {params.features}"
        " --weights {output.weights} --snapshots {output.snapshots} --validation {output.validation}"
        " --history {output.history} 2> {log}"
