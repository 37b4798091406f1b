import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { SemaphoreTask } from "../../fixtures/stats/semaphore-worker.ts";
import {
  Semaphore,
  semaphoreWords,
  type Ticket,
} from "../../lib/worker/semaphore.ts";

/** A semaphore and the one word that it guards. */
function sharedWords(): SharedArrayBuffer {
  return new SharedArrayBuffer((semaphoreWords + 1) * 4);
}

function semaphoreIn(buffer: SharedArrayBuffer, owner = 0): Semaphore {
  return new Semaphore(new Int32Array(buffer, 0, semaphoreWords), owner);
}

/** A worker that does one task and then lives on until it is disposed of. */
class Worked implements Disposable {
  readonly #worker = new Worker(
    new URL("../../fixtures/stats/semaphore-worker.ts", import.meta.url),
    { type: "module" },
  );
  /** When it can be given its task. */
  readonly ready = this.#answer();

  async do(task: SemaphoreTask): Promise<unknown> {
    const answer = this.#answer();
    this.#worker.postMessage(task);
    return await answer;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  }
}

Deno.test("Semaphore lets one of several workers in at a time", async () => {
  const buffer = sharedWords();
  const task = { rounds: 2_000, steps: 500 };
  const workers = [1, 2, 3, 4].map(() => new Worked());
  await Promise.all(workers.map(({ ready }) => ready));

  await Promise.all(
    workers.map((worker, owner) => worker.do({ buffer, owner, task })),
  );
  for (const worker of workers) worker[Symbol.dispose]();

  assertEquals(
    new Int32Array(buffer)[semaphoreWords],
    workers.length * task.rounds * task.steps,
  );
});

Deno.test("Semaphore.tryAcquire() takes a free semaphore, and no taken one", () => {
  const buffer = sharedWords();

  const first = semaphoreIn(buffer).tryAcquire();
  const second = semaphoreIn(buffer, 1).tryAcquire();

  assert(first !== undefined);
  assertEquals(second, undefined);
});

Deno.test("Semaphore.release() makes room for the next one", () => {
  const semaphore = semaphoreIn(sharedWords());

  const released = semaphore.release(semaphore.tryAcquire()!);

  assert(released);
  assert(semaphore.tryAcquire() !== undefined);
});

Deno.test("Semaphore.acquire() robs a worker that was terminated while holding it", async () => {
  const buffer = sharedWords();
  const worker = new Worked();
  await worker.ready;
  const held = await worker.do({ buffer, owner: 3, task: "die" });
  worker[Symbol.dispose]();

  const ticket = semaphoreIn(buffer).acquire(20);

  assertNotEquals(ticket, held as Ticket);
  assert(semaphoreIn(buffer).release(ticket));
});

Deno.test("Semaphore.release() ignores who was robbed", () => {
  const buffer = sharedWords();
  const [late, next] = [semaphoreIn(buffer, 1), semaphoreIn(buffer, 2)];
  const stale = late.acquire();
  const ticket = next.acquire(1);

  const released = late.release(stale);

  assert(!released);
  assertEquals(semaphoreIn(buffer, 3).tryAcquire(), undefined);
  assert(next.release(ticket));
});

Deno.test("Semaphore.resetOwner() frees what the owner held", () => {
  const buffer = sharedWords();
  semaphoreIn(buffer, 4).acquire();

  const reset = semaphoreIn(buffer).resetOwner(4);

  assert(reset);
  assert(semaphoreIn(buffer).tryAcquire() !== undefined);
});

Deno.test("Semaphore.resetOwner() leaves what another one holds", () => {
  const buffer = sharedWords();
  const holder = semaphoreIn(buffer, 0);
  const ticket = holder.acquire();

  const reset = semaphoreIn(buffer).resetOwner(4);

  assert(!reset);
  assert(holder.release(ticket));
});

Deno.test("Semaphore.withLock() gives the semaphore back when its function throws", () => {
  const semaphore = semaphoreIn(sharedWords());

  try {
    semaphore.withLock(() => {
      throw new Error("within");
    });
  } catch {
    // Thrown on purpose.
  }

  assert(semaphore.tryAcquire() !== undefined);
});

Deno.test("Semaphore works on when its tickets have used up all epochs", () => {
  for (const epoch of [2 ** 28 - 1, 2 ** 31 - 1, -1]) {
    const buffer = sharedWords();
    new Int32Array(buffer)[1] = epoch;
    const semaphore = semaphoreIn(buffer);

    const [first, taken] = [semaphore.acquire(), semaphore.tryAcquire()];
    assert(semaphore.release(first));
    const second = semaphore.acquire();

    assertEquals(taken, undefined);
    assertNotEquals(first, second);
    assert(semaphore.release(second));
  }
});
