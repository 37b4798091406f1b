import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { noise } from "../../fixtures/noise.ts";
import {
  answer,
  type Asked,
  packet,
  requestsIn,
  string,
  uint32,
  uint64,
  version,
} from "../../fixtures/sftp-peer.ts";
import type { Attributes, Limits } from "../../lib/sftp/answers.ts";
import { SftpClient } from "../../lib/sftp/client.ts";
import { textOf } from "../../lib/sftp/fields.ts";
import { longestPacket } from "../../lib/sftp/packets.ts";
import type { ProtocolError } from "../../lib/sftp/protocol-error.ts";
import * as requests from "../../lib/sftp/requests.ts";
import { fromWire } from "../../lib/sftp/wire-path.ts";
import type { Request } from "../../lib/sftp/requests.ts";

/** A client, and what is at the other end of its line. */
class Stage {
  /** What was sent, a write each. */
  readonly writes: Buffer[] = [];
  readonly broken: string[] = [];
  readonly client = new SftpClient({
    send: (bytes) => this.writes.push(Buffer.from(bytes)),
    broken: ({ message }: ProtocolError) => this.broken.push(message),
  });
  /** What each request came to, in the order of the requests. */
  readonly outcomes: unknown[] = [];
  #requests = 0;

  /** A client that has begun. */
  static begun(): Stage {
    const stage = new Stage();
    stage.client.start(() => {});
    stage.client.receive(version());
    return stage;
  }

  ask<Result>(request: Request<Result>): void {
    const index = this.#requests++;
    this.outcomes[index] = "nothing yet";
    this.client.ask(
      request,
      (result) => this.outcomes[index] = result,
      (status) => this.outcomes[index] = `status ${status}`,
    );
  }

  /** What was asked, once it is sent. */
  async asked(): Promise<Asked[]> {
    await nextTurn();
    const all = requestsIn(Buffer.concat(this.writes));
    return all.filter(({ type }) => type !== 1);
  }
}

/** Begins, and returns what the server tells of its limits. */
function begin(client: SftpClient): Promise<Limits | undefined> {
  return new Promise((resolve) => client.start(resolve));
}

function unexpected(): never {
  throw new Error("it began");
}

/** Waits until what is gathered in this turn of the event loop has been sent. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const uint32s = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const safe = fc.maxSafeNat();
const plain = (bytes: unknown) => new Uint8Array(bytes as Uint8Array);
const attributes: fc.Arbitrary<Attributes> = fc.record(
  { size: safe, mode: uint32s, mtime: uint32s },
  { requiredKeys: [] },
);

/** Cuts bytes into pieces at any places. */
function* pieces(
  bytes: Uint8Array,
  lengths: readonly number[],
): Generator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const length = lengths[index % lengths.length]!;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 });

Deno.test("SftpClient begins with its version, and takes what the server tells of its limits", async () => {
  const stage = new Stage();
  const limits = begin(stage.client);
  await nextTurn();
  assertEquals(stage.writes, [packet(1, uint32(3))]);

  stage.client.receive(
    version(3, [["other@example.org", "1"], ["limits@openssh.com", "1"]]),
  );
  const [asked] = requestsIn((await nextTurn(), stage.writes[1]!));
  assertEquals([asked!.type, asked!.rest], [200, string("limits@openssh.com")]);
  stage.client.receive(answer.limits(asked!.id, 261_120n, 2n ** 64n - 1n));

  assertEquals(
    await limits,
    { readLength: 261_120, openHandles: 2 ** 64 } satisfies Limits,
  );
});

for (
  const [what, first] of [
    ["tells none", version()],
    [
      "knows another version of the extension",
      version(3, [[
        "limits@openssh.com",
        "2",
      ]]),
    ],
  ] as const
) {
  Deno.test(`SftpClient begins without limits if the server ${what}`, async () => {
    const stage = new Stage();
    const limits = begin(stage.client);
    stage.client.receive(first);

    assertEquals(await limits, undefined);
  });
}

Deno.test("SftpClient begins without limits if the server refuses to tell them", async () => {
  const stage = new Stage();
  const limits = begin(stage.client);
  stage.client.receive(version(3, [["limits@openssh.com", "1"]]));
  stage.client.receive(answer.status(1, 8));

  assertEquals(await limits, undefined);
});

