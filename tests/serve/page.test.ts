import { assert, assertEquals } from "@std/assert";
import { passReport } from "../../fixtures/pass-report.ts";
import { Chromium, hasChromium, type Tab } from "../../fixtures/chromium.ts";
import { ServedPage } from "../../fixtures/page.ts";
import { periodsOf } from "../../lib/stat/periods.ts";
import { hoursSince, recordPass } from "../../lib/state/history.ts";
import { openState, readState } from "../../lib/state/database.ts";

/** A replica of long standing, whose last pass ended now. */
function past() {
  const now = Math.floor(Date.now() / 1_000);
  return { files: 5_000, failing: 2, waiting: 1, days: 40, now };
}

/** One browser for all tests, and one replica for those that change nothing of it. */
let chromium: Chromium;
let served: ServedPage;
if (hasChromium) {
  Deno.test.beforeAll(async () => {
    chromium = await Chromium.start();
    served = await ServedPage.start(past());
  });
  Deno.test.afterAll(async () => {
    await served[Symbol.asyncDispose]();
    await chromium[Symbol.asyncDispose]();
  });
}

/** One test in a tab of its own; each must leave no error behind, and ask nobody else. */
function inChromium(
  name: string,
  test: (tab: Tab, page: ServedPage) => Promise<void>,
  { changesPage = false } = {},
): void {
  Deno.test({
    // The name says why it is passed over.
    name: hasChromium ? name : `${name} (there is no chromium here)`,
    ignore: !hasChromium,
    async fn() {
      await using own = new AsyncDisposableStack();
      const page = changesPage
        ? own.use(await ServedPage.start(past()))
        : served;
      using tab = await chromium.open();
      await test(tab, page);
      assertEquals(tab.errors, []);
      const origins = new Set(tab.requests.map((url) => new URL(url).origin));
      // The icon stands in the page itself.
      origins.delete("null");
      assertEquals([...origins], [new URL(page.url).origin]);
    },
  });
}

/** What the page shows at an element. */
function textOf(tab: Tab, selector: string): Promise<string> {
  return tab.evaluate(
    `document.querySelector(${JSON.stringify(selector)}).innerText`,
  );
}

interface Bar {
  readonly x: number;
  readonly height: number;
  readonly title: string;
}

function barsOf(tab: Tab, plot: string): Promise<Bar[]> {
  return tab.evaluate(
    `[...document.querySelectorAll("#${plot} rect")].map((bar) => ({
    x: bar.x.baseVal.value,
    height: bar.height.baseVal.value,
    title: bar.querySelector("title").textContent,
  }))`,
  );
}

inChromium("the page loads and says how things stand", async (tab, page) => {
  await tab.go(page.url);
  assertEquals(await tab.evaluate("document.title"), "PROBLEM · relais");
  const state = await textOf(tab, "#state");
  assert(state.includes("2 files could not be copied"), state);
  const facts = await textOf(tab, "#facts");
  for (const fact of ["production", "5,000", "3 files waiting", "free"]) {
    assert(facts.includes(fact), `${fact} in ${facts}`);
  }
  const servers = await textOf(tab, "#servers");
  assert(servers.includes("connection refused"), servers);
  assertEquals(
    await tab.evaluate(
      "document.querySelectorAll('#failing tbody tr').length",
    ),
    2,
  );
});

for (
  const [range, days, hours] of [
    ["day", 1, 1],
    ["week", 7, 1],
    ["month", 30, 6],
    ["year", 365, 24],
  ] as const
) {
  inChromium(
    `the plots of a ${range} have the right points`,
    async (tab, page) => {
      await tab.go(`${page.url}?range=${range}`);
      const made = await tab.evaluate<string>(
        "document.querySelector('#made time').dateTime",
      );
      const until = Date.parse(made) / 1_000;
      const since = until - days * 86_400;
      using db = readState(page.state)!;
      const periods = periodsOf(hoursSince(db, since), hours, since, until);
      const figures = {
        "plot-files": periods.map(({ files }) => files),
        "plot-lag": periods.map(({ lag_seconds }) => lag_seconds),
      };

      for (const [plot, values] of Object.entries(figures)) {
        const most = Math.max(...values);
        const bars = await barsOf(tab, plot);
        const expected = values.flatMap((value, index) =>
          value > 0 ? [{ value, index }] : []
        );
        assertEquals(
          bars.map(({ x }) => x),
          expected.map(({ index }) => index),
        );
        for (const [index, { value }] of expected.entries()) {
          const height = Math.max(1.5, value / most * 100);
          assert(Math.abs(bars[index]!.height - height) < 0.06);
        }
      }
      const files = await barsOf(tab, "plot-files");
      assert(files.length > 0);
      const told = files.reduce(
        (sum, { title }) =>
          sum + Number(/: ([\d,]+) files?/.exec(title)![1]!.replace(",", "")),
        0,
      );
      assertEquals(told, figures["plot-files"].reduce((a, b) => a + b));
      const inTable = await tab.evaluate<number>(
        `[...document.querySelectorAll(".figures tbody tr")]
        .reduce((sum, row) => sum + Number(row.cells[3].textContent), 0)`,
      );
      assertEquals(inTable, told);
    },
  );
}

