"use strict";
(function () {
  const each = (selector, act, within) => (within || document).querySelectorAll(selector).forEach(act);

  // Slider between the picture and what was counted.
  document.addEventListener("input", (event) => {
    if (event.target.matches(".slide input")) {
      event.target.closest(".card").querySelector(".compare").style.setProperty("--cut", event.target.value + "%");
    }
  });
  each("button[data-cut]", (button) => button.addEventListener("click", () => {
    each("button[data-cut]", (other) => other.setAttribute("aria-pressed", String(other === button)));
    each(".card", (card) => {
      const slider = card.querySelector(".slide input");
      if (!slider) return;
      slider.value = button.dataset.cut;
      card.querySelector(".compare").style.setProperty("--cut", button.dataset.cut + "%");
    });
  }));
  each("button[data-wide]", (button) => button.addEventListener("click", () => {
    const wide = button.closest(".card").classList.toggle("wide");
    button.setAttribute("aria-pressed", String(wide));
  }));

  // Sorting: by number where a cell has one, cells without a value last.
  each("th button[data-sort]", (button) => button.addEventListener("click", () => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const column = Array.prototype.indexOf.call(head.parentNode.children, head);
    const down = head.getAttribute("aria-sort") === "ascending";
    each("th", (other) => other.removeAttribute("aria-sort"), head.parentNode);
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      return "v" in cell.dataset ? (cell.dataset.v === "" ? null : Number(cell.dataset.v)) : cell.textContent.trim();
    };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number"
      ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
    Array.from(body.rows)
      .map((row) => [value(row), row])
      .sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : (down ? -1 : 1) * compare(a, b)))
      .forEach(([, row]) => body.appendChild(row));
  }));

  // Filtering the table, and the pictures with it.
  const text = document.getElementById("filter-text");
  const flag = document.getElementById("filter-flag");
  const said = document.getElementById("filter-said");
  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set();
    let rows = 0;
    each("#images tbody tr", (row) => {
      const flags = row.dataset.flags.split(" ").filter(Boolean);
      const fits = flag.value === "" || (flag.value === "*" ? flags.length > 0 : flag.value === "-" ? !flags.length : flags.includes(flag.value));
      const content = row.textContent.toLowerCase();
      row.hidden = !(fits && words.every((word) => content.includes(word)));
      if (!row.hidden) { rows += 1; shown.add(row.dataset.image); }
    });
    each(".card", (card) => { card.hidden = !shown.has(card.id); });
    said.textContent = rows + (rows === 1 ? " row" : " rows") + " shown";
  }
  if (text && flag) {
    text.addEventListener("input", filter);
    flag.addEventListener("change", filter);
    each("a[data-flag]", (link) => link.addEventListener("click", () => { text.value = ""; flag.value = link.dataset.flag; filter(); }));
  }

  // Copying the methods; where the browser keeps the clipboard from local files, the text is selected instead.
  each("button[data-copy]", (button) => button.addEventListener("click", () => {
    const source = document.getElementById(button.dataset.copy);
    const done = () => { button.textContent = "Copied"; };
    const byHand = () => {
      const range = document.createRange();
      range.selectNodeContents(source);
      const selection = window.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
    };
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(source.textContent.trim()).then(done, byHand);
    } else { byHand(); }
  }));
}());
