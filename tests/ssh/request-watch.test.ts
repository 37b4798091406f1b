import { assertEquals, assertRejects } from "@std/assert";
import { RequestWatch } from "../../lib/ssh/request-watch.ts";

const never = () => {};

Deno.test("RequestWatch.run() settles as its request does", async () => {
  const watch = new RequestWatch(60_000, never);
  const good = watch.run<number>((resolve) => resolve(7));
  const bad = watch.run((_, reject) => reject(new Error("no such file")));

  assertEquals(await good, 7);
  await assertRejects(() => bad, Error, "no such file");
  watch.break(new Error("over"));
});

Deno.test("RequestWatch.break() rejects what is under way, and whatever comes after", async () => {
  const watch = new RequestWatch(60_000, never);
  const over = new Error("over");
  const underWay = [watch.run(never), watch.run(never)];
  watch.break(over);

  const errors = await Promise.all(
    [...underWay, watch.run((resolve) => resolve(1))].map((asked) =>
      asked.catch((error) => error)
    ),
  );

  assertEquals(errors, [over, over, over]);
});

Deno.test("RequestWatch.break() tells the first reason", async () => {
  const watch = new RequestWatch(60_000, never);
  watch.break(new Error("first"));
  watch.break(new Error("second"));

  await assertRejects(() => watch.run(never), Error, "first");
});

Deno.test("RequestWatch passes over an answer that comes too late", async () => {
  const watch = new RequestWatch(60_000, never);
  let answer: (result: number) => void = never;
  const asked = watch.run<number>((resolve) => answer = resolve);
  watch.break(new Error("over"));
  answer(7);

  await assertRejects(() => asked, Error, "over");
});

Deno.test("RequestWatch says that the oldest request is late, whatever is answered meanwhile", async () => {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const watch = new RequestWatch(100, () => resolve());
  const unanswered = watch.run(never);
  unanswered.catch(never);
  const busy = setInterval(() => watch.run((resolve) => resolve(1)), 5);

  await late;

  clearInterval(busy);
  watch.break(new Error("over"));
  await assertRejects(() => unanswered, Error, "over");
});

Deno.test("RequestWatch does not count the time for which others are answered first", async () => {
  let late = false;
  const watch = new RequestWatch(2_000, () => late = true);
  const answers: (() => void)[] = [];
  const asked = Array.from(
    { length: 25 },
    () => watch.run<void>((resolve) => answers.push(resolve)),
  );
  for (const answer of answers) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer();
  }

  await Promise.all(asked);
  assertEquals(late, false);
});

Deno.test("RequestWatch waits for an answer that comes slowly, and not for one that comes to more than it can be", async () => {
  const lateness = Promise.withResolvers<void>();
  let received = 0;
  let late = false;
  const watch = new RequestWatch(2_000, () => {
    late = true;
    lateness.resolve();
  }, () => received);
  const unanswered = watch.run(never, "read", 100_000);
  unanswered.catch(never);
  const coming = setInterval(() => received += 1_000, 30);
  while (received < 90_000) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assertEquals(late, false);

  await lateness.promise;

  clearInterval(coming);
  watch.break(new Error("over"));
});

Deno.test({
  name: "RequestWatch leaves no timer behind once all is answered",
  sanitizeOps: true,
  sanitizeResources: true,
  async fn() {
    const watch = new RequestWatch(20, never);
    await watch.run<void>((answer) => setTimeout(answer, 1));
    // The watch looks once more, finds nothing, and stops.
    await new Promise((resolve) => setTimeout(resolve, 200));
  },
});
