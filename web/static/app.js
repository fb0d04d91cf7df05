// What pages do beyond HTML and htmx: times that count, forms that ask back, a word when the connection is lost.
"use strict";

const two = (n) => String(n).padStart(2, "0");

function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// By the box's clock: a tablet's own may be wrong.
const ahead = Number(document.body.dataset.now) - Date.now() / 1000;

function count() {
  const now = Date.now() / 1000 + ahead;
  for (const each of document.querySelectorAll("time[data-since]")) {
    const text = span(now - Number(each.dataset.since));
    if (each.textContent !== text) each.textContent = text;
  }
}
setInterval(count, 1000);

// htmx sends the token of the page with every request that changes something.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = document.querySelector('meta[name="csrf-token"]').content;
});

// An error's page comes back as a piece: show it where the answer would have stood.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400 && event.detail.xhr.responseText) event.detail.shouldSwap = true;
});

document.addEventListener("click", (event) => {
  const asked = event.target.closest("[data-confirm]");
  if (asked && !window.confirm(asked.dataset.confirm)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// The stream of a live page: lost, back, or the core behind it gone.
const link = document.getElementById("link");
let lost = false;
let down = false;

function show() {
  const text = lost ? link.dataset.lost : down ? link.dataset.core : "";
  link.textContent = text;
  link.hidden = !text;
  document.body.classList.toggle("stale", Boolean(text));
}

document.addEventListener("htmx:sseError", () => { lost = true; show(); });
document.addEventListener("htmx:sseOpen", () => { lost = false; show(); });
document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (event.detail.type === "gone") window.location.assign("/login");
});
document.addEventListener("htmx:sseMessage", count);

// Words that no element of the page is swapped for are listened to on htmx's own connection.
document.addEventListener("htmx:sseOpen", (event) => {
  event.detail.source.addEventListener("core", (message) => { down = message.data === "down"; show(); });
  event.detail.source.addEventListener("gone", () => window.location.assign("/login"));
});

// What was typed and not sent outlives a reload, a restart of the box, a flat battery: [data-keep] names the form.
for (const form of document.querySelectorAll("form[data-keep]")) {
  const key = `form:${form.dataset.keep}`;
  const kept = JSON.parse(sessionStorage.getItem(key) || "{}");
  for (const [name, value] of Object.entries(kept)) {
    const field = form.elements.namedItem(name);
    if (field && "value" in field && field.type !== "password" && field.type !== "hidden") field.value = value;
  }
  form.addEventListener("input", () => {
    const typed = {};
    for (const field of form.elements) {
      if (field.name && !["password", "hidden", "file", "checkbox", "radio"].includes(field.type)) typed[field.name] = field.value;
    }
    sessionStorage.setItem(key, JSON.stringify(typed));
  });
  form.addEventListener("submit", () => sessionStorage.removeItem(key));
}
