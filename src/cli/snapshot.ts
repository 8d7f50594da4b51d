import { type Command, CommandError, command } from './command.ts';
import { eachOf } from './each.ts';
import { required, text, texts, toggle } from './flags.ts';

const wait = toggle('Wait until it is done; the progress goes to stderr');
const bypass = toggle('Write although this daemon belongs to a cloud');

/** The commands about snapshots. */
export const snapshotCommands: readonly Command[] = [
  command({
    name: 'snapshot create',
    help: 'Make a snapshot of a volume',
    flags: {
      volume: required(text(undefined, 'Name or ID of the volume', { shown: 'VOLUME' })),
      description: text(undefined, 'What it is for', { shown: 'TEXT' }),
      force: toggle('Also of a volume that is in use'),
      wait,
      'bypass-api': bypass,
    },
    positionals: { name: text(undefined, 'Name of the snapshot', { shown: 'NAME' }) },
    output: 'show',
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { createSnapshot, snapshotFields } = await import('./snapshot-change.ts');
      const { isFailure, waitForEnd } = await import('./watch.ts');
      const { printShow } = await import('./print.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume snapshot create',
        bypass: values['bypass-api'],
      });
      const snapshot = await createSnapshot(session, values);
      const { id } = snapshot;
      const look = async (): Promise<string | undefined> => (await session.db.snapshots.get(id))?.status;
      const status = values.wait ? await waitForEnd(session, context, { kind: 'snapshot', id, look }) : 'creating';
      const shown = values.wait ? await session.db.snapshots.get(id) : snapshot;
      await printShow(context, snapshotFields(shown ?? snapshot), context.output);
      if (status !== undefined && !isFailure(status)) return 0;
      context.stderr.write(`volume-daemon: snapshot ${id} is ${status ?? 'gone'}; see ${session.whereToLook}\n`);
      return 1;
    },
  }),
  command({
    name: 'snapshot list',
    help: 'List the snapshots',
    flags: { volume: text(undefined, 'Only those of this volume', { shown: 'VOLUME' }) },
    positionals: {},
    output: 'list',
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { findVolume } = await import('./names.ts');
      const { snapshotRow, snapshotTitles } = await import('./snapshot-change.ts');
      const { every } = await import('./volume.ts');
      const { printList } = await import('./print.ts');
      await using session = await openSession(context, { writes: undefined });
      const volume = values.volume === undefined ? undefined : await findVolume(session.db, values.volume);
      const rows = [];
      for await (const snapshot of every((page) => session.db.snapshots.list(page))) {
        if (volume === undefined || snapshot.volume_id === volume.id) rows.push(snapshotRow(snapshot));
      }
      await printList(context, snapshotTitles, rows, context.output);
      return 0;
    },
  }),
  command({
    name: 'snapshot show',
    help: 'Show a snapshot',
    flags: {},
    positionals: { snapshot: required(text(undefined, 'Name or ID of the snapshot', { shown: 'SNAPSHOT' })) },
    output: 'show',
    async run({ snapshot }, context) {
      const { openSession } = await import('./session.ts');
      const { findSnapshot } = await import('./names.ts');
      const { snapshotFields } = await import('./snapshot-change.ts');
      const { printShow } = await import('./print.ts');
      await using session = await openSession(context, { writes: undefined });
      await printShow(context, snapshotFields(await findSnapshot(session.db, snapshot)), context.output);
      return 0;
    },
  }),
  command({
    name: 'snapshot delete',
    help: 'Delete snapshots',
    flags: { wait, 'bypass-api': bypass },
    positionals: { snapshot: required(texts('Name or ID of a snapshot', { shown: 'SNAPSHOT' })) },
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { deleteSnapshot } = await import('./snapshot-change.ts');
      const { waitForEnd } = await import('./watch.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume snapshot delete',
        bypass: values['bypass-api'],
      });
      return await eachOf(context, 'snapshot', values.snapshot, async (nameOrId) => {
        const { id } = await deleteSnapshot(session, nameOrId);
        if (!values.wait) return;
        const look = async (): Promise<string | undefined> => (await session.db.snapshots.get(id))?.status;
        const status = await waitForEnd(session, context, { kind: 'snapshot', id, look });
        if (status !== undefined) throw new CommandError(`snapshot ${id} is ${status}`);
      });
    },
  }),
];
