"use strict";
// Bring a drawing into the form of MNIST's images, byte for byte as workflow/digits/data/centring.py does: scaled into a
// box, then centred by its mass. Every sum is of whole numbers below 2^53, so that it is exact in whatever order.

const FAINTEST = 25; // 10 % of 255: what is fainter is paper
const BOX = 20; // the drawing's longer side
const SIDE = 28; // in an image of this side

// Ink from 0 to 255 in rows → uint8 pixels [size, size] in rows; null where nothing is drawn.
function centre(ink, height, width, size) {
  const box = inkBox(ink, height, width);
  if (!box) return null;
  const longest = Math.max(box.height, box.width);
  const scaled = (side) => Math.max(1, rounded(BOX * size * side, SIDE * longest));
  const [tall, wide] = [scaled(box.height), scaled(box.width)];
  const [down, across] = [overlaps(box.height, tall), overlaps(box.width, wide)];
  const lines = new Float64Array(box.height * wide); // each row of the box, scaled
  for (let y = 0; y < box.height; y++)
    for (const [pixel, j, share] of across)
      lines[y * wide + j] += share * ink[(box.top + y) * width + box.left + pixel];
  const sums = new Float64Array(tall * wide); // a scaled pixel is its sum over the box's pixels
  for (const [row, i, share] of down)
    for (let j = 0; j < wide; j++) sums[i * wide + j] += share * lines[row * wide + j];

  const [rows, columns] = [new Array(tall).fill(0), new Array(wide).fill(0)];
  sums.forEach((sum, k) => {
    rows[Math.floor(k / wide)] += sum;
    columns[k % wide] += sum;
  });
  const [top, left] = [offset(rows, size), offset(columns, size)];
  const image = new Uint8Array(size * size);
  sums.forEach((sum, k) => {
    const place = (top + Math.floor(k / wide)) * size + left + (k % wide);
    image[place] = rounded(sum, box.height * box.width);
  });
  return image;
}

// The smallest box with all ink.
function inkBox(ink, height, width) {
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (ink[y * width + x] > FAINTEST) {
        [top, bottom] = [Math.min(top, y), y];
        [left, right] = [Math.min(left, x), Math.max(right, x)];
      }
  return bottom < 0 ? null : { top, left, height: bottom - top + 1, width: right - left + 1 };
}

// Divide and round to the nearest whole number, half up.
function rounded(numerator, denominator) {
  return Math.floor((2 * numerator + denominator) / (2 * denominator));
}

// How much of each pixel lies in each scaled one, on a line of pixels · scaled units: [pixel, scaled pixel, units].
function overlaps(pixels, scaled) {
  const found = [];
  for (let pixel = 0; pixel < pixels; pixel++)
    for (let j = Math.floor((pixel * scaled) / pixels); j < scaled && j * pixels < (pixel + 1) * scaled; j++) {
      const units = Math.min((pixel + 1) * scaled, (j + 1) * pixels) - Math.max(pixel * scaled, j * pixels);
      if (units > 0) found.push([pixel, j, units]);
    }
  return found;
}

// Where to put a line of masses: their centre nearest to pixel size / 2, counted from 0, and all of them within.
function offset(masses, size) {
  const mass = masses.reduce((sum, value) => sum + value, 0);
  const moment = masses.reduce((sum, value, i) => sum + value * i, 0);
  return Math.min(Math.max(rounded(size * mass - 2 * moment, 2 * mass), 0), size - masses.length);
}
