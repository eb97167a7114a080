"use strict";
// The map of the test images: dots are correct, crosses mistakes, and what is chosen stands out.

const REACH = 14; // pixels around a finger or a mouse

function startMap(view, root) {
  const figure = root.querySelector(".map");
  if (!figure) return null;
  const canvas = figure.querySelector("canvas");
  const point = figure.querySelector(".point");
  let [model, layers, pointed] = [null, null, -1];
  let visible = false; // it costs nothing before somebody comes near

  const at = ({ x, y, radius }, number) =>
    [x, y].map((middle, i) => middle + radius * ((2 * model.places[2 * number + i]) / 255 - 1));

  function fit() {
    const box = frame(canvas, view);
    canvas.style.height = `${box.height}px`;
    return box;
  }

  function draw() {
    if (!visible || !model || !canvas.clientWidth) return;
    const box = fit();
    const sharp = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [box.width * sharp, box.height * sharp];
    const context = canvas.getContext("2d");
    context.scale(sharp, sharp);
    const style = getComputedStyle(canvas);
    const colours = Object.fromEntries(["ink", "faint", "line"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
    const places = (numbers) => numbers.map((number) => at(box, number));
    const [size, crowded] = [box.width < 420 ? 1.2 : 1.8, layers.crosses.length > 1000];
    drawNames(context, view, colours, box);
    drawMarks(context, places(layers.otherDots), false, size, colours.faint, 0.2);
    drawMarks(context, places(layers.otherCrosses), true, 1.5, colours.faint, 0.25);
    drawMarks(context, places(layers.dots), false, size, colours.faint, 0.8);
    drawMarks(context, places(layers.crosses), true, crowded ? 1.5 : 3.5, colours.ink, crowded ? 0.4 : 1);
    if (pointed < 0) return;
    context.strokeStyle = colours.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...at(box, pointed), 8, 0, 2 * Math.PI);
    context.stroke();
  }

  // The image nearest to a place; a chosen mistake before a dot that lies as near, and one with a picture before others.
  function nearest(left, top) {
    const box = frame(canvas, view);
    let [best, found] = [REACH, -1];
    for (const [name, penalty] of Object.entries({ crosses: 0, dots: 4, otherCrosses: 6, otherDots: 8 }))
      for (const number of layers[name]) {
        const [x, y] = at(box, number);
        const distance = Math.hypot(x - left, y - top) + penalty + (view.images.has(number) ? 0 : 3);
        if (distance < best) [best, found] = [distance, number];
      }
    return found;
  }

  function pointAt(event) {
    const number = nearest(event.offsetX, event.offsetY);
    if (number < 0 || number === pointed) return;
    pointed = number;
    const lines = linesAbout(view, model, number).map((line) => element("span", {}, line));
    point.replaceChildren(view.images.show(number), ...lines);
    requestAnimationFrame(draw);
  }

  canvas.addEventListener("pointermove", pointAt);
  canvas.addEventListener("click", pointAt);
  new ResizeObserver(() => {
    fit();
    draw();
  }).observe(canvas);
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"])
    matchMedia(query).addEventListener("change", draw);
  new IntersectionObserver(
    (entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      visible = true;
      observer.disconnect();
      draw();
    },
    { rootMargin: "50%" },
  ).observe(figure);
  return {
    show(next, choice) {
      if (next !== model) {
        pointed = -1;
        point.replaceChildren(element("p", {}, "Point at the map, or tap it, to see an image."));
      }
      [model, layers] = [next, sortMarks(view, next, choice)];
      canvas.setAttribute("aria-label", describeMap(view, model, layers));
      draw();
    },
  };
}
