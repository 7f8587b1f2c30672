// @ts-check
/** Begins what every page needs: the controls' script, and htmx where a page renews parts of itself. */

import { initAll } from "./govuk-frontend.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

if (document.querySelector("[hx-get],[hx-post]")) {
  await import("./htmx.js");
}
