// The one way in which this page makes elements: text is always text, and only these attributes can be set.
"use strict";
window.adbatch = {};
{
  const ATTRIBUTES = new Set([
    "id", "class", "type", "title", "role", "src", "alt", "width", "height", "loading", "decoding", "controls", "preload", "value",
    "href", "target", "rel", "tabindex", "colspan", "scope", "for", "download", "name", "checked", "step", "min", "inputmode",
    "placeholder", "lang", "dir", "draggable",
  ]);

  adbatch.el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (typeof value === "function") made.addEventListener(name, value);
      else if (ATTRIBUTES.has(name) || name.startsWith("aria-") || name.startsWith("data-")) made.setAttribute(name, value === true ? "" : value);
      else throw new Error(`no attribute ${name}`);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  };

  // The address of a picture: as it is, or what the page carries under that name.
  adbatch.addressOf = (address) => (address.startsWith("#") ? JSON.parse(document.getElementById(`data-${address.slice(1)}`).textContent) : address);

  adbatch.byId = (id) => document.getElementById(id);
  adbatch.counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  adbatch.sized = (bytes) => (bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

  // What is remembered between visits; a browser that keeps nothing for pages from files is no reason to fail.
  adbatch.remembered = (name) => {
    try { return JSON.parse(localStorage.getItem(`adbatch:${name}`)); } catch { return null; }
  };
  adbatch.remember = (name, value) => {
    try { localStorage.setItem(`adbatch:${name}`, JSON.stringify(value)); return true; } catch { return false; }
  };
}
