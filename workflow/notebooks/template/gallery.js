"use strict";
// The images of the mistakes: which a choice means, in which order, and what there is to say about them.

const UNCOUNTED = 65535; // in place of a probability: the model was not tested on this image

// Labels, true or predicted, by the images' numbers: a byte each or, of many classes, two.
function readLabels(explorer, base64) {
  const bytes = decodeBytes(base64);
  return explorer.classes.length > 256 ? new Uint16Array(bytes.buffer) : bytes;
}

// A model's predictions as arrays by the images' numbers.
function readModel(view, plain) {
  return {
    ...plain,
    title: `${plain.name}, seed ${plain.seed}`,
    read: readLabels(view, plain.read),
    shares: new Uint16Array(decodeBytes(plain.shares).buffer),
    places: plain.places && decodeBytes(plain.places),
  };
}

// The test images with their pictures; those come in one sheet, which is decoded when the first of them is needed.
function readImages(explorer) {
  const { numbers, columns, picture } = explorer.images;
  const [height, width] = explorer.shape;
  const place = new Map(numbers.map((number, i) => [number, i]));
  let sheet = null;
  function show(number) {
    const canvas = element("canvas", { width, height, role: "img", "aria-label": `Test image no. ${number}` });
    sheet ??= Object.assign(new Image(), { src: `data:image/webp;base64,${picture}` });
    const [row, column] = [Math.floor(place.get(number) / columns), place.get(number) % columns];
    sheet.decode().then(() => canvas.getContext("2d").drawImage(sheet, -column * width, -row * height));
    return canvas;
  }
  return {
    has: (number) => place.has(number),
    show: (number) => (place.has(number) ? show(number) : element("span", { class: "absent" }, "no picture")),
  };
}

// A model's mistakes as [how often, true class, predicted class], the most frequent first, then by class.
function mistakenPairs(view, model) {
  const counts = new Map();
  const classes = view.classes.length;
  view.labels.forEach((truth, number) => {
    if (model.shares[number] === UNCOUNTED || model.read[number] === truth) return;
    const pair = truth * classes + model.read[number];
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  });
  const order = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return order.map(([pair, count]) => [count, Math.floor(pair / classes), pair % classes]);
}

// Whether an image is among those chosen; a class that is -1 is any. Correct predictions are chosen by a pair alone.
function isChosen(choice, truth, read, suspected) {
  if (choice.truth >= 0 && truth !== choice.truth) return false;
  if (choice.read >= 0 && read !== choice.read) return false;
  if (choice.suspected && !suspected) return false;
  return truth !== read || (choice.truth === read && choice.read === read);
}

// The numbers of the chosen images: those with a picture first, then the most confident mistakes, the least confident correct.
function chosenImages(view, model, choice) {
  const found = [];
  view.labels.forEach((truth, number) => {
    if (model.shares[number] === UNCOUNTED) return;
    if (isChosen(choice, truth, model.read[number], view.suspected.has(number))) found.push(number);
  });
  const direction = choice.truth >= 0 && choice.truth === choice.read ? 1 : -1;
  const key = (number) => direction * model.shares[number] - (view.images.has(number) ? 1e6 : 0);
  return found.sort((a, b) => key(a) - key(b) || a - b);
}

// What there is to say about an image, in lines.
function linesAbout(view, model, number) {
  const [truth, read] = [view.labels[number], model.read[number]].map((i) => isolated(view.classes[i]));
  const lines = [truth === read ? `${truth}, correct` : `${truth} → ${read}`];
  if (model.shares[number] !== UNCOUNTED) lines.push(asPercent(model.shares[number] / 10000, 2));
  else lines.push("not tested on this class");
  lines.push(`no. ${number}`);
  if (view.suspected.has(number)) lines.push("suspected label error");
  return lines;
}

function tile(view, model, number) {
  const lines = linesAbout(view, model, number).map((line) => element("span", {}, line));
  return element("li", {}, view.images.show(number), ...lines);
}

function sayFound(view, model, choice, numbers, shown) {
  const right = choice.truth >= 0 && choice.truth === choice.read;
  const counted = right ? asCount(numbers.length, "correct prediction") : asCount(numbers.length, "mistake");
  const which = [
    choice.truth >= 0 ? `true label ${view.classes[choice.truth]}` : "",
    choice.read >= 0 ? `prediction ${view.classes[choice.read]}` : "",
    choice.suspected ? "suspected label errors" : "",
  ].filter(Boolean);
  const pictured = numbers.filter((number) => view.images.has(number)).length;
  const order = right ? "least confident" : "most confident";
  const parts = [`${model.title}: ${counted}${which.length ? ` (${which.join(", ")})` : ""}`];
  if (pictured < numbers.length) parts.push(`${pictured.toLocaleString("en")} of them with a picture in this page`);
  if (numbers.length > 1) parts.push(shown < numbers.length ? `the ${shown} ${order} shown` : `the ${order} first`);
  return `${parts.join(", ")}.`;
}
