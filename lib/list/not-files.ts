/**
 * Things in a tree that are not files, and are not copied.
 *
 * @module
 */

/** The kinds of it, and how each is called. */
const names = {
  links: ["symbolic link", "symbolic links"],
  // These three only where links are followed.
  outside: ["symbolic link to the outside", "symbolic links to the outside"],
  dangling: ["dangling symbolic link", "dangling symbolic links"],
  circular: ["circular symbolic link", "circular symbolic links"],
  special: ["special file", "special files"],
  empty: ["empty directory", "empty directories"],
} as const;

export type NotFile = keyof typeof names;

/** Number of each kind. */
export type NotFiles = Readonly<Record<NotFile, number>>;

export const noNotFiles: NotFiles = {
  links: 0,
  outside: 0,
  dangling: 0,
  circular: 0,
  special: 0,
  empty: 0,
};

/** Returns the name of one of a kind. */
export function kindOf(kind: NotFile): string {
  return names[kind][0];
}

/** Says how many there are, as in `972 symbolic links and 1 empty directory skipped`; nothing if there are none. */
export function tellNotFiles(counts: NotFiles): string {
  const kinds = (Object.keys(names) as NotFile[]).filter((kind) =>
    counts[kind] > 0
  );
  if (kinds.length === 0) return "";
  const texts = kinds.map((kind) =>
    `${counts[kind]} ${names[kind][counts[kind] === 1 ? 0 : 1]}`
  );
  const last = texts.pop()!;
  return `${
    texts.length === 0 ? last : `${texts.join(", ")} and ${last}`
  } skipped`;
}
