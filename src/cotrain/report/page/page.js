"use strict";
// Tables are sorted by their heads; pictures tell the value nearest to the pointer. Without this
// script the page says the same: rows keep their order, and values stand in tables.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    if (!button.textContent.trim()) button.setAttribute("aria-label", "name");
    head.append(button);
    button.addEventListener("click", () => sort(table, body, head, place));
  });
}

function sort(table, body, head, place) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const rows = [...body.rows].sort((one, other) => {
    const order = compare(one.cells[place], other.cells[place]);
    return up ? order : -order;
  });
  body.append(...rows);
}

function compare(one, other) {
  const [a, b] = [one, other].map((cell) => cell?.dataset.value || "");
  if (a !== "" && b !== "") return a - b;
  const texts = [one, other].map((cell) => cell?.textContent || "");
  return (a === "") - (b === "") || texts[0].localeCompare(texts[1], undefined, { numeric: true });
}

for (const canvas of document.querySelectorAll(".canvas")) {
  const spots = JSON.parse(canvas.dataset.spots);
  const value = canvas.parentElement.querySelector(".value");
  if (!spots.length) continue;
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.hidden = true;
  canvas.append(dot);
  const show = (event) => {
    const box = canvas.getBoundingClientRect();
    const distance = ([left, top]) => Math.hypot(
      event.clientX - box.left - (left / 100) * box.width,
      event.clientY - box.top - (top / 100) * box.height,
    );
    const [left, top, text] = spots.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    dot.style.left = `${left}%`;
    dot.style.top = `${top}%`;
    dot.hidden = false;
    value.textContent = text;
  };
  canvas.addEventListener("pointermove", show);
  canvas.addEventListener("pointerdown", show);
}
