"use strict";

const tools = document.querySelector(".tools");
const search = document.getElementById("search");
const body = document.querySelector("tbody");
const headings = [...document.querySelectorAll("thead th")];
const pictures = document.getElementById("pictures");
const table = document.getElementById("table");

const rows = [...body.rows].map((row, place) => ({
  row,
  place,
  card: null,
  status: row.dataset.status,
  text: row.textContent.toLocaleLowerCase(),
}));
let order = rows;

/* What a cell is sorted by: its figure, its words, or null where it has none. */
function key(cell) {
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const words = cell.textContent.trim();
  return words === "" || words === "\u2013" ? null : words;
}

const inWords = new Intl.Collator(undefined, { numeric: true }).compare;

function sortBy(column, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = rows.map((entry) => ({ entry, key: key(entry.row.cells[column]) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) {
      return (a.key === null) - (b.key === null) || a.entry.place - b.entry.place;
    }
    const difference = typeof a.key === "number" ? a.key - b.key : inWords(a.key, b.key);
    return sign * difference || a.entry.place - b.entry.place;
  });
  order = keyed.map((item) => item.entry);
  headings.forEach((heading, index) => {
    if (index === column) heading.setAttribute("aria-sort", direction);
    else heading.removeAttribute("aria-sort");
  });
  body.append(...order.map((entry) => entry.row));
  update();
}

function update() {
  const wanted = search.value.trim().toLocaleLowerCase();
  const statuses = new Set(
    [...tools.querySelectorAll("[name=status]:checked")].map((box) => box.value));
  const seen = order.filter((e) => statuses.has(e.status) && e.text.includes(wanted));
  const shown = new Set(seen);
  for (const entry of rows) entry.row.hidden = !shown.has(entry);
  const asPictures = tools.querySelector("[name=view]:checked").value === "pictures";
  table.hidden = asPictures;
  pictures.hidden = !asPictures;
  const drawn = seen.filter((entry) => entry.row.dataset.folder);
  if (asPictures) pictures.replaceChildren(...drawn.map(card));
  const without = asPictures ? seen.length - drawn.length : 0;
  document.getElementById("shown").textContent =
    `${seen.length - without} of ${rows.length} scans` + (without ? `, ${without} without a picture` : "");
}

function card(entry) {
  if (entry.card) return entry.card;
  const cells = entry.row.cells;
  const name = cells[0].textContent;
  const link = document.createElement("a");
  link.href = `./${entry.row.dataset.folder}/report.html`;
  const image = document.createElement("img");
  image.loading = "lazy";
  image.decoding = "async";
  image.alt = "";
  image.src = `./${entry.row.dataset.folder}/preview.png`;
  const title = document.createElement("strong");
  title.textContent = name;
  link.append(image, title);
  const caption = document.createElement("p");
  const asymmetry = key(cells[4]) === null ? "no asymmetry"
    : `asymmetry ${cells[4].textContent} %, ${cells[5].textContent === "equal" ? "equal" : `${cells[5].textContent} larger`}`;
  caption.textContent = `${entry.status}; ${asymmetry}`;
  entry.card = document.createElement("article");
  entry.card.append(link, caption);
  return entry.card;
}

headings.forEach((heading, column) => {
  const button = heading.querySelector("button");
  button.addEventListener("click", () => {
    const now = heading.getAttribute("aria-sort");
    const other = now === "ascending" ? "descending" : "ascending";
    sortBy(column, now ? other : button.dataset.first);
  });
});
search.addEventListener("input", update);
tools.addEventListener("change", update);
tools.addEventListener("submit", (event) => event.preventDefault());
tools.hidden = false;
update();
