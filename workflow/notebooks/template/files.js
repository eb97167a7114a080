"use strict";
// Take an image that is chosen or dropped: scaled to the size of the data set's images, as they were. It stays in this page.

const BRIGHT = 128; // the edge of an image on a light ground

// Draw an image on a canvas of another size, halved again and again on the way, so that no pixel is left out.
function scaledTo(image, { left = 0, top = 0, wide, high }, width, height) {
  let [from, x, y, w, h] = [image, left, top, wide, high];
  for (;;) {
    const next = [Math.max(width, Math.ceil(w / 2)), Math.max(height, Math.ceil(h / 2))];
    const last = w <= 2 * width && h <= 2 * height;
    const canvas = element("canvas", last ? { width, height } : { width: next[0], height: next[1] });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(from, x, y, w, h, 0, 0, canvas.width, canvas.height);
    if (last) return canvas;
    [from, x, y, w, h] = [canvas, 0, 0, canvas.width, canvas.height];
  }
}

// The median of each colour along a canvas's edge.
function edgeOf({ width, height }, pixels, channels) {
  const places = [...Array(width * height).keys()].filter((i) => i % width === 0 || i % width === width - 1 || i < width || i >= (height - 1) * width);
  return Array.from({ length: channels }, (_, c) => places.map((i) => pixels[channels * i + c]).sort((a, b) => a - b)[(places.length - 1) >> 1]);
}

// An image on a canvas of the data set's size, as workflow/digits/data/resize.py fits it: all of it, the rest in the median
// colour of its edge (pad), its middle (crop), or stretched. Where it is transparent it lies on paper.
function fittedTo(image, fit, width, height) {
  const [wide, high] = [image.naturalWidth, image.naturalHeight];
  const whole = { wide, high };
  const paper = paperOf(scaledTo(image, whole, width, height));
  if (fit === "stretch") return filled(scaledTo(image, whole, width, height), paper);
  const scale = Math[fit === "crop" ? "max" : "min"](width / wide, height / high);
  if (fit === "crop") {
    const part = { wide: width / scale, high: height / scale };
    const middle = { left: (wide - part.wide) / 2, top: (high - part.high) / 2 };
    return filled(scaledTo(image, { ...part, ...middle }, width, height), paper);
  }
  const sides = [wide, high].map((side) => Math.max(1, Math.round(side * scale)));
  const scaled = filled(scaledTo(image, whole, ...sides), paper);
  const canvas = element("canvas", { width, height });
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(scaled, Math.floor((width - sides[0]) / 2), Math.floor((height - sides[1]) / 2));
  return filled(canvas, `rgb(${edgeOf(scaled, pixelsOf(scaled, 3), 3).join(" ")})`);
}

// A canvas on a ground of a colour.
function filled(canvas, colour) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { fillStyle: colour, globalCompositeOperation: "destination-over" });
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "source-over";
  return canvas;
}

// What a transparent image is laid on: white, or black where all that is opaque is light, as in workflow/digits/data/decoding.py.
function paperOf(canvas) {
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, canvas.width, canvas.height);
  const greys = pixelsOf(canvas, 1).filter((_, i) => data[4 * i + 3] >= BRIGHT);
  return greys.length && greys.every((grey) => grey >= BRIGHT) ? "black" : "white";
}

// A canvas as the networks see it: uint8, three channels or grey by the eye's weights (ITU-R BT.601), as Pillow has them.
function pixelsOf(canvas, channels) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++)
    if (channels === 1) pixels[i] = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
    else pixels.set(data.subarray(4 * i, 4 * i + channels), i * channels);
  return pixels;
}

// The ink on a pad, scaled to the size of an image.
function scaledInk(pad, height, width) {
  return inkOf(scaledTo(pad, { wide: pad.width, high: pad.height }, width, height));
}

// What the networks see of an image; where they know light on black, one with a light edge is inverted.
function seenOf(image, fit, { form, channels, shape: [height, width] }) {
  const canvas = fittedTo(image, fit, width, height);
  const pixels = pixelsOf(canvas, channels);
  return form !== "picture" && edgeOf(canvas, pixels, 1)[0] > BRIGHT ? pixels.map((value) => 255 - value) : pixels;
}

// Tell `found` the name and pixels of an image that is chosen or dropped, `failed` what is wrong with one that is none.
function takeFiles(root, explorer, found, failed) {
  const box = root.querySelector(".drop");
  if (!box) return;
  const input = box.querySelector("input");

  function take(file) {
    if (!file) return;
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      const image = new Image();
      image.addEventListener("load", () => found(isolated(file.name), seenOf(image, box.dataset.fit, explorer)));
      image.addEventListener("error", () => failed(`${isolated(file.name)} is no image that this browser can read.`));
      image.src = reader.result;
    });
    reader.readAsDataURL(file);
  }

  input.addEventListener("change", () => {
    take(input.files[0]);
    input.value = ""; // so that the same one can be chosen again
  });
  for (const name of ["dragenter", "dragover"])
    box.addEventListener(name, (event) => {
      event.preventDefault();
      box.classList.add("over");
    });
  for (const name of ["dragleave", "drop"]) box.addEventListener(name, () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}
