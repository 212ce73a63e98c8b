"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const names = JSON.parse(byId("names").textContent);
  const lower = names.map((name) => name.toLowerCase());
  const form = byId("filter");
  const query = byId("query");
  const only = byId("open");
  const status = byId("status");
  const everything = status.textContent;

  // "0 3 5-9" lists the numbers of endpoints: runs, so that big groups stay short.
  const runs = (text) => text.split(" ").filter(Boolean).map((run) => run.split("-").map(Number));
  const rows = [...document.querySelectorAll("tr[data-s]")].map((element) => ({
    element,
    src: runs(element.dataset.s),
    dst: runs(element.dataset.d),
    ports: element.lastElementChild.textContent.toLowerCase(),
    open: element.classList.contains("undetermined"),
  }));
  const meets = (list, wanted) => list.some(([from, to = from]) => {
    for (let at = from; at <= to; at += 1) if (wanted.has(at)) return true;
    return false;
  });

  let pair = null;
  const apply = () => {
    const text = query.value.trim().toLowerCase();
    const side = form.elements.side.value;
    const wanted = new Set();
    if (text) lower.forEach((name, at) => { if (name.includes(text)) wanted.add(at); });
    let shown = 0;
    for (const row of rows) {
      const out = side !== "in" && meets(row.src, wanted);
      const into = side !== "out" && meets(row.dst, wanted);
      const hit = pair
        ? meets(row.src, pair.src) && meets(row.dst, pair.dst)
        : !text || out || into || row.ports.includes(text);
      row.element.hidden = !(hit && (!only.checked || row.open));
      if (!row.element.hidden) shown += 1;
    }
    for (const body of document.querySelectorAll(".edges tbody")) {
      body.hidden = !body.querySelector("tr[data-s]:not([hidden])");
    }
    const filtered = pair || text || only.checked;
    const what = pair ? ` from ${pair.label[0]} to ${pair.label[1]} (Escape shows all)` : "";
    status.textContent = filtered ? `${shown} of ${rows.length} rows${what}` : everything;
  };

  const find = (name) => {
    pair = null;
    query.value = name;
    apply();
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { pair = null; apply(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target !== query) {
      event.preventDefault();
      query.focus();
    } else if (event.key === "Escape") {
      only.checked = false;
      find("");
    }
  });
  document.addEventListener("click", (event) => {
    const name = event.target.closest(".name");
    if (name) find(names[Number(name.dataset.n)]);
  });

  // The members of a very big group are written only when someone opens it.
  document.addEventListener("toggle", (event) => {
    const list = event.target.querySelector?.("ul[data-m]");
    if (!list) return;
    for (const [from, to = from] of runs(list.dataset.m)) {
      for (let at = from; at <= to; at += 1) {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.className = "name";
        button.type = "button";
        button.dataset.n = at;
        button.textContent = names[at];
        item.append(button);
        list.append(item);
      }
    }
    delete list.dataset.m;
  }, true);

  const grid = document.querySelector(".grid");
  if (!grid) return;
  const peek = byId("peek");
  const cells = [...grid.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")]);
  const heads = [...grid.querySelectorAll("thead th[scope=col]")];
  let marked = [];
  const mark = (cell) => {
    marked.forEach((element) => element.classList.remove("at"));
    const row = cell.parentElement;
    marked = [cell, row.querySelector("th"), heads[[...row.querySelectorAll("td")].indexOf(cell)]];
    marked.forEach((element) => element.classList.add("at"));
    peek.textContent = cell.getAttribute("aria-label");
  };
  const showPair = (cell) => {
    if (!cell.dataset.k) return;
    const [src, dst] = cell.dataset.k.split(" ").map(Number);
    query.value = "";
    pair = { src: new Set([src]), dst: new Set([dst]), label: [names[src], names[dst]] };
    apply();
  };
  grid.addEventListener("mouseover", (event) => { const cell = event.target.closest("td"); if (cell) mark(cell); });
  grid.addEventListener("focusin", (event) => { const cell = event.target.closest("td"); if (cell) mark(cell); });
  grid.addEventListener("click", (event) => { const cell = event.target.closest("td"); if (cell) showPair(cell); });
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const y = cells.findIndex((row) => row.includes(event.target));
    if (y < 0) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      showPair(event.target);
    } else if (step) {
      event.preventDefault();
      const next = cells[y + step[0]]?.[cells[y].indexOf(event.target) + step[1]];
      if (!next) return;
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  });
})();