for (
  const [what, first, why] of [
    ["text", Buffer.from("Welcome!"), "it sends a packet of 1466264675 bytes"],
    ["another version", version(6), "it speaks version 6 of SFTP"],
    ["an answer", answer.status(0, 0), "it begins with a packet of type 101"],
    [
      "half an extension",
      packet(2, uint32(3), string("x")),
      "it sends a packet that is cut off",
    ],
  ] as const
) {
  Deno.test(`SftpClient does not begin with ${what}`, () => {
    const stage = new Stage();
    stage.client.start(unexpected);
    stage.client.receive(first);

    assertEquals(stage.broken, [why]);
  });
}

Deno.test("what is asked in one turn leaves as one write", async () => {
  const stage = Stage.begun();
  await nextTurn();
  stage.writes.length = 0;
  for (let index = 0; index < 50; index++) {
    stage.ask(requests.open(`/file-${index}`));
  }

  assertEquals((await stage.asked()).length, 50);
  assertEquals(stage.writes.length, 1);
});

Deno.test("a long answer is put into memory that was given, wherever it is cut", () => {
  fc.assert(
    fc.property(cuts, (lengths) => {
      const stage = Stage.begun();
      const contents = [noise(4_000), noise(3_000), noise(5_000), noise(100)];
      const memory = [4_100, 3_500, 3_500].map((size) => new ArrayBuffer(size));
      for (const each of memory) {
        new Uint8Array(each).fill(0xee);
        stage.client.give(each);
      }
      for (const { length } of contents) {
        stage.ask(requests.read(Uint8Array.of(1), 0, length));
      }
      const answers = contents.map((data, at) => answer.data(at + 1, data));
      for (const piece of pieces(Buffer.concat(answers), lengths)) {
        stage.client.receive(piece);
      }
      stage.ask(requests.read(Uint8Array.of(1), 0, 10));

      assertEquals(stage.outcomes.slice(0, 4), contents);
      const of = stage.outcomes.slice(0, 4)
        .map((bytes) => (bytes as Uint8Array).buffer);
      assertEquals(
        of.slice(0, 3).map((each) => memory.includes(each as ArrayBuffer)),
        [false, true, false],
      );
      assert((of[3] as ArrayBuffer).byteLength < 200);
    }),
  );
});

Deno.test("requests say what the draft wants them to", async () => {
  const text = fc.string({ unit: "grapheme" })
    .map((text) => new TextEncoder().encode(text));
  const inputs = fc.tuple(
    fc.oneof(text, bytes(300)),
    bytes(256),
    safe,
    uint32s,
  );
  await fc.assert(
    fc.asyncProperty(inputs, async ([spelt, handle, position, length]) => {
      const stage = Stage.begun();
      const path = fromWire(spelt);
      stage.ask(requests.open(path));
      stage.ask(requests.close(handle));
      stage.ask(requests.read(handle, position, length));
      stage.ask(requests.lstat(path));
      stage.ask(requests.fstat(handle));
      stage.ask(requests.opendir(path));
      stage.ask(requests.readdir(handle));
      stage.ask(requests.realpath(path));
      stage.ask(requests.stat(path));
      const asked = await stage.asked();

      const where = Buffer.concat([uint64(BigInt(position)), uint32(length)]);
      assertEquals(
        asked.map(({ type, rest }) => [type, rest.toString("hex")]),
        ([
          [3, string(spelt), uint32(1), uint32(0)],
          [4, string(handle)],
          [5, string(handle), where],
          [7, string(spelt)],
          [8, string(handle)],
          [11, string(spelt)],
          [12, string(handle)],
          [16, string(spelt)],
          [17, string(spelt)],
        ] as const).map(([type, ...rest]) => [
          type,
          Buffer.concat(rest).toString("hex"),
        ]),
      );
      assertEquals(new Set(asked.map(({ id }) => id)).size, asked.length);
    }),
    { numRuns: 50 },
  );
});

