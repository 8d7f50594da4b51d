import { secondsBetween, utcNow } from '../base/time.ts';
import type { Service } from '../objects/service.ts';
import type { Cell } from './cells.ts';
import { type Command, type CommandContext, CommandError, command, type ExitCode } from './command.ts';
import { required, text, toggle } from './flags.ts';

const titles = ['Binary', 'Host', 'Zone', 'Status', 'State', 'Updated At'] as const;
const host = required(text(undefined, 'The service, as host@backend', { shown: 'HOST' }));
const bypass = toggle('Write although this daemon belongs to a cloud');

/** The commands about rows of `services`. */
export const serviceCommands: readonly Command[] = [
  command({
    name: 'service list',
    help: 'List the services, as everyone else sees them',
    flags: {},
    positionals: {},
    output: 'list',
    async run(_values, context) {
      const { openSession } = await import('./session.ts');
      const { printList } = await import('./print.ts');
      await using session = await openSession(context, { writes: undefined });
      const services = await session.db.services.list();
      await printList(
        context,
        titles,
        services.map((service) => row(service, session.downTime)),
        context.output,
      );
      return 0;
    },
  }),
  command({
    name: 'service enable',
    help: 'Let the scheduler place volumes on a service again',
    flags: { 'bypass-api': bypass },
    positionals: { host },
    run: async (values, context) =>
      change(context, values.host, values['bypass-api'], { disabled: false, disabled_reason: null }),
  }),
  command({
    name: 'service disable',
    help: 'Keep the scheduler from placing volumes on a service',
    flags: { reason: text(undefined, 'Why', { shown: 'TEXT' }), 'bypass-api': bypass },
    positionals: { host },
    run: async (values, context) => {
      const { newText } = await import('./names.ts');
      const disabled_reason = newText('the reason', values.reason);
      return change(context, values.host, values['bypass-api'], { disabled: true, disabled_reason });
    },
  }),
];

async function change(
  context: CommandContext,
  wanted: string,
  bypassApi: boolean,
  changes: Pick<Service, 'disabled' | 'disabled_reason'>,
): Promise<ExitCode> {
  const { openSession } = await import('./session.ts');
  await using session = await openSession(context, { writes: 'openstack volume service set', bypass: bypassApi });
  const service = await session.db.services.find(wanted, 'cinder-volume');
  if (service === undefined) {
    const known = (await session.db.services.list()).map((each) => each.host).join(', ') || 'none';
    throw new CommandError(`no service '${wanted}'; there is: ${known}`);
  }
  await session.db.services.update(service.id, changes);
  return 0;
}

/** The state by the rule of the API's service list (scheduler-stats.md §8). */
function row(service: Service, downTime: number): readonly Cell[] {
  const last = service.updated_at ?? service.created_at;
  const up = last !== null && Math.abs(secondsBetween(last, utcNow())) <= downTime;
  const shown =
    [service.updated_at, service.modified_at]
      .filter((time) => time !== null)
      .sort()
      .at(-1) ?? null;
  const status = service.disabled ? 'disabled' : 'enabled';
  return [service.binary, service.host, service.availability_zone, status, up ? 'up' : 'down', shown];
}
