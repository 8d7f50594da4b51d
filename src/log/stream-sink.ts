import { PartialWrite, writeAll } from './descriptor.ts';
import type { Sink } from './sink.ts';

const patience = 1000;

/**
 * Standard output (1) or error (2). A pipe whose reader has stopped holds the daemon up for a second, once; then records
 * are dropped until the pipe takes one again, and their number is written first.
 */
export function streamSink(descriptor: 1 | 2): Sink {
  let dropped = 0;
  let torn = '';
  return {
    write(_record, text) {
      const lost =
        dropped === 0 ? '' : `${torn}volume-daemon: ${dropped} records were lost while this output was blocked\n`;
      try {
        writeAll(descriptor, `${lost}${text}\n`, dropped === 0 ? patience : 0);
        dropped = 0;
        torn = '';
      } catch (error) {
        // The output is blocked or closed: there is no better place to say so.
        if (error instanceof PartialWrite && error.written > 0) torn = '\n';
        dropped++;
      }
    },
    async close() {},
  };
}
