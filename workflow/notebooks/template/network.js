"use strict";
// Compute a network of this project, or an ensemble of them: what PyTorch computes in float32, here with the same weights and sums in float64.

const float32 = (base64) => new Float32Array(decodeBytes(base64).buffer);

// Half precision, IEEE 754: a sign, 5 bits of exponent, 10 of fraction. A table of all values is ten times as fast.
function halfValue(half) {
  const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return half >> 15 ? -size : size;
}

let halfValues = null; // made when first needed

function float16(base64) {
  halfValues ??= Float32Array.from({ length: 65536 }, (_, half) => halfValue(half));
  return new Float32Array(new Uint16Array(decodeBytes(base64).buffer)).map((half) => halfValues[half]);
}

// Turn a network from the page's data into one that can compute.
function readNetwork(plain) {
  const readLayer = (layer) => ({
    ...layer,
    weights: plain.half ? float16(layer.weights) : float32(layer.weights),
    biases: layer.biases && float32(layer.biases),
    norm: layer.norm && {
      epsilon: layer.norm.epsilon,
      ...Object.fromEntries(["mean", "variance", "scale", "shift"].map((name) => [name, float32(layer.norm[name])])),
    },
  });
  const members = plain.members.map((member) => ({ ...member, layers: member.layers.map(readLayer) }));
  return { ...plain, members };
}

// The probability of each class for an image, uint8 pixels in rows, the channels of each beside each other: the mean over the members of an ensemble.
function probabilities(network, pixels, height, width, classes) {
  const result = new Array(classes).fill(0); // a class without an output keeps 0
  for (const member of network.members) {
    const shares = softmax(meanScores(network, member, pixels, height, width));
    network.outputs.forEach((number, i) => (result[number] += shares[i] / network.members.length));
  }
  return result;
}

// What a network says of an image: of a network with a sigmoid for each class these, else probabilities, calibrated if the
// run has a temperature. Dividing scores by it is the same as a power of the probabilities.
function answer(network, pixels, height, width, classes, temperature) {
  if (network.sigmoids) {
    const result = new Array(classes).fill(0);
    const scores = meanScores(network, network.members[0], pixels, height, width);
    network.outputs.forEach((number, i) => (result[number] = 1 / (1 + Math.exp(-scores[i]))));
    return result;
  }
  const found = probabilities(network, pixels, height, width, classes);
  if (!temperature) return found;
  const powers = found.map((share) => share ** (1 / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

// The mean score over the views of an image: as it is and, with a shift, moved to each of the four sides.
function meanScores(network, member, pixels, height, width) {
  const far = network.shift;
  const steps = far ? [[0, 0], [-far, 0], [far, 0], [0, -far], [0, far]] : [[0, 0]];
  const views = steps.map(([down, right]) =>
    memberScores(member.layers, inputArea(network, member, pixels, height, width, down, right)),
  );
  return views[0].map((_, i) => views.reduce((sum, scores) => sum + scores[i], 0) / views.length);
}

// What a member's first layer sees of an image.
function inputArea(network, member, pixels, height, width, down = 0, right = 0) {
  const area = cropped(network.crop, pixels, height, width, down, right);
  const { mean, std } = member;
  area.values.forEach((value, i) => (area.values[i] = (value - mean[i % area.channels]) / std[i % area.channels]));
  return area;
}

// The scores of an area; each layer's area after it, ReLU included, is put into `seen`.
function memberScores(layers, area, seen = []) {
  layers.forEach((layer, i) => {
    if (layer.kind === "convolution") {
      area = convolution(layer, area);
    } else {
      if (layers[i - 1]?.kind === "convolution") area = maximum(area);
      area = { values: dense(layer, area.values) };
    }
    if (i < layers.length - 1) area.values.forEach((v, k) => (area.values[k] = Math.max(v, 0)));
    seen.push(area);
  });
  return area.values;
}

// What the network sees of an image that is moved: zeros come in. An area has its values in the order [row, column, channel].
function cropped(border, pixels, height, width, down, right) {
  const channels = pixels.length / (height * width);
  const area = { height: height - 2 * border, width: width - 2 * border, channels };
  area.values = new Float64Array(area.height * area.width * channels);
  for (let y = 0; y < area.height; y++)
    for (let x = 0; x < area.width; x++) {
      const [fromY, fromX] = [y + border - down, x + border - right];
      const inside = fromY >= 0 && fromX >= 0 && fromY < height && fromX < width;
      if (!inside) continue;
      for (let c = 0; c < channels; c++)
        area.values[(y * area.width + x) * channels + c] = Math.fround(pixels[(fromY * width + fromX) * channels + c] / 255);
    }
  return area;
}

// Add a value times the weights from row `start` on to the sums from `target` on, one for each output.
function addRow(sums, target, value, weights, start, outputs) {
  if (value === 0) return; // ink is rare, and so is what passes a ReLU
  for (let o = 0; o < outputs; o++) sums[target + o] += value * weights[start + o];
}

function dense(layer, values) {
  const sums = Float64Array.from(layer.biases);
  values.forEach((value, i) => addRow(sums, 0, value, layer.weights, i * layer.outputs, layer.outputs));
  return sums;
}

function convolution(layer, area) {
  const { inputs, outputs, side, stride, border, weights, biases, norm } = layer;
  const after = (size) => Math.floor((size + 2 * border - side) / stride) + 1;
  const result = { height: after(area.height), width: after(area.width), channels: outputs };
  const sums = (result.values = new Float64Array(result.height * result.width * outputs));
  for (let place = 0; place < result.height * result.width; place++) {
    const target = place * outputs;
    const top = Math.floor(place / result.width) * stride - border;
    const left = (place % result.width) * stride - border;
    if (biases) sums.set(biases, target);
    for (let ky = 0; ky < side; ky++)
      for (let kx = 0; kx < side; kx++) {
        const [y, x] = [top + ky, left + kx];
        if (y < 0 || x < 0 || y >= area.height || x >= area.width) continue; // as if zeros lay there
        for (let c = 0; c < inputs; c++) {
          const value = area.values[(y * area.width + x) * inputs + c];
          addRow(sums, target, value, weights, ((ky * side + kx) * inputs + c) * outputs, outputs);
        }
      }
    if (norm)
      for (let o = 0; o < outputs; o++) {
        const scaled = (sums[target + o] - norm.mean[o]) / Math.sqrt(norm.variance[o] + norm.epsilon);
        sums[target + o] = scaled * norm.scale[o] + norm.shift[o];
      }
  }
  return result;
}

// The largest value of each channel, wherever it is.
function maximum(area) {
  const largest = new Float64Array(area.channels).fill(-Infinity);
  area.values.forEach((value, i) => {
    const channel = i % area.channels;
    if (value > largest[channel]) largest[channel] = value;
  });
  return { values: largest };
}
