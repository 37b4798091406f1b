import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { SinkTask } from "../../fixtures/stats/sink-worker.ts";
import { LocalError } from "../../lib/errors.ts";
import { parseLine } from "../../lib/log/line.ts";
import { Logger } from "../../lib/worker/logger.ts";
import { LogSink } from "../../lib/log/sink.ts";
import type { LogSettings } from "../../lib/log/operations.ts";
import { StatsBlock } from "../../lib/worker/stats-block.ts";

/** A log in a directory of its own, its figures, and what went to stderr. */
class World implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly path = `${this.directory}/log/relais.log`;
  readonly stats = StatsBlock.create();
  printed = "";

  settings(changes: Partial<LogSettings> = {}): LogSettings {
    return {
      file: this.path,
      level: "info",
      maxSize: 10_000_000,
      keep: 5,
      stderr: null,
      journal: false,
      dryRun: false,
      ...changes,
    };
  }

  sink(changes: Partial<LogSettings> = {}, retryMs = 0): LogSink {
    const stderr = {
      writeSync: (bytes: Uint8Array) => {
        this.printed += new TextDecoder().decode(bytes);
        return bytes.length;
      },
    };
    return new LogSink(this.settings(changes), this.stats, { stderr, retryMs });
  }

  /** A logger whose messages go straight to the sink. */
  logger(sink: LogSink, level: "debug" | "info" = "info"): Logger {
    const { stats } = this;
    return new Logger({
      module: "copy-list",
      level,
      stats,
      post: (message) => sink.take(message),
    });
  }

  /** The texts of one file of the log. */
  texts(suffix = ""): (string | undefined)[] {
    return Deno.readTextFileSync(this.path + suffix).split("\n").slice(0, -1)
      .map((line) => parseLine(line)?.text);
  }

  figures(): Record<"written" | "lost" | "rotations" | "in_flight", bigint> {
    const { written, lost, rotations, in_flight } = this.stats.section("log")
      .snapshot();
    return { written, lost, rotations, in_flight };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("LogSink writes messages to a file that others cannot read", async () => {
  await using world = new World();
  await using sink = world.sink();
  const log = world.logger(sink);
  log.follow("7f3a90c1");

  log.info("one");
  log.warning("two");
  await sink.flush();

  assertEquals(world.texts(), ["one", "two"]);
  assertEquals(Deno.statSync(world.path).mode! & 0o777, 0o640);
  assertEquals(
    world.figures(),
    { written: 2n, lost: 0n, rotations: 0n, in_flight: 0n },
  );
});

Deno.test("LogSink goes on with the file of an earlier run, in its mode", async () => {
  await using world = new World();
  for (const text of ["first run", "second run"]) {
    await using sink = world.sink();
    world.logger(sink).info(text);
    await sink.flush();
    Deno.chmodSync(world.path, 0o644);
  }

  assertEquals(world.texts(), ["first run", "second run"]);
  assertEquals(Deno.statSync(world.path).mode! & 0o777, 0o644);
});

Deno.test("LogSink begins a new line after one that was torn", async () => {
  await using world = new World();
  Deno.mkdirSync(`${world.directory}/log`);
  Deno.writeTextFileSync(world.path, "2026-03-01T10:00:00.0");
  await using sink = world.sink();

  world.logger(sink).info("whole");
  await sink.flush();

  assertEquals(world.texts(), [undefined, "whole"]);
});

Deno.test("LogSink rotates by size and keeps so many files", async () => {
  await using world = new World();
  await using sink = world.sink({ maxSize: 1_000, keep: 2 });
  const log = world.logger(sink);

  for (let n = 0; n < 100; n++) log.info(`message ${n}`);
  await sink.flush();

  const names = [...Deno.readDirSync(`${world.directory}/log`)]
    .map(({ name }) => name).sort();
  assertEquals(names, ["relais.log", "relais.log.1", "relais.log.2"]);
  for (const name of names) {
    const { size, mode } = Deno.statSync(`${world.directory}/log/${name}`);
    assert(size <= 1_000);
    assertEquals(mode! & 0o777, 0o640);
  }
  const kept = ["", ".1", ".2"].toReversed().flatMap((n) => world.texts(n));
  const first = 100 - kept.length;
  assertEquals(kept, kept.map((_, n) => `message ${first + n}`));
  assert(world.figures().rotations >= 5n);
});

Deno.test("LogSink follows its path when somebody else rotates", async () => {
  await using world = new World();
  await using sink = world.sink();
  const log = world.logger(sink);
  log.info("before");
  await sink.flush();

  Deno.renameSync(world.path, `${world.path}-20260301`);
  log.info("after");
  await sink.flush();

  assertEquals(world.texts(), ["after"]);
  assertEquals(world.texts("-20260301"), ["before"]);
});

Deno.test("LogSink cannot be made when the log cannot be written", async () => {
  await using world = new World();
  Deno.writeTextFileSync(`${world.directory}/log`, "not a directory");

  const error = assertThrows(
    () => world.sink(),
    LocalError,
    `Cannot write the log "${world.path}"`,
  );

  assertStringIncludes(error.hint!, `${world.directory}/log`);
});

Deno.test("LogSink does not wait for the reader of a FIFO", async () => {
  await using world = new World();
  Deno.mkdirSync(`${world.directory}/log`);
  await new Deno.Command("mkfifo", { args: [world.path] }).output();

  assertThrows(() => world.sink(), LocalError, "not a regular file");
});

Deno.test("LogSink goes on without its file, says so once, and tries again", async () => {
  await using world = new World();
  await using sink = world.sink({ stderr: "error" });
  const log = world.logger(sink);
  const [there, away] = [`${world.directory}/log`, `${world.directory}/away`];
  log.info("before");
  await sink.flush();

  Deno.renameSync(there, away);
  Deno.writeTextFileSync(there, "in the way");
  for (const text of ["lost 1", "lost 2", "lost 3"]) {
    log.info(text);
    await sink.flush();
  }
  Deno.removeSync(there);
  Deno.renameSync(away, there);
  log.info("after");
  await sink.flush();

  assertEquals(
    world.texts(),
    ["before", "after", "3 messages could not be written to the log file"],
  );
  assertMatch(world.printed, /^relais: log: error: Cannot write the log .*\n$/);
  assertEquals(
    world.figures(),
    { written: 3n, lost: 3n, rotations: 0n, in_flight: 0n },
  );
});

Deno.test("LogSink notices that only a part of a message could be written", async () => {
  await using world = new World();
  const program = new URL("../../fixtures/stats/full-disk.ts", import.meta.url);

  const { stdout, stderr } = await new Deno.Command("sh", {
    // 128 blocks of 512 bytes; the signal that comes with it is ignored.
    args: [
      "-c",
      'trap "" XFSZ; ulimit -f 128; exec "$@"',
      "sh",
      Deno.execPath(),
      "run",
      "--no-check",
      "--allow-read",
      "--allow-write",
      program.pathname,
      world.path,
      "2000",
    ],
  }).output();

  const [written, lost, inFlight] = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  assertEquals([written + lost, inFlight], [2_000, 0]);
  assert(written > 0 && lost > 0);
  assertEquals(Deno.statSync(world.path).size, 128 * 512);
  const told = new TextDecoder().decode(stderr).split("Cannot write the log");
  assertEquals(told.length, 2);
});

Deno.test("LogSink leaves a file that failed alone for a while", async () => {
  await using world = new World();
  await using sink = world.sink({}, 3_600_000);
  const log = world.logger(sink);
  Deno.removeSync(`${world.directory}/log`, { recursive: true });
  Deno.writeTextFileSync(`${world.directory}/log`, "in the way");
  log.info("lost");
  await sink.flush();

  Deno.removeSync(`${world.directory}/log`);
  log.info("lost too");
  await sink.flush();

  assertEquals(world.figures().lost, 2n);
});

Deno.test("LogSink writes no file in a rehearsal", async () => {
  await using world = new World();
  await using sink = world.sink({ dryRun: true, stderr: "info" });

  world.logger(sink).info("would do");
  await sink.flush();

  assertEquals([...Deno.readDirSync(world.directory)], []);
  assertEquals(world.printed, "relais: copy-list: would do\n");
  assertEquals(world.figures().in_flight, 0n);
});

Deno.test("LogSink prints and files by separate levels", async () => {
  await using world = new World();
  await using sink = world.sink({ level: "info", stderr: "debug" });
  const log = world.logger(sink, "debug");

  log.debug("detail");
  log.info("news");
  await sink.flush();

  assertEquals(world.texts(), ["news"]);
  assertEquals(
    world.printed,
    "relais: copy-list: debug: detail\nrelais: copy-list: news\n",
  );
});

Deno.test("LogSink gives the journal its priorities", async () => {
  await using world = new World();
  await using sink = world.sink({ file: "", stderr: "info", journal: true });

  world.logger(sink).warning("a\nb");

  assertEquals(world.printed, "<4>copy-list: a\\nb\n");
});

Deno.test("LogSink survives a stderr that nobody reads", async () => {
  await using world = new World();
  const stderr = {
    writeSync: () => {
      throw new Deno.errors.BrokenPipe("closed");
    },
  };
  const settings = world.settings({ stderr: "info" });
  await using sink = new LogSink(settings, world.stats, { stderr });

  world.logger(sink).info("still filed");
  await sink.flush();

  assertEquals(world.texts(), ["still filed"]);
});

Deno.test("LogSink says how many messages were dropped before they reached it", async () => {
  await using world = new World();
  const unheard = new Logger({
    module: "publish",
    level: "info",
    stats: world.stats,
  });
  for (let n = 0; n < 1_234; n++) unheard.info("nobody hears");

  await using sink = world.sink();
  await sink.flush();
  await sink.flush();

  assertEquals(world.texts(), ["1234 messages dropped"]);
});

Deno.test("LogSink.flush() waits for messages that are still on their way", async () => {
  await using world = new World();
  await using sink = world.sink();
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = ({ data }) => sink.take(data);
  const log = new Logger({
    module: "stat",
    level: "info",
    stats: world.stats,
    post: (message) => port1.postMessage(message),
  });

  for (let n = 0; n < 10; n++) log.info(`message ${n}`);
  await sink.flush();
  port1.close();

  assertEquals(world.texts().length, 10);
});

Deno.test("LogSink takes nothing for underway that a dead log left behind", async () => {
  await using world = new World();
  world.stats.section("log").add("in_flight", 1_000);

  await using sink = world.sink();
  world.logger(sink).info("heard");
  await sink.flush();

  assertEquals(world.texts(), ["heard"]);
});

Deno.test("LogSink in a worker needs its own directory and nothing else", async () => {
  await using world = new World();
  const directory = `${world.directory}/log`;
  const texts = Array.from({ length: 30 }, (_, n) => `message ${n}`);

  const answer = await logInWorker(
    { settings: world.settings({ maxSize: 1_000 }), texts },
    { read: [directory], write: [directory] },
  );

  assertEquals(answer, "written");
  assertEquals(world.texts().at(-1), "message 29");
  assert(world.texts(".1").length > 0);
});

Deno.test("LogSink in a worker cannot write elsewhere", async () => {
  await using world = new World();
  const other = [`${world.directory}/other`];

  const answer = await logInWorker(
    { settings: world.settings(), texts: [] },
    { read: other, write: other },
  );

  assertStringIncludes(String(answer), `Cannot write the log "${world.path}"`);
});

/** Logs within a worker that has these permissions alone. */
async function logInWorker(
  task: SinkTask,
  permissions: Deno.PermissionOptionsObject,
): Promise<unknown> {
  const none = { net: false, env: false, run: false, sys: false, ffi: false };
  const worker = new Worker(
    new URL("../../fixtures/stats/sink-worker.ts", import.meta.url),
    { type: "module", deno: { permissions: { ...none, ...permissions } } },
  );
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}
