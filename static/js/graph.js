// The graph of a case, moved and pinned by hand. Without this script the page shows the same as a picture and a table.
// cytoscape sets styles through the CSSOM, draws on canvas and evaluates nothing, so the strict policy holds.
"use strict";
(() => {
  const box = document.getElementById("graph"), tools = document.getElementById("graph-tools"), said = document.getElementById("graph-said");
  if (!box || !window.cytoscape) return;

  const SHAPES = { subject: "ellipse", tip: "rectangle", letter: "triangle", sample: "hexagon", exhibit: "diamond" };
  const LINES = { confirmed: "solid", suggested: "dashed", belongs: "dotted" };
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (text) => (text.length > 30 ? `${text.slice(0, 29)}…` : text);

  const look = () => [
    { selector: "node", style: {
      "shape": "data(shape)", "width": 28, "height": 28, "border-width": 2, "border-color": colour("--accent"), "background-color": colour("--surface"),
      "label": "data(label)", "text-wrap": "wrap", "text-valign": "bottom", "text-margin-y": 4, "font-size": 11, "color": colour("--ink"),
      "text-background-color": colour("--surface"), "text-background-opacity": 0.85 } },
    { selector: "node[?inside]", style: { "background-color": colour("--accent-soft") } },
    { selector: "node[?pinned]", style: { "border-style": "double", "border-width": 5 } },
    { selector: "node[?strong], node:selected", style: { "border-width": 5, "border-color": colour("--accent-strong") } },
    { selector: "edge", style: {
      "width": 1.5, "line-color": colour("--edge"), "line-style": "data(line)", "curve-style": "bezier", "label": "data(words)", "font-size": 10,
      "color": colour("--ink-2"), "text-background-color": colour("--surface"), "text-background-opacity": 0.85, "text-rotation": "autorotate" } },
    { selector: "edge[?strong]", style: { "width": 4, "line-color": colour("--accent") } },
  ];

  const elements = (found) => [
    ...found.nodes.map((one) => ({
      data: { ...one, shape: SHAPES[one.kind], label: `${one.number}\n${short(one.title)}` }, position: { x: one.x, y: one.y } })),
    ...found.edges.map((one, at) => ({ data: { id: `e${at}`, source: one.from, target: one.to, words: one.words, line: LINES[one.state], strong: one.strong } })),
  ];

  const pin = async (cy, nodes) => {
    const form = new URLSearchParams({ csrf_token: box.dataset.token });
    nodes.forEach((node) => form.append("pin", `${node.id()} ${Math.round(node.position("x"))} ${Math.round(node.position("y"))}`));
    let kept = false;
    try {
      const answer = await fetch(box.dataset.pins, { method: "POST", body: form, headers: { Accept: "application/json" }, credentials: "same-origin" });
      kept = answer.ok && (await answer.json()).pinned === nodes.length;
    } catch { kept = false; }
    if (kept) nodes.forEach((node) => node.data("pinned", true));
    said.textContent = kept
      ? (nodes.length === 1 ? `${nodes[0].data("number")} is pinned here, for everybody.` : `${nodes.length} things are pinned, for everybody.`)
      : "This was not kept. Load the page again.";
  };

  const zoom = (cy, by) => cy.zoom({ level: cy.zoom() * by, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });

  const keys = (cy) => {
    // the canvas is one stop of the Tab key: arrows go along the lines, Enter opens; all of it stands in the table too
    box.tabIndex = 0;
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", "Graph. Arrow keys go from thing to thing, Enter opens one. The table below says the same.");
    const tell = (node) => {
      cy.elements().unselect();
      node.select();
      said.textContent = `${node.data("number")} ${node.data("title")}, ${node.connectedEdges().length} lines`;
      if (still) cy.center(node); else cy.animate({ center: { eles: node } }, { duration: 150 });
    };
    box.addEventListener("keydown", (event) => {
      const turn = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      const here = cy.$("node:selected")[0] ?? null;
      if (event.key === "Enter" && here) location.assign(here.data("address"));
      else if (event.key === "+" || event.key === "-") zoom(cy, event.key === "+" ? 1.25 : 0.8);
      else if (turn) {
        const from = here?.position() ?? { x: -Infinity, y: -Infinity };
        const ahead = here
          ? cy.nodes().filter((node) => node !== here && (node.position("x") - from.x) * turn[0] + (node.position("y") - from.y) * turn[1] > 0)
          : cy.nodes();
        const near = (node) => Math.hypot(node.position("x") - from.x, node.position("y") - from.y);
        const next = here ? ahead.min(near).ele : ahead[0];
        if (next) tell(next);
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  };

  const begin = (found) => {
    document.getElementById("graph-picture")?.remove();
    box.classList.add("graph-live");
    const may = Boolean(box.dataset.pins);
    const cy = window.cytoscape({
      container: box, elements: elements(found), style: look(), layout: { name: "preset", fit: true, padding: 24 },
      minZoom: 0.1, maxZoom: 4, autoungrabify: !may, boxSelectionEnabled: false,
    });
    tools.hidden = false;
    keys(cy);
    if (may) cy.on("dragfree", "node", (event) => pin(cy, [event.target]));
    cy.on("dbltap", "node", (event) => location.assign(event.target.data("address")));
    cy.on("tap", "node", (event) => { said.textContent = `${event.target.data("number")} ${event.target.data("title")}`; });
    tools.addEventListener("click", (event) => {
      const act = event.target.closest("[data-graph]")?.dataset.graph;
      if (act === "in") zoom(cy, 1.25);
      else if (act === "out") zoom(cy, 0.8);
      else if (act === "fit") cy.fit(undefined, 24);
      else if (act === "pin") pin(cy, cy.nodes().toArray());
    });
    const redraw = () => cy.style(look());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    addEventListener("beforeprint", () => cy.fit(undefined, 24));
  };

  fetch(box.dataset.elements, { headers: { Accept: "application/json" }, credentials: "same-origin" })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error("no graph"))))
    .then(begin)
    .catch(() => { if (said) said.textContent = ""; });  // the picture stays
})();
