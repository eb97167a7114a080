"use strict";
// All mistakes of each model: chosen by model, labels and suspected label errors, shown in a gallery, a matrix and a map.
// The choice is in the page's address, #mistakes?model=convnet&true=4&read=9, so that it can be sent to someone.

const PAGE = 24; // images at a time

// The choice that an address makes, and the other way round. Names stand for numbers, so that both can be read.
function readAddress(view) {
  const asked = addressOf("mistakes") ?? new URLSearchParams();
  const known = view.models.some((model) => model.name === asked.get("model"));
  return {
    model: known ? asked.get("model") : view.chosen,
    truth: view.classes.indexOf(asked.get("true")),
    read: view.classes.indexOf(asked.get("read")),
    suspected: asked.has("suspected") && view.suspected.size > 0,
  };
}

function writeAddress(view, choice) {
  const asked = new URLSearchParams({ model: choice.model });
  if (choice.truth >= 0) asked.set("true", view.classes[choice.truth]);
  if (choice.read >= 0) asked.set("read", view.classes[choice.read]);
  if (choice.suspected) asked.set("suspected", "1");
  setAddress("mistakes", asked);
}

function startMistakes(explorer) {
  const root = document.getElementById("mistakes");
  if (!root) return;
  const [byModel, byTruth, byRead, bySuspicion, reset, more] = ["model", "true", "read", "suspected", "reset", "more"].map(
    (name) => root.querySelector(`[name=${name}]`),
  );
  const view = {
    ...explorer,
    labels: readLabels(explorer, explorer.labels),
    suspected: new Set(explorer.suspected),
    images: readImages(explorer),
  };
  const models = new Map(); // decoded when first shown
  const list = root.querySelector(".digits");
  let choice = readAddress(view);
  let numbers = [];

  function model() {
    if (!models.has(choice.model)) models.set(choice.model, readModel(view, view.models.find((m) => m.name === choice.model)));
    return models.get(choice.model);
  }

  function showMore() {
    const next = numbers.slice(list.children.length, list.children.length + PAGE);
    list.append(...next.map((number) => tile(view, model(), number)));
    root.querySelector(".found").textContent = sayFound(view, model(), choice, numbers, list.children.length);
    more.hidden = list.children.length === numbers.length;
  }

  function show() {
    byModel.value = choice.model;
    [byTruth.selectedIndex, byRead.selectedIndex] = [choice.truth + 1, choice.read + 1];
    if (bySuspicion) bySuspicion.checked = choice.suspected;
    numbers = chosenImages(view, model(), choice);
    root.querySelector(".note").textContent = byModel.selectedOptions[0].dataset.note;
    list.replaceChildren();
    showMore();
    showMatrix(view, model(), choice, root);
    map?.show(model(), choice);
  }

  function choose(change) {
    choice = { ...choice, ...change };
    writeAddress(view, choice);
    show();
  }

  const map = startMap(view, root);
  startMatrix(root, (truth, read) =>
    choose(truth === choice.truth && read === choice.read ? { truth: -1, read: -1 } : { truth, read }),
  );
  byModel.addEventListener("change", () => choose({ model: byModel.value }));
  byTruth.addEventListener("change", () => choose({ truth: byTruth.selectedIndex - 1 }));
  byRead.addEventListener("change", () => choose({ read: byRead.selectedIndex - 1 }));
  bySuspicion?.addEventListener("change", () => choose({ suspected: bySuspicion.checked }));
  reset.addEventListener("click", () => choose({ truth: -1, read: -1, suspected: false }));
  more.addEventListener("click", showMore);
  function follow() {
    if (!addressOf("mistakes")) return;
    choice = readAddress(view);
    show();
    root.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  addEventListener("load", follow); // when the figures above have their heights
  root.querySelectorAll(".choice").forEach((part) => (part.hidden = false));
  show();
  follow();
}
