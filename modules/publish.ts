/**
 * publish: on a server, copies a list of files into a directory and keeps the
 * list of what it copied, with dates.
 *
 * @module
 */

import { ownDirectoryOf } from "../lib/files/own-directory.ts";
import { descriptorsOf, descriptorsThrough } from "../lib/files/descriptors.ts";
import { Durability } from "../lib/files/durability.ts";
import { kindOf } from "../lib/list/not-files.ts";
import { ListMemory } from "../lib/publish/list-memory.ts";
import type {
  PublishOperations,
  PublishSettings,
} from "../lib/publish/operations.ts";
import {
  publish as publishOnce,
  type PublishOptions,
} from "../lib/publish/publisher.ts";
import type { PublishObserver } from "../lib/publish/run.ts";
import { type Context, runModule, type Running } from "../lib/worker/life.ts";

type PublishContext = Context<"publish", PublishSettings, never>;

/** Returns what publish answers. */
export function publish(context: PublishContext): Running<PublishOperations> {
  const durability = new Durability();
  const observer = observe(context);
  const { publish } = context.settings;
  const memory = new ListMemory();
  const link = descriptorsOf(ownDirectoryOf(publish));
  let running = new AbortController();
  return {
    handlers: {
      async publish(request) {
        running = new AbortController();
        const { signal } = running;
        context.figures.add("runs", 1);
        const report = await publishOnce(
          publish,
          durability,
          observer,
          { ...request, memory, signal, ...heldThrough(link) },
        );
        context.figures.add("unchanged", report.unchanged);
        return report;
      },
      stop() {
        running.abort();
        return null;
      },
    },
  };
}

function heldThrough(link: string): Pick<PublishOptions, "through"> {
  const through = descriptorsThrough(link);
  return through === undefined ? {} : { through };
}

/** Counts and logs what happens to each file. */
function observe({ figures, log }: PublishContext): PublishObserver {
  return {
    published(path, size) {
      figures.together({ files_published: 1, bytes_published: size });
      log.debug(`published ${path}`);
    },
    withdrawn(path) {
      figures.add("withdrawn", 1);
      log.info(`withdrew ${path}`);
    },
    failed({ path, error }) {
      figures.add("failures", 1);
      log.warning(`cannot publish ${path}: ${error}`);
    },
    passedOver: (path, kind) => log.info(`skipped the ${kindOf(kind)} ${path}`),
    retried: (path) => log.info(`${path} changed while it was copied`),
    mended: (what) => log.warning(what),
  };
}

if (import.meta.main) runModule("publish", publish);
