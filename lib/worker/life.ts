/**
 * The life of a module inside its worker: the only code that touches `self`.
 *
 * @module
 */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />

import {
  Channel,
  type Endpoint,
  type Handlers,
  type Operations,
  type Reply,
  reply,
  type Request,
} from "./channel.ts";
import { gather } from "./gathering.ts";
import { Logger } from "./logger.ts";
import type { ModuleName, NewPass, Start, Wire } from "./protocol.ts";
import { type Section, StatsBlock } from "./stats-block.ts";

/** What a module gets from outside. */
export interface Context<Name extends ModuleName, Settings, Event> {
  readonly settings: Settings;
  readonly stats: StatsBlock;
  readonly figures: Section<Name>;
  readonly log: Logger;
  /** Returns the asking end towards another module. */
  peer<Ops extends Operations>(name: ModuleName): Channel<Ops>;
  /** Tells the supervisor something unasked. */
  tell(event: Event): void;
}

/** What a module does with what it receives. */
export interface Running<Ops extends Operations> {
  readonly handlers: Handlers<Ops>;
  /** Takes what arrives from a peer and is no request: a message for the log. */
  readonly take?: (message: unknown) => void;
  /** Closes what is open, before the worker ends; what is promised is waited for. */
  readonly end?: () => void | Promise<void>;
}

/** Makes a module from its context. What it throws is the answer to `start`. */
export type Factory<
  Name extends ModuleName,
  Settings,
  Ops extends Operations,
  Event,
> = (
  context: Context<Name, Settings, Event>,
) => Promise<Running<Ops>> | Running<Ops>;

/** What every module is asked by its supervisor. */
export type Life<Settings> = {
  start: { request: Start<Settings>; reply: null };
  end: { request: null; reply: null };
};

/** A worker's heart beats once a second, for as long as its event loop turns. */
const heartbeatMs = 1_000;

/** Runs a module in this worker: wires it, starts it, gives it its requests. */
export function runModule<
  Name extends ModuleName,
  Settings,
  Ops extends Operations,
  Event = never,
>(name: Name, factory: Factory<Name, Settings, Ops, Event>): void {
  const peers = new Map<ModuleName, Channel<Operations>>();
  const served = Promise.withResolvers<Running<Ops>>();
  let logPort: MessagePort | undefined;
  let log: Logger | undefined;

  const life: Handlers<Life<Settings>> = {
    async start({ settings, stats, level }) {
      const block = StatsBlock.attach(stats, name);
      const figures = block.section(name);
      figures.begin();
      setInterval(() => figures.add("heartbeat", 1), heartbeatMs);
      log = new Logger({
        module: name,
        level,
        stats: block,
      });
      attachLog();
      served.resolve(
        await factory({
          settings,
          stats: block,
          figures,
          log,
          peer: <Other extends Operations>(other: ModuleName) =>
            peers.get(other) as Channel<Operations> as Channel<Other>,
          tell: (event) => self.postMessage(event),
        }),
      );
      return null;
    },
    async end() {
      await (await served.promise).end?.();
      return null;
    },
  };

  /** Whichever comes last joins the two: the port, or the logger. */
  function attachLog() {
    const port = logPort;
    if (port !== undefined) log?.attach((message) => port.postMessage(message));
  }

  function wire({ wire: other, role, port }: Wire) {
    // Messages for the log are no questions, and go one by one.
    if (role === "ask" && other === "log") {
      logPort = port;
      attachLog();
    } else if (name === "log") {
      port.onmessage = ({ data }) => receive(port, data);
    } else if (role === "ask") peers.set(other, new Channel(gather(port)));
    else {
      const asker = gather(port);
      asker.onmessage = ({ data }) => receive(asker, data);
    }
  }

  async function receive(from: Endpoint, message: unknown) {
    const { handlers, take } = await served.promise;
    if (isRequest<Ops>(message)) {
      const answer = await reply(handlers, message);
      from.postMessage(answer, contentsOf(answer));
    } else take?.(message);
  }

  self.onmessage = async ({ data }: MessageEvent) => {
    if ("wire" in data) wire(data);
    else if ("pass" in data) log?.follow((data as NewPass).pass);
    else if (data.kind in life) self.postMessage(await reply(life, data));
    else await receive(self, data);
  };
}

/** What need not, or cannot, be copied on its way. */
function contentsOf(answer: Reply): Transferable[] {
  if (!("reply" in answer)) return [];
  const parts = Array.isArray(answer.reply) ? answer.reply : [answer.reply];
  return parts.flatMap((part): Transferable[] =>
    part instanceof MessagePort
      ? [part]
      : part instanceof Uint8Array
      ? [part.buffer as ArrayBuffer]
      : []
  );
}

function isRequest<Ops extends Operations>(
  message: unknown,
): message is Request<Ops> {
  return typeof message === "object" && message !== null && "ask" in message;
}
