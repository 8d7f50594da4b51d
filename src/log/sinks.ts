import { FileSink } from './file-sink.ts';
import type { LogIdentity } from './identity.ts';
import { type Rotation, rotationBySize, rotationByTime } from './rotation.ts';
import type { RotationSpec, SinkSpec } from './routing.ts';
import type { Complain, Sink } from './sink.ts';
import { streamSink } from './stream-sink.ts';

/** Opens the place that a specification names. What only syslog or journald need is loaded for them only. */
export async function openSink(spec: SinkSpec, identity: LogIdentity, complain: Complain): Promise<Sink> {
  switch (spec.kind) {
    case 'stdout':
      return streamSink(1);
    case 'stderr':
      return streamSink(2);
    case 'null':
      return { write() {}, async close() {} };
    case 'file':
      return new FileSink({ ...spec, rotation: rotationOf(spec.rotation, identity) });
    case 'syslog':
      return (await import('./syslog.ts')).openSyslog(spec.facility, spec.socket, identity, complain);
    case 'journal':
      return (await import('./journal.ts')).openJournal(spec.facility, identity, complain);
  }
}

/** The supervisor alone rotates; the others notice that the file is another one (G-053). */
function rotationOf(spec: RotationSpec, { role }: LogIdentity): ((lastWrite: number) => Rotation) | undefined {
  if (role !== 'supervisor') return undefined;
  switch (spec.type) {
    case 'none':
      return undefined;
    case 'size':
      return () => rotationBySize(spec.bytes, spec.count);
    case 'interval':
      return (lastWrite) => rotationByTime(spec.unit, spec.amount, spec.count, lastWrite);
  }
}
