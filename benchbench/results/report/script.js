"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* Sorting: rows without a value stay last, equal ones keep their order. */

function sortBy(table, column) {
  const header = table.tHead.rows[0].cells[column];
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: keyOf(row.cells[column]) }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) {
      return (a.key === null) - (b.key === null);
    }
    return direction * (typeof a.key === "number" ? a.key - b.key : a.key.localeCompare(b.key));
  });
  table.tBodies[0].append(...rows.map(({ row }) => row));
  for (const cell of table.tHead.rows[0].cells) {
    cell.setAttribute("aria-sort", "none");
  }
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
}

function keyOf(cell) {
  if (cell.dataset.value === undefined) {
    return cell.textContent === "–" ? null : cell.textContent;
  }
  const number = Number(cell.dataset.value);
  return cell.dataset.value === "" || Number.isNaN(number) ? null : number;
}

function setUpTable(block) {
  const table = block.querySelector("table");
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => sortBy(table, column));
  });
  const text = block.querySelector(".filter-text");
  if (text === null) {
    return;
  }
  const setting = block.querySelector(".filter-setting");
  const count = block.querySelector(".filter-count");
  const rows = [...table.tBodies[0].rows];
  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    for (const row of rows) {
      const fits = row.textContent.toLowerCase().includes(wanted);
      row.hidden = !(fits && ["", row.dataset.setting].includes(setting.value));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = `${shown} of ${rows.length} rows`;
  };
  text.addEventListener("input", apply);
  setting.addEventListener("change", apply);
  apply();
}

/* The viewer of episodes. */

function letter(slot, way) {
  return way <= 26 ? String.fromCharCode(65 + slot) : String(slot + 1);
}

function picture(index, alt, caption, kind, files) {
  const file = files[index]?.[1];
  const title = file ? `${alt}; ${file}` : alt;
  const image = element("img", { alt, title, src: `data:image/png;base64,${data.images[index]}` });
  const figure = element("figure", { className: kind }, image);
  if (caption) {
    figure.append(element("figcaption", {}, caption));
  }
  return figure;
}

function supportOf(episode, slot, files) {
  return episode.support
    .filter((_, i) => episode.support_labels[i] === slot)
    .map((index) => picture(index, `support of ${episode.names[slot]}`, "", "support", files));
}

function answer(episode, query, predicted) {
  const found = predicted[query];
  const right = found === episode.query_labels[query];
  return right ? "✓" : `✗ ${letter(found, episode.names.length)}`;
}

function queriesOf(episode, slot, predicted, files) {
  const way = episode.names.length;
  const ofSlot = [...episode.query.keys()].filter((i) => episode.query_labels[i] === slot);
  return ofSlot.map((i) => {
    const found = predicted[i];
    const right = found === slot;
    const alt = right ? "right" : `wrong: taken for ${letter(found, way)}, ${episode.names[found]}`;
    const caption = answer(episode, i, predicted);
    const figure = picture(episode.query[i], alt, caption, right ? "right" : "wrong", files);
    Object.assign(figure.dataset, { query: i, predicted: found });
    return figure;
  });
}

function fileRows(episode, predicted, files) {
  const way = episode.names.length;
  const rowsOf = (part, images, slots, answered) =>
    images.map((index, i) => {
      const [id, file] = files[index];
      const name = `${letter(slots[i], way)} · ${episode.names[slots[i]]}`;
      const cells = [part, name, answered(i), id, file ?? "–"];
      return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
    });
  return [
    ...rowsOf("support", episode.support, episode.support_labels, () => ""),
    ...rowsOf("query", episode.query, episode.query_labels, (i) => answer(episode, i, predicted)),
  ];
}

/* Wrong answers: where their classes differ from the queries', and what was likeliest. */

const LISTED = 6;
const MANY = 20; // classes of an episode without a support, which then stand side by side

function listed(words) {
  const more = words.length - LISTED;
  return words.slice(0, LISTED).join(", ") + (more > 0 ? ` and ${more} more` : "") || "–";
}

function attributesOf(episode, attributes) {
  const sets = episode.classes.map((id) => new Set(attributes.present[id] ?? []));
  const without = (one, other) => [...sets[one]].filter((a) => !sets[other].has(a));
  const distances = new Map();
  const from = (slot) => {
    if (!distances.has(slot)) {
      const all = sets.map((_, i) => without(slot, i).length + without(i, slot).length);
      distances.set(slot, all);
    }
    return distances.get(slot);
  };
  return (slot, found) => {
    const names = (one, other) => without(one, other).map((a) => attributes.names[a]);
    const near = from(slot).filter((d, i) => i !== slot && i !== found && d <= from(slot)[found]);
    return [listed(names(slot, found)), listed(names(found, slot)), near.length];
  };
}

