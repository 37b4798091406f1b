import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { ServedPage } from "../../fixtures/page.ts";
import { Sources } from "../../fixtures/sources.ts";
import { makeWorld, relais } from "../../fixtures/world.ts";
import { heldSets } from "../../lib/serve/files.ts";
import { ranges } from "../../lib/serve/range.ts";
import { Site } from "../../lib/serve/site.ts";

const past = { files: 2_000, days: 3 };
const now = () => Math.floor(Date.now() / 1_000);

/**
 * Every file of a directory, with what would change if it were written. In
 * SQLite's shared memory every reader notes what it reads.
 */
function traces(directory: string): string[] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return names.filter((name) => !name.endsWith("-shm")).map((name) => {
    const { size, mtime } = Deno.lstatSync(`${directory}/${name}`);
    return `${name} ${size} ${mtime?.getTime()}`;
  }).sort();
}

/** The texts of a log that is streamed, one by one. */
async function* streamedTexts(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      yield JSON.parse(event.slice("data: ".length)).text;
    }
  }
}

Deno.test("the page holds what matters, without a script", async () => {
  await using page = await ServedPage.start(
    { ...past, failing: 2, now: now() },
  );
  page.writeLog("error", "<b>no HTML</b>");
  const response = await fetch(page.url);
  const text = await response.text();

  assertEquals(response.status, 200);
  assertStringIncludes(text, "2 files could not be copied");
  assertStringIncludes(text, "since 20");
  assertStringIncludes(text, "Cannot reach backup (192.0.2.11:22)");
  assertStringIncludes(text, "commandes/pharmacie/2026/");
  assertStringIncludes(text, "&lt;b&gt;no HTML&lt;/b&gt;");
  assertMatch(text, /<rect [^>]+>\s*<title>[^<]+ files<\/title>/);
  assertStringIncludes(text, `<noscript><meta http-equiv="refresh"`);
});

Deno.test("the page names files as they are, and nothing in a name is HTML or acts", async () => {
  await using world = await makeWorld();
  const names = [
    `<img src=x onerror=alert(1)>.csv`,
    "tab\tand\u202Eend.csv",
    `"quoted" & 'so'.csv`,
  ];
  world.write(Object.fromEntries(names.map((name) => [name, "1"])));
  await world.publish();
  await world.pass();
  await using page = await ServedPage.start(undefined);
  await Deno.rename(world.state, page.state);
  const text = await (await fetch(page.url)).text();

  assertStringIncludes(text, "&lt;img src=x onerror=alert(1)&gt;.csv");
  assertStringIncludes(text, "tab\\tand\\u{202e}end.csv");
  assertStringIncludes(text, "&quot;quoted&quot; &amp; &#39;so&#39;.csv");
  assert(!text.includes("<img"));
});

Deno.test("the page is served before the first pass, and says so", async () => {
  await using page = await ServedPage.start(undefined);
  const [front, health, metrics] = await Promise.all(
    ["", "healthz", "metrics"].map((path) => fetch(page.url + path)),
  );
  assertEquals([front!.status, health!.status, metrics!.status], [
    200,
    503,
    503,
  ]);
  assertStringIncludes(await front!.text(), "no pass has run yet");
  assertEquals(await health!.text(), "no pass has run yet\n");
  await metrics!.body?.cancel();
});

Deno.test("the page is found by its index, its ranges and its filter", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  for (const { name, label } of ranges) {
    const text = await (await fetch(`${page.url}?range=${name}`)).text();
    assertStringIncludes(text, `The last ${label}`);
  }
  const found = await (await fetch(`${page.url}?q=0001234`)).text();
  const none = await (await fetch(`${page.url}?q=100%25_`)).text();
  const lost = await fetch(`${page.url}nothing`);

  assertStringIncludes(found, "The newest 1 file whose name contains");
  assertStringIncludes(none, "No file whose name contains “100%_”");
  assertEquals(lost.status, 404);
  await lost.body?.cancel();
});

Deno.test("every answer forbids what it does not need", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  for (const path of ["", "healthz", "metrics", "nothing"]) {
    const { headers, body } = await fetch(page.url + path);
    await body?.cancel();
    const policy = headers.get("content-security-policy")!;
    assertMatch(policy, /^default-src 'none'/, path);
    assert(!policy.includes("unsafe"), path);
    assertStringIncludes(policy, "frame-ancestors 'none'");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(headers.get("cache-control"), "no-store");
    assertEquals(headers.get("access-control-allow-origin"), null);
  }
});

Deno.test("/healthz answers as relais status judges", async () => {
  await using good = await ServedPage.start({ ...past, now: now() });
  await using old = await ServedPage.start(
    { ...past, now: now() - 120 },
    "--max-age",
    "1m",
  );
  const answers = await Promise.all(
    [good, old].map(({ url }) => fetch(`${url}healthz`)),
  );
  assertEquals(answers.map(({ status }) => status), [200, 503]);
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  assertMatch(texts[0]!, /^files come from production/);
  assertMatch(texts[1]!, /more than 1 min/);
});