Deno.test("answers in any order, cut anywhere, reach their requests as the server sent them", async () => {
  const one = fc.oneof(
    fc.tuple(fc.constant("read"), bytes(5_000)),
    fc.tuple(fc.constant("open"), bytes(256)),
    fc.tuple(fc.constant("stat"), attributes),
    fc.tuple(
      fc.constant("names"),
      fc.array(fc.tuple(bytes(255), attributes), { maxLength: 20 }),
    ),
    fc.tuple(fc.constant("status"), fc.integer({ min: 2, max: 2 ** 32 - 1 })),
    fc.tuple(fc.constant("end"), fc.constant(1)),
    fc.tuple(fc.constant("close"), fc.constant(0)),
  );
  const kinds: Record<
    string,
    [Request<unknown>, (id: number, value: never) => Buffer]
  > = {
    read: [requests.read(Buffer.of(1), 0, 5_000), answer.data],
    open: [requests.open("/a"), answer.handle],
    stat: [requests.stat("/a"), answer.attributes],
    names: [requests.readdir(Buffer.of(1)), answer.names],
    status: [requests.open("/a"), answer.status],
    end: [requests.readdir(Buffer.of(1)), answer.status],
    close: [requests.close(Buffer.of(1)), answer.status],
  };
  const script = fc.array(fc.tuple(one, fc.nat()), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(script, cuts, async (script, cuts) => {
      const stage = Stage.begun();
      for (const [[kind]] of script) stage.ask(kinds[kind]![0]);
      const asked = await stage.asked();
      const answers = script
        .map(([[kind, value], order], index) => ({
          order,
          bytes: kinds[kind]![1](asked[index]!.id, value as never),
        }))
        .sort((one, other) => one.order - other.order);
      const all = Buffer.concat(answers.map(({ bytes }) => bytes));
      for (const piece of pieces(all, cuts)) stage.client.receive(piece);
      // Whoever carries the bytes may use their memory again.
      all.fill(0xff);

      assertEquals(stage.broken, []);
      assertEquals(
        stage.outcomes.map(comparable),
        script.map(([[kind, value]]) => {
          if (kind === "status") return `status ${value}`;
          if (kind === "end") return [];
          if (kind !== "names") return comparable(value);
          return (value as [Uint8Array, Attributes][]).map((
            [name, attributes],
          ) => ({ name: plain(name), attributes }));
        }),
      );
    }),
    { numRuns: 200 },
  );
});

/** An outcome in which each kind of bytes compares with each other. */
function comparable(outcome: unknown): unknown {
  if (outcome instanceof Uint8Array) return plain(outcome);
  if (!Array.isArray(outcome)) return outcome;
  return outcome.map(({ name, ...rest }) => ({ name: plain(name), ...rest }));
}

Deno.test("an answer holds no memory but its own, nor much more than it needs", () => {
  const lengths = fc.integer({ min: 0, max: 100_000 });
  fc.assert(
    fc.property(lengths, cuts, lengths, (length, cuts, junk) => {
      const stage = Stage.begun();
      stage.ask(requests.read(Buffer.of(1), 0, length));
      stage.ask(requests.read(Buffer.of(1), 0, length));
      const sent = Buffer.concat(
        [1, 2].map((id) =>
          packet(
            103,
            uint32(id),
            string(new Uint8Array(length)),
            Buffer.alloc(junk),
          )
        ),
      );
      for (const piece of pieces(sent, cuts.map((cut) => cut * 100))) {
        stage.client.receive(piece);
      }

      const [one, other] = stage.outcomes as Uint8Array[];
      assert(one!.buffer !== other!.buffer && one!.buffer !== sent.buffer);
      assert(one!.buffer.byteLength <= Math.max(2 * length, 32));
    }),
    { numRuns: 100 },
  );
});

