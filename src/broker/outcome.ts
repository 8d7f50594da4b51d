import type { Delivery, Session } from 'rhea';

/** What became of a delivery, in the words of AMQP 1.0. */
export type Outcome =
  | { readonly verb: 'accept' | 'release' | 'modified' }
  | { readonly verb: 'reject'; readonly condition: string; readonly description: string };

/** Whoever sent a delivery and waits for its outcome. */
export interface Origin {
  /** False once the sender is gone: it knows that the delivery is in doubt, and sends it again. */
  readonly there: boolean;
  settle(outcome: Outcome): void;
}

interface Lane {
  /** The outcome that this turn of the event loop belongs to. */
  turn: string | undefined;
  later: (() => void)[];
}

const lanes = new WeakMap<Session, Lane>();

/**
 * Tells a sender the outcome of its delivery. The only place that does: unlike outcomes of one session go out in
 * different turns, since rhea merges the first two of a turn into one (messaging.md §7 no. 4). A sender that is gone is
 * told nothing.
 */
export function tell(delivery: Delivery, outcome: Outcome): void {
  const { session } = delivery.link;
  const key = outcome.verb === 'reject' ? outcome.condition : outcome.verb;
  const lane = lanes.get(session) ?? { turn: undefined, later: [] };
  lanes.set(session, lane);
  if (lane.turn !== undefined && (lane.turn !== key || lane.later.length > 0)) {
    lane.later.push(() => tell(delivery, outcome));
    return;
  }
  if (lane.turn === undefined) {
    lane.turn = key;
    setImmediate(() => nextTurn(lane));
  }
  if (session.is_open()) send(delivery, outcome);
}

function nextTurn(lane: Lane): void {
  const { later } = lane;
  lane.turn = undefined;
  lane.later = [];
  for (const act of later) act();
}

function send(delivery: Delivery, outcome: Outcome): void {
  switch (outcome.verb) {
    case 'accept':
      delivery.accept();
      break;
    case 'release':
      delivery.release();
      break;
    case 'modified':
      delivery.modified({ undeliverable_here: true });
      break;
    case 'reject':
      delivery.reject({ condition: outcome.condition, description: outcome.description });
      break;
    default:
      outcome satisfies never;
  }
}

/** One origin of a message that went to several queues: accepted if any of them accepted, else what the last one said. */
export function shared(origin: Origin, copies: number): Origin {
  let open = copies;
  let accepted = false;
  return {
    get there() {
      return origin.there;
    },
    settle(outcome) {
      open -= 1;
      accepted ||= outcome.verb === 'accept';
      if (open === 0) origin.settle(accepted ? { verb: 'accept' } : outcome);
    },
  };
}
