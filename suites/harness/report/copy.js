"use strict";
// Copy buttons, and whatever else a page shows only where scripts run.
(() => {
  function select(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      select(code);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Selected";
    setTimeout(() => {
      button.textContent = "Copy";
    }, 1500);
  }

  document.querySelectorAll("button.copy").forEach((button) => {
    button.addEventListener("click", () => copy(button));
  });
  document.querySelectorAll(".needs-script").forEach((element) => {
    element.hidden = false;
  });
})();
