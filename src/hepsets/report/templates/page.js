"use strict";

// Tables: a click on a heading sorts, another one turns the order round.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const cells = [...body.rows].map((row) => row.cells[column]);
    const numeric = cells.some((cell) => cell.classList.contains("number"));
    heading.classList.toggle("right", numeric);
    heading.querySelector("button").addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.sort;
      const compare = (a, b) => {
        if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");  // no value: last
        const order = numeric ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b));
        return down ? -order : order;
      };
      body.append(...[...body.rows].sort(compare));
    });
  });
}

// The section in view stands out in the contents.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
if ("IntersectionObserver" in window) {
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  document.querySelectorAll("section[id]").forEach((section) => observer.observe(section));
}

// Printing shows all that is folded away.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

// Speedup against threshold.
for (const explorer of document.querySelectorAll(".explorer")) {
  const data = JSON.parse(explorer.querySelector(".explorer-data").textContent);
  const part = (name) => explorer.querySelector(`.explorer-${name}`);
  const slider = part("slider");
  const select = part("model");
  const plot = part("plot");
  const SVG = "http://www.w3.org/2000/svg";
  const left = 46, right = 744, top = 22, bottom = 334;

  const highest = 1.08 * Math.max(data.limit ?? 0, ...data.models.map((m) =>
    Math.max(...m.speedup.filter((s, i) => m.se[i] < 0.15 * s))));
  const x = (threshold) => left + (right - left) * threshold;
  const y = (speedup) => bottom - (bottom - top) * Math.min(speedup / highest, 1.02);

  function add(name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    plot.append(element);
    return element;
  }
  const line = (xs, ys) => xs.map((v, i) => `${i ? "L" : "M"}${x(v).toFixed(1)} ${y(ys[i]).toFixed(1)}`).join("");

  const step = highest > 12 ? 4 : highest > 5 ? 2 : 1;
  for (let s = 0; s < highest; s += step) {
    add("path", { class: "grid", d: `M${left} ${y(s)}H${right}` });
    add("text", { x: left - 8, y: y(s) + 4, "text-anchor": "end" }, s);
  }
  for (let t = 0; t <= 1.001; t += 0.2) add("text", { x: x(t), y: bottom + 20, "text-anchor": "middle" }, t.toFixed(1));
  add("text", { x: (left + right) / 2, y: bottom + 42, "text-anchor": "middle" }, "threshold on the score");
  add("text", { x: left - 30, y: top - 8 }, "speedup S");
  if (data.limit !== null) {
    add("path", { class: "limit", d: `M${left} ${y(data.limit)}H${right}` });
    add("text", { class: "strong", x: left + 8, y: y(data.limit) - 6 }, `limit of any filter ${data.limit.toFixed(2)}`);
  }
  const band = add("path", { class: "band" });
  const curves = new Map(data.models.map((m) =>
    [m.name, add("path", { class: "curve", style: `stroke: ${m.colour}`, d: line(m.threshold, m.speedup) })]));
  const best = add("path", { class: "best" });
  const cursor = add("path", { class: "cursor" });
  const point = add("circle", { r: 5.5 });
  const label = add("text", { class: "name" });

  const model = () => data.models.find((m) => m.name === select.value);
  function nearest(values, wanted) {
    let found = 0;
    values.forEach((v, i) => { if (Math.abs(v - wanted) < Math.abs(values[found] - wanted)) found = i; });
    return found;
  }
  const percent = (share) => {
    const value = 100 * share;
    return `${value >= 10 ? value.toFixed(1) : value.toPrecision(3)} %`;
  };
  const count = (number) => Math.round(number).toLocaleString("en").replaceAll(",", "\u202f");

  function show() {
    const m = model();
    const i = Number(slider.value);
    const t = m.threshold[i];
    part("threshold").textContent = t.toFixed(4);
    slider.setAttribute("aria-valuetext", `threshold ${t.toFixed(4)}, speedup ${m.speedup[i].toFixed(2)}`);
    part("speedup").textContent = `${m.speedup[i].toFixed(2)} ± ${m.se[i].toFixed(2)}`;
    part("f1").textContent = m.f1[i].toPrecision(4);
    part("f0").textContent = m.f0[i].toPrecision(4);
    part("kept").textContent = percent(m.kept[i]);
    for (const [name, value] of [["speedup", m.speedup], ["f1", m.f1], ["f0", m.f0], ["kept", m.kept]]) {
      part(name).value = part(name).textContent;
      part(name).dataset.value = value[i];
    }
    const million = 1e6;
    part("words").textContent = `Of ${count(million)} generated events, ${count(million * m.kept[i])} go on to the ` +
      `simulation; of the ${count(million * m.retention)} that would pass the skim, ` +
      `${count(million * m.retention * m.f1[i])} are among them.`;

    curves.forEach((curve, name) => curve.classList.toggle("on", name === m.name));
    plot.insertBefore(curves.get(m.name), best);
    const steady = m.threshold.map((_, k) => k).filter((k) => m.se[k] < 0.3 * m.speedup[k]);
    const upper = steady.map((k) => m.speedup[k] + m.se[k]);
    const lower = steady.map((k) => m.speedup[k] - m.se[k]);
    const at = steady.map((k) => m.threshold[k]);
    band.setAttribute("d", line(at, upper) + line([...at].reverse(), lower.reverse()).replace("M", "L") + "Z");
    band.style.fill = m.colour;
    best.setAttribute("d", `M${x(m.threshold[m.chosen])} ${top}V${bottom}`);
    cursor.setAttribute("d", `M${x(t)} ${top}V${bottom}`);
    point.setAttribute("cx", x(t));
    point.setAttribute("cy", y(m.speedup[i]));
    point.style.fill = m.colour;
    const before = t > 0.5;
    label.textContent = m.name;
    label.setAttribute("x", x(t) + (before ? -11 : 11));
    label.setAttribute("y", Math.max(y(m.speedup[i]) - 9, top + 10));
    label.setAttribute("text-anchor", before ? "end" : "start");
    label.style.fill = m.colour;
  }
  function remember() {
    const fragment = `#threshold=${model().threshold[Number(slider.value)]}&model=${encodeURIComponent(select.value)}`;
    try { history.replaceState(null, "", fragment); } catch { /* some browsers refuse it for local files */ }
  }
  function recall() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const known = data.models.some((m) => m.name === asked.get("model"));
    if (known) select.value = asked.get("model");
    slider.max = model().threshold.length - 1;
    const threshold = Number.parseFloat(asked.get("threshold"));
    if (Number.isFinite(threshold)) slider.value = nearest(model().threshold, threshold);
    else if (known || !slider.dataset.set) slider.value = model().chosen;
    slider.dataset.set = "yes";
    show();
  }
  slider.addEventListener("input", () => { show(); remember(); });
  select.addEventListener("change", () => { slider.max = model().threshold.length - 1; slider.value = model().chosen; show(); remember(); });
  part("best").addEventListener("click", () => { slider.value = model().chosen; show(); remember(); });
  plot.addEventListener("pointerdown", (event) => {
    const box = plot.getBoundingClientRect();
    const wanted = ((event.clientX - box.left) * 760 / box.width - left) / (right - left);
    slider.value = nearest(model().threshold, wanted);
    show();
    remember();
  });
  addEventListener("hashchange", recall);
  recall();
}
