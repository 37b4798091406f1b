/**
 * A page being served: its worker, with the permissions it needs and no others.
 *
 * @module
 */

import { dirname } from "@std/path/posix";
import { Channel } from "../worker/channel.ts";
import { ownDirectoryOf } from "../files/own-directory.ts";
import type { ServeOperations } from "../serve/operations.ts";
import { formatAddress, type ListenAddress } from "../serve/listen.ts";
import type { SiteJob, SiteSettings } from "../serve/site.ts";
import { databasePath } from "../state/database.ts";
import { snapshotPath } from "../stat/snapshot.ts";
import { realDirectory } from "./real-path.ts";

/** Literal, as those of the modules are, so that `deno compile` finds it. */
const serveUrl = new URL("../../modules/serve.ts", import.meta.url);

/** Returns what serving the page needs: to read what it shows, and to listen at one address. */
export function servePermissions(
  address: ListenAddress,
  jobs: SiteSettings["jobs"],
): Deno.PermissionOptionsObject {
  const paths = jobs.flatMap(readBy);
  return {
    read: [...paths, ...paths.map(realDirectory)],
    net: [formatAddress(address)],
    sys: ["statfs"],
    write: false,
    env: false,
    run: false,
    ffi: false,
  };
}

function readBy({ places: { replica, publish }, log }: SiteJob): string[] {
  const own = publish === null ? [] : [ownDirectoryOf(publish)];
  const states = [...replica === null ? [] : [replica.state], ...own];
  return [
    ...states.flatMap((state) => [databasePath(state), snapshotPath(state)]),
    ...own.map((directory) => `${directory}/list`),
    // Only to ask how full its disk is.
    ...[replica?.into, publish?.into].filter((into) => into !== undefined),
    ...log === "" ? [] : [dirname(log)],
  ];
}

/** A page being served, until it is disposed of. */
export class Serving implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #channel: Channel<ServeOperations>;
  readonly #failed = Promise.withResolvers<never>();

  /** Hears what goes wrong with single requests by `tell`. */
  constructor(
    address: ListenAddress,
    { jobs }: SiteSettings,
    tell: (problem: string) => void,
  ) {
    this.#worker = new Worker(serveUrl, {
      type: "module",
      name: "serve",
      deno: {
        permissions: servePermissions(address, jobs),
      },
    });
    this.#failed.promise.catch(() => {/* heard by whoever waits for it */});
    this.#channel = new Channel(
      this.#worker,
      (event) => tell((event as { problem: string }).problem),
    );
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#channel.break(`Cannot go on serving: ${event.message}`);
      this.#failed.reject(new Error(event.message));
    };
  }

  /** Rejects when the worker dies. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /**
   * Begins to listen; returns where.
   *
   * @throws {RemoteFailure} If the address cannot be used.
   */
  listen(address: ListenAddress, site: SiteSettings): Promise<ListenAddress> {
    return this.#channel.ask("listen", { address, site });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that has died serves nobody any more.
    await this.#channel.ask("end", null).catch(() => {});
    this.#worker.terminate();
  }
}
