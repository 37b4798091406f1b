import { assertEquals } from "@std/assert";
import { shellWord } from "../../lib/text/shell-word.ts";

for (
  const word of ["it's", "$HOME", "a b", "`id`", "[127.0.0.1]:22", "", "*"]
) {
  Deno.test(`shellWord() hands ${JSON.stringify(word)} to a command as it is`, async () => {
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `printf %s ${shellWord(word)}`],
    }).output();

    assertEquals(new TextDecoder().decode(stdout), word);
  });
}