Deno.test("/metrics is what the textfile would be", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  const answer = await fetch(`${page.url}metrics`);
  assertMatch(answer.headers.get("content-type")!, /^text\/plain; version=0/);
  assertStringIncludes(
    await answer.text(),
    "# TYPE relais_lag_seconds gauge\nrelais_lag_seconds 0\n",
  );
});

Deno.test("the log is streamed as it happens, across a rotation", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  page.writeLog("info", "the first");
  const { body, headers } = await fetch(`${page.url}log`);
  assertEquals(headers.get("content-type"), "text/event-stream");
  const heard: string[] = [];
  for await (const text of streamedTexts(body!)) {
    heard.push(text);
    if (heard.length === 1) page.writeLog("info", "the second");
    if (heard.length === 2) {
      Deno.renameSync(page.log, `${page.log}.1`);
      page.writeLog("error", "the third");
    }
    // Leaving the loop cancels the stream. A signal given to fetch() would not
    // always: Deno forgets it when it collects garbage.
    if (heard.length === 3) break;
  }
  assertEquals(heard, ["the first", "the second", "the third"]);
});

Deno.test("a page that is looked at writes nothing, and ends at a signal with streams open", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  page.writeLog("info", "one");
  await (await fetch(page.url)).text();
  const [state, log] = [page.state, `${page.directory}/log`].map(traces);
  const stream = await fetch(`${page.url}log`);
  for (const path of ["", "?q=a", "?range=year", "healthz", "metrics"]) {
    await (await fetch(page.url + path)).text();
  }
  assertEquals(traces(page.state), state);
  assertEquals(traces(`${page.directory}/log`), log);
  assertEquals(await page.stop(), 143);
  await stream.body?.cancel().catch(() => {});
});

Deno.test("the page says with 503 that the state is damaged, and recovers", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  await Deno.rename(`${page.state}/relais.db`, `${page.state}/aside`);
  await Deno.writeTextFile(
    `${page.state}/relais.db`,
    "no database ".repeat(99),
  );
  const damaged = await fetch(page.url);
  assertEquals(damaged.status, 503);
  assertStringIncludes(await damaged.text(), "Cannot use the state");
  for (const side of ["-wal", "-shm"]) {
    await Deno.remove(`${page.state}/relais.db${side}`).catch(() => {});
  }
  await Deno.rename(`${page.state}/aside`, `${page.state}/relais.db`);
  const well = await fetch(page.url);
  assertEquals(well.status, 200);
  await well.body?.cancel();
});

