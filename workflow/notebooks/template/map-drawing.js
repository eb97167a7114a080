"use strict";
// How the map of the test images is drawn: the classes around a circle, dots for correct predictions, crosses for mistakes.

// A name, shortened in its middle to fit a width: long ones often differ at the end alone.
function fitted(context, name, width) {
  const signs = [...name];
  let [text, kept] = [name, signs.length];
  while (kept > 2 && context.measureText(text).width > width) {
    kept -= 1;
    text = `${signs.slice(0, Math.ceil(kept / 2)).join("")}…${signs.slice(signs.length - Math.floor(kept / 2)).join("")}`;
  }
  return text;
}

// Where the map lies on the canvas: its middle, and a radius that leaves room for the names around it.
function frame(canvas, view) {
  const width = canvas.clientWidth;
  const longest = Math.max(...view.classes.map((name) => name.length));
  const radius = Math.min(0.44 * width - 8, width / 2 - Math.min(14 + 9 * longest, width / 5), 210);
  return { width, height: 2 * radius + 52, x: width / 2, y: radius + 26, radius };
}

// The names of the classes around the circle; where there are too many, some are left out, and pointing tells them.
function drawNames(context, view, colours, { width, x, y, radius }) {
  context.strokeStyle = colours.line;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
  const size = view.circle.length > 24 ? 11 : 14;
  context.font = `600 ${size}px ${getComputedStyle(document.body).fontFamily}`;
  context.textBaseline = "middle";
  context.fillStyle = colours.ink;
  const taken = [];
  view.circle.forEach((name, place) => {
    const angle = (2 * Math.PI * place) / view.circle.length;
    const [across, down] = [Math.sin(angle), -Math.cos(angle)];
    const [at, top] = [x + across * (radius + 8), y + down * (radius + 14)];
    const middle = Math.abs(across) < 0.3;
    context.textAlign = middle ? "center" : across > 0 ? "left" : "right";
    const text = fitted(context, view.classes[name], middle ? width / 4 : across > 0 ? width - at : at);
    const long = context.measureText(text).width;
    const left = middle ? at - long / 2 : across > 0 ? at : at - long;
    if (taken.some((other) => Math.abs(other.top - top) < size && left < other.right + 4 && other.left < left + long + 4)) return;
    taken.push({ left, right: left + long, top });
    context.fillText(text, at, top);
  });
}

// Draw many marks at once: a path for all is a hundred times as fast as one for each.
function drawMarks(context, points, cross, size, colour, opacity) {
  context.globalAlpha = opacity;
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = size > 2.5 ? 1.5 : 1;
  context.beginPath();
  for (const [x, y] of points) {
    if (!cross) context.rect(x - size / 2, y - size / 2, size, size);
    else {
      context.moveTo(x - size, y - size);
      context.lineTo(x + size, y + size);
      context.moveTo(x + size, y - size);
      context.lineTo(x - size, y + size);
    }
  }
  if (cross) context.stroke();
  else context.fill();
  context.globalAlpha = 1;
}

// Sort the images by how they are drawn; those that are drawn last lie on top.
function sortMarks(view, model, choice) {
  const layers = { otherDots: [], otherCrosses: [], dots: [], crosses: [] };
  view.labels.forEach((truth, number) => {
    if (model.shares[number] === UNCOUNTED) return;
    const read = model.read[number];
    const suspected = view.suspected.has(number);
    const chosen =
      truth === read
        ? !choice.suspected && [-1, truth].includes(choice.truth) && [-1, read].includes(choice.read)
        : isChosen(choice, truth, read, suspected);
    layers[truth === read ? (chosen ? "dots" : "otherDots") : chosen ? "crosses" : "otherCrosses"].push(number);
  });
  return layers;
}

function describeMap(view, model, layers) {
  const wrong = layers.crosses.length + layers.otherCrosses.length;
  const [count, truth, read] = mistakenPairs(view, model)[0] ?? [0];
  const most = count ? `; most often ${view.classes[truth]} is classified as ${view.classes[read]} (${count.toLocaleString("en")})` : "";
  const dots = asCount(layers.dots.length + layers.otherDots.length, "correct prediction");
  return `Map of the test images by the scores of ${model.title}: ${dots}, ${asCount(wrong, "mistake")}${most}`;
}
