import type { Page } from '../interface/row.ts';
import type { Volume } from '../objects/volume.ts';
import { type Command, type CommandContext, CommandError, command, type ExitCode } from './command.ts';
import { eachOf } from './each.ts';
import { choice, required, text, texts, toggle } from './flags.ts';

const wait = toggle('Wait until it is done; the progress goes to stderr');
const backend = text(undefined, 'The backend, by its section or as host@section', { shown: 'BACKEND' });
const one = required(text(undefined, 'Name or ID of the volume', { shown: 'VOLUME' }));
const initiator = required(text(undefined, 'Name of the initiator that uses the volume', { shown: 'IQN' }));
const bypass = toggle('Write although this daemon belongs to a cloud');

/** The commands about volumes. What they need is imported when they run. */
export const volumeCommands: readonly Command[] = [
  command({
    name: 'volume create',
    help: 'Make a volume: blank, from a snapshot, or from another volume',
    flags: {
      size: text(undefined, 'Size in GiB; that of the source where left out', { shown: 'GIB' }),
      snapshot: text(undefined, 'Make it from this snapshot', { shown: 'SNAPSHOT' }),
      source: text(undefined, 'Make it from this volume', { shown: 'VOLUME' }),
      backend,
      description: text(undefined, 'What it is for', { shown: 'TEXT' }),
      property: texts('A property; may be repeated', { shown: 'KEY=VALUE' }),
      wait,
      'bypass-api': bypass,
    },
    positionals: { name: text(undefined, 'Name of the volume', { shown: 'NAME' }) },
    output: 'show',
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { createVolume } = await import('./volume-create.ts');
      const { createdFields } = await import('./volume-rows.ts');
      const { printShow } = await import('./print.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume create',
        bypass: values['bypass-api'],
      });
      const volume = await createVolume(session, values);
      const status = values.wait ? await settled(session, context, volume.id) : undefined;
      const shown = (await session.db.volumes.get(volume.id)) ?? volume;
      await printShow(context, createdFields(values.wait ? shown : volume), context.output);
      return failed(session, context, `volume ${volume.id}`, status, values.wait);
    },
  }),
  command({
    name: 'volume list',
    help: 'List the volumes',
    flags: {
      backend,
      status: text(undefined, 'Only those in this state', { shown: 'STATUS' }),
      name: text(undefined, 'Only those of this name', { shown: 'NAME' }),
    },
    positionals: {},
    output: 'list',
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { listRow, listTitles } = await import('./volume-rows.ts');
      const { printList } = await import('./print.ts');
      await using session = await openSession(context, { writes: undefined });
      const matches = (volume: Volume): boolean =>
        (values.status === undefined || volume.status === values.status) &&
        (values.name === undefined || volume.display_name === values.name) &&
        (values.backend === undefined || isAt(volume, values.backend));
      const rows = [];
      for await (const volume of every((page) => session.db.volumes.list(page))) {
        if (matches(volume)) rows.push(listRow(volume));
      }
      await printList(context, listTitles, rows, context.output);
      return 0;
    },
  }),
  command({
    name: 'volume show',
    help: 'Show a volume',
    flags: {},
    positionals: { volume: one },
    output: 'show',
    async run({ volume: nameOrId }, context) {
      const { openSession } = await import('./session.ts');
      const { findVolume } = await import('./names.ts');
      const { shownFields } = await import('./volume-rows.ts');
      const { printShow } = await import('./print.ts');
      await using session = await openSession(context, { writes: undefined });
      await printShow(context, shownFields(await findVolume(session.db, nameOrId)), context.output);
      return 0;
    },
  }),
  command({
    name: 'volume set',
    help: 'Change what is said of a volume; its data stays',
    flags: {
      name: text(undefined, 'New name', { shown: 'NAME' }),
      description: text(undefined, 'New description', { shown: 'TEXT' }),
      property: texts('A property; may be repeated', { shown: 'KEY=VALUE' }),
      state: choice(['available', 'error', 'in-use'], undefined, 'The state that it is really in, after a look at it'),
      'bypass-api': bypass,
    },
    positionals: { volume: one },
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { setVolume } = await import('./volume-change.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume set',
        bypass: values['bypass-api'],
      });
      await setVolume(session, values.volume, values);
      return 0;
    },
  }),
  command({
    name: 'volume extend',
    help: 'Grow a volume',
    flags: { size: required(text(undefined, 'New size in GiB', { shown: 'GIB' })), wait, 'bypass-api': bypass },
    positionals: { volume: one },
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { extendVolume } = await import('./volume-change.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume set --size',
        bypass: values['bypass-api'],
      });
      const volume = await extendVolume(session, values.volume, values.size);
      if (!values.wait) return 0;
      return failed(session, context, `volume ${volume.id}`, await settled(session, context, volume.id), true);
    },
  }),
  command({
    name: 'volume delete',
    help: 'Delete volumes',
    flags: { cascade: toggle('Delete their snapshots as well'), wait, 'bypass-api': bypass },
    positionals: { volume: required(texts('Name or ID of a volume', { shown: 'VOLUME' })) },
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { deleteVolume } = await import('./volume-change.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume delete',
        bypass: values['bypass-api'],
      });
      return await eachOf(context, 'volume', values.volume, async (nameOrId) => {
        const volume = await deleteVolume(session, nameOrId, values.cascade);
        if (!values.wait) return;
        const status = await settled(session, context, volume.id);
        if (status !== undefined) throw new CommandError(`volume ${volume.id} is ${status}`);
      });
    },
  }),
  command({
    name: 'volume watch',
    help: 'Follow a volume until its state no longer passes',
    flags: {},
    positionals: { volume: one },
    async run({ volume: nameOrId }, context) {
      const { openSession } = await import('./session.ts');
      const { findVolume } = await import('./names.ts');
      const { isFailure, waitForEnd } = await import('./watch.ts');
      await using session = await openSession(context, { writes: undefined });
      const { id } = await findVolume(session.db, nameOrId);
      const status = await waitForEnd(session, context, {
        kind: 'volume',
        id,
        look: async () => (await session.db.volumes.get(id))?.status,
        onChange: (now) => context.stdout.write(`${new Date().toTimeString().slice(0, 8)} ${now}\n`),
      });
      return status !== undefined && isFailure(status) ? 1 : 0;
    },
  }),
  command({
    name: 'volume connect',
    help: 'Attach a volume for an initiator and print its connection_info as JSON',
    flags: { initiator, 'bypass-api': bypass },
    positionals: { volume: one },
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { connectVolume } = await import('./volume-connect.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume attachment create',
        bypass: values['bypass-api'],
      });
      const info = await connectVolume(session, values.volume, values.initiator);
      context.stdout.write(`${JSON.stringify(info, undefined, 2)}\n`);
      return 0;
    },
  }),
  command({
    name: 'volume disconnect',
    help: 'End the attachment of an initiator',
    flags: { initiator, 'bypass-api': bypass },
    positionals: { volume: one },
    async run(values, context) {
      const { openSession } = await import('./session.ts');
      const { disconnectVolume } = await import('./volume-connect.ts');
      await using session = await openSession(context, {
        writes: 'openstack volume attachment delete',
        bypass: values['bypass-api'],
      });
      await disconnectVolume(session, values.volume, values.initiator);
      return 0;
    },
  }),
];

