"use strict";
// The confusion matrix or, of many classes, the most frequent mistakes: a number chosen in it is a choice of mistakes.

// A count in a cell, to be chosen.
function countIn(cell, view, count, truth, read, choice) {
  const label = `${count.toLocaleString("en")} times ${view.classes[truth]} classified as ${view.classes[read]}`;
  const pressed = choice.truth === truth && choice.read === read;
  const attributes = { type: "button", "aria-label": label, "aria-pressed": pressed, tabindex: -1 };
  Object.assign(cell.dataset, { truth, read });
  cell.replaceChildren(element("button", attributes, count.toLocaleString("en")));
}

function showPairs(view, model, choice, table) {
  const pairs = mistakenPairs(view, model).slice(0, Number(table.dataset.pairs));
  table.tBodies[0].replaceChildren(
    ...pairs.map(([count, truth, read]) => {
      const cell = element("td");
      countIn(cell, view, count, truth, read, choice);
      const names = [truth, read].map((i) => isolated(view.classes[i]));
      return element("tr", {}, element("th", { scope: "row" }, names[0]), element("td", {}, names[1]), cell);
    }),
  );
}

function showCells(view, model, choice, table) {
  const wrong = model.confusion.flatMap((row, truth) => row.filter((_, read) => read !== truth));
  const most = Math.max(1, ...wrong);
  model.confusion.forEach((row, truth) =>
    row.forEach((count, read) => {
      const cell = table.tBodies[0].rows[truth].cells[read + 1];
      cell.dataset.level = truth === read ? "right" : Math.ceil((5 * count) / most);
      if (count) countIn(cell, view, count, truth, read, choice);
      else cell.replaceChildren("0");
    }),
  );
}

function showMatrix(view, model, choice, root) {
  const table = root.querySelector("table");
  const { truth, read } = document.activeElement.closest("table.confusion td")?.dataset ?? {};
  for (const title of root.querySelectorAll(".model")) title.textContent = model.title;
  (table.dataset.pairs ? showPairs : showCells)(view, model, choice, table);
  const focused = truth && table.querySelector(`td[data-truth="${truth}"][data-read="${read}"]`);
  const stop = focused?.querySelector("button") ?? table.querySelector("[aria-pressed=true]") ?? table.querySelector("button");
  stop?.setAttribute("tabindex", 0);
  if (focused) stop?.focus();
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

// Tell `choose` the true and the predicted class of a number that is clicked.
function startMatrix(root, choose) {
  const table = root.querySelector("table");
  table.setAttribute("role", "grid");
  table.addEventListener("keydown", (event) => moveByArrows(table, event));
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("button")?.parentElement;
    if (cell) choose(Number(cell.dataset.truth), Number(cell.dataset.read));
  });
  table.addEventListener("focusin", (event) => {
    table.querySelectorAll("button[tabindex='0']").forEach((button) => button.setAttribute("tabindex", -1));
    event.target.setAttribute("tabindex", 0);
  });
  tabOnlyWhileScrolling(root.querySelector(".table"));
}