Deno.test("with a token nobody gets in without it, a browser and Prometheus do with it", async () => {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/token`;
  const token = "0123456789abcdef-secret";
  await Deno.writeTextFile(file, `${token}\n`, { mode: 0o600 });
  await using page = await ServedPage.start(
    { ...past, now: now() },
    "--token-file",
    file,
  );
  const ask = async (authorization?: string, path = "") => {
    const headers: HeadersInit = authorization === undefined
      ? {}
      : { authorization };
    const { status, body } = await fetch(page.url + path, { headers });
    await body?.cancel();
    return status;
  };
  for (const path of ["", "healthz", "metrics", "log", "nothing"]) {
    assertEquals(await ask(undefined, path), 401, path);
  }
  assertEquals(await ask("Bearer wrong"), 401);
  assertEquals(await ask(`Basic ${btoa("relais:wrong")}`), 401);
  assertEquals(await ask("Basic \u00e9"), 401);
  assertEquals(await ask(`Bearer ${token}`), 200);
  assertEquals(await ask(`Basic ${btoa(`anybody:${token}`)}`), 200);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("relais serve refuses to listen to others without a token, and tokens that protect nothing", async () => {
  await using world = await makeWorld();
  const token = `${world.directory}/token`;
  const serve = (...args: string[]) => world.relais("serve", ...args);
  Deno.writeTextFileSync(token, "short", { mode: 0o600 });
  const open = await serve("--listen", "0.0.0.0:0");
  const short = await serve("--listen", "0.0.0.0:0", "--token-file", token);
  Deno.writeTextFileSync(token, "long enough, no?");
  Deno.chmodSync(token, 0o644);
  const readable = await serve("--token-file", token);
  const missing = await serve("--token-file", `${token}.not`);

  assertEquals(
    [open, short, readable, missing].map(({ code }) => code),
    [2, 2, 2, 2],
  );
  assertStringIncludes(open.stderr, "--token-file");
  assertStringIncludes(short.stderr, "16 characters");
  assertStringIncludes(readable.stderr, "chmod 600");
  assertStringIncludes(missing.stderr, "Cannot read the token");
  assertStringIncludes(missing.stderr, "openssl rand -hex 32 >");
  const named = await serve("--host", "http://replica.example.net/");
  assertEquals(named.code, 2);
  assertStringIncludes(
    named.stderr,
    "not a host name; write it without a port",
  );
});

Deno.test("relais serve says that its address is taken, with exit 4", async () => {
  await using world = await makeWorld();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  const { code, stderr } = await relais([
    ...["serve", "--listen", `127.0.0.1:${port}`],
    ...["--config", world.config],
  ]);
  assertEquals(code, 4);
  assertMatch(stderr, /Cannot listen at 127\.0\.0\.1:\d+: .*in use/);
});

Deno.test("relais serve refuses what is no address, with exit 2", async () => {
  await using world = await makeWorld({ servers: ["production"] });
  const { code, stderr } = await world.relais("serve", "--listen=7878");
  assertEquals(code, 2);
  assertMatch(stderr, /listen/);
});

Deno.test("a request by another name is turned away, over the wire as well", async () => {
  await using page = await ServedPage.start({ ...past, now: now() });
  const { hostname, port } = new URL(page.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(
      "GET / HTTP/1.1\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n",
    ),
  );
  const text = await new Response(connection.readable).text();
  assertMatch(text, /^HTTP\/1\.1 421 /);
  assert(!text.includes("production"));
});

Deno.test("the page needs less than 200 KiB after 400 days, before anything is compressed", async () => {
  const days = { files: 5_000, failing: 150, days: 400, now: now() };
  await using page = await ServedPage.start(days);
  for (let line = 0; line < 60; line++) page.writeLog("info", "x".repeat(128));
  for (const { name } of ranges) {
    const bytes = await (await fetch(`${page.url}?range=${name}`, {
      headers: { "accept-encoding": "identity" },
    })).bytes();
    assert(bytes.length < 200 * 1024, `${name}: ${bytes.length} bytes`);
  }
});

Deno.test("the page tells of a publisher, and reads nothing else", async () => {
  // Its directory goes with the page.
  const sources = new Sources(["**/*", ".*"]);
  sources.write("a.csv", "1");
  sources.write(".RELAIS", "2");
  const config = sources.writeConfig();
  await relais(["publish", "--once", "--config", config]);
  await using page = await ServedPage.serve(sources.root);

  const text = await (await fetch(page.url)).text();
  const health = await fetch(`${page.url}healthz`);
  const metrics = await (await fetch(`${page.url}metrics`)).text();

  assertStringIncludes(text, "1 file could not be published");
  assertStringIncludes(text, "Last runs of the publisher");
  assertStringIncludes(text, ".RELAIS");
  assertMatch(text, /<rect [^>]+>\s*<title>[^<]+ file<\/title>/);
  assertEquals(/Servers|Newest files|[Ll]ongest lag/.test(text), false);
  assertEquals(health.status, 503);
  assertEquals(await health.text(), "1 file could not be published\n");
  assertMatch(metrics, /^relais_files_published_total 1$/m);
  assertMatch(metrics, /^relais_passes_total\{status="incomplete"\} 1$/m);
});

Deno.test("the page over several jobs leads to each, and tells health and figures of all", async () => {
  using good = new Sources();
  using fresh = new Sources();
  good.write("a.csv", "1");
  await relais(["publish", "--once", "--config", good.writeConfig()]);
  const jobs = [["good", good], ["fresh", fresh]] as const;
  const site = new Site({
    jobs: jobs.map(([name, { into, root }]) => ({
      name,
      places: { replica: null, publish: { into }, everyMs: 60_000 },
      limits: { maxAgeMs: 3_600_000, maxLagMs: undefined },
      log: `${root}/relais.log`,
    })),
    gate: { host: undefined, token: null },
  }, new AbortController().signal);
  const ask = async (path: string) => {
    const response = await site.handle(
      new Request(`http://localhost${path}`, {
        headers: { host: "localhost" },
      }),
    );
    return { status: response.status, text: await response.text() };
  };

  const overview = await ask("/");
  const health = await ask("/healthz");
  const metrics = await ask("/metrics");
  const one = await ask("/good/");

  assertMatch(
    overview.text,
    /href="\/fresh\/"[^]*nothing has been published yet[^]*href="\/good\/"/,
  );
  assertEquals(health.status, 503);
  assertMatch(
    health.text,
    /^good: 1 file is published.*\nfresh: nothing has been published yet\n$/,
  );
  assertMatch(metrics.text, /^relais_files_published_total\{job="good"\} 1$/m);
  assertMatch(one.text, /<title>OK · good · relais<\/title>/);
  assertStringIncludes(one.text, "Last runs of the publisher");
  assertEquals(
    await Promise.all(
      ["/good", "/bad/", "/log", "/good/x", "/good/log/"].map(async (path) =>
        (await ask(path)).status
      ),
    ),
    [404, 404, 404, 404, 404],
  );
});

Deno.test("the page names the sets that wait, and what holds each up", () => {
  const { text } = heldSets({
    held: [{ set: "g-1 4-5", path: "<b>", error: "no such file" }],
  });

  assertMatch(text, /Sets that wait[^]*g-1 4-5[^]*&lt;b&gt;: no such file/);
  assertMatch(heldSets({ held: [] }).text, /hidden/);
});
