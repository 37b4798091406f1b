import { assertEquals, assertThrows } from "@std/assert";
import { descriptors } from "../../lib/files/descriptors.ts";
import { Destination } from "../../lib/files/destination.ts";
import { FileError, LocalError } from "../../lib/errors.ts";

/** A prepared destination beside a directory that must stay untouched. */
function setUp(through?: string) {
  const root = Deno.makeTempDirSync();
  const outside = `${root}/outside`;
  Deno.mkdirSync(outside);
  const destination = new Destination(`${root}/into`, through);
  destination.prepare();
  const absolute = (path: string) => `${root}/into/${path}`;
  return {
    destination,
    outside,
    absolute,
    stage(text = "new") {
      const staged = `${destination.staging}/staged`;
      Deno.writeTextFileSync(staged, text);
      return staged;
    },
    read: (path: string) => Deno.readTextFileSync(absolute(path)),
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

for (
  const [how, through] of [
    ["by paths", undefined],
    ["by descriptors", descriptors],
  ] as const
) {
  Deno.test(`Destination.place() makes the directories above a file, ${how}`, () => {
    using world = setUp(through);
    world.destination.place(world.stage(), "a/b/c.csv");
    assertEquals(world.read("a/b/c.csv"), "new");
  });

  Deno.test(`Destination.place() replaces a file, ${how}`, () => {
    using world = setUp(through);
    world.destination.place(world.stage("old"), "a.csv");
    world.destination.place(world.stage("new"), "a.csv");
    assertEquals(world.read("a.csv"), "new");
  });

  Deno.test(`Destination.place() refuses to go through a symbolic link, ${how}`, () => {
    using world = setUp(through);
    Deno.symlinkSync(world.outside, world.absolute("sub"));
    const error = assertThrows(
      () => world.destination.place(world.stage(), "sub/a.csv"),
      FileError,
    );
    assertEquals(
      error.message,
      "Cannot place sub: sub is a symbolic link or a device on the replica",
    );
    assertEquals([...Deno.readDirSync(world.outside)], []);
  });

  Deno.test(`Destination.place() replaces a link at the end of a path, and not what it points to, ${how}`, () => {
    using world = setUp(through);
    Deno.writeTextFileSync(`${world.outside}/precious`, "precious");
    Deno.symlinkSync(
      `${world.outside}/precious`,
      world.absolute("a.csv"),
    );
    world.destination.place(world.stage(), "a.csv");
    assertEquals(
      Deno.readTextFileSync(`${world.outside}/precious`),
      "precious",
    );
    assertEquals(world.read("a.csv"), "new");
  });

  Deno.test(`Destination.place() names the file that is where a directory should be, ${how}`, () => {
    using world = setUp(through);
    Deno.writeTextFileSync(world.absolute("a"), "file");
    assertThrows(
      () => world.destination.place(world.stage(), "a/b.csv"),
      FileError,
      "a is a file on the replica",
    );
  });

  Deno.test(`Destination.place() names the directory that is where a file should be, ${how}`, () => {
    using world = setUp(through);
    Deno.mkdirSync(world.absolute("a/b"), { recursive: true });
    assertThrows(
      () => world.destination.place(world.stage(), "a"),
      FileError,
      "a is a directory on the replica",
    );
  });

  Deno.test(`Destination.trash() keeps a file under the day it was withdrawn, ${how}`, () => {
    using world = setUp(through);
    world.destination.place(world.stage(), "a/b.csv");
    world.destination.trash("a/b.csv", "2026-11-23");
    assertEquals(world.read(".relais/trash/2026-11-23/a/b.csv"), "new");
    assertEquals(world.destination.look("a/b.csv"), undefined);
  });

  Deno.test(`Destination.trash() throws nothing away through a symbolic link, ${how}`, () => {
    using world = setUp(through);
    world.destination.place(world.stage(), "a.csv");
    Deno.symlinkSync(world.outside, world.absolute(".relais/trash"));
    assertThrows(
      () => world.destination.trash("a.csv", "2026-11-23"),
      FileError,
      ".relais/trash is a symbolic link",
    );
    assertEquals(world.read("a.csv"), "new");
  });

  Deno.test(`Destination.remove() does not reach through a symbolic link, ${how}`, () => {
    using world = setUp(through);
    Deno.writeTextFileSync(`${world.outside}/a.csv`, "precious");
    Deno.symlinkSync(world.outside, world.absolute("sub"));
    assertThrows(() => world.destination.remove("sub/a.csv"), FileError);
    assertEquals(Deno.readTextFileSync(`${world.outside}/a.csv`), "precious");
  });

  Deno.test(`Destination.prepare() refuses a staging directory that is a link, ${how}`, () => {
    using world = setUp(through);
    Deno.removeSync(world.absolute(".relais/staging"));
    Deno.symlinkSync(world.outside, world.absolute(".relais/staging"));
    assertThrows(
      () => new Destination(world.destination.into, through).prepare(),
      LocalError,
      "Cannot write to",
    );
  });
}
