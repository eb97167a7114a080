"use strict";
// Draw with mouse, finger or pen, and see a network's prediction at each stroke.

const SLOW = 100; // milliseconds: what takes longer is read at the end of a stroke, so that the line follows the hand
const PEN = 0.075; // of the pad's side: about as thick as the strokes of MNIST

// How opaque each pixel of a canvas is.
function inkOf(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  const ink = new Uint8Array(width * height);
  for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3];
  return ink;
}

// Show uint8 pixels in rows on a canvas of their size: dark ink on the canvas's own ground.
function showPixels(canvas, pixels) {
  const image = new ImageData(canvas.width, canvas.height);
  pixels?.forEach((ink, i) => (image.data[4 * i + 3] = ink));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function likeliestFirst(shares) {
  return shares.map((share, number) => [number, share]).sort((a, b) => b[1] - a[1]);
}

function startDrawing(explorer) {
  const root = document.getElementById("drawing");
  if (!root) return;
  const [pad, seen, choice, status] = ["#pad", "#seen", "select", "[role=status]"].map((q) => root.querySelector(q));
  const rows = [...root.querySelectorAll(".bars tr")];
  const size = explorer.shape[0];
  const context = pad.getContext("2d", { willReadFrequently: true });
  const networks = new Map(); // decoded when first used
  let pixels = null; // what the network sees
  let named = "Your drawing";
  let took = 0; // milliseconds, the last reading

  function network() {
    const plain = explorer.networks[choice.selectedIndex];
    if (!networks.has(plain.model)) networks.set(plain.model, readNetwork(plain));
    return networks.get(plain.model);
  }

  function show() {
    const started = performance.now();
    const shares = pixels ? probabilities(network(), pixels, size, size, rows.length) : rows.map(() => 0);
    took = performance.now() - started;
    const highest = Math.max(...shares);
    showPixels(seen, pixels);
    rows.forEach((row, i) => {
      row.querySelector(".bar span").style.width = `${100 * shares[i]}%`;
      row.querySelector(".share").textContent = pixels ? asPercent(shares[i]) : "";
      row.classList.toggle("likeliest", pixels !== null && shares[i] === highest);
    });
    return shares;
  }

  // In words, for those who do not see the bars; at the end of a stroke, so that it is not said all the time.
  function say(shares) {
    if (!pixels) return (status.textContent = "Nothing is drawn.");
    const [first, second] = likeliestFirst(shares).map(([i, share]) => `${explorer.classes[i]} (${asPercent(share)})`);
    status.textContent = `${named}: ${choice.value} predicts ${first}` + (second ? `, then ${second}.` : ".");
  }

  function readPad() {
    pixels = centre(inkOf(pad), pad.height, pad.width, size);
    named = "Your drawing";
    return show();
  }

  function clear() {
    context.clearRect(0, 0, pad.width, pad.height);
    say(readPad());
  }

  function showExample(example) {
    pixels = Uint8Array.from(atob(example.pixels), (letter) => letter.charCodeAt(0));
    named = `Test image no. ${example.number}, which is ${explorer.classes[example.label]}`;
    say(show());
    context.clearRect(0, 0, pad.width, pad.height);
    context.drawImage(seen, 0, 0, pad.width, pad.height);
  }

  drawOn(pad, () => took < SLOW && readPad(), () => say(readPad()));
  root.querySelector("#clear").addEventListener("click", clear);
  choice.addEventListener("change", () => say(show()));
  root.querySelector(".examples").append(
    ...explorer.examples.map((example) => {
      const canvas = element("canvas", { width: size, height: size });
      showPixels(canvas, Uint8Array.from(atob(example.pixels), (letter) => letter.charCodeAt(0)));
      const label = `Test image no. ${example.number}, which is ${explorer.classes[example.label]}`;
      const button = element("button", { type: "button", "aria-label": label, title: label }, canvas);
      button.addEventListener("click", () => showExample(example));
      return element("li", {}, button);
    }),
  );
  root.hidden = false;
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