Deno.test("whatever a server sends, cut anywhere, is an answer or ends the session", () => {
  const type = fc.constantFrom(0, 1, 2, 3, 101, 102, 103, 104, 105, 200, 201);
  const likely = fc
    .tuple(type, fc.integer({ min: 0, max: 12 }), bytes(60))
    .map(([type, id, rest]) => packet(type, uint32(id), rest));
  const answers = fc.oneof(
    fc.tuple(fc.nat(12), bytes(300)).map(([id, data]) => answer.data(id, data)),
    fc.tuple(fc.nat(12), attributes)
      .map(([id, some]) => answer.attributes(id, some)),
    fc.tuple(fc.nat(12), fc.nat(9))
      .map(([id, code]) => answer.status(id, code)),
    fc.tuple(fc.nat(12), fc.array(fc.tuple(bytes(20), attributes)))
      .map(([id, names]) => answer.names(id, names)),
  );
  // One byte of an answer is another one.
  const spoilt = fc.tuple(answers, fc.nat(), fc.nat(255)).map(
    ([bytes, at, byte]) => {
      bytes[at % bytes.length] = byte;
      return bytes;
    },
  );
  const sent = fc
    .array(fc.oneof(bytes(40), likely, answers, spoilt), { maxLength: 20 })
    .map((parts) => Buffer.concat(parts));
  fc.assert(
    fc.property(fc.boolean(), sent, cuts, (begun, sent, cuts) => {
      const stage = begun ? Stage.begun() : new Stage();
      if (begun) {
        for (let round = 0; round < 2; round++) {
          stage.ask(requests.open("/a"));
          stage.ask(requests.read(Buffer.of(1), 0, 300));
          stage.ask(requests.stat("/a"));
          stage.ask(requests.readdir(Buffer.of(1)));
          stage.ask(requests.realpath("/a"));
          stage.ask(requests.close(Buffer.of(1)));
        }
      }
      for (const piece of pieces(sent, cuts)) stage.client.receive(piece);

      assert(stage.broken.length <= 1);
      assert(
        stage.broken.every((why) => why.startsWith("it ")),
        stage.broken[0],
      );
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("nothing is taken from a server that has broken the protocol, and nothing sent to it", async () => {
  const stage = Stage.begun();
  stage.ask(requests.stat("/a"));
  await nextTurn();
  const { length } = stage.writes;
  stage.ask(requests.stat("/b"));
  stage.client.receive(answer.data(1, Buffer.of(1)));
  stage.client.receive(answer.attributes(2, {}));
  stage.client.receive(answer.data(1, Buffer.of(1)));
  await nextTurn();

  assertEquals(stage.broken, ["it answers STAT with DATA"]);
  assertEquals(stage.outcomes, ["nothing yet", "nothing yet"]);
  assertEquals(stage.writes.length, length);
});

Deno.test("a packet past the limit ends the session before a byte of it is kept", () => {
  for (const length of [0, longestPacket + 1, 2 ** 32 - 1]) {
    const stage = Stage.begun();
    stage.client.receive(uint32(length));

    assertEquals(stage.broken, [`it sends a packet of ${length} bytes`]);
  }
});

Deno.test("a handle has as many bytes as the draft allows", () => {
  const broken = [256, 257].map((length) => {
    const stage = Stage.begun();
    stage.ask(requests.open("/a"));
    stage.client.receive(answer.handle(1, new Uint8Array(length)));
    return stage.broken;
  });

  assertEquals(broken, [[], ["it sends a handle of 257 bytes"]]);
});

Deno.test("an answer is taken once", () => {
  const stage = Stage.begun();
  stage.ask(requests.stat("/a"));
  stage.client.receive(answer.attributes(1, { size: 1 }));
  stage.client.receive(answer.attributes(1, { size: 2 }));

  assertEquals(stage.outcomes, [{ size: 1 }]);
  assertEquals(stage.broken, ["it sends ATTRS for what nobody asked"]);
});

Deno.test("REALPATH is answered with one name", () => {
  for (const count of [0, 2]) {
    const stage = Stage.begun();
    stage.ask(requests.realpath("/a"));
    const names = Array(count).fill([Buffer.from("/b"), {}]);
    stage.client.receive(answer.names(1, names));

    assertEquals(stage.broken.length, 1);
  }
});

Deno.test("textOf() puts U+FFFD for what is not UTF-8, and changes nothing else", () => {
  const names = ["", "é 漢字 🙂", "\ufeffa", "a\0b", "\ufffd"];

  assertEquals(names.map((name) => textOf(Buffer.from(name))), names);
  assertEquals(textOf(Buffer.from("caf\xe9", "latin1")), "caf\ufffd");
});