type OpenSession = Awaited<ReturnType<typeof import('./session.ts')['openSession']>>;

/** Waits for the end of what was asked for. */
async function settled(session: OpenSession, context: CommandContext, id: string): Promise<string | undefined> {
  const { waitForEnd } = await import('./watch.ts');
  const look = async (): Promise<string | undefined> => (await session.db.volumes.get(id))?.status;
  return waitForEnd(session, context, { kind: 'volume', id, look });
}

/** The exit code of a command that waited; of a failure it says where the reason is. */
function failed(
  { whereToLook }: OpenSession,
  context: CommandContext,
  what: string,
  status: string | undefined,
  waited: boolean,
): ExitCode {
  if (!waited || (status !== undefined && !status.startsWith('error'))) return 0;
  context.stderr.write(`volume-daemon: ${what} is ${status ?? 'gone'}; see ${whereToLook}\n`);
  return 1;
}

function isAt(volume: Volume, wanted: string): boolean {
  const service = volume.host?.split('#')[0] ?? '';
  return service === wanted || service.endsWith(`@${wanted}`);
}

/** All rows, page by page. */
export async function* every<T extends { readonly id: string }>(
  read: (page: Page) => Promise<readonly T[]>,
): AsyncGenerator<T> {
  const limit = 500;
  let rows = await read({ limit });
  for (;;) {
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
    rows = await read({ after: last.id, limit });
  }
}
