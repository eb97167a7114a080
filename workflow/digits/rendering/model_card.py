"""The model card of an exported network: README.md in the form that Hugging Face's hub reads.

https://huggingface.co/docs/hub/model-cards has the form, Mitchell et al. 2019, "Model cards for model reporting", the contents.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from digits.core.command import one_line
from digits.rendering.links import cited
from digits.rendering.page import code, interval, percent, temperature
from digits.rendering.words import extreme, first_of, recipe_in_words

NAMED = 20  # classes in a sentence
AVERAGES = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}  # that count each class alike

CLASSIFY = """\
import json, numpy as np, onnxruntime
from PIL import {pillow}

session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
image = Image.open("image.png").convert({mode})
(probabilities,) = session.run(None, {{"images": np.asarray({fitted})[None]{axes}}})[0]
print(classes[probabilities.argmax()], probabilities.max())
"""
SERVE = """\
import io, json, http.server, numpy as np, onnxruntime
from PIL import {pillow}
session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
class Classifier(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        image = Image.open(io.BytesIO(self.rfile.read(int(self.headers["Content-Length"])))).convert({mode})
        answer = session.run(None, {{"images": np.asarray({fitted})[None]{axes}}})[0][0].tolist()
        self.send_response(200), self.end_headers(), self.wfile.write(json.dumps(dict(zip(classes, answer))).encode())
http.server.HTTPServer(("localhost", 8000), Classifier).serve_forever()
"""


# How Pillow brings an image to a size as `digits.data.resize` does, by what dataset.fit was.
FITTED = {
    "pad": "ImageOps.pad(image, {size}, color=image.getpixel((0, 0)))",
    "crop": "ImageOps.fit(image, {size})",
}
STRETCHED = "image.resize({size})"  # as it is, too, if they had that size


class Checked(NamedTuple):
    """How the exported network's answers compare with those of the trained one on all test images."""

    images: int
    difference: float  # the largest, of probabilities
    answers: int  # that differ


def model_card(
    *,
    training: Mapping[str, Any],
    measures: Mapping[str, Any],
    classes: Sequence[str],
    checked: Checked,
    citation: Mapping[str, Any],
    weights_sha256: str,
    of_mnist: bool,
    fit: str | None,
) -> str:
    """Return the card of a run: `training` is the header of its weights, `classes` those that it has an output for.

    `fit`: how images were brought to their size, `dataset.fit`, or None if they had it.
    """
    front = yaml.safe_dump(_front_matter(measures, of_mnist), sort_keys=False, allow_unicode=True)
    sections = [
        _what_it_is(training, measures, classes, citation),
        _input_and_output(training, measures, classes, of_mnist),
        _how_to_run(training["shape"], fit),
        _measured(measures, checked),
        _training_data(training, of_mnist),
        LIMITS,
        f"## How to cite\n\n{cited(citation)}",
        f"## Made from\n\n`weights.safetensors` of {training['model']}, seed {training['seed']}, SHA-256 `{weights_sha256}`.",
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n"


LIMITS = """\
## Limits

It assigns every image to one of its classes, whatever the image shows, and may do so with a high probability. The test \
images come from the same collection as the training images: accuracy on others was not measured, and is likely lower. It \
is meant for learning, teaching and comparing recipes, not for anything where a mistake costs someone."""


def _front_matter(measures: Mapping[str, Any], of_mnist: bool) -> dict[str, Any]:
    test = measures["test"]
    dataset = {"type": "ylecun/mnist", "name": "MNIST"} if of_mnist else {"type": "images", "name": "own images"}
    averages = [
        {"type": "f1" if name == "macro_f1" else name, "name": words, "value": test[name]}
        for name, words in AVERAGES.items()
    ]
    result = {
        "task": {"type": "image-classification"},
        "dataset": {**dataset, "split": "test"},
        "metrics": [{"type": "accuracy", "value": test["accuracy"]}, *averages],
    }
    return {
        # That of the code holds for a network as far as its images allow it; those of a user are the user's to judge.
        "license": "mit" if of_mnist else "unknown",
        "library_name": "onnx",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "onnx"],
        **({"datasets": [dataset["type"]]} if of_mnist else {}),
        "metrics": ["accuracy"],
        "model-index": [{"name": f"{measures['model']}-seed-{measures['seed']}", "results": [result]}],
    }


def _in_a_cell(name: str) -> str:
    return code(one_line(name)).replace("|", r"\|")


def _pixels(shape: Sequence[int]) -> str:
    return f"{shape[-2]}×{shape[-1]} pixels"


def _what_it_is(
    training: Mapping[str, Any], measures: Mapping[str, Any], classes: Sequence[str], citation: Mapping[str, Any]
) -> str:
    recipe = training["recipe"]
    words = recipe_in_words({**recipe, "classes": [code(one_line(name)) for name in recipe["classes"]]})
    count = training["members"]
    kind = f"An ensemble of {count} networks with" if count > 1 else "A network of"
    colour = "coloured" if len(training["shape"]) == 3 else "grey"
    made = f"Made by *{citation['title']}*, whose code is under the {citation['license']} licence."
    return (
        f"# {training['model']}, seed {training['seed']}\n\n{kind} {measures['parameters']:,} parameters that gives each of "
        f"{len(classes)} classes a probability, for one {colour} image of {_pixels(training['shape'])}. {words}\n\n{made}"
    )


def _input_and_output(
    training: Mapping[str, Any], measures: Mapping[str, Any], classes: Sequence[str], of_mnist: bool
) -> str:
    shape = ", ".join(map(str, training["shape"]))
    order = "red, green and blue, each " if len(training["shape"]) == 3 else ""
    names = ", ".join(code(one_line(name)) for name in classes[:NAMED]) + (" …" if len(classes) > NAMED else "")
    mean = ", and so is the mean of the members' probabilities" if training["members"] > 1 else ""
    if measures["temperature"] is None:
        said = "not calibrated: the training held out no images to fit a temperature on"
    else:
        divided = f"the scores are divided by a temperature of {temperature(measures['temperature'])}"
        said = f"calibrated: {divided}, fitted on held-out training images"
    form = (
        "\n\nMNIST's images are light strokes on black, scaled into 20×20 pixels and centred by their mass. Bring other "
        "drawings into that form first, as the project's `make predict` does."
        if of_mnist
        else "\n\nGive it images like those it was trained on: of the same size, and opaque. Transparent ones had been laid on "
        "white, or on black if everything opaque in them was light."
    )
    return f"""\
## Input and output

| | name | type | what it is |
|---|---|---|---|
| input | `images` | uint8 [N, {shape}] | {order}rows of pixels from 0 to 255, as an image file has them; any number N of images |
| output | `probabilities` | float32 [N, {len(classes)}] | of each class, in this order |

Classes: {names}. The file's metadata has the names as JSON, under `classes`. All preprocessing is inside{mean}. \
The probabilities are {said}; the predicted class does not depend on calibration.{form}"""


def _how_to_run(shape: Sequence[int], fit: str | None) -> str:
    colour = len(shape) == 3
    fills = {
        "mode": '"RGB"' if colour else '"L"',
        "pillow": "Image, ImageOps" if fit in FITTED else "Image",
        "fitted": FITTED.get(fit or "", STRETCHED).format(size=(shape[-1], shape[-2])),
        "axes": ".transpose(0, 3, 1, 2)" if colour else "",
    }
    return f"""\
## How to run it

`pip install onnxruntime pillow`. One image:

```python
{CLASSIFY.format(**fills)}```

As a service, for `curl --data-binary @image.png http://localhost:8000`:

```python
{SERVE.format(**fills)}```"""


def _measured(measures: Mapping[str, Any], checked: Checked) -> str:
    test, calibrated = measures["test"], measures["test"]["calibrated"]
    tested = [row for row in test["per_class"] if row["images"]]
    lowest, highest = (
        f"{percent(recall)}, of {first_of([_in_a_cell(name) for name in names], 3)}"
        for names, recall in (extreme(tested, of) for of in (min, max))
    )
    probabilities = calibrated or test
    averages = "".join(
        f"| {words} | {percent(test[name])} (95 % bootstrap interval {interval(*test[f'{name}_interval'])}) |\n"
        for name, words in AVERAGES.items()
    )
    return f"""\
## Measured

| on {test["images"]:,} test images | |
|---|---|
| accuracy | {percent(test["accuracy"])} (95 % Wilson interval {interval(*test["interval"])}) |
{averages}| lowest recall | {lowest} |
| highest recall | {highest} |
| negative log-likelihood | {probabilities["negative_log_likelihood"]:.4f} |
| expected calibration error | {percent(probabilities["expected_calibration_error"])} |

`model.onnx` was compared with the network as it was trained, in onnxruntime and PyTorch, on {checked.images:,} test images: \
the probabilities differ by at most {checked.difference:.1e}, and {checked.answers:,} answers differ."""


def _training_data(training: Mapping[str, Any], of_mnist: bool) -> str:
    mnist = (
        " MNIST is by Yann LeCun, Corinna Cortes and Christopher Burges. Sources disagree about the licence of its images: "
        "CC BY-SA 3.0 in several, MIT in one."
        if of_mnist
        else " Whoever publishes this must say what their licence allows, here and in the first lines of this file."
    )
    return f"## Training data\n\n{training['train_size']:,} images{' of MNIST' if of_mnist else ''}.{mnist}"
