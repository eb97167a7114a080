"use strict";
// What the page's parts share: its data, new elements, addresses, and boxes that scroll.

function readExplorer() {
  const data = document.querySelector("script#explorer");
  return data && JSON.parse(data.textContent);
}

// Make an element with attributes and children: elements or texts.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A name for a sentence: one that is written from right to left is kept from turning what stands beside it.
const isolated = (name) => (/[\p{Script=Arab}\p{Script=Hebr}\p{Script=Syrc}\p{Script=Thaa}\p{Script=Nkoo}]/u.test(name) ? `\u2068${name}\u2069` : name);

const asPercent = (fraction, digits = 1) => `${(100 * fraction).toFixed(digits)}\u202f%`;
const asCount = (number, one, more = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : more}`;

// Bytes that Python wrote as base64; little-endian, as is every machine with a browser.
function decodeBytes(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// What the address says of a part of the page, #name?key=value&…, so that a view can be sent to someone; null if nothing.
function addressOf(name) {
  const [place, asked] = location.hash.slice(1).split("?");
  return place === name && asked !== undefined ? new URLSearchParams(asked) : null;
}

const setAddress = (name, asked) => history.replaceState(null, "", `#${name}?${asked}`);

// A box is a stop of the Tab key only while it scrolls.
function tabOnlyWhileScrolling(box) {
  const update = () => {
    if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", 0);
    else box.removeAttribute("tabindex");
  };
  new ResizeObserver(update).observe(box);
}
