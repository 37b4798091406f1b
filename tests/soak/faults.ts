/**
 * What goes wrong in a soak, one thing at a time.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Chance } from "../../fixtures/kill/chance.ts";
import type { Link } from "../../fixtures/link.ts";
import type { World, WorldServer } from "../../fixtures/world.ts";

/** A fault: begins, and returns what mends it. */
type Fault = () => () => Promise<void> | void;

/** Makes faults, and counts them. */
export class Faults {
  /** How many of each kind there were. */
  readonly survived: Record<string, number> = {};
  readonly #chance: Chance;
  readonly #servers: readonly { server: WorldServer; link: Link }[];

  constructor(world: World, chance: Chance) {
    this.#chance = chance;
    this.#servers = world.servers.map((server) => ({
      server,
      link: world.link(server, { bytesPerSecond: 5_000_000, delayMs: 2 }),
    }));
  }

  /** Makes one fault, mends it, and leaves a while in peace. */
  async one(relais: () => Deno.ChildProcess): Promise<void> {
    const chance = this.#chance;
    const { server, link } = chance.happens(0.7)
      ? this.#servers[0]!
      : this.#servers[1]!;
    const kinds = this.#kinds(server, link, relais);
    const kind = chance.pick(Object.keys(kinds));
    const mend = kinds[kind]!();
    await delay(chance.below(6_000));
    await mend();
    this.survived[kind] = (this.survived[kind] ?? 0) + 1;
    await delay(500 + chance.below(4_000));
  }

  #kinds(
    { sshd }: WorldServer,
    link: Link,
    relais: () => Deno.ChildProcess,
  ): Record<string, Fault> {
    const most = 400_000;
    return {
      "server stopped": () => {
        const stopped = sshd.stop();
        return async () => {
          await stopped;
          await sshd.start();
        };
      },
      "server frozen": () => {
        sshd.freeze();
        return () => sshd.thaw();
      },
      "sessions killed": () => {
        sshd.killSessions();
        return () => {};
      },
      "answers swallowed": () => {
        link.swallow("down");
        return () => {
          link.cut();
          link.mend();
        };
      },
      "requests swallowed": () => {
        link.swallow("up");
        return () => {
          link.cut();
          link.mend();
        };
      },
      "line cut": () => {
        link.cutAfter(this.#chance.whole(most));
        return () => {};
      },
      "line down": () => {
        link.downAfter(this.#chance.whole(most));
        return () => link.mend();
      },
      "bit flipped": () => {
        link.corruptAfter(this.#chance.whole(most));
        return () => {};
      },
      "both servers down": () => {
        for (const each of this.#servers) each.link.downAfter(0);
        return () => this.#servers.forEach((each) => each.link.mend());
      },
      "relais frozen": () => {
        const process = relais();
        process.kill("SIGSTOP");
        return () => process.kill("SIGCONT");
      },
    };
  }
}
