"""A trained network as a graph of ONNX: uint8 pixels in, probabilities out, and all that lies between inside.

https://onnx.ai/onnx/operators/ has the operators. `onnx` is not in the default environment (`make export-env`): whoever
imports this does so where it is needed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from digits.networks.convolutional import Convolutional
from digits.networks.dense import Dense
from digits.networks.network import Network, views

OPSET, IR_VERSION = 18, 8  # both of 2022: later ones bring nothing that is used here, and fewer runtimes read them
INPUT, OUTPUT = "images", "probabilities"


class Graph:
    """Nodes and the arrays that they take, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.arrays: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: Any, output: str = "", **attributes: Any) -> str:
        """Add a node with one output, and return its name; inputs are names of other outputs, or arrays."""
        output = output or f"{operator.lower()}_{len(self.nodes)}"
        names = [value if isinstance(value, str) else f"{output}.{number}" for number, value in enumerate(inputs)]
        self.arrays += [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in zip(names, inputs, strict=True)
            if not isinstance(value, str)
        ]
        self.nodes.append(helper.make_node(operator, names, [output], name=output, **attributes))
        return output


def onnx_model(
    networks: Sequence[Network],
    kind: str,
    shape: Sequence[int],
    temperature: float | None,
    facts: Mapping[str, Any],
) -> bytes:
    """Return the file of a network, or of an ensemble's members, whose recipe names the kind; the same bytes each time.

    `images`: uint8 [N, *shape]; `probabilities`: float32 [N, classes], the softmax of the scores divided by the temperature;
    of an ensemble, the logarithm of the members' mean probability stands for the scores. `facts` go into the metadata.
    """
    graph = Graph()
    pixels = graph.add("Div", graph.add("Cast", INPUT, to=TensorProto.FLOAT), np.float32(255))
    seen = _views(graph, pixels, networks[0], shape)
    scores = [_scores(graph, seen, network, kind) for network in networks]
    combined = scores[0] if len(scores) == 1 else _log_mean(graph, scores)
    if temperature is not None:
        combined = graph.add("Div", combined, np.float32(temperature))
    graph.add("Softmax", combined, axis=1, output=OUTPUT)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", *shape])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", _outputs(networks[0])])],
            graph.arrays,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="digits",
    )
    texts = {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}
    helper.set_model_props(model, texts)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _outputs(network: Network) -> int:
    return len(network.body.layers()[-1][-1])


def _views(graph: Graph, x: str, network: Network, shape: Sequence[int]) -> str:
    """Crop and move the images; several views of each go through the network as so many images, [views · N, …]."""
    crop, far, axes = network.crop, network.test_time_shift, np.array([-2, -1])
    if not crop and not far:
        return x
    if far:  # zeros on all sides, of which each view takes some
        x = graph.add("Pad", x, np.full(4, far), np.float32(0), axes)
    starts = [np.array([far + crop - down, far + crop - right]) for down, right in views(far)]
    sizes = np.array(shape[-2:]) - 2 * crop
    cut = [graph.add("Slice", x, start, start + sizes, axes) for start in starts]
    return cut[0] if len(cut) == 1 else graph.add("Concat", *cut, axis=0)


def _scores(graph: Graph, x: str, network: Network, kind: str) -> str:
    """Return the scores of each image, float32 [N, classes]; with several views of it, their mean."""
    if network.normalised:
        mean, std = (tensor.numpy().reshape(-1, 1, 1) for tensor in (network.pixel_mean, network.pixel_std))
        x = graph.add("Div", graph.add("Sub", x, mean), std)
    scores = GRAPHS[kind](graph, x, network.body)
    if (count := len(views(network.test_time_shift))) > 1:
        by_view = graph.add("Reshape", scores, np.array([count, -1, _outputs(network)]))
        scores = graph.add("ReduceMean", by_view, np.array([0]), keepdims=0)
    return scores


def _log_mean(graph: Graph, members: Sequence[str]) -> str:
    """Return the logarithm of the members' mean probability, as `mean_logits` does, but for a constant: softmax ignores it."""
    logs = [graph.add("Unsqueeze", graph.add("LogSoftmax", scores, axis=1), np.array([0])) for scores in members]
    return graph.add("ReduceLogSumExp", graph.add("Concat", *logs, axis=0), np.array([0]), keepdims=0)


def _dense(graph: Graph, x: str, body: Dense) -> str:
    x = graph.add("Flatten", x)
    for number, (weights, biases) in enumerate(body.layers()):
        x = graph.add("Relu", x) if number else x
        x = graph.add("Gemm", x, weights.detach().numpy(), biases.detach().numpy())
    return x


def _convolutional(graph: Graph, x: str, body: Convolutional) -> str:
    layers: Any = body  # whose parts torch types as modules of any kind
    if layers.convolutions[0].in_channels == 1:
        x = graph.add("Unsqueeze", x, np.array([1]))
    for number, layer in enumerate(layers.convolutions):
        x = graph.add("Conv", x, *_arrays(layer), strides=list(layer.stride), pads=2 * list(layer.padding))
        if layers.norms:
            norm = layers.norms[number]
            moments = (norm.running_mean.numpy(), norm.running_var.numpy())
            x = graph.add("BatchNormalization", x, *_arrays(norm), *moments, epsilon=norm.eps)
        x = graph.add("Relu", x)
    x = graph.add("ReduceMax", x, np.array([2, 3]), keepdims=0)
    for number, layer in enumerate(layers.dense):
        x = graph.add("Relu", x) if number else x
        x = graph.add("Gemm", x, *_arrays(layer), transB=1)
    return x


def _arrays(layer: Any) -> list[np.ndarray]:
    """Return a layer's weights, and its biases if it has any."""
    return [parameter.detach().numpy() for parameter in layer.parameters()]


GRAPHS: dict[str, Callable[[Graph, str, Any], str]] = {"dense": _dense, "convolutional": _convolutional}
