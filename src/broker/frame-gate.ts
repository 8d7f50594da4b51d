/** What a peer sent that is no AMQP 1.0, or more of it than agreed. */
export interface Fault {
  readonly kind: 'http' | 'tls' | 'no amqp' | 'frame';
  readonly text: string;
}

const amqp = 0x414d5150;
const httpMethods = ['GET ', 'POST', 'HEAD', 'PUT ', 'OPTI', 'DELE', 'CONN', 'PATC', 'TRAC'];

/** The most that a frame may measure before the peer has shown who it is (AMQP 1.0, part 5.3.1). */
const strangerFrame = 512;

/**
 * Looks at the sizes of incoming frames before rhea does, which collects a frame however large it says it is. A stranger
 * gets 512 bytes a frame, a known peer `most`; the protocol header stands once at the start and once after the login.
 */
export class FrameGate {
  readonly #most: number;
  #limit = strangerFrame;
  #headers = 0;
  /** Bytes of the current frame or header that are still to come. */
  #left = 0;
  #size = 0;
  #sizeBytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** The peer has shown who it is. */
  open(): void {
    this.#limit = this.#most;
  }

  /** Undefined: the bytes may go on to rhea. */
  admit(chunk: Buffer): Fault | undefined {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const part = Math.min(this.#left, chunk.length - at);
        this.#left -= part;
        at += part;
        continue;
      }
      this.#size = this.#size * 256 + (chunk[at] ?? 0);
      at += 1;
      this.#sizeBytes += 1;
      if (this.#sizeBytes < 4) continue;
      const fault = this.#begin(this.#size);
      if (fault !== undefined) return fault;
      this.#size = 0;
      this.#sizeBytes = 0;
    }
    return undefined;
  }

  #begin(size: number): Fault | undefined {
    if (size === amqp && this.#headers < (this.#limit === strangerFrame ? 1 : 2)) {
      this.#headers += 1;
      this.#left = 4;
      return undefined;
    }
    if (this.#headers === 0) return strangeStart(size);
    if (size < 8 || size > this.#limit) {
      return { kind: 'frame', text: `a frame of ${size} bytes, expected 8 to ${this.#limit}` };
    }
    this.#left = size - 4;
    return undefined;
  }
}

function strangeStart(size: number): Fault {
  const start = Buffer.alloc(4);
  start.writeUInt32BE(size);
  const text = start.toString('latin1');
  if (httpMethods.includes(text)) return { kind: 'http', text: 'HTTP' };
  if (start[0] === 0x16 && start[1] === 0x03) return { kind: 'tls', text: 'TLS, which this listener does not speak' };
  return { kind: 'no amqp', text: `bytes that begin with ${start.toString('hex')} and are no AMQP` };
}
