"use strict";
// Draw with mouse, finger or pen, or choose an image, and see what each network says: of a drawing at each stroke.

const SLOW = 100; // milliseconds: what takes longer is read at the end of a stroke, so that the line follows the hand
const PEN = 0.075; // of the pad's side: about as thick as the strokes of MNIST
const LISTED = 12; // classes; of more, the likeliest are shown

// How opaque each pixel of a canvas is.
function inkOf(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  const ink = new Uint8Array(width * height);
  for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3];
  return ink;
}

// Show uint8 pixels in rows on a canvas of their size: pictures as they are, others as dark ink on the canvas's own ground.
function showPixels(canvas, pixels, { form, channels }) {
  const image = new ImageData(canvas.width, canvas.height);
  if (pixels && form === "picture")
    for (let i = 0; i < image.data.length; i++) image.data[i] = i % 4 === 3 ? 255 : pixels[channels * (i >> 2) + (channels > 1 ? i % 4 : 0)];
  else pixels?.forEach((ink, i) => (image.data[4 * i + 3] = ink));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// The classes to list, by their numbers: never more, even where all shares are the same.
const likeliest = (shares) => new Set([...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, LISTED));

const temperatureOf = (explorer, network) =>
  explorer.models.find((model) => model.name === network.model && model.seed === network.seed)?.temperature ?? null;

// What a network says, in words: of sigmoids all that say yes, else the likeliest class.
function inWords(explorer, network, shares) {
  const named = (i) => `${isolated(explorer.classes[i])} (${asPercent(shares[i])})`;
  if (!network.sigmoids) return `predicts ${named(shares.indexOf(Math.max(...shares)))}`;
  const yes = shares.map((share, i) => (share >= 0.5 ? i : -1)).filter((i) => i >= 0);
  return yes.length ? `says yes to ${yes.map(named).join(" and ")}` : "says “none of these”";
}

function startDrawing(explorer) {
  const root = document.getElementById("drawing");
  if (!root) return;
  const [pad, seen, status] = ["#pad", "#seen", "[role=status]"].map((q) => root.querySelector(q));
  const places = [...root.querySelectorAll(".answer")];
  const [height, width] = explorer.shape;
  const nothing = status.textContent;
  const context = pad?.getContext("2d", { willReadFrequently: true });
  const networks = []; // decoded when first used, or when the page has nothing else to do
  const inside = startInside(explorer, root, (number) => network(number));
  let pixels = null; // what the networks see
  let named = "Your drawing";
  let took = 0; // milliseconds, the last reading

  const network = (number) => (networks[number] ??= readNetwork(explorer.networks[number]));

  function showAnswer(place, number) {
    const plain = explorer.networks[number];
    const classes = explorer.classes.length;
    const shares = pixels
      ? answer(network(number), pixels, height, width, classes, temperatureOf(explorer, plain))
      : new Array(classes).fill(0);
    const highest = Math.max(...shares);
    const listed = [...likeliest(shares)].sort((a, b) => a - b);
    place.querySelectorAll(".bars tr").forEach((row, place) => {
      const i = listed[place];
      const name = row.querySelector("th");
      name.textContent = name.title = explorer.classes[i];
      row.querySelector(".bar span").style.width = `${100 * shares[i]}%`;
      row.querySelector(".share").textContent = pixels ? asPercent(shares[i], 0) : "";
      row.classList.toggle("likeliest", pixels !== null && (plain.sigmoids ? shares[i] >= 0.5 : shares[i] === highest));
    });
    const said = pixels ? inWords(explorer, plain, shares) : "";
    place.querySelector(".says").textContent = said;
    return `${plain.model} ${said}`;
  }

  function show() {
    const started = performance.now();
    const said = places.map(showAnswer);
    took = performance.now() - started;
    showPixels(seen, pixels, explorer);
    return said;
  }

  // In words, for those who do not see the bars; at the end of a stroke, so that it is not said all the time.
  function say(said) {
    status.textContent = pixels ? `${named}: ${said.join("; ")}.` : nothing;
    inside(pixels);
  }

  function readPad() {
    const ink = inkOf(pad);
    if (explorer.form === "centred") pixels = centre(ink, pad.height, pad.width, width);
    else pixels = ink.some(Boolean) ? scaledInk(pad, height, width) : null;
    named = "Your drawing";
    return show();
  }

  function clear() {
    context?.clearRect(0, 0, pad.width, pad.height);
    pixels = null;
    say(show());
  }

  function showImage(name, found) {
    [pixels, named] = [found, name];
    say(show());
    if (!pad) return;
    context.clearRect(0, 0, pad.width, pad.height);
    context.drawImage(seen, 0, 0, pad.width, pad.height);
  }

  if (pad) drawOn(pad, () => took < SLOW && readPad(), () => say(readPad()));
  takeFiles(root, explorer, showImage, (said) => (status.textContent = said));
  root.querySelector("#clear").addEventListener("click", clear);
  root.querySelector(".examples").append(
    ...explorer.examples.map((example) => {
      const canvas = element("canvas", { width, height });
      showPixels(canvas, decodeBytes(example.pixels), explorer);
      const label = `Test image no. ${example.number}, which is ${explorer.classes[example.label]}`;
      const button = element("button", { type: "button", "aria-label": label, title: label }, canvas);
      button.addEventListener("click", () => showImage(label, decodeBytes(example.pixels)));
      return element("li", {}, button);
    }),
  );
  root.hidden = false;
  show();
  const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 500));
  explorer.networks.forEach((_, number) => whenIdle(() => network(number)));
}

// Let a pointer leave ink on a canvas; tell when there is more of it, and when a stroke ends.
function drawOn(pad, more, ended) {
  const context = pad.getContext("2d", { willReadFrequently: true });
  let last = null;
  let waiting = false;

  function at(event) {
    const frame = pad.getBoundingClientRect();
    const scale = pad.width / frame.width;
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
  }

  function line(from, to) {
    Object.assign(context, { lineWidth: PEN * pad.width, lineCap: "round", strokeStyle: "black" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]); // a line of no length would leave no dot
    context.stroke();
    if (waiting) return;
    waiting = true; // once for each picture that the screen shows
    requestAnimationFrame(() => {
      waiting = false;
      more();
    });
  }

  pad.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    pad.setPointerCapture(event.pointerId);
    last = at(event);
    line(last, last);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!last || !event.isPrimary) return;
    const points = event.getCoalescedEvents?.() ?? [];
    for (const point of points.length ? points : [event]) {
      const next = at(point);
      line(last, next);
      last = next;
    }
  });
  for (const name of ["pointerup", "pointercancel"])
    pad.addEventListener(name, () => {
      if (last) ended();
      last = null;
    });
}

document.addEventListener("DOMContentLoaded", () => {
  const explorer = readExplorer();
  if (!explorer) return;
  startMistakes(explorer);
  startDrawing(explorer);
});
