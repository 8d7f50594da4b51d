import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { silent } from '../../src/base/log.ts';
import { openCoordinator } from '../../src/coordination/coordinator.ts';
import { unrest } from '../chaos/audit.ts';
import { Rows } from '../chaos/rows.ts';
import { aRunningDaemon, type Daemon, fakeBackend, type Section } from './daemon.ts';
import { eventually } from './eventually.ts';
import { aFolder } from './folder.ts';
import { repository } from './repository.ts';

const tapModule = `${pathToFileURL(join(repository, 'build/test/e2e/programs/wire-tap.js')).href}:tap`;

/** The real daemon with one backend, `fake1`, whose journal tells what the driver was asked, and a tap on its worker's line. */
export class FakeScene {
  readonly daemon: Daemon;
  readonly rows: Rows;
  readonly #folder: string;

  static async open(t: Pick<TestContext, 'after'>, knobs: Section, defaults: Section = {}): Promise<FakeScene> {
    const folder = aFolder(t);
    const daemon = await aRunningDaemon(t, {
      backends: { fake1: fakeBackend({ fake_journal: join(folder, 'journal'), ...knobs }) },
      defaults: { monkey_patch: true, monkey_patch_modules: tapModule, ...defaults },
      sections: { volume_daemon: { respawn_backoff_max: 1 } },
      env: { WIRE_TAP: folder },
    });
    return new FakeScene(daemon, folder);
  }

  private constructor(daemon: Daemon, folder: string) {
    this.daemon = daemon;
    this.rows = new Rows(daemon);
    this.#folder = folder;
  }

  /** How often the driver began something, or ended it. */
  count(method: string, id: string, what: 'start' | 'end' = 'start'): number {
    const file = join(this.#folder, 'journal');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.split('\n').filter((line) => line.endsWith(` ${method} ${id} ${what}`)).length;
  }

  async begins(method: string, id: string): Promise<void> {
    await eventually(`${method} of ${id} begins`, () => this.count(method, id) > 0, 30_000);
  }

  async ends(method: string, id: string): Promise<void> {
    await eventually(`${method} of ${id} ends`, () => this.count(method, id, 'end') > 0, 30_000);
  }

  async signalWorker(signal: NodeJS.Signals): Promise<void> {
    process.kill((await this.daemon.backend('fake1')).pid ?? 0, signal);
  }

  async killBroker(): Promise<void> {
    process.kill((await this.daemon.status()).broker.pid ?? 0, 'SIGKILL');
  }

  /** Holds what the worker says, lets it flow again, or cuts its connection. */
  async tap(command: 'hold' | 'flow' | 'cut'): Promise<void> {
    const { pid } = await this.daemon.backend('fake1');
    const socket = connect(join(this.#folder, `tap-${pid}`));
    await once(socket, 'connect');
    socket.end(command);
    await once(socket.resume(), 'close');
  }

  /** Takes the database from everybody who writes, until the function that is returned is called. */
  lockDatabase(): () => void {
    const database = new DatabaseSync(join(this.daemon.folder, 'cinder.sqlite'), { timeout: 10_000 });
    database.exec('begin immediate');
    return () => {
      if (database.isOpen) database.close();
    };
  }

  /** Takes a lock of the daemon's, as a neighbour on this machine would, until the function that is returned is called. */
  async takeLock(name: string): Promise<() => void> {
    const coordinator = openCoordinator({ folder: this.daemon.folder, logger: silent });
    return new Promise((resolve) => {
      void coordinator.withLock(name, () => new Promise<void>((release) => resolve(release)));
    });
  }

  /** Waits until no row is in passing and nobody holds one. */
  async atRest(): Promise<void> {
    const limit = performance.now() + 60_000;
    for (let moving = unrest(this.rows); moving.length > 0; moving = unrest(this.rows)) {
      if (performance.now() > limit) throw new Error(`not at rest after 60 s: ${moving.join('; ')}`);
      await sleep(20);
    }
    await this.daemon.isUp();
  }
}
