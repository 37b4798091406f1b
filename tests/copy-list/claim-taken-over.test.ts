import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { ClaimWork } from "../../lib/copy-list/claim-work.ts";
import { ClaimDirectories } from "../../lib/files/claim-directories.ts";
import { Destination } from "../../lib/files/destination.ts";

Deno.test("a node that stood still while it prepared a claim leaves it to the one that took it over", async () => {
  const into = Deno.makeTempDirSync({ prefix: "relais-claim-work-" });
  try {
    const destination = new Destination(into);
    destination.prepare();
    const directories = new ClaimDirectories(destination);
    const asked: string[] = [];
    const list = {
      ask(kind: string) {
        asked.push(kind);
        const claim = {
          id: 1,
          behind: [],
          removes: false,
          server: "production",
        };
        return Promise.resolve({ ...claim, files: [] });
      },
    };
    const claims = new ClaimWork({
      destination,
      directories,
      durability: { lastsMs: 0 } as never,
      log: { error() {} },
      list: () => list as never,
      leaseMs: 1,
      async guard(id) {
        await delay(5);
        directories.make(2);
        directories.takeOver(2, id);
        Deno.writeTextFileSync(`${directories.of(id)}/.cluster`, "");
      },
    });

    const isAnything = await claims.next(() => {
      throw new Error("it was worked on");
    });

    assertEquals([isAnything, asked], [true, ["claim"]]);
  } finally {
    Deno.removeSync(into, { recursive: true });
  }
});
