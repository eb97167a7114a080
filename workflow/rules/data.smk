# Needs: dataset.* of the configuration.
# Makes: resources/ (the raw files, verified) and results/tensors/ (the cached tensors).

TENSORS = {split: f"results/tensors/{split}.safetensors" for split in ("train", "test")}
DATASHEET = "results/tensors/datasheet.json"
LIMITS = " ".join(f"--{split}-limit {DATASET[f'{split}_limit']}" for split in TENSORS if DATASET[f"{split}_limit"])


if DATASET["format"] == "idx":

    rule download:
        output:
            [f"resources/{name}" for name in DATASET["sha256"]],
        log:
            "logs/download.log",
        # Where snakemake runs: nodes of a cluster need not reach the network.
        localrule: True
        resources:
            **LIGHT,
        params:
            sha256=list(DATASET["sha256"].values()),
            # Depends on `output`, so that Snakemake does not track it: the checksums decide the content, not the source.
            sources=lambda wildcards, output: [f"--source={s}" for s in sources()],
            source=source("digits/download.py"),
        message:
            "Downloading the data set"
        shell:
            "python -m digits.download {params.sources:q} --sha256 {params.sha256} --output {output} 2> {log}"

    rule convert:
        input:
            train_images="resources/train-images-idx3-ubyte",
            train_labels="resources/train-labels-idx1-ubyte",
            test_images="resources/t10k-images-idx3-ubyte",
            test_labels="resources/t10k-labels-idx1-ubyte",
        output:
            **TENSORS,
            datasheet=DATASHEET,
        log:
            "logs/convert.log",
        benchmark:
            "benchmarks/convert.tsv"
        # A second's work, less than a scheduler takes to start it.
        localrule: True
        resources:
            **LIGHT,
        params:
            limits=LIMITS,
            names=lambda wildcards: [f"--class-name={name}" for name in DATASET["class_names"]],
            source=source("digits/convert.py"),
        message:
            "Converting the IDX files to tensors"
        shell:
            "python -m digits.convert idx --train-images {input.train_images} --train-labels {input.train_labels}"
            " --test-images {input.test_images} --test-labels {input.test_labels} {params.limits} {params.names:q}"
            " --train {output.train} --test {output.test}"
            " --datasheet {output.datasheet} 2> {log}"

else:
    with mistakes_in_one_line():
        IMAGES = dataset_path(DATASET)
        CONTENT = fingerprint(IMAGES, DATASET["labels"], DATASET["group"])
        FORM = image_options(DATASET)

    rule convert:
        output:
            **TENSORS,
            datasheet=DATASHEET,
            files="results/tensors/files.csv",
        log:
            "logs/convert.log",
        benchmark:
            "benchmarks/convert.tsv"
        threads: 4
        resources:
            mem_mb=growing(4000),
            runtime=growing(60),
        params:
            images=lambda wildcards, output: str(IMAGES),
            content=CONTENT,
            form=lambda wildcards: FORM,  # a function, so that braces in it are no wildcards
            limits=LIMITS,
            source=source("digits/convert.py"),
        message:
            "Converting the image files to tensors"
        shell:
            "python -m digits.convert images --source {params.images:q} --workers {threads} {params.form:q} {params.limits}"
            " --train {output.train} --test {output.test}"
            " --datasheet {output.datasheet} --files {output.files} 2> {log}"
