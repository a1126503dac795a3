"use strict";
// Without this script the page is complete: it adds the filter, nothing else.
(() => {
  const form = document.getElementById("filter");
  const search = document.getElementById("search");
  const shown = document.getElementById("shown");
  const chips = [...form.querySelectorAll("button[data-filter]")];
  const suites = [...document.querySelectorAll("#cases .suite")].map((section) => ({
    none: section.querySelector(".no-match"),
    rows: [...section.querySelectorAll("tr.case")].map((row) => ({
      element: row,
      verdict: row.dataset.verdict,
      text: row.querySelector("summary, .summary").textContent.toLowerCase(),
    })),
  }));
  const wanted = new Set();

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    let all = 0;
    for (const suite of suites) {
      let here = 0;
      for (const row of suite.rows) {
        const show =
          (wanted.size === 0 || wanted.has(row.verdict)) &&
          words.every((word) => row.text.includes(word));
        row.element.hidden = !show;
        here += show ? 1 : 0;
      }
      if (suite.none) {
        suite.none.hidden = here > 0;
      }
      visible += here;
      all += suite.rows.length;
    }
    for (const chip of chips) {
      const value = chip.dataset.filter;
      chip.setAttribute("aria-pressed", String(value ? wanted.has(value) : wanted.size === 0));
    }
    shown.textContent = `${visible} of ${all} cases`;
  }

  function toggle(value) {
    if (value === "") {
      wanted.clear();
    } else if (!wanted.delete(value)) {
      wanted.add(value);
    }
    apply();
  }

  function reveal() {
    // Ids of cases hold nothing that an address would encode.
    const target = document.getElementById(location.hash.slice(1));
    if (!target || !target.classList.contains("case")) {
      return;
    }
    if (target.hidden) {
      wanted.clear();
      search.value = "";
      apply();
    }
    target.querySelectorAll("details").forEach((details) => {
      details.open = true;
    });
    target.scrollIntoView();
  }

  chips.forEach((chip) => chip.addEventListener("click", () => toggle(chip.dataset.filter)));
  search.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
