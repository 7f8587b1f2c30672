// @ts-check
/** Begins what every page needs: the controls' script; and what only some need where they need it. */

import { initAll } from "./govuk-frontend.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

if (document.querySelector("[data-list],[data-unless]")) {
  (await import("./fields.js")).begin(document);
}
if (document.querySelector("[data-drafts]")) {
  (await import("./drafts.js")).begin();
}
if (document.querySelector("[hx-get],[hx-post]")) {
  // @ts-ignore htmx is a plain script
  await import("./htmx.js");
}
