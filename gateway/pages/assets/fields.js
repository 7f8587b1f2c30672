// @ts-check
/** Forms of the catalogue with script: entries are added to lists, parts that a tick makes needless are put away. */

const PLACE = "__n__";

/**
 * Add an empty entry to a list.
 * @param {HTMLElement} list
 */
export function addEntry(list) {
  const blank = list.querySelector("template");
  const entries = list.querySelectorAll("[data-entry]");
  if (!blank || entries.length >= Number(list.dataset.most)) {
    return;
  }
  const number = Number(list.dataset.next ?? entries.length);
  list.dataset.next = String(number + 1);
  const made = /** @type {DocumentFragment} */ (blank.content.cloneNode(true));
  for (const one of made.querySelectorAll("[id],[name],[for],[aria-describedby]")) {
    for (const name of ["id", "name", "for", "aria-describedby"]) {
      const value = one.getAttribute(name);
      if (value) {
        one.setAttribute(name, value.replaceAll(PLACE, String(number)));
      }
    }
  }
  const shown = made.querySelector("[data-number]");
  if (shown) {
    shown.textContent = String(entries.length + 1);
  }
  const first = /** @type {HTMLElement | null} */ (made.querySelector("input,select,textarea"));
  blank.before(made);
  first?.focus();
  more(list);
}

/**
 * Offer another entry as long as there may be one.
 * @param {HTMLElement} list
 */
function more(list) {
  const button = /** @type {HTMLElement | null} */ (list.querySelector("[data-add]"));
  if (button) {
    button.hidden = list.querySelectorAll("[data-entry]").length >= Number(list.dataset.most);
  }
}

/**
 * Put away what a tick makes needless; what is away is not sent.
 * @param {HTMLFormElement} form
 */
export function settle(form) {
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-unless]"))) {
    const tick = form.elements.namedItem(part.dataset.unless ?? "");
    part.hidden = tick instanceof HTMLInputElement && tick.checked;
    for (const control of part.querySelectorAll("input,select,textarea")) {
      control.toggleAttribute("disabled", part.hidden);
    }
  }
}

/** @param {Document | HTMLElement} where */
export function begin(where) {
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (where.querySelectorAll("[data-list]"))) {
    more(list);
    list.querySelector("[data-add]")?.addEventListener("click", () => addEntry(list));
  }
  for (const form of where.querySelectorAll("form")) {
    if (form.querySelector("[data-unless]")) {
      form.addEventListener("change", () => settle(form));
      settle(form);
    }
  }
}
