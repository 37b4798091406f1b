/**
 * Every answer to every request: what fits is taken, all else is an error of
 * the server in words, and nothing waits for longer than the limit.
 */

import { assertEquals, assertNotMatch } from "@std/assert";
import {
  answers,
  deceive,
  only,
  type Request,
} from "../../fixtures/hostile-server.ts";
import { openEmbeddedStage } from "../../fixtures/ssh/stage.ts";
import { RelaisError } from "../../lib/errors.ts";
import type { SftpSession } from "../../lib/ssh/session.ts";

/** What a request comes to: what it returned, or the class of its error. */
type Outcome = string;

/** How a request is made, and what fits it beside a status. */
interface Asking {
  readonly make: (session: SftpSession) => Promise<unknown>;
  readonly fits: Record<string, Outcome>;
}

const file = '{"kind":"file","size":0,"mode":420,"mtime":1700000000}';
const directory = '{"kind":"directory","size":0,"mode":493,"mtime":1700000000}';
const handles = {
  "HANDLE": '"handle"',
  "HANDLE without bytes": '"handle"',
};

const asking: Partial<Record<Request, Asking>> = {
  OPEN: {
    make: async (session) => {
      await session.open("/file");
      return "handle";
    },
    fits: handles,
  },
  READ: {
    make: async (session) => [
      ...await session.read(await session.open("/file"), 0, 5),
    ],
    fits: {
      "DATA": "[120]",
      "DATA without bytes": "[]",
      "STATUS end of file": "[]",
    },
  },
  FSTAT: {
    make: async (session) => await session.fstat(await session.open("/file")),
    fits: {
      "ATTRS of a file": '{"size":0,"mtime":1700000000}',
      "ATTRS of a directory": '{"size":0,"mtime":1700000000}',
      "ATTRS without attributes": '{"size":null,"mtime":null}',
    },
  },
  STAT: {
    make: (session) => session.stat("/file"),
    fits: {
      "ATTRS of a file": file,
      "ATTRS of a directory": directory,
      "ATTRS without attributes": "SftpError",
    },
  },
  LSTAT: {
    make: (session) => session.lstat("/file"),
    fits: {
      "ATTRS of a file": file,
      "ATTRS of a directory": directory,
      "ATTRS without attributes": "SftpError",
    },
  },
  REALPATH: {
    make: (session) => session.realPath("/file"),
    // Neither is a path.
    fits: { "NAME": "SftpError", "NAME without attributes": "SftpError" },
  },
  OPENDIR: {
    make: async (session) => {
      for await (const names of session.list("/")) return names.length;
    },
    // The strange handle is no directory to the server.
    fits: Object.fromEntries(
      Object.keys(handles).map((name) => [name, "SftpError"]),
    ),
  },
  READDIR: {
    make: async (session) => {
      for await (const names of session.list("/")) {
        return names.map(({ name, stat }) => [
          name,
          stat instanceof Error ? stat.name : stat,
        ]);
      }
      return "the end";
    },
    fits: {
      "NAME": `[["stranger",${file}]]`,
      "NAME without names": '"the end"',
      "NAME without attributes": '[["name","SftpError"]]',
      "STATUS end of file": '"the end"',
    },
  },
  CLOSE: {
    make: async (session) => {
      await session.close(await session.open("/file"));
      return "closed";
    },
    fits: { "STATUS ok": '"closed"' },
  },
};

const refusals = Object.keys(answers).filter((name) =>
  /^STATUS (?!ok|of \d)/.test(name)
);

for (const [request, { make, fits }] of Object.entries(asking)) {
  Deno.test(`${request} takes what fits, and every other answer is an error of the server`, async () => {
    const outcomes = await Promise.all(
      Object.entries(answers).map(async ([name, answer]) => [
        name,
        await outcomeOf(make, { [request]: only(pathOf(request), answer) }),
      ]),
    );

    const wanted = Object.keys(answers).map((name) => [
      name,
      fits[name] ?? (refusals.includes(name) ? "SftpError" : "lost"),
    ]);
    assertEquals(Object.fromEntries(outcomes), Object.fromEntries(wanted));
  });
}

function pathOf(request: string): string {
  return request.endsWith("DIR") ? "/" : "/file";
}

async function outcomeOf(
  make: Asking["make"],
  script: Parameters<typeof deceive>[0],
): Promise<Outcome> {
  await using stage = await openEmbeddedStage(
    { serve: deceive(script) },
    { requestMs: 1_500 },
  );
  await Deno.writeTextFile(`${stage.directory}/file`, "hello");
  try {
    return JSON.stringify(await make(stage.session));
  } catch (error) {
    if (!(error instanceof RelaisError)) throw error;
    assertNotMatch(error.message, /undefined|TypeError|RangeError|function/);
    return error.name === "SftpError" ? error.name : "lost";
  }
}
