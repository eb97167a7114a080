"use strict";
// What a network makes of an image: each layer's values, the filters or units behind them, and which parts matter.

const UNITS = 8; // of a dense layer, those that do most for or against the answer
const MAPS = 16; // of a convolution, the strongest

// Values on a canvas, a pixel each: blue where positive, orange where negative, as strong as they are against the largest.
function showValues(canvas, values, strongest) {
  const image = new ImageData(canvas.width, canvas.height);
  values.forEach((value, i) => {
    const colour = value >= 0 ? FALLS : RISES;
    image.data.set([...colour, Math.round((255 * Math.abs(value)) / (strongest || 1))], 4 * i);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

// The part of an area or of weights that belongs to one channel.
const channelOf = (values, channel, channels) => values.filter((_, i) => i % channels === channel);

// A convolution's strongest feature maps or, where `adds` says what each adds to the winner's score, those that add most;
// pressing one shows it large beside its filter.
function mapsOf(layer, area, number, adds, name) {
  const { side, outputs } = layer;
  const maps = Array.from({ length: outputs }, (_, channel) => channelOf(area.values, channel, outputs));
  const weight = (channel) => Math.abs(adds ? adds[channel] : largest(maps[channel]));
  const order = maps.map((_, channel) => channel).sort((a, b) => weight(b) - weight(a));
  const strongest = largest(area.values);
  const large = element("div", { class: "large", "aria-live": "polite" });
  const strip = element("div", { class: "strip" });
  for (const channel of order.slice(0, MAPS)) {
    const canvas = element("canvas", { width: area.width, height: area.height });
    showValues(canvas, maps[channel], strongest);
    const label = `Filter ${channel + 1} of convolution ${number}`;
    const button = element("button", { type: "button", "aria-label": label, title: label }, canvas);
    if (adds) button.append(signed(adds[channel]));
    const said =
      `${label}: on the left where it responds, by up to ${largest(maps[channel]).toFixed(1)}; on the right its weights` +
      (number > 1 ? ` on filter ${strongestInput(layer, channel) + 1} of the convolution before, its largest` : "") +
      (isColoured(layer, number) ? " of each colour, grey where they are 0." : ", orange with a dash where negative.");
    button.addEventListener("click", () => large.replaceChildren(enlarged(canvas), filterOf(layer, channel, number), element("span", {}, said)));
    strip.append(button);
  }
  const which = adds ? `that change the score of ${name} most, and by how much` : "that respond most";
  const few = outputs > MAPS ? `Of ${outputs} filters of ${side}×${side} pixels the ${MAPS}` : `The ${outputs} filters of ${side}×${side} pixels, first those`;
  return element("section", {}, element("p", {}, `Convolution ${number}. ${few} ${which}:`), strip, large);
}

function enlarged(canvas) {
  const copy = element("canvas", { width: canvas.width, height: canvas.height, "aria-hidden": "true" });
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

// A filter's weights on one of its inputs.
function weightsOf(layer, channel, input) {
  return channelOf(channelOf(layer.weights, channel, layer.outputs), input, layer.inputs);
}

// The input that a filter has its largest weight on.
function strongestInput(layer, channel) {
  const peaks = Array.from({ length: layer.inputs }, (_, input) => largest(weightsOf(layer, channel, input)));
  return peaks.indexOf(Math.max(...peaks));
}

// Whether a convolution, by its number from 1, reads the colours of an image.
const isColoured = (layer, number) => number === 1 && layer.inputs === 3;

// Weights of the three colours on a canvas, a pixel each: 0 is the grey in the middle.
function showColours(canvas, weights) {
  const image = new ImageData(canvas.width, canvas.height);
  const strongest = largest(weights) || 1;
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = i % 4 === 3 ? 255 : 127.5 * (1 + weights[3 * (i >> 2) + (i % 4)] / strongest);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function filterOf(layer, channel, number) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  if (isColoured(layer, number)) {
    Object.assign(canvas, { width: layer.side, height: layer.side });
    showColours(canvas, channelOf(layer.weights, channel, layer.outputs));
    return canvas;
  }
  paintCells(canvas, weightsOf(layer, channel, strongestInput(layer, channel)), layer.side);
  return canvas;
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

// The hidden units of a dense layer that add most to the score of a class, each with its weights as a picture.
function unitsOf(layer, next, area, output, name, shape, { form, channels }) {
  const adds = Array.from(area.values, (value, unit) => value * next.weights[unit * next.outputs + output]);
  const order = adds.map((_, unit) => unit).sort((a, b) => Math.abs(adds[b]) - Math.abs(adds[a]));
  const strip = element("div", { class: "strip units" });
  for (const unit of order.slice(0, UNITS)) {
    const canvas = element("canvas", { width: shape[1], height: shape[0], role: "img" });
    const weights = channelOf(layer.weights, unit, layer.outputs);
    if (weights.length !== shape[0] * shape[1] * channels) return element("section");
    if (channels === 3) showColours(canvas, weights);
    else showValues(canvas, weights, largest(weights));
    canvas.setAttribute("aria-label", `Weights of unit ${unit + 1}`);
    strip.append(element("span", {}, canvas, signed(adds[unit])));
  }
  const active = area.values.filter((value) => value > 0).length;
  const caption =
    `Hidden layer: ${active} of ${area.values.length} units are active. Those that do most for (+) or against (−) the score of ` +
    `${name}, with their weights (${channels === 3 ? "of each colour, grey where they are 0" : `blue: raised${form === "centred" ? " by ink" : ""}, orange: lowered`}):`;
  return element("section", {}, element("p", {}, caption), strip);
}

// What each filter of the last convolution adds to a score: its largest value, which alone is passed on, times its weight.
function peakScores(area, next, output) {
  return Array.from(maximum(area).values, (peak, channel) => peak * next.weights[channel * next.outputs + output]);
}

function showLayers(explorer, network, pixels, winner, panel) {
  const [height, width] = explorer.shape;
  const [member] = network.members;
  const areas = [];
  memberScores(member.layers, inputArea(network, member, pixels, height, width), areas);
  const output = network.outputs.indexOf(winner);
  const shape = [height - 2 * network.crop, width - 2 * network.crop];
  const parts = member.layers.slice(0, -1).map((layer, i) => {
    const last = i === member.layers.length - 2;
    const next = member.layers[i + 1];
    const name = explorer.classes[winner];
    if (layer.kind === "convolution") return mapsOf(layer, areas[i], i + 1, last && peakScores(areas[i], next, output), name);
    return last && i === 0 ? unitsOf(layer, next, areas[i], output, name, shape, explorer) : "";
  });
  const one = network.members.length > 1 ? [element("p", {}, "Shown is the first member of the ensemble.")] : [];
  panel.replaceChildren(...one, ...parts.filter(Boolean));
}

// Returns what is to be called with the image, or null, whenever it has changed.
function startInside(explorer, root, network) {
  const box = root.querySelector(".inside");
  const choice = box.querySelector("select");
  const [layers, figure] = [".layers", ".parts"].map((q) => box.querySelector(q));
  const [height, width] = explorer.shape;
  let pixels = null;
  let turn = 0; // what was begun for an earlier image ends

  function show() {
    const mine = ++turn;
    for (const part of [layers, figure]) part.hidden = pixels === null;
    if (!box.open || pixels === null) return;
    const chosen = network(explorer.networks.findIndex((plain) => plain.model === choice.value));
    const temperature = temperatureOf(explorer, chosen);
    const said = (image) => answer(chosen, image, height, width, explorer.classes.length, temperature);
    const shares = said(pixels);
    const winner = shares.indexOf(Math.max(...shares));
    showLayers(explorer, chosen, pixels, winner, layers);
    const score = (image) => logOdds(chosen, image, height, width, chosen.outputs.indexOf(winner), temperature);
    const places = occlusion(score, pixels, explorer.shape, groundOf(pixels, explorer));
    figure.querySelector("figcaption").textContent = "Covering parts of the image …";
    const nearest = chosen.sigmoids && shares[winner] < 0.5 ? ", the nearest to yes" : "";
    const then = (image) => `${chosen.model} ${inWords(explorer, chosen, said(image))}`;
    const work = () => {
      const started = performance.now();
      while (mine === turn && performance.now() - started < AT_ONCE) {
        const { value, done } = places.next();
        if (done) return showParts(figure, value, shadesOf(pixels, explorer), width, explorer.classes[winner], nearest, then);
      }
      if (mine === turn) setTimeout(work);
    };
    work();
  }

  box.addEventListener("toggle", show);
  choice.addEventListener("change", show);
  return (image) => {
    pixels = image;
    show();
  };
}
