import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** What a child writes, up to a number of bytes; what comes after them is read and dropped. */
export class Output {
  readonly #chunks: Buffer[] = [];
  #room: number;

  constructor(
    stream: Readable | null,
    limit: number,
    onOverflow?: () => void,
    onText?: ((text: string) => void) | undefined,
  ) {
    this.#room = limit;
    const decoder = new StringDecoder('utf8');
    stream?.on('data', (chunk: Buffer) => {
      const kept = chunk.subarray(0, this.#room);
      this.#room -= kept.length;
      if (kept.length > 0) this.#chunks.push(kept);
      if (kept.length < chunk.length) onOverflow?.();
      onText?.(decoder.write(chunk));
    });
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
