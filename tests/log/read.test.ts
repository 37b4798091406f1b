import { assertEquals, assertRejects } from "@std/assert";
import { LocalError } from "../../lib/errors.ts";
import { formatLine } from "../../lib/log/line.ts";
import type { LogMessage } from "../../lib/worker/log-message.ts";
import { LogPart } from "../../lib/log/part.ts";
import {
  type LogLine,
  readLog,
  type ReadLogOptions,
} from "../../lib/log/read.ts";

/** A log of several files; the youngest one last in `parts`. */
class World implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly path = `${this.directory}/relais.log`;

  constructor(...parts: readonly string[][]) {
    parts.toReversed().forEach((texts, age) => {
      const path = age === 0 ? this.path : `${this.path}.${age}`;
      Deno.writeTextFileSync(path, texts.map((text) => line(text)).join(""));
    });
  }

  append(text: string): void {
    Deno.writeTextFileSync(this.path, line(text), { append: true });
  }

  /** What the log module does when the file is full. */
  rotate(): void {
    for (let age = 3; age > 0; age--) {
      try {
        Deno.renameSync(`${this.path}.${age}`, `${this.path}.${age + 1}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    Deno.renameSync(this.path, `${this.path}.1`);
    Deno.writeTextFileSync(this.path, "");
  }

  async texts(options: ReadLogOptions = {}): Promise<string[]> {
    const lines = await Array.fromAsync(readLog(this.path, options));
    return lines.map(({ text }) => text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

function line(text: string, changes: Partial<LogMessage> = {}): string {
  const message = {
    time: 1_772_359_200_000,
    module: "copy-list",
    level: "info",
    text,
  } as const;
  return `${formatLine({ ...message, ...changes })}\n`;
}

/** Takes the next so many texts of a log that is followed. */
async function next(
  lines: AsyncGenerator<LogLine>,
  count: number,
): Promise<(string | undefined)[]> {
  const texts = [];
  for (let n = 0; n < count; n++) {
    texts.push((await lines.next()).value?.text);
  }
  return texts;
}

Deno.test("readLog() reads rotated files before the present one", async () => {
  await using world = new World(["a", "b"], ["c"], ["d", "e"]);

  assertEquals(await world.texts(), ["a", "b", "c", "d", "e"]);
});

Deno.test("readLog() gives each message with its line", async () => {
  await using world = new World(["a"]);

  assertEquals(await Array.fromAsync(readLog(world.path)), [{
    time: 1_772_359_200_000,
    module: "copy-list",
    level: "info",
    text: "a",
    line: line("a").trimEnd(),
  }]);
});

Deno.test("readLog() finds the last messages, in older files if need be", async () => {
  await using world = new World(["a", "b"], ["c"], ["d", "e"]);

  assertEquals(await world.texts({ lines: 0 }), []);
  assertEquals(await world.texts({ lines: 1 }), ["e"]);
  assertEquals(await world.texts({ lines: 4 }), ["b", "c", "d", "e"]);
  assertEquals(await world.texts({ lines: 9 }), ["a", "b", "c", "d", "e"]);
});

Deno.test("readLog() counts only messages that match", async () => {
  await using world = new World([]);
  const warning = { level: "warning", module: "stat" } as const;
  Deno.writeTextFileSync(
    world.path,
    line("a", warning) + line("b", { level: "error" }) + line("c") +
      line("d", { module: "stat" }),
  );

  assertEquals(await world.texts({ lines: 1, level: "warning" }), ["b"]);
  assertEquals(await world.texts({ lines: 2, module: "stat" }), ["a", "d"]);
  assertEquals(
    await world.texts({ module: "stat", level: "warning" }),
    ["a"],
  );
});

Deno.test("readLog() passes over what is no message", async () => {
  await using world = new World([]);
  Deno.writeTextFileSync(world.path, `${line("a")}torn\n${line("b")}2026-03`);

  assertEquals(await world.texts(), ["a", "b"]);
});

Deno.test("readLog() reads text whose bytes lie across its chunks", async () => {
  const texts = Array.from({ length: 3_000 }, (_, n) => `é世😀 ${n}`);
  await using world = new World(texts);

  assertEquals(await world.texts(), texts);
});

Deno.test("readLog() says that there is no log", async () => {
  await using world = new World([]);

  await assertRejects(
    () => Array.fromAsync(readLog(`${world.directory}/other.log`)),
    LocalError,
    "it does not exist yet",
  );
});

Deno.test("readLog() follows what is appended, across rotations", async () => {
  await using world = new World(["a", "b"]);
  const stop = new AbortController();
  const { signal } = stop;
  const lines = readLog(world.path, { lines: 1, follow: true, signal });

  assertEquals(await next(lines, 1), ["b"]);
  world.append("c");
  assertEquals(await next(lines, 1), ["c"]);
  world.append("d");
  world.rotate();
  world.append("e");
  world.rotate();
  world.append("f");
  assertEquals(await next(lines, 3), ["d", "e", "f"]);
  world.append("g");
  assertEquals(await next(lines, 1), ["g"]);
  stop.abort();
  assertEquals(await next(lines, 1), [undefined]);
});

Deno.test("LogPart.lines() waits for the end of a line, and of a character", async () => {
  await using world = new World([]);
  using part = (await LogPart.open(world.path))!;
  const bytes = new TextEncoder().encode("é world\nnext");

  const lines = [];
  for (const piece of [bytes.slice(0, 1), bytes.slice(1, 4), bytes.slice(4)]) {
    Deno.writeFileSync(world.path, piece, { append: true });
    lines.push(await Array.fromAsync(part.lines()));
  }

  assertEquals(lines, [[], [], ["é world"]]);
});

Deno.test("readLog() finds what was logged since a time, in a pass, or with a text", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/relais.log`;
  const message = { module: "copy-list", level: "info" } as const;
  const messages: LogMessage[] = [
    { ...message, time: 1_000, text: "Stock/a.csv is here", pass: "p1" },
    { ...message, time: 2_000, text: "stock/b.csv is here", pass: "p2" },
    { ...message, time: 3_000, text: "done", pass: "p2" },
  ];
  await Deno.writeTextFile(
    path,
    messages.map((one) => `${formatLine(one)}\n`).join(""),
  );
  const times = async (options: ReadLogOptions) =>
    (await Array.fromAsync(readLog(path, options))).map(({ time }) => time);

  assertEquals(await times({ since: 2_000 }), [2_000, 3_000]);
  assertEquals(await times({ pass: "p2" }), [2_000, 3_000]);
  assertEquals(await times({ text: "STOCK/" }), [1_000, 2_000]);
  assertEquals(await times({ pass: "p2", text: "b.csv" }), [2_000]);
  await Deno.remove(directory, { recursive: true });
});
