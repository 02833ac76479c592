// All images of a manifest, with a facet for each attribute.

import { el } from "./dom.js";
import { Facets } from "./facets.js";
import { Gallery } from "./gallery.js";

export class ImagesView {
  constructor({ source }) {
    this.facets = new Facets(() => this.gallery.refresh());
    this.gallery = new Gallery({
      source,
      side: el("div", { class: "side" }, this.facets.node),
      given: () => this.facets.given(),
      onfacets: (found) => this.facets.update(found.facets),
    });
    this.node = this.gallery.node;
  }

  update() {
    return this.gallery.update();
  }

  key(event) {
    this.gallery.key(event);
  }
}
