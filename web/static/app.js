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
    const passed = now - Number(each.dataset.since);
    if (each.dataset.limit) each.classList.toggle("over", passed > Number(each.dataset.limit));
    const text = span(passed);
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

// What was typed and not sent outlives a reload, a restart of the box, a piece of the page drawn anew: [data-keep] names the form.
// With data-keep-until="saved" it stays until a page says [data-saved] that it has it.
const keptOf = (form) => `form:${form.dataset.keep}`;
const kept = (key) => JSON.parse(sessionStorage.getItem(key) || "{}");
const keepable = (field) => field.name && "value" in field && !["password", "hidden", "file", "checkbox", "radio", "submit"].includes(field.type);

for (const saved of document.querySelectorAll("[data-saved]")) {
  const key = `form:${saved.dataset.saved}`;
  const left = kept(key);
  for (const name of saved.dataset.savedFields.split(" ")) delete left[name];
  sessionStorage.setItem(key, JSON.stringify(left));
}

function restore(within) {
  for (const form of document.querySelectorAll("form[data-keep]")) {
    const typed = kept(keptOf(form));
    for (const field of form.elements) {
      if (keepable(field) && within.contains(field) && field.name in typed && field.value !== typed[field.name]) field.value = typed[field.name];
    }
  }
}
restore(document);
document.addEventListener("htmx:load", (event) => restore(event.detail.elt));
document.addEventListener("htmx:sseMessage", (event) => restore(event.target)); // at once: who saves just now sends what was typed
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form || !form.dataset.keep || !keepable(event.target)) return;
  const key = keptOf(form);
  sessionStorage.setItem(key, JSON.stringify({ ...kept(key), [event.target.name]: event.target.value }));
});

// A form that keeps what was typed goes only while the box answers: else the browser would show its own error in its place.
const answers = () => fetch("/static/icon.svg", { method: "HEAD", cache: "no-store" });

function away() {
  lost = true;
  show();
  setTimeout(() => answers().then(() => { lost = false; show(); }, away), 2000);
}

// The piece with the button may be drawn anew while the box is asked: the same button stands there then.
const nowOf = (form, by) => (!by || by.form === form ? by
  : [...form.elements].find((each) => each.type === "submit" && each.name === by.name && each.value === by.value));

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.keep || event.defaultPrevented) return;
  if (form.dataset.asked === "yes") {
    delete form.dataset.asked;
    if (form.dataset.keepUntil !== "saved") sessionStorage.removeItem(keptOf(form));
    return;
  }
  event.preventDefault();
  if (form.dataset.asked) return; // sent twice
  form.dataset.asked = "now";
  const by = event.submitter || undefined;
  answers().then(() => { form.dataset.asked = "yes"; form.requestSubmit(nowOf(form, by)); }, () => { delete form.dataset.asked; away(); });
});
