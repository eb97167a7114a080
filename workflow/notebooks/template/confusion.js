"use strict";
// The confusion matrix: choose a model and a number in its table, and see images behind it.

// What the page shows of a data set, and the one picture that holds all its images.
function readExplorer() {
  const data = document.getElementById("explorer");
  if (!data) return null;
  const explorer = JSON.parse(data.textContent);
  explorer.picture = new Image();
  explorer.picture.src = `data:image/png;base64,${explorer.images.picture}`;
  return explorer;
}

// Make an element with attributes and children: elements or texts.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const asPercent = (fraction) => `${(100 * fraction).toFixed(1)}\u202f%`;

// A test image, cut out of the picture that holds them all.
function testImage(explorer, number, label) {
  const [height, width] = explorer.shape;
  const place = explorer.images.numbers.indexOf(number);
  const [row, column] = [Math.floor(place / explorer.images.columns), place % explorer.images.columns];
  const canvas = element("canvas", { width, height, role: "img", "aria-label": label });
  explorer.picture.decode().then(() => {
    canvas.getContext("2d").drawImage(explorer.picture, -column * width, -row * height);
  });
  return canvas;
}

// The images of a cell, each with its most likely classes.
function showBehind(explorer, model, truth, read, panel) {
  const { classes } = explorer;
  const [, , images] = model.cells.find(([t, r]) => t === truth && r === read);
  const count = model.confusion[truth][read];
  const which = truth === read ? "least confident" : "most confident";
  const some = images.length < count ? `, of which the ${images.length} ${which}` : "";
  const all = `${count.toLocaleString("en")} ${count === 1 ? "image" : "images"}${some}`;
  const title = `${classes[truth]} classified as ${classes[read]} by ${model.name}: ${all}`;
  const list = images.map(([number, ...pairs]) => {
    const lines = [`no. ${number}, true label ${classes[truth]}`];
    for (let i = 0; i < pairs.length; i += 2) lines.push(`${classes[pairs[i]]}: ${asPercent(pairs[i + 1])}`);
    const label = `Test image no. ${number}, true class ${classes[truth]}`;
    return element("li", {}, testImage(explorer, number, label), ...lines.map((line) => element("span", {}, line)));
  });
  panel.replaceChildren(element("p", {}, element("strong", {}, title)), element("ul", {}, ...list));
  panel.hidden = false;
}

function showMatrix(explorer, model, root) {
  const table = root.querySelector("table");
  const panel = root.querySelector(".behind");
  const shown = new Set(model.cells.map(([truth, read]) => `${truth} ${read}`));
  const wrong = model.confusion.flatMap((row, truth) => row.filter((_, read) => read !== truth));
  const most = Math.max(1, ...wrong);
  table.querySelector("caption .model").textContent = model.name;
  model.confusion.forEach((row, truth) =>
    row.forEach((count, read) => {
      const cell = table.tBodies[0].rows[truth].cells[read + 1];
      cell.dataset.level = truth === read ? "right" : Math.ceil((5 * count) / most);
      cell.replaceChildren(count.toLocaleString("en"));
      if (!shown.has(`${truth} ${read}`)) return;
      const names = `${explorer.classes[truth]} classified as ${explorer.classes[read]}`;
      const label = `${count.toLocaleString("en")} times ${names}`;
      const button = element("button", { type: "button", "aria-label": label, tabindex: -1 }, ...cell.childNodes);
      button.addEventListener("click", () => {
        table.querySelectorAll("[aria-pressed]").forEach((other) => other.removeAttribute("aria-pressed"));
        button.setAttribute("aria-pressed", "true");
        showBehind(explorer, model, truth, read, panel);
      });
      cell.append(button);
    }),
  );
  panel.hidden = true;
  table.querySelector("button")?.setAttribute("tabindex", 0);
}

// One stop of the Tab key for the whole table; arrow keys go on from there to the next number that has images.
function moveByArrows(table, event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  const rows = [...table.tBodies[0].rows];
  let [y, x] = [rows.indexOf(cell.parentElement), cell.cellIndex];
  let next = null;
  do {
    [y, x] = [y + step[0], x + step[1]];
    next = rows[y]?.cells[x];
  } while (next && !next.querySelector("button"));
  next?.querySelector("button")?.focus();
}

function startConfusion(explorer) {
  const root = document.getElementById("confusion");
  const table = root.querySelector("table");
  const choice = root.querySelector("select");
  const show = () => showMatrix(explorer, explorer.models.find((model) => model.name === choice.value), root);
  table.setAttribute("role", "grid");
  choice.addEventListener("change", show);
  table.addEventListener("keydown", (event) => moveByArrows(table, event));
  table.addEventListener("focusin", (event) => {
    table.querySelectorAll("button[tabindex='0']").forEach((button) => button.setAttribute("tabindex", -1));
    event.target.setAttribute("tabindex", 0);
  });
  root.querySelector(".choice").hidden = false;
  show();
}