inChromium("the failover shows in the stripe of servers", async (tab, page) => {
  await tab.go(`${page.url}?range=month`);
  const stripes = await barsOf(tab, "plot-servers");
  assert(stripes.some(({ title }) => title.includes("backup")));
  assert((await textOf(tab, "#plot-servers .legend")).includes("backup"));
});

inChromium(
  "the log goes on as it is written",
  async (tab, page) => {
    page.writeLog("info", "before the page was opened");
    await tab.go(page.url);
    await tab.until(`!document.getElementById("log-live").hidden`);
    page.writeLog("error", "<i>after</i> it was opened");
    await tab.until(
      `document.getElementById("log-lines").innerText.includes("<i>after</i>")`,
    );
    await tab.until(
      `document.querySelectorAll("#log-lines li").length === 2`,
    );
    assertEquals(
      await tab.evaluate(
        `document.querySelector("#log-lines li:last-child").className`,
      ),
      "error",
    );
  },
  { changesPage: true },
);

inChromium(
  "the filter works while one types, and without a script",
  async (tab, page) => {
    await tab.go(page.url);
    await tab.evaluate(`document.getElementById("q").focus()`);
    await tab.type("0001234");
    await tab.until(
      `document.querySelectorAll("#newest tbody tr").length === 1`,
    );
    assert((await textOf(tab, "#newest")).includes("0001234.csv"));
    assert(await tab.evaluate(`location.search.includes("q=0001234")`));

    await tab.ask("Emulation.setScriptExecutionDisabled", { value: true });
    await tab.go(page.url);
    await tab.evaluate(`document.getElementById("q").focus()`);
    await tab.type("0004321");
    await tab.press("Enter");
    await tab.until(
      `document.querySelectorAll("#newest tbody tr").length === 1`,
    );
    assert((await textOf(tab, "#newest")).includes("0004321.csv"));
  },
);

inChromium(
  "the page follows what happens, and leaves open what was opened",
  async (tab, page) => {
    await tab.go(page.url);
    await tab.evaluate(`document.querySelector("#past details").open = true`);
    const db = openState(page.state);
    const busy = passReport({ seen: 9_999, new: 9_999, copied: 9_999 });
    recordPass(db, Date.now() / 1_000, busy, 0);
    db.close();
    await tab.evaluate("refresh()");
    assert((await textOf(tab, "#passes")).includes("9999"));
    assert(await tab.evaluate(`document.querySelector("#past details").open`));
  },
  { changesPage: true },
);

inChromium(
  "the page can be used with a keyboard, and says what things are",
  async (tab, page) => {
    await tab.go(page.url);
    await tab.press("Tab");
    assertEquals(
      await tab.evaluate("document.activeElement.className"),
      "skip",
    );
    // Every control, region and picture has a name that a screen reader says.
    const { nodes } = await tab.ask("Accessibility.getFullAXTree") as {
      nodes: { role?: { value: string }; name?: { value: string } }[];
    };
    const named = ["link", "button", "searchbox", "image", "region"];
    const unnamed = nodes.filter(({ role, name }) =>
      named.includes(role?.value ?? "") && !name?.value
    );
    assertEquals(unnamed, []);
    const roles = new Set(nodes.map(({ role }) => role?.value));
    for (const role of ["banner", "main", "navigation", "search", "table"]) {
      assert(roles.has(role), `${role} in ${[...roles]}`);
    }
  },
);

for (const width of [320, 390, 1_200]) {
  inChromium(
    `the page is ${width} pixels wide on a screen as wide, in both schemes`,
    async (tab, page) => {
      page.writeLog("info", `a-long-word-${"x".repeat(100)}`);
      for (const scheme of ["light", "dark"] as const) {
        await tab.show(width, scheme);
        await tab.go(page.url);
        assertEquals(
          await tab.evaluate("document.documentElement.scrollWidth"),
          width,
        );
        // WCAG 2: 4.5 to 1 between text and what is behind it.
        assertEquals(await tab.evaluate(faintTexts), [], scheme);
      }
    },
  );
}

/** Finds texts with too little contrast to the colour behind them. */
const faintTexts = `(() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).map((part) => part / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (parts(color)[3] !== 0) return color;
    }
  };
  return [...document.body.querySelectorAll("*")].filter((element) =>
    [...element.childNodes].some((node) =>
      node.nodeType === 3 && node.textContent.trim() !== "") &&
    element.checkVisibility() && !element.closest("script, svg, caption")
  ).map((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return { contrast, text: element.textContent.slice(0, 40) };
  }).filter(({ contrast }) => contrast < 4.5);
})()`;
