"use strict";
// Draws the 3D views once they come near the window, and answers the buttons beside them.
(function () {
  const given = JSON.parse(document.getElementById("scale").textContent);
  const BAR_MM = 10;
  const joints = [...document.querySelectorAll(".figure-data")].map((source) => {
    const view = document.getElementById(source.dataset.for);
    return { view, plot: view.querySelector(".plot"), source, side: view.dataset.side };
  });
  const painted = document.getElementById("painted");
  const mirrored = document.getElementById("mirrored");
  const buttons = [...document.querySelectorAll("[data-view]")];
  let current = buttons[0].dataset.view;
  let library = null;

  const stillsOnly = () => {
    document.documentElement.className = "stills-only";
  };

  // The library is read only when it is needed, so that the page is there at once.
  const unpacked = (text) => {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  const load = () => {
    library ??= (async () => {
      const inside = document.getElementById("library");
      const script = document.createElement("script");
      if (!inside.dataset.src) {
        script.textContent = await unpacked(inside.textContent);
        document.head.append(script);
        return;
      }
      await new Promise((done, failed) => {
        script.onload = done;
        script.onerror = failed;
        script.src = inside.dataset.src;
        document.head.append(script);
      });
    })();
    return library;
  };

  const floats = (packed) => {
    const bytes = Uint8Array.from(atob(packed.bdata), (char) => char.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  };

  // A mirrored mesh is turned inside out, so two corners of its triangles change places.
  const mirror = (trace) => ({ ...trace, x: floats(trace.x).map((x) => -x), j: trace.k, k: trace.j });
  const isMirrored = (joint) => joint.side === "right" && mirrored !== null && mirrored.checked;
  const flip = (camera) => ({
    ...camera,
    eye: { ...camera.eye, x: -camera.eye.x },
    up: { ...camera.up, x: -camera.up.x },
  });

  const traces = (joint) =>
    joint.figure.data.map((trace) => ({
      ...(isMirrored(joint) ? mirror(trace) : trace),
      visible: document.querySelector(`[data-structure="${trace.meta}"]`).checked,
      ...(trace.colorscale && !painted.checked
        ? { colorscale: [[0, given.condyle], [1, given.condyle]], hoverinfo: "skip" }
        : {}),
    }));

  const view = (joint) => {
    const camera = joint.figure.views[current];
    return isMirrored(joint) ? flip(camera) : camera;
  };

  const cross = (a, b) => [
    a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
  ];
  const unit = (v) => v.map((x) => x / Math.hypot(...v));
  const xyz = (v) => [v.x, v.y, v.z];

  const letters = (direction) =>
    [0, 1, 2]
      .filter((axis) => Math.abs(direction[axis]) > 0.4)
      .sort((a, b) => Math.abs(direction[b]) - Math.abs(direction[a]))
      .map((axis) => (direction[axis] > 0 ? "LPS" : "RAI")[axis])
      .join("");

  // Which way the edges of the view lie in the patient, and how long 10 mm are.
  const annotate = (joint) => {
    const scene = joint.plot._fullLayout.scene;
    const camera = scene.camera;
    const towards = unit(xyz(camera.eye));
    const right = unit(cross(xyz(camera.up), towards));
    const up = cross(towards, right);
    const inPatient = (v) => (isMirrored(joint) ? [-v[0], v[1], v[2]] : v);
    const minus = (v) => v.map((x) => -x);
    const edges = { left: minus(right), right, top: up, bottom: minus(up) };
    for (const [edge, direction] of Object.entries(edges)) {
      joint.view.querySelector(`.edge.${edge}`).textContent = letters(inPatient(direction));
    }
    const zoomed = scene.aspectratio.x / given.zoom;
    const pixels = (BAR_MM * zoomed * joint.plot.clientHeight) / (2 * given.halfHeight);
    joint.view.querySelector(".bar").style.width = `${pixels}px`;
  };

  const draw = async (joint) => {
    if (joint.drawing) return joint.drawing;
    joint.drawing = load().then(async () => {
      joint.figure = JSON.parse(joint.source.textContent);
      joint.figure.layout.scene.camera = view(joint);
      await Plotly.newPlot(joint.plot, traces(joint), joint.figure.layout, {
        displayModeBar: false,
        displaylogo: false,
        responsive: true,
      });
      joint.view.classList.add("drawn");
      annotate(joint);
      joint.plot.on("plotly_relayout", () => annotate(joint));
      joint.plot.on("plotly_relayouting", () => annotate(joint));
    });
    return joint.drawing;
  };

  const redraw = async (joint) => {
    await draw(joint);
    joint.figure.layout.scene.camera = view(joint);
    joint.figure.layout.scene.aspectratio = { x: given.zoom, y: given.zoom, z: given.zoom };
    await Plotly.react(joint.plot, traces(joint), joint.figure.layout);
    annotate(joint);
  };

  const look = async (joint, camera) => {
    await draw(joint);
    await Plotly.relayout(joint.plot, { "scene.camera": camera });
    annotate(joint);
  };

  const turn = (joint, aside, upward) => {
    const camera = joint.plot._fullLayout.scene.camera;
    const about = (v, axis, angle) => {
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const along = axis[0] * v[0] + axis[1] * v[1] + axis[2] * v[2];
      const across = cross(axis, v);
      return v.map((x, i) => x * c + across[i] * s + axis[i] * along * (1 - c));
    };
    const named = ([x, y, z]) => ({ x, y, z });
    const axis = unit(xyz(camera.up));
    let eye = about(xyz(camera.eye), axis, aside);
    let up = xyz(camera.up);
    const right = unit(cross(up, eye));
    eye = about(eye, right, upward);
    up = about(up, right, upward);
    look(joint, { ...camera, eye: named(eye), up: named(up) });
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      current = button.dataset.view;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const joint of joints) draw(joint).then(() => look(joint, view(joint)));
    });
  }

  for (const box of document.querySelectorAll("[data-structure]")) {
    box.addEventListener("change", () => {
      for (const joint of joints) {
        draw(joint).then(() => {
          const own = joint.figure.data.flatMap((trace, i) =>
            trace.meta === box.dataset.structure ? [i] : []);
          if (own.length) Plotly.restyle(joint.plot, { visible: box.checked }, own);
        });
      }
    });
  }

  painted.addEventListener("change", () => joints.forEach(redraw));
  mirrored?.addEventListener("change", () => {
    for (const joint of joints.filter(({ side }) => side === "right")) {
      joint.view.parentElement.querySelector(".mirrored").hidden = !mirrored.checked;
      redraw(joint);
    }
  });

  const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  for (const joint of joints) {
    joint.view.addEventListener("keydown", (event) => {
      if (!(event.key in TURNS)) return;
      event.preventDefault();
      const [aside, upward] = TURNS[event.key].map((step) => (step * Math.PI) / 18);
      draw(joint).then(() => turn(joint, aside, upward));
    });
  }
  window.addEventListener("resize", () => {
    for (const joint of joints) if (joint.view.classList.contains("drawn")) annotate(joint);
  });

  if (document.createElement("canvas").getContext("webgl") === null) {
    stillsOnly();
    return;
  }
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter(({ isIntersecting }) => isIntersecting)) {
      watcher.unobserve(entry.target);
      const joint = joints.find((other) => other.view === entry.target);
      setTimeout(() => draw(joint).catch(stillsOnly), 50);
    }
  });
  for (const joint of joints) watcher.observe(joint.view);
})();
