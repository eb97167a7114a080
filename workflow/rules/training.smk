# Needs: results/tensors/train.safetensors and recipes.* of the configuration.
# Makes: weights and history of each run, in results/runs/{model}/seed-{seed}/.


rule train:
    input:
        images=TENSORS["train"],
    output:
        weights=f"{RUN}/weights.safetensors",
        snapshots=f"{RUN}/snapshots.safetensors",
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
        source=source("digits/train.py"),
    message:
        "Training {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m digits.train --images {input.images} --model {wildcards.model} --seed {wildcards.seed}"
        " --recipe {params.recipe:q} --device {params.device}"
        " --weights {output.weights} --snapshots {output.snapshots} --history {output.history} 2> {log}"
