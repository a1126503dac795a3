"use strict";
// Without this script the page is complete: it adds the filter, nothing else.
(() => {
  const form = document.getElementById("filter");
  const search = document.getElementById("search");
  const area = document.getElementById("area");
  const shown = document.getElementById("shown");
  const noMatch = document.getElementById("no-match");
  const differs = form.querySelector("button[data-differs]");
  const chips = [...form.querySelectorAll("button[data-filter]")];
  const groups = [...document.querySelectorAll("table.matrix tbody")].map((body) => ({
    element: body,
    area: body.dataset.area,
    rows: [...body.querySelectorAll("tr.case")].map((row) => ({
      element: row,
      verdicts: row.dataset.verdicts.split(" "),
      differs: "differs" in row.dataset,
      text: `${row.querySelector("th").textContent} ${row.dataset.reasons}`.toLowerCase(),
    })),
  }));
  const wanted = new Set();
  let onlyDifferences = false;

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    let all = 0;
    for (const group of groups) {
      let here = 0;
      for (const row of group.rows) {
        const show =
          (!area.value || group.area === area.value) &&
          (!onlyDifferences || row.differs) &&
          (wanted.size === 0 || row.verdicts.some((verdict) => wanted.has(verdict))) &&
          words.every((word) => row.text.includes(word));
        row.element.hidden = !show;
        here += show ? 1 : 0;
      }
      group.element.hidden = here === 0;
      visible += here;
      all += group.rows.length;
    }
    for (const chip of chips) {
      const value = chip.dataset.filter;
      const pressed = value ? wanted.has(value) : wanted.size === 0 && !onlyDifferences;
      chip.setAttribute("aria-pressed", String(pressed));
    }
    if (differs) {
      differs.setAttribute("aria-pressed", String(onlyDifferences));
    }
    noMatch.hidden = visible > 0;
    shown.textContent = `${visible} of ${all} cases`;
  }

  function toggle(value) {
    if (value === "") {
      wanted.clear();
      onlyDifferences = false;
    } else if (!wanted.delete(value)) {
      wanted.add(value);
    }
    apply();
  }

  function reveal() {
    // A link to an area whose cases are filtered away brings them back.
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches("table.matrix tbody") || !target.hidden) {
      return;
    }
    wanted.clear();
    onlyDifferences = false;
    search.value = "";
    area.value = "";
    apply();
    target.scrollIntoView();
  }

  chips.forEach((chip) => chip.addEventListener("click", () => toggle(chip.dataset.filter)));
  if (differs) {
    differs.addEventListener("click", () => {
      onlyDifferences = !onlyDifferences;
      apply();
    });
  }
  search.addEventListener("input", apply);
  area.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
