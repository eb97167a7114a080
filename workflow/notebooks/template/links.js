"use strict";
// Files behind figures and tables, to save from the page: a table's from its data or its cells, a figure's from the picture.
// A heading's folded box opens when a link leads to it; a box is a stop of the Tab key only while it scrolls.

function offerFiles() {
  const data = document.querySelector("script#files");
  const texts = data ? JSON.parse(data.textContent) : {};
  for (const link of document.querySelectorAll("a[data-file]")) {
    const picture = link.closest("figure")?.querySelector("img");
    const table = link.closest(".links").previousElementSibling?.querySelector("table");
    const offer = () => {
      const text = texts[link.dataset.file] ?? (table ? asCsv(table.rows) : undefined);
      const address = text === undefined ? picture?.src : `data:text/csv;charset=utf-8,${encodeURIComponent(text)}`;
      if (address) Object.assign(link, { href: address, hidden: false });
    };
    offer();
    link.addEventListener("click", offer); // as the table stands then: another model's, sorted otherwise
  }
}

function asCsv(rows) {
  const quoted = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return [...rows].map((row) => [...row.cells].map((cell) => quoted(cell.textContent.trim())).join(",") + "\n").join("");
}

// What a link to a heading means by it: the folded box right below.
function unfoldTarget() {
  const id = decodeURIComponent(location.hash.slice(1).split("?")[0]);
  const target = id && document.getElementById(id);
  if (!target) return;
  const below = /^H[1-6]$/.test(target.tagName) ? nextAfter(target) : null;
  const box = target.closest("details") ?? (below?.matches("details") ? below : null);
  if (!box || box.open) return;
  box.open = true;
  target.scrollIntoView();
}

// The next element of the page, whether or not the two share a parent.
function nextAfter(element) {
  let place = element;
  while (place && !place.nextElementSibling) place = place.parentElement;
  let next = place?.nextElementSibling ?? null;
  while (next && !next.matches("details, p, figure, table") && next.firstElementChild) next = next.firstElementChild;
  return next;
}

document.addEventListener("DOMContentLoaded", () => {
  offerFiles();
  unfoldTarget();
  addEventListener("hashchange", unfoldTarget);
  for (const link of document.querySelectorAll("nav.folded a")) link.addEventListener("click", () => (link.closest("details").open = false));
  document.querySelectorAll(".table[tabindex], .picture[tabindex]").forEach(tabOnlyWhileScrolling);
});
