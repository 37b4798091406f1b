/**
 * Settings and requests of the worker that serves the page.
 *
 * @module
 */

import type { ListenAddress } from "./listen.ts";
import type { SiteSettings } from "./site.ts";

export type ServeOperations = {
  /** Begins to serve the page; the reply says where. Asked once. */
  listen: {
    request: { readonly address: ListenAddress; readonly site: SiteSettings };
    reply: ListenAddress;
  };
  /** Ends it, and all that is being sent. */
  end: { request: null; reply: null };
};
