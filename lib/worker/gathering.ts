/**
 * Many small messages, sent as few: what is posted in one turn of the event
 * loop travels together.
 *
 * @module
 */

import type { Endpoint } from "./channel.ts";

/**
 * Wraps one end of a line between two workers; the other end must be wrapped as
 * well. Messages arrive one by one, in the order in which they were posted.
 */
export function gather(endpoint: Endpoint): Endpoint {
  let messages: unknown[] = [];
  let transfers: Transferable[] = [];

  function flush() {
    endpoint.postMessage(messages, transfers);
    messages = [];
    transfers = [];
  }

  const gathering: Endpoint = {
    onmessage: null,
    postMessage(message, transfer = []) {
      if (messages.length === 0) setImmediate(flush);
      messages.push(message);
      transfers.push(...transfer);
    },
  };
  endpoint.onmessage = ({ data }) => {
    for (const message of data as unknown[]) {
      gathering.onmessage?.({ data: message } as MessageEvent);
    }
  };
  return gathering;
}
