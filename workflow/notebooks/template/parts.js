"use strict";
// Which parts of an image matter: a patch of its ground covers one place after another, and what that does to the winner's
// score is shown.

const PATCH = 6 / 28; // the patch's side, of the image's shorter one; it is moved in steps of
const STEP = 2 / 28;
const SHOWN = 224; // pixels of the screen, a side of the picture
const AT_ONCE = 30; // milliseconds of work before the page may do something else
const FALLS = [0, 114, 178];
const RISES = [213, 94, 0];

// How far a class is ahead of all others together, in log-odds: unlike a probability near 100 %, they show every change.
// Those of a sigmoid are its score; of an ensemble it is the mean over its members.
function logOdds(network, pixels, height, width, output, temperature) {
  const leads = network.members.map((member) => {
    const plain = meanScores(network, member, pixels, height, width);
    if (network.sigmoids || plain.length === 1) return plain[output];
    const scores = plain.map((score) => score / (temperature ?? 1));
    const others = scores.filter((_, i) => i !== output);
    const highest = Math.max(...others);
    return scores[output] - highest - Math.log(others.reduce((sum, score) => sum + Math.exp(score - highest), 0));
  });
  return leads.reduce((sum, lead) => sum + lead, 0) / leads.length;
}

// What lies where nothing is to be seen, of each channel: of a picture its mean, else black.
function groundOf(pixels, { form, channels }) {
  return Array.from({ length: channels }, (_, c) => {
    if (form !== "picture") return 0;
    const values = channelOf(pixels, c, channels);
    return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
  });
}

// Cover one place after another; at the end return, of each pixel, the mean fall of the score where it was covered, and the
// place whose covering costs most.
function* occlusion(score, pixels, [height, width], ground) {
  const [channels, shorter] = [ground.length, Math.min(height, width)];
  const side = Math.max(1, Math.round(PATCH * shorter));
  const step = Math.max(1, Math.round(STEP * shorter));
  const startsOf = (size) => [...Array.from({ length: Math.ceil((size - side) / step) }, (_, i) => i * step), size - side];
  const whole = score(pixels);
  const [sums, counts] = [new Float64Array(height * width), new Float64Array(height * width)];
  let most = { fall: -Infinity };
  for (const top of startsOf(height))
    for (const left of startsOf(width)) {
      const inside = Array.from({ length: side * side }, (_, i) => (top + Math.floor(i / side)) * width + left + (i % side));
      const covered = pixels.slice();
      inside.forEach((i) => covered.set(ground, i * channels));
      const fall = covered.some((value, i) => value !== pixels[i]) ? whole - score(covered) : 0;
      inside.forEach((i) => {
        sums[i] += fall;
        counts[i]++;
      });
      if (fall > most.fall) most = { fall, top, left, side, covered, blank: ground.some(Boolean) ? "plain" : "blank" };
      yield;
    }
  return { values: sums.map((sum, i) => sum / counts[i]), most, whole };
}

// How dark each pixel of an image is, as it is shown.
function shadesOf(pixels, { form, channels }) {
  const of = (i) => pixels.subarray(i * channels, (i + 1) * channels).reduce((sum, value) => sum + value, 0) / channels;
  return Float64Array.from({ length: pixels.length / channels }, (_, i) => (form === "picture" ? 255 - of(i) : of(i)));
}

// Values as cells of colour over shades of grey, if there are any; a cell whose value is below zero has a dash, too.
function paintCells(canvas, values, width, shades) {
  const height = values.length / width;
  const cell = Math.max(1, Math.round(SHOWN / width));
  Object.assign(canvas, { width: cell * width, height: cell * height });
  const context = canvas.getContext("2d");
  const strongest = largest(values);
  values.forEach((value, i) => {
    const [x, y] = [cell * (i % width), cell * Math.floor(i / width)];
    const part = strongest ? value / strongest : 0;
    context.fillStyle = `rgb(32 36 40 / ${shades ? (0.4 * shades[i]) / 255 : 0})`;
    context.fillRect(x, y, cell, cell);
    context.fillStyle = `rgb(${(part < 0 ? RISES : FALLS).join(" ")} / ${0.85 * Math.abs(part)})`;
    context.fillRect(x, y, cell, cell);
    context.fillStyle = "#202428";
    if (part < -0.1) context.fillRect(x + cell / 4, y + cell / 2 - 0.5, cell / 2, Math.max(1, cell / 16));
  });
  return cell;
}

function showParts(figure, found, shades, width, name, nearest, then) {
  const [canvas, scale, caption] = ["canvas", ".scale", "figcaption"].map((q) => figure.querySelector(q));
  const { values, most, whole } = found;
  const cell = paintCells(canvas, values, width, shades);
  const number = (value) => value.toFixed(1).replace("-", "−");
  const strongest = number(largest(values));
  scale.firstElementChild.textContent = `rises by ${strongest}, dashes`;
  scale.lastElementChild.textContent = `falls by ${strongest}`;
  let text =
    `Which parts matter: a ${most.blank} patch of ${most.side}×${most.side} pixels is moved over the image. A pixel's colour is the mean ` +
    `change in the log-odds of ${name} (${number(whole)} for the whole image${nearest}) where the patch covers it.`;
  if (most.fall > 0) {
    const context = canvas.getContext("2d");
    Object.assign(context, { strokeStyle: "#202428", lineWidth: 2 });
    context.setLineDash([6, 4]);
    context.strokeRect(...[most.left, most.top, most.side, most.side].map((place) => cell * place));
    text += ` The dashed square costs most, ${number(most.fall)}: with it covered, ${then(most.covered)}.`;
  }
  caption.textContent = text;
  canvas.setAttribute("aria-label", text);
}