function wrongTable(episode, predicted, top, attributes) {
  const way = episode.names.length;
  const called = (slot) => `${letter(slot, way)} · ${episode.names[slot]}`;
  const compared = attributes.names ? attributesOf(episode, attributes) : () => [];
  const likeliest = (i) =>
    (top[i] ?? [])
      .map(([slot, score]) => `${episode.names[slot]} ${Number(score.toPrecision(4))}`)
      .join("; ") || "–";
  const headings = [
    ...["query", "class", "answer"],
    ...(attributes.names ? ["missed", "invented", "as near"] : []),
    ...(Object.keys(top).length ? ["likeliest classes"] : []),
  ];
  const wrong = [...predicted.keys()].filter((i) => predicted[i] !== episode.query_labels[i]);
  const rows = wrong.map((i) => {
    const [slot, found] = [episode.query_labels[i], predicted[i]];
    const shown = element("div", { className: "thumbnails" });
    shown.append(picture(episode.query[i], `query of ${episode.names[slot]}`, "", "wrong", {}));
    const texts = [called(slot), called(found), ...compared(slot, found)];
    const row = element("tr", {}, ...[shown, ...texts].map((cell) => element("td", {}, cell)));
    if (Object.keys(top).length) {
      row.append(element("td", { className: "likeliest" }, likeliest(i)));
    }
    return row;
  });
  const cells = headings.map((text) => element("th", { scope: "col" }, text));
  return [element("tr", {}, ...cells), rows];
}

function setUpViewer(root) {
  const { methods, episodes, files, attributes } = data.viewers[root.dataset.viewer];
  const part = (name) => root.querySelector(`.viewer-${name}`);
  const method = part("method");
  const episode = part("episode");
  methods.forEach(({ name }, i) => method.append(element("option", { value: i }, name)));
  episodes.forEach(({ number }, i) => episode.append(element("option", { value: i }, number)));

  const listFiles = (...rows) => root.querySelector(".viewer-files tbody")?.replaceChildren(...rows);

  const listWrong = (heading, rows) => {
    const block = root.querySelector(".viewer-wrong");
    block?.querySelector("thead").replaceChildren(...heading);
    block?.querySelector("tbody").replaceChildren(...rows);
  };

  const show = () => {
    const shown = episodes[episode.value];
    const predicted = methods[method.value].predicted[shown.number];
    part("previous").disabled = episode.selectedIndex === 0;
    part("next").disabled = episode.selectedIndex === episodes.length - 1;
    if (predicted === undefined) {
      part("score").textContent = "This method has no predictions of this episode.";
      part("classes").replaceChildren();
      listFiles();
      listWrong([], []);
      return;
    }
    const right = methods[method.value].right[shown.number];
    const share = ((100 * right) / shown.asked).toFixed(2);
    const cut = predicted.length < shown.asked ? `; ${predicted.length} are shown` : "";
    part("score").textContent = `${right} of ${shown.asked} right (${share} %)${cut}`;
    const withSupport = shown.support.length > 0;
    const classes = shown.names.map((name, slot) =>
      element(
        "div",
        { className: "class" },
        element("h4", {}, `${letter(slot, shown.names.length)} · ${name}`),
        element(
          "div",
          { className: "parts" },
          ...(withSupport
            ? [
                element("span", {}, "support"),
                element("div", { className: "thumbnails" }, ...supportOf(shown, slot, files)),
              ]
            : []),
          element("span", {}, "query"),
          element("div", { className: "thumbnails" }, ...queriesOf(shown, slot, predicted, files)),
        ),
      ),
    );
    part("classes").replaceChildren(...classes);
    const many = !withSupport && shown.names.length > MANY;
    part("classes").classList.toggle("many", many);
    part("classes").tabIndex = many ? 0 : -1;
    const top = methods[method.value].top?.[shown.number] ?? {};
    if (part("wrong")) {
      const [heading, rows] = wrongTable(shown, predicted, top, attributes);
      listWrong([heading], rows);
    }
    if (part("files")) {
      listFiles(...fileRows(shown, predicted, files));
    }
  };
  const step = (by) => () => {
    episode.selectedIndex += by;
    show();
  };
  method.addEventListener("change", show);
  episode.addEventListener("change", show);
  part("previous").addEventListener("click", step(-1));
  part("next").addEventListener("click", step(1));
  root.hidden = false;
  show();
}

/* A link to a manifest opens it. */

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.querySelector("summary").focus({ preventScroll: true });
    target.scrollIntoView();
  }
}

document.querySelectorAll(".table-block").forEach(setUpTable);
document.querySelectorAll(".viewer").forEach(setUpViewer);
document.querySelectorAll('tbody a[href^="#"]').forEach((link) => {
  link.addEventListener("click", () => setTimeout(openTarget));
});
window.addEventListener("hashchange", openTarget);
openTarget();
