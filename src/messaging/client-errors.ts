import { CinderError } from '../base/errors.ts';

/** No answer came in time. What was asked for may have happened. */
export class MessagingTimeout extends CinderError {
  override readonly module = 'oslo_messaging.exceptions';
}

/** Nobody listens there: nothing happened. */
export class MessageUndeliverable extends CinderError {
  override readonly module = 'oslo_messaging.exceptions';
}
