"use strict";
// The experiment: choose initial weights and loss, guess, then go through the epochs of the recorded runs.
// What is chosen stands in the address, #experiment?init=…&loss=…&epoch=…, so that it can be sent to someone.

function startExperiment() {
  const root = document.getElementById("experiment");
  if (!root) return;
  const data = JSON.parse(document.querySelector("script#recorded").textContent);
  const seen = root.querySelector(".seen");
  const [guess, epoch] = ["guess", "epoch"].map((name) => root.querySelector(`[name=${name}]`));
  const chosen = (name) => root.querySelector(`[name=${name}]:checked`).value;
  let guessed = null; // by the reader; who follows a link has not guessed
  const cell = () => data.cells.find((c) => c.init === chosen("init") && c.loss === chosen("loss"));

  function show() {
    for (const slider of [guess, epoch]) slider.nextElementSibling.textContent = slider.value;
    root.querySelector(".none").hidden = Boolean(cell());
    root.querySelector(".guess").hidden = !seen.hidden || !cell();
    if (!seen.hidden && cell()) showRuns(data, cell(), Number(epoch.value), guessed, seen);
  }

  function reveal(hidden) {
    seen.hidden = hidden;
    show();
  }

  function remember() {
    const state = new URLSearchParams({ init: chosen("init"), loss: chosen("loss") });
    if (!seen.hidden) state.set("epoch", epoch.value);
    setAddress("experiment", state);
  }

  function restore() {
    const state = addressOf("experiment");
    if (!state) return;
    for (const name of ["init", "loss"])
      for (const input of root.querySelectorAll(`[name=${name}]`)) if (input.value === state.get(name)) input.checked = true;
    if (state.has("epoch")) epoch.value = state.get("epoch");
    guessed = null;
    reveal(!state.has("epoch"));
    root.scrollIntoView();
  }

  root.querySelector(".guess button").addEventListener("click", () => {
    guessed = guess.value;
    reveal(false);
    remember();
  });
  root.addEventListener("input", (event) => {
    if (event.target.type === "radio") {
      seen.hidden = true; // another network, another guess
      epoch.value = data.epochs;
    }
    show();
  });
  root.addEventListener("change", remember);
  window.addEventListener("hashchange", restore);
  root.hidden = false;
  show();
  restore();
}

const LEARNED = 0.5; // of a class's images, as workflow/digits/statistics/histories.py counts

function showRuns(data, cell, epoch, guess, seen) {
  const body = seen.querySelector("tbody");
  const status = seen.querySelector("[role=status]");
  const at = epoch - 1;
  const learned = cell.runs.map((run) => run.recall[at].filter((recall) => recall >= LEARNED).length);
  const range = cell.low[at] === null ? "" : ` (95 % interval ${asPercent(cell.low[at])} to ${asPercent(cell.high[at])})`;
  status.textContent =
    `After ${epoch} of ${data.epochs} epochs: ${asPercent(cell.accuracy[at])} of the validation images${range}. ` +
    `Learned of ${data.classes.length}: ${learned.map((n, i) => `${n} by seed ${cell.runs[i].seed}`).join(", ")}` +
    `${guess === null ? "" : `; you guessed ${guess}`}. In this epoch, ${Math.round(100 * cell.saturated[at])} % of the outputs are saturated. Learning rate ${cell.rate}.`;
  body.replaceChildren(
    ...cell.runs.map((run) => {
      const cells = run.recall[at].map((recall) => {
        const made = element("td", {}, recall === null ? "—" : `${Math.round(100 * recall)}`);
        made.style.setProperty("--recall", recall ?? 0);
        made.classList.toggle("learned", recall >= LEARNED);
        return made;
      });
      return element("tr", {}, element("th", { scope: "row" }, String(run.seed)), ...cells);
    }),
  );
}

document.addEventListener("DOMContentLoaded", startExperiment);
