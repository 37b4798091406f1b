import { assertEquals } from "@std/assert";
import { relais } from "../../fixtures/relais.ts";

/** What stands on the line before the key is pressed, and what can stand there afterwards. */
const lines: [typed: string, completed: string[]][] = [
  ["relais pub", ["publish"]],
  ["relais sta", ["stat", "status"]],
  ["relais --on", ["--once"]],
  ["relais --config /nonexistent log --mod", ["--module"]],
  ["relais log --module test", ["test-server"]],
  ["relais log -f --level w", ["warning"]],
  ["relais list --w", ["--wanted"]],
  ["relais completions z", ["zsh"]],
  ["relais help in", ["init"]],
  ["relais init /etc/host", ["/etc/host.conf", "/etc/hostname", "/etc/hosts"]],
  ["relais check --config /etc/pass", ["/etc/passwd", "/etc/passwd-"]],
];

const files = (path: string) =>
  [...Deno.readDirSync("/etc")].map(({ name }) => `/etc/${name}`)
    .filter((name) => name.startsWith(path)).sort();

/** What should be offered; which files there are depends on the machine. */
function expected([typed, completed]: [string, string[]]): string[] {
  const path = typed.split(" ").at(-1)!;
  return path.startsWith("/etc/") ? files(path) : completed;
}

/** Runs a shell with a script on standard input, and the completions in the file `$1`. */
async function runShell(
  shell: string,
  args: readonly string[],
  script: string,
): Promise<string> {
  const directory = await Deno.makeTempDir();
  try {
    const { stdout, code } = await relais(["completions", shell]);
    assertEquals(code, 0);
    const completions = `${directory}/relais.${shell}`;
    await Deno.writeTextFile(completions, stdout);
    const file = `${directory}/script`;
    await Deno.writeTextFile(file, script);
    const ran = await new Deno.Command(shell, {
      args: [...args, file, completions],
      env: { HOME: directory, XDG_CONFIG_HOME: directory, TERM: "dumb" },
    }).output();
    assertEquals(new TextDecoder().decode(ran.stderr), "");
    return new TextDecoder().decode(ran.stdout);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Groups lines `TYPED<TAB>COMPLETED`. */
function grouped(output: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const line of output.trimEnd().split("\n")) {
    const [typed, completed] = line.split("\t");
    (found[typed!] ??= []).push(completed!);
  }
  for (const each of Object.values(found)) each.sort();
  return found;
}

const all = Object.fromEntries(
  lines.map((line) => [line[0], expected(line)]),
);

Deno.test("bash completes commands, options, values and files", async () => {
  const script = `source "$1"
complete_line() {
  COMP_WORDS=($1)
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  _relais 2>/dev/null
  printf "$1\\t%s\\n" "\${COMPREPLY[@]}"
}
${lines.map(([typed]) => `complete_line "${typed}"`).join("\n")}
COMP_WORDS=(relais log --level = de); COMP_CWORD=4
_relais && printf 'equals\\t%s\\n' "\${COMPREPLY[@]}"
complete -p relais | sed 's/^/declared\\t/'`;
  assertEquals(grouped(await runShell("bash", ["--norc"], script)), {
    ...all,
    equals: ["debug"],
    declared: ["complete -F _relais relais"],
  });
});

Deno.test("fish completes commands, options, values and files", async () => {
  const script = `source $argv[1]
for line in ${lines.map(([typed]) => `'${typed}'`).join(" ")}
  complete --do-complete $line | string replace -r '\\t.*' '' | string replace -r '^' $line\\t
end`;
  assertEquals(grouped(await runShell("fish", ["--no-config"], script)), all);
});

Deno.test("zsh completes commands, options, values and files", async () => {
  // A second zsh, in a terminal of its own, notes what it would offer.
  const script = `zmodload zsh/zpty
cat > $HOME/note.zsh <<'EOF'
compadd() {
  local -a hits
  [[ "$*" == *-[OAD]* ]] || {
    builtin compadd -A hits "$@"
    (( $#hits )) && print -l -- "$BUFFER\\t"\${^hits} >> $HOME/offered
  }
  builtin compadd "$@"
}
EOF
zpty shell zsh -f -i
# Keys that come before the prompt are the terminal's, and not the editor's.
integer count=0
tell() {
  zpty -w shell "$1"
  local answer
  zpty -r shell answer "*ready$((++count))> *" || exit 1
}
tell "n=0; setopt prompt_subst; PS1='ready\\$((++n))> ' PS2= RPS1="
tell 'autoload -Uz compinit && compinit -D -u; source $HOME/note.zsh'
tell "source $1; zstyle ':completion:*' completer _complete"
tell "bindkey '^I' complete-word; unsetopt auto_menu auto_list"
for typed in ${lines.map(([typed]) => `'${typed}'`).join(" ")}; do
  tell "$typed"$'\\t\\C-u'
done
cat $HOME/offered`;
  // zsh offers of a path the part that is missing.
  const parts = Object.entries(all).map(([typed, completed]) => [
    typed,
    completed.map((word) => word.replace("/etc/", "")),
  ]);
  assertEquals(
    grouped(await runShell("zsh", ["-f"], script)),
    Object.fromEntries(parts),
  );
});
