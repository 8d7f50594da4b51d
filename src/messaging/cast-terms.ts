import type { Published } from './publisher.ts';

/** Seconds that a cast which is part of an operation may take. */
export const patience = 60;

/** That nobody listens is no failure (M-64); that the broker did not take it is one. */
export function mustHaveLeft(published: Published, what: string): void {
  if ('reason' in published) throw new Error(`${what} could not be sent: ${published.reason}`);
}
