/**
 * What a service tells the manager that started it, as sd_notify(3) describes:
 * datagrams on the socket that `NOTIFY_SOCKET` names.
 *
 * @module
 */

import { cutUtf8, escapeVisible } from "../text/escape.ts";

/** Variables by which the manager says how it wants to be told; see sd_notify(3) and sd_watchdog_enabled(3). */
const variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** Bytes a status line may have; systemctl shows one line. */
const statusBytes = 500;

/** The part of `Deno.env` that is needed. */
export interface Environment {
  get(name: string): string | undefined;
  delete(name: string): void;
}

/** The manager of this service. Without one, everything is told to nobody. */
export class ServiceManager implements Disposable {
  /** How often it wants to hear from the watchdog at least, in milliseconds; `undefined` if it does not. */
  readonly watchdogMs: number | undefined;
  readonly #address: Deno.UnixAddr | undefined;
  readonly #socket: Deno.DatagramConn | undefined;

  private constructor(path: string | undefined, watchdogMs?: number) {
    this.watchdogMs = watchdogMs;
    if (path === undefined) return;
    this.#address = {
      transport: "unixpacket",
      // `@` stands for the zero byte that abstract names begin with.
      path: path.replace(/^@/, "\0"),
    };
    // Deno can send from a bound socket only; an abstract name leaves no file behind.
    this.#socket = Deno.listenDatagram({
      transport: "unixpacket",
      path: `\0relais-${crypto.randomUUID()}`,
    });
  }

  /**
   * Finds the manager in the environment, and takes it out of there: what is
   * started from here is not to speak in the name of the service.
   */
  static find(environment: Environment = Deno.env): ServiceManager {
    const [socket, watchdog, pid] = variables.map((name) => {
      const value = environment.get(name);
      environment.delete(name);
      return value === "" ? undefined : value;
    });
    const isOurs = pid === undefined || pid === String(Deno.pid);
    const watchdogMs = Number(isOurs ? watchdog : undefined) / 1_000;
    return new ServiceManager(
      // Virtual machines tell their hosts over vsock, which Deno cannot.
      /^[/@]/.test(socket ?? "") ? socket : undefined,
      watchdogMs > 0 ? watchdogMs : undefined,
    );
  }

  /** The service does what it is for; after {@link reloading}, with the new configuration or with the old. */
  ready(): void {
    this.#tell("READY=1");
  }

  /** The configuration is being read again. */
  reloading(): void {
    this.#tell("RELOADING=1");
  }

  /** The service has begun to end. */
  stopping(): void {
    this.#tell("STOPPING=1");
  }

  /** How the service does, in one line. */
  status(text: string): void {
    const line = cutUtf8(escapeVisible(text), statusBytes).text;
    this.#tell(`STATUS=${line}`);
  }

  /** The service is alive. */
  alive(): void {
    this.#tell("WATCHDOG=1");
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }

  #tell(message: string): void {
    const bytes = new TextEncoder().encode(message);
    // A manager that cannot be told is no reason to stop working.
    this.#socket?.send(bytes, this.#address!).catch(() => {});
  }
}
