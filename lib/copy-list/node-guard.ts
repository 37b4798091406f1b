/**
 * Seeing to it that the database of a cluster and the directory that its nodes share
 * belong together: the directory holds a token that was made with the tables, and the
 * number of the last pass.
 *
 * @module
 */

import type { Identity } from "../cluster/operations.ts";
import { explained, LocalError } from "../errors.ts";
import { replaceFile } from "../files/replace.ts";
import { ownDirectory } from "../list/path.ts";

/** Guards a directory that nodes share. */
export class NodeGuard {
  readonly #into: string;
  readonly #own: () => string;

  /** @param own Returns a path to the directory of relais in `into`. */
  constructor(into: string, own = () => `${into}/${ownDirectory}`) {
    this.#into = into;
    this.#own = own;
  }

  /**
   * Checks, and notes the pass; of a new cluster, also the token.
   *
   * @param directory Of the claim of this node; without one, only the leader may note
   * anything, because two nodes cannot write one file at once.
   * @throws {LocalError} As {@link check}.
   */
  keep(identity: Identity, directory?: string): void {
    const { token, pass, isNew } = identity;
    const noted = this.#read();
    if (noted !== undefined || !isNew) this.check(identity);
    if (noted !== undefined && noted.pass >= pass) return;
    const temporary = directory && `${directory}/.cluster`;
    replaceFile(this.#file, `${token}\n${pass}\n`, 0o600, temporary);
  }

  /**
   * Makes sure that the directory and the database belong together.
   *
   * @throws {LocalError} If they do not.
   */
  check({ token, pass }: Identity): void {
    const noted = this.#read();
    const into = this.#into;
    const file = `${into}/${ownDirectory}/cluster`;
    if (noted === undefined) {
      throw new LocalError(
        `Cannot use ${into}: it is not the directory that the nodes share; ${file} is missing`,
        {
          hint:
            `mount that directory here; if it was emptied on purpose, drop the schema of the cluster in the database`,
        },
      );
    }
    if (noted.token !== token) {
      throw new LocalError(
        `Cannot use ${into}: it belongs to another cluster, or its database was made again`,
        {
          hint:
            `compare cluster.database, cluster.name and replica.into on all nodes; if the database was made again on purpose, remove ${file}`,
        },
      );
    }
    if (noted.pass > pass) {
      throw new LocalError(
        `Cannot use the database of the cluster: it knows ${pass} passes, and there have been ${noted.pass}; an earlier state of it was restored`,
        {
          hint:
            `go on with the newest state of the database; if that is lost, drop the schema of the cluster there and remove ${file}: relais makes both again`,
        },
      );
    }
  }

  get #file(): string {
    return `${this.#own()}/cluster`;
  }

  #read(): { readonly token: string; readonly pass: number } | undefined {
    try {
      const [token, pass] = Deno.readTextFileSync(this.#file).split("\n");
      return { token: token!, pass: Number(pass) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw explained(error);
    }
  }
}
