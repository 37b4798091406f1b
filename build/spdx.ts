/**
 * The contents of an executable, as an SPDX 2.3 document.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import lockText from "../deno.lock" with { type: "text" };
import { moduleNames } from "./bundle.ts";
import { run } from "./run.ts";
import type { Target } from "./targets.ts";

const lock: {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
} = JSON.parse(lockText);

/** The executable that a document describes. */
export interface Subject {
  /** Its date, in seconds since 1970. */
  readonly epoch: number;
  /** Digest of the executable. */
  readonly sha256: string;
  readonly target: Target;
}

/** A package as `deno info --json` tells of it. */
interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly localPath: string;
}

interface Info {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

/** Returns the document. */
export async function formatSpdx(
  { epoch, sha256, target }: Subject,
): Promise<string> {
  const inside = [
    component("deno", Deno.version.deno, "MIT", {
      purl: `pkg:npm/${
        encodeURIComponent(target.runtimePackage)
      }@${Deno.version.deno}`,
    }),
    ...await npmComponents(),
  ];
  const relais = component("relais", config.version, config.license, {
    checksum: { algorithm: "SHA256", checksumValue: sha256 },
  });
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `relais-${config.version}-${target.machine}`,
    documentNamespace:
      `https://spdx.org/spdxdocs/relais-${config.version}-${sha256}`,
    creationInfo: {
      created: new Date(epoch * 1_000).toISOString().replace(".000", ""),
      creators: [`Tool: relais-${config.version}`],
    },
    packages: [relais, ...inside],
    relationships: [
      relation("SPDXRef-DOCUMENT", "DESCRIBES", relais.SPDXID),
      ...inside.map(({ SPDXID }) =>
        relation(relais.SPDXID, "CONTAINS", SPDXID)
      ),
    ],
  };
  return JSON.stringify(document, null, 2) + "\n";
}

/** The npm packages that the bundle is made of, and what they depend on. */
async function npmComponents() {
  const found = new Map<string, NpmPackage>();
  const files = ["main.ts", ...moduleNames.map((name) => `modules/${name}.ts`)];
  for (const file of files) {
    const { modules, npmPackages } = await info(file);
    const all = Object.values(npmPackages);
    const add = (npm: NpmPackage | undefined) => {
      if (npm === undefined || found.has(idOf(npm))) return;
      found.set(idOf(npm), npm);
      // What is optional are native parts, which a bundle does not have.
      for (const name of Object.keys(manifest(npm).dependencies ?? {})) {
        add(all.find((other) => other.name === name));
      }
    };
    for (const { npmPackage } of modules) add(npmPackages[npmPackage ?? ""]);
  }
  return [...found.keys()].toSorted().map((id) => {
    const npm = found.get(id)!;
    const { license, licenses } = manifest(npm);
    const entry = Object.entries(lock.npm).find(([key]) =>
      key === id || key.startsWith(`${id}_`)
    );
    const [, base64 = ""] = entry![1].integrity.split("-");
    const declared = license ?? licenses?.[0]?.type ?? "NOASSERTION";
    return component(npm.name, npm.version, declared, {
      checksum: {
        algorithm: "SHA512",
        checksumValue: Uint8Array.fromBase64(base64).toHex(),
      },
      purl: `pkg:npm/${npm.name.replace("@", "%40")}@${npm.version}`,
    });
  });
}

function idOf({ name, version }: NpmPackage): string {
  return `${name}@${version}`;
}

/** The part of a package.json that is read; old ones have a list of licences. */
interface Manifest {
  readonly license?: string;
  readonly licenses?: readonly { readonly type: string }[];
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifest({ localPath }: NpmPackage): Manifest {
  return JSON.parse(Deno.readTextFileSync(`${localPath}/package.json`));
}

async function info(file: string): Promise<Info> {
  const cwd = new URL("..", import.meta.url);
  return JSON.parse(
    await run(Deno.execPath(), ["info", "--json", file], { cwd }),
  );
}

function component(
  name: string,
  version: string,
  license: string,
  { checksum, purl }: { checksum?: object; purl?: string },
) {
  return {
    name,
    SPDXID: `SPDXRef-${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]+/g, "-"),
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: license,
    copyrightText: "NOASSERTION",
    ...checksum === undefined ? {} : { checksums: [checksum] },
    ...purl === undefined ? {} : {
      externalRefs: [{
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: purl,
      }],
    },
  };
}

function relation(from: string, type: string, to: string) {
  return {
    spdxElementId: from,
    relationshipType: type,
    relatedSpdxElement: to,
  };
}
