"use strict";
(function () {
  const drawn = [];
  const shown = (structure) =>
    document.querySelector(`[data-structure="${structure}"]`).checked;

  // A letter at the end of an axis that points at the observer would stand on the bone.
  const label = (place, figure) => {
    const eye = place.layout.scene.camera.eye;
    const length = Math.hypot(eye.x, eye.y, eye.z);
    figure.data.forEach((trace, i) => {
      if (trace.meta !== "letters") return;
      const text = figure.letters.map((letter, k) => {
        const along = trace.x[k] * eye.x + trace.y[k] * eye.y + trace.z[k] * eye.z;
        const reach = Math.hypot(trace.x[k], trace.y[k], trace.z[k]);
        return Math.abs(along) > 0.8 * length * reach ? "" : letter;
      });
      if (text.join() !== trace.text.join()) Plotly.restyle(place, { text: [text] }, [i]);
    });
  };

  for (const source of document.querySelectorAll(".figure-data")) {
    const place = document.getElementById(source.dataset.for);
    const figure = JSON.parse(source.textContent);
    for (const trace of figure.data) {
      if (trace.type === "mesh3d") trace.visible = shown(trace.meta);
    }
    figure.layout.scene.camera = Object.values(figure.views)[0];
    Plotly.newPlot(place, figure.data, figure.layout, {
      displaylogo: false,
      responsive: true,
      displayModeBar: false,
    }).then(() => {
      label(place, figure);
      place.on("plotly_relayout", () => label(place, figure));
    });
    drawn.push({ place, figure });
  }

  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => {
      for (const { place, figure } of drawn) {
        Plotly.relayout(place, { "scene.camera": figure.views[button.dataset.view] });
      }
    });
  }

  for (const box of document.querySelectorAll("[data-structure]")) {
    box.addEventListener("change", () => {
      for (const { place, figure } of drawn) {
        const traces = figure.data.flatMap((trace, i) =>
          trace.meta === box.dataset.structure ? [i] : []);
        Plotly.restyle(place, { visible: box.checked }, traces);
      }
    });
  }
})();
