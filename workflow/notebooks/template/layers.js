"use strict";
// What a network makes of an image: each layer's values, the filters or units behind them, and which parts matter.

const UNITS = 8; // of a dense layer, those that do most for or against the answer
const PATCH = 6; // pixels of paper that cover a part of the image, moved in steps of
const STEP = 2;

// Values on a canvas: blue where positive, orange where negative, as strong as they are against the largest.
function showValues(canvas, values, strongest) {
  const image = new ImageData(canvas.width, canvas.height);
  values.forEach((value, i) => {
    const colour = value >= 0 ? [0, 114, 178] : [213, 94, 0];
    image.data.set([...colour, Math.round((255 * Math.abs(value)) / (strongest || 1))], 4 * i);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

// The part of an area or of weights that belongs to one channel.
const channelOf = (values, channel, channels) => values.filter((_, i) => i % channels === channel);

// A strip of a convolution's feature maps; pressing one shows it large beside its filter.
function mapsOf(layer, area, number) {
  const strongest = largest(area.values);
  const large = element("p", { class: "large", "aria-live": "polite" });
  const strip = element("div", { class: "strip" });
  for (let channel = 0; channel < area.channels; channel++) {
    const canvas = element("canvas", { width: area.width, height: area.height });
    const values = channelOf(area.values, channel, area.channels);
    showValues(canvas, values, strongest);
    const label = `Filter ${channel + 1} of convolution ${number}, largest value ${largest(values).toFixed(1)}`;
    const button = element("button", { type: "button", "aria-label": label, title: label }, canvas);
    button.addEventListener("click", () => large.replaceChildren(enlarged(canvas), filterOf(layer, channel), label));
    strip.append(button);
  }
  const side = `${layer.side}×${layer.side}`;
  const caption = `Convolution ${number}: the output of ${layer.outputs} filters (${side}), a map of ${area.height}×${area.width} each`;
  return element("section", {}, element("p", {}, caption), strip, large);
}

function enlarged(canvas) {
  const copy = element("canvas", { width: canvas.width, height: canvas.height, "aria-hidden": "true" });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

// A filter's weights: of the first layer as they are, of a later one those on the channel that they are largest on.
function filterOf(layer, channel) {
  const { side, inputs, outputs, weights } = layer;
  const own = channelOf(weights, channel, outputs);
  const parts = Array.from({ length: inputs }, (_, input) => channelOf(own, input, inputs));
  const part = parts.reduce((best, next) => (largest(next) > largest(best) ? next : best));
  const canvas = element("canvas", { width: side, height: side, "aria-hidden": "true" });
  showValues(canvas, part, largest(part));
  return canvas;
}

// The hidden units of a dense layer that add most to the score of a class, each with its weights as a picture.
function unitsOf(layer, next, area, output, name, shape) {
  const adds = Array.from(area.values, (value, unit) => value * next.weights[unit * next.outputs + output]);
  const order = adds.map((_, unit) => unit).sort((a, b) => Math.abs(adds[b]) - Math.abs(adds[a]));
  const strip = element("div", { class: "strip units" });
  for (const unit of order.slice(0, UNITS)) {
    const canvas = element("canvas", { width: shape[1], height: shape[0], role: "img" });
    const weights = channelOf(layer.weights, unit, layer.outputs);
    if (weights.length !== shape[0] * shape[1]) return element("section");
    showValues(canvas, weights, largest(weights));
    canvas.setAttribute("aria-label", `Weights of unit ${unit + 1}`);
    const sign = adds[unit] < 0 ? "−" : "+";
    strip.append(element("span", {}, canvas, `${sign}${Math.abs(adds[unit]).toFixed(1)}`));
  }
  const active = area.values.filter((value) => value > 0).length;
  const caption =
    `Hidden layer: ${active} of ${area.values.length} units are active. Those that do most for (+) or against (−) the score of ` +
    `${name}, with their weights (blue: raised by ink, orange: lowered):`;
  return element("section", {}, element("p", {}, caption), strip);
}

function showLayers(explorer, network, pixels, winner, panel) {
  const [height, width] = explorer.shape;
  const [member] = network.members;
  const areas = [];
  memberScores(member.layers, inputArea(network, member, pixels, height, width), areas);
  const output = network.outputs.indexOf(winner);
  const shape = [height - 2 * network.crop, width - 2 * network.crop];
  const parts = member.layers.slice(0, -1).map((layer, i) => {
    if (layer.kind === "convolution") return mapsOf(layer, areas[i], i + 1);
    const last = i === member.layers.length - 2;
    return last && i === 0 ? unitsOf(layer, member.layers[1], areas[i], output, explorer.classes[winner], shape) : "";
  });
  const one = network.members.length > 1 ? [element("p", {}, "Shown is the first member of the ensemble.")] : [];
  panel.replaceChildren(...one, ...parts.filter(Boolean));
}

// How much of the winner's share is lost where a patch of paper covers the image; computed a row at a time.
function* occlusion(score, pixels, height, width) {
  const whole = score(pixels);
  for (let top = 0; top + PATCH <= height; top += STEP) {
    const row = [];
    for (let left = 0; left + PATCH <= width; left += STEP) {
      const covered = pixels.slice();
      let ink = 0;
      for (let y = top; y < top + PATCH; y++)
        for (let x = left; x < left + PATCH; x++) {
          ink += covered[y * width + x];
          covered[y * width + x] = 0;
        }
      row.push(ink ? whole - score(covered) : 0);
    }
    yield row;
  }
}

// Returns what is to be called with the image, or null, whenever it has changed.
function startInside(explorer, root, network) {
  const box = root.querySelector(".inside");
  const choice = box.querySelector("select");
  const [layers, figure] = [".layers", ".parts"].map((q) => box.querySelector(q));
  const [canvas, caption] = [figure.querySelector("canvas"), figure.querySelector("figcaption")];
  const [height, width] = explorer.shape;
  const classes = explorer.classes.length;
  let pixels = null;
  let turn = 0; // what was begun for an earlier image ends

  function show() {
    const mine = ++turn;
    box.querySelectorAll(".layers, .parts").forEach((part) => (part.hidden = pixels === null));
    if (!box.open || pixels === null) return;
    const plain = explorer.networks.findIndex((found) => found.model === choice.value);
    const chosen = network(plain);
    const temperature = temperatureOf(explorer, chosen);
    const shares = answer(chosen, pixels, height, width, classes, temperature);
    const winner = shares.indexOf(Math.max(...shares));
    showLayers(explorer, chosen, pixels, winner, layers);
    const rows = occlusion((image) => answer(chosen, image, height, width, classes, temperature)[winner], pixels, height, width);
    const found = [];
    caption.textContent = "Covering parts of the image …";
    const next = () => {
      if (mine !== turn) return;
      const { value, done } = rows.next();
      if (!done) found.push(value);
      if (done) showParts(found, explorer.classes[winner], shares[winner]);
      else setTimeout(next);
    };
    next();
  }

  function showParts(found, name, share) {
    Object.assign(canvas, { width: found[0].length, height: found.length });
    const values = found.flat();
    const [most, least] = [Math.max(...values), Math.min(...values)];
    showValues(canvas, values, Math.max(most, -least, 0.01));
    const ends = [`falls to as little as ${asPercent(share - most)}`, `rises to as much as ${asPercent(share - least)}`];
    const text =
      `Which parts matter: a blank patch of ${PATCH}×${PATCH} pixels is moved over the image. ` +
      (share < 0.005
        ? `The network says no to every class here, so that there is no answer to take away.`
        : `Blue: covered there, the ${asPercent(share)} for ${name} ${ends[0]}.${least < -0.005 ? ` Orange: it ${ends[1]}.` : ""}`);
    caption.textContent = text;
    canvas.setAttribute("aria-label", text);
  }

  box.addEventListener("toggle", show);
  choice.addEventListener("change", show);
  return (image) => {
    pixels = image;
    show();
  };
}
