"use strict";
// The map of the test images: dots are correct, crosses mistakes, and what is chosen stands out.

const REACH = 14; // pixels around a finger or a mouse

// A name, shortened in its middle to fit a width: long ones often differ at the end alone.
function fitted(context, name, width) {
  let [text, kept] = [name, name.length];
  while (kept > 2 && context.measureText(text).width > width) {
    kept -= 1;
    text = `${name.slice(0, Math.ceil(kept / 2))}…${name.slice(name.length - Math.floor(kept / 2))}`;
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
  let worst = [0, 0, 0];
  model.confusion.forEach((row, truth) =>
    row.forEach((count, read) => truth !== read && count > worst[0] && (worst = [count, truth, read])),
  );
  const [count, truth, read] = worst;
  const most = count ? `; most often ${view.classes[truth]} is classified as ${view.classes[read]} (${count.toLocaleString("en")})` : "";
  const dots = asCount(layers.dots.length + layers.otherDots.length, "correct prediction");
  return `Map of the test images by the scores of ${model.title}: ${dots}, ${asCount(wrong, "mistake")}${most}`;
}

function startMap(view, root) {
  const figure = root.querySelector(".map");
  if (!figure) return null;
  const canvas = figure.querySelector("canvas");
  const point = figure.querySelector(".point");
  let [model, layers, pointed] = [null, null, -1];
  let visible = false; // it costs nothing before somebody comes near

  const at = ({ x, y, radius }, number) =>
    [x, y].map((middle, i) => middle + radius * ((2 * model.places[2 * number + i]) / 255 - 1));

  function fit() {
    const box = frame(canvas, view);
    canvas.style.height = `${box.height}px`;
    return box;
  }

  function draw() {
    if (!visible || !model || !canvas.clientWidth) return;
    const box = fit();
    const sharp = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [box.width * sharp, box.height * sharp];
    const context = canvas.getContext("2d");
    context.scale(sharp, sharp);
    const style = getComputedStyle(canvas);
    const colours = Object.fromEntries(["ink", "faint", "line"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
    const places = (numbers) => numbers.map((number) => at(box, number));
    const [size, crowded] = [box.width < 420 ? 1.2 : 1.8, layers.crosses.length > 1000];
    drawNames(context, view, colours, box);
    drawMarks(context, places(layers.otherDots), false, size, colours.faint, 0.2);
    drawMarks(context, places(layers.otherCrosses), true, 1.5, colours.faint, 0.25);
    drawMarks(context, places(layers.dots), false, size, colours.faint, 0.8);
    drawMarks(context, places(layers.crosses), true, crowded ? 1.5 : 3.5, colours.ink, crowded ? 0.4 : 1);
    if (pointed < 0) return;
    context.strokeStyle = colours.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...at(box, pointed), 8, 0, 2 * Math.PI);
    context.stroke();
  }

  // The image nearest to a place; a chosen mistake before a dot that lies as near, and one with a picture before others.
  function nearest(left, top) {
    const box = frame(canvas, view);
    let [best, found] = [REACH, -1];
    for (const [name, penalty] of Object.entries({ crosses: 0, dots: 4, otherCrosses: 6, otherDots: 8 }))
      for (const number of layers[name]) {
        const [x, y] = at(box, number);
        const distance = Math.hypot(x - left, y - top) + penalty + (view.images.has(number) ? 0 : 3);
        if (distance < best) [best, found] = [distance, number];
      }
    return found;
  }

  function pointAt(event) {
    const number = nearest(event.offsetX, event.offsetY);
    if (number < 0 || number === pointed) return;
    pointed = number;
    const lines = linesAbout(view, model, number).map((line) => element("span", {}, line));
    point.replaceChildren(view.images.show(number), ...lines);
    requestAnimationFrame(draw);
  }

  canvas.addEventListener("pointermove", pointAt);
  canvas.addEventListener("click", pointAt);
  new ResizeObserver(() => {
    fit();
    draw();
  }).observe(canvas);
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
    matchMedia(query).addEventListener("change", draw);
  new IntersectionObserver(
    (entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      visible = true;
      observer.disconnect();
      draw();
    },
    { rootMargin: "50%" },
  ).observe(figure);
  return {
    show(next, choice) {
      if (next !== model) {
        pointed = -1;
        point.replaceChildren(element("p", {}, "Point at the map, or tap it, to see an image."));
      }
      [model, layers] = [next, sortMarks(view, next, choice)];
      canvas.setAttribute("aria-label", describeMap(view, model, layers));
      draw();
    },
  };
}
