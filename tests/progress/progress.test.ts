import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Progress, renderProgress } from "../../lib/progress/progress.ts";
import { Rate } from "../../lib/cli/rate.ts";
import { fit, pad, widthOf } from "../../lib/cli/width.ts";

const copying: Progress = {
  module: "copy-list",
  server: "production",
  wanted: {
    pending: 120,
    bytes: 40_000_000,
    lagSeconds: 190,
    conflicts: { files: 0, first: null },
  },
  files: 30,
  bytes: 10_000_000,
  bytesPerSecond: 1_000_000,
};

Deno.test("the module at work has a line, and copying a bar", () => {
  assertEquals(renderProgress({ module: "test-server" }, 79), [
    "test-server   asking the servers",
  ]);
  assertEquals(
    renderProgress({
      module: "synchro-list",
      server: "production",
      entries: 12,
      bytes: 3_400,
    }, 79),
    ["synchro-list  list of production, 12 entries, 3.4 kB"],
  );
  assertEquals(renderProgress(copying, 79), [
    "copy-list     30 of 120 files, 10 MB of 40 MB, 1 MB/s, 30 s left",
    "production    [##########...............................]  25 %, lag 3 min 10 s",
  ]);
});

Deno.test("a narrow terminal gets what matters most", () => {
  assertEquals(renderProgress(copying, 39), [
    "30 of 120 files, 10 MB of 40 MB, 1 MB/s",
    "[#######........................]  25 %",
  ]);
  assertEquals(renderProgress(copying, 19), [
    "30 of 120 files",
    "[##.........]  25 %",
  ]);
});

Deno.test("a bar takes all columns and no more, however few there are", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 300 }),
      fc.nat(),
      (columns, bytes) => {
        const [, bar] = renderProgress({ ...copying, bytes }, columns);
        assertEquals(widthOf(bar!) <= columns, true);
        if (columns > 60) assertEquals(widthOf(bar!), columns);
      },
    ),
  );
});

Deno.test("of empty files the bar counts the number", () => {
  const wanted = {
    pending: 4,
    bytes: 0,
    lagSeconds: 0,
    conflicts: { files: 0, first: null },
  };
  const [figures, bar] = renderProgress(
    { ...copying, wanted, files: 3, bytes: 0, bytesPerSecond: 0 },
    39,
  );

  assertEquals(figures, "3 of 4 files, 0 B of 0 B, 0 B/s");
  assert(bar!.endsWith(" 75 %"));
});

Deno.test("fit() counts columns, and cuts between characters", () => {
  assertEquals(fit("été", 3), "été");
  assertEquals(fit("e\u0301te\u0301", 2), "e\u0301…");
  assertEquals(fit("天地玄黃", 8), "天地玄黃");
  assertEquals(fit("天地玄黃", 7), "天地玄…");
  assertEquals(fit("天地玄黃", 6), "天地…");
  assertEquals(fit("👨‍👩‍👧 family", 4), "👨‍👩‍👧 …");
  assertEquals(pad("天地", 6), "天地  ");
});

Deno.test("fit() never takes more than there is, whatever the text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.nat(30),
      (text, columns) => assert(widthOf(fit(text, columns)) <= columns),
    ),
  );
});

Deno.test("a rate is right from its beginning, and forgets what is long ago", () => {
  const rate = new Rate(0, 500);

  assertEquals(rate.update(0, 500), 0);
  assertEquals(Math.round(rate.update(1_000, 1_500)), 1_000);
  assertEquals(Math.round(rate.update(2_000, 2_500)), 1_000);
  const slower = rate.update(3_000, 2_500);
  assert(slower > 0 && slower < 1_000, `${slower}`);
  assert(rate.update(60_000, 2_500) < 1);
});
