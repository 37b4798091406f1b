import { assertEquals } from "@std/assert";
import { Logger, maxInFlight } from "../../lib/worker/logger.ts";
import type { LogMessage } from "../../lib/worker/log-message.ts";
import { StatsBlock } from "../../lib/worker/stats-block.ts";

/** A logger, and what it posted. */
function loggerAndPosted(): {
  log: Logger;
  posted: LogMessage[];
  stats: StatsBlock;
} {
  const posted: LogMessage[] = [];
  const stats = StatsBlock.create();
  const log = new Logger({
    module: "copy-list",
    level: "info",
    stats,
    post: (message) => posted.push(message),
  });
  return { log, posted, stats };
}

Deno.test("Logger posts what is grave enough", () => {
  const { log, posted } = loggerAndPosted();

  log.debug("a");
  log.info("b");
  log.warning("c");
  log.error("d");

  assertEquals(
    posted.map(({ level, text }) => `${level} ${text}`),
    ["info b", "warning c", "error d"],
  );
});

Deno.test("Logger.follow() puts later messages into a pass", () => {
  const { log, posted } = loggerAndPosted();

  log.info("before");
  log.follow("7f3a90c1");
  log.info("within");

  assertEquals(posted.map(({ pass }) => pass), [undefined, "7f3a90c1"]);
});

Deno.test("Logger counts the messages that it cuts", () => {
  const { log, posted, stats } = loggerAndPosted();

  log.info("short");
  log.info("x".repeat(1_000_000));

  assertEquals(posted[1]!.text, "x".repeat(125) + "…");
  assertEquals(stats.section("log").get("truncated"), 1n);
});

Deno.test("Logger drops and counts what a log that never answers cannot take", () => {
  const { log, posted, stats } = loggerAndPosted();
  const flood = 100_000;

  for (let n = 0; n < flood; n++) log.info(`message ${n}`);

  const { in_flight, dropped } = stats.section("log").snapshot();
  assertEquals(posted.length, maxInFlight);
  assertEquals(in_flight, BigInt(maxInFlight));
  assertEquals(dropped, BigInt(flood - maxInFlight));
});

Deno.test("Logger bounds the messages of all modules together", () => {
  const { log, posted, stats } = loggerAndPosted();
  const other = new Logger({
    module: "publish",
    level: "info",
    stats: StatsBlock.attach(stats.buffer),
    post: (message) => posted.push(message),
  });

  for (let n = 0; n < maxInFlight; n++) log.info("a"), other.info("b");

  assertEquals(posted.length, maxInFlight);
  assertEquals(stats.section("log").get("dropped"), BigInt(maxInFlight));
});

Deno.test("Logger posts again when the log has caught up", () => {
  const { log, posted, stats } = loggerAndPosted();
  for (let n = 0; n < maxInFlight; n++) log.info("early");
  log.info("dropped");

  stats.section("log").add("in_flight", -1);
  log.info("late");

  assertEquals(posted.at(-1)!.text, "late");
});

Deno.test("Logger.attach() sends messages to the log that replaces another", () => {
  const { log, posted } = loggerAndPosted();
  const replaced: LogMessage[] = [];

  log.info("old");
  log.attach((message) => replaced.push(message));
  log.info("new");

  assertEquals(posted.map(({ text }) => text), ["old"]);
  assertEquals(replaced.map(({ text }) => text), ["new"]);
});

Deno.test("Logger without a way to the log drops and counts", () => {
  const stats = StatsBlock.create();
  const log = new Logger({ module: "supervisor", level: "info", stats });

  log.error("nobody hears");

  const { in_flight, dropped } = stats.section("log").snapshot();
  assertEquals([in_flight, dropped], [0n, 1n]);
});

Deno.test("Logger does not throw when posting fails", () => {
  const stats = StatsBlock.create();
  const log = new Logger({
    module: "copy-list",
    level: "info",
    stats,
    post: () => {
      throw new DOMException("closed", "InvalidStateError");
    },
  });

  log.error("lost");

  const { in_flight, dropped } = stats.section("log").snapshot();
  assertEquals([in_flight, dropped], [0n, 1n]);
});
