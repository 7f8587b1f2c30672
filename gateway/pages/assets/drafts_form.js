// @ts-check
/** A form on the page as a draft holds it: its fields read and put back, its faults shown. */

import { addEntry, settle } from "./fields.js";

/** @typedef {import("./drafts_delivery.js").Fault} Fault */

/**
 * What is typed, files left out.
 * @param {HTMLFormElement} form
 * @returns {[string, string][]}
 */
export function fieldsOf(form) {
  return [...new FormData(form)].flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []));
}

/**
 * Put back what was typed; lists get as many entries as there were.
 * @param {HTMLFormElement} form
 * @param {[string, string][]} fields
 */
export function putBack(form, fields) {
  form.reset();
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-list]"))) {
    const begins = `${list.dataset.list}/`;
    const places = fields.filter(([name]) => name.startsWith(begins)).map(([name]) => Number(name.slice(begins.length).split("/")[0]));
    const most = Math.max(-1, ...places.filter(Number.isInteger));
    for (let there = list.querySelectorAll("[data-entry]").length; there <= most; there += 1) {
      addEntry(list);
    }
  }
  for (const [name, value] of fields) {
    const found = form.elements.namedItem(name);
    if (found instanceof RadioNodeList) {
      found.value = value;
    } else if (found instanceof HTMLInputElement && found.type === "checkbox") {
      found.checked = found.value === value;
    } else if (found instanceof HTMLInputElement && found.type === "radio") {
      found.checked = found.value === value;
    } else if (
      (found instanceof HTMLInputElement && found.type !== "file") ||
      found instanceof HTMLTextAreaElement ||
      found instanceof HTMLSelectElement
    ) {
      found.value = value;
    }
  }
  settle(form);
}

/**
 * Take away what was said before.
 * @param {HTMLFormElement} form
 */
export function clearFaults(form) {
  form.ownerDocument.querySelectorAll("[data-faults]").forEach((one) => one.remove());
  form.querySelectorAll("[data-fault]").forEach((one) => one.remove());
  form.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
}

/**
 * Say what is wrong: at each field, and in a summary above the form that gets the focus.
 * @param {HTMLFormElement} form
 * @param {Fault[]} faults
 * @param {string} title
 */
export function showFaults(form, faults, title) {
  clearFaults(form);
  const indonesian = document.documentElement.lang === "id";
  const summary = made("div", "govuk-error-summary");
  summary.dataset.faults = "";
  summary.tabIndex = -1;
  summary.setAttribute("role", "alert");
  summary.append(made("h2", "govuk-error-summary__title", title));
  const list = made("ul", "govuk-list govuk-error-summary__list");
  for (const fault of faults) {
    const said = indonesian ? fault.message_id : fault.message;
    const entry = document.createElement("li");
    const id = fault.field.replace(/^\//, "").replaceAll("/", "-");
    const at = id ? document.getElementById(id) : null;
    if (at && form.contains(at)) {
      const link = made("a", "", said);
      link.setAttribute("href", `#${id}`);
      entry.append(link);
      const beside = made("p", "govuk-error-message", said);
      beside.dataset.fault = "";
      beside.id = `${id}-fault`;
      at.before(beside);
      at.setAttribute("aria-invalid", "true");
    } else {
      entry.textContent = said;
    }
    list.append(entry);
  }
  summary.append(list);
  form.before(summary);
  summary.focus();
}

/**
 * An element with a class and a text.
 * @param {string} tag
 * @param {string} kind
 * @param {string} [text]
 * @returns {HTMLElement}
 */
export function made(tag, kind, text = "") {
  const element = document.createElement(tag);
  element.className = kind;
  element.textContent = text;
  return element;
}
